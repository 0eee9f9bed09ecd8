/* One connection after another until a server greets; see knock.h. */
#include "manager/act/knock.h"

#include "common/clock.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* The kernel repeats an unanswered SYN after 1, 3, 7, 15 s: a new one is there sooner. */
#define PATIENCE_MS 2000

static void begin(struct knock *k, const struct conf_server *s)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                             .ai_socktype = SOCK_STREAM},
                    *ai;
    char port[16];

    snprintf(port, sizeof(port), "%d", s->port);
    if (getaddrinfo(s->ip, port, &hints, &ai) != 0)
        return;
    k->fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    k->connected = 0;
    k->begun_ms = clock_mono_ms();
    if (k->fd >= 0 && connect(k->fd, ai->ai_addr, ai->ai_addrlen) < 0 && errno != EINPROGRESS)
        knock_end(k);
    freeaddrinfo(ai);
}

static int is_connected(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int error = 0;
    socklen_t len = sizeof(error);

    if (poll(&p, 1, 0) <= 0)
        return 0;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == 0 ? 1 : -1;
}

/* 1 greeted, 0 not yet, -1 it was closed. */
static int listen_for(int fd)
{
    char byte;
    ssize_t n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

    if (n > 0)
        return 1;
    return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

int knock_try(struct knock *k, const struct conf_server *s)
{
    int rc = 0;

    if (k->fd < 0) {
        begin(k, s);
        return 0;
    }
    if (!k->connected)
        k->connected = is_connected(k->fd);
    if (k->connected > 0)
        rc = listen_for(k->fd);
    if (rc != 0 || k->connected < 0 ||
        (!k->connected && clock_mono_ms() - k->begun_ms > PATIENCE_MS))
        knock_end(k);
    return rc > 0;
}

void knock_end(struct knock *k)
{
    if (k->fd >= 0)
        close(k->fd);
    *k = KNOCK_INIT;
}
