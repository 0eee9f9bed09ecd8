/* The TCP connection to an sshd; see ssh_internal.h. */
#include "common/ssh_internal.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A dead host is noticed by the kernel's probes, also while nobody reads. libssh2's own keepalive
 * is not used: it never frees the answers it asked for (its issue 623). */
static void set_keepalive(int fd)
{
    const int on = 1, idle_s = 1, interval_s = 1, count = SSH_SILENCE_S,
              user_timeout_ms = SSH_SILENCE_S * 1000;

    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof(interval_s));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout_ms, sizeof(user_timeout_ms));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static int connect_error(const struct ssh_target *t, int code, struct err *e)
{
    const char *fix = code == ECONNREFUSED ? " (does sshd run there, and is ssh_port right?)" : "";

    errno = code;
    return err_set(e, ERR_SSH, "host %s: cannot connect to %s port %d: %s%s", t->host,
                   t->ip ? t->ip : t->host, t->port, strerror(code), fix);
}

static int connect_one(const struct ssh_target *t, const struct addrinfo *ai, int64_t deadline_ms,
                       struct err *e)
{
    int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), code = 0;
    socklen_t len = sizeof(code);

    if (fd < 0)
        return connect_error(t, errno, e);
    set_keepalive(fd);
    if (connect(fd, ai->ai_addr, ai->ai_addrlen) < 0)
        code = errno;
    if (code == EINPROGRESS) {
        if (ssh_wait(fd, POLLOUT, deadline_ms, "connecting", e) < 0) {
            close(fd);
            return err_wrap(e, "host %s: port %d", t->host, t->port);
        }
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &len);
    }
    if (code == 0)
        return fd;
    close(fd);
    return connect_error(t, code, e);
}

int ssh_connect(const struct ssh_target *t, int64_t deadline_ms, struct err *e)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV}, *found, *ai;
    char port[16];
    int fd = -1, rc;

    snprintf(port, sizeof(port), "%d", t->port);
    rc = getaddrinfo(t->ip ? t->ip : t->host, port, &hints, &found);
    if (rc != 0)
        return err_set(e, ERR_SSH, "host %s: cannot resolve %s: %s", t->host,
                       t->ip ? t->ip : t->host, gai_strerror(rc));
    for (ai = found; ai && fd < 0; ai = ai->ai_next)
        fd = connect_one(t, ai, deadline_ms, e);
    freeaddrinfo(found);
    return fd;
}
