/* The replay server: it listens on loopback, and serves one connection after another; see replay.h.
 */
#include "node/replay/replay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOGIN_S 10 /* who connects and says nothing must not keep the replica out */

/* Binds to loopback only: nobody else has business here. */
static int begin_listening(struct replay *r, struct err *e)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)r->ask.port)};
    socklen_t len = sizeof(at);
    int on = 1;

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    r->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (r->listener < 0)
        return err_errno(e, ERR_IO, "socket");
    setsockopt(r->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(r->listener, (struct sockaddr *)&at, sizeof(at)) || listen(r->listener, 4) ||
        getsockname(r->listener, (struct sockaddr *)&at, &len))
        return err_errno(e, ERR_IO, "cannot listen on 127.0.0.1:%d", r->ask.port);
    r->port = ntohs(at.sin_port);
    return 0;
}

static int make_password(struct replay *r, struct err *e)
{
    static const char letters[] = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz0123456789";
    unsigned char bytes[REPLAY_PASSWORD_BYTES - 1];

    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        return err_errno(e, ERR_IO, "no random bytes");
    for (size_t i = 0; i < sizeof(bytes); i++)
        r->password[i] = letters[bytes[i] % (sizeof(letters) - 1)];
    return 0;
}

/* What is said about the log as a whole is known from its first stretch. */
static int look_into(struct replay *r, const char *path, uint64_t bytes, struct err *e)
{
    struct extract_piece p;
    int rc;

    r->stream = stream_open(path, e);
    if (!r->stream)
        return err_wrap(e, "the extract that came");
    r->total_bytes = bytes;
    rc = stream_next(r->stream, &p, e);
    if (rc < 0)
        return -1;
    if (rc == 0)
        return err_set(e, ERR_WORLD, "the extract holds no event");
    r->first_checksum = (int)p.checksum;
    snprintf(r->server_version, sizeof(r->server_version), "%s",
             r->ask.version[0] ? r->ask.version : p.format->server_version);
    return 0;
}

/* One connection after another: a replica that lost its connection comes back, and asks for what it
 * lacks then. */
static void *serve(void *arg)
{
    struct timeval login = {.tv_sec = LOGIN_S};
    struct replay *r = arg;

    for (;;) {
        struct err e = {0};
        int on = 1, fd = accept4(r->listener, NULL, NULL, SOCK_CLOEXEC);

        if (fd < 0) {
            if (errno == EINTR || errno == ECONNABORTED)
                continue;
            return NULL;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &login, sizeof(login));
        replay_session_run(r, fd, fd, &e);
        close(fd);
        atomic_store(&r->state, REPLAY_WAITING);
    }
}

static int begin_serving(struct replay *r, struct err *e)
{
    pthread_t thread;
    int rc = pthread_create(&thread, NULL, serve, r);

    if (rc)
        return err_set(e, ERR_IO, "cannot start a thread: %s", strerror(rc));
    pthread_detach(thread);
    return 0;
}

int replay_begin(struct replay *r, const char *path, uint64_t bytes, struct err *e)
{
    if (look_into(r, path, bytes, e) || (!r->ask.any_password && make_password(r, e)))
        return -1;
    return begin_listening(r, e) || begin_serving(r, e) ? -1 : 0;
}
