/* Datagrams; see send.h. */
#include "manager/scan/send.h"

#include "common/clock.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* What the agent reads at once on its socket, and what fits a frame on the way to its port. */
#define UNIX_BYTES 8192
#define UDP_BYTES  1432
/* A burst longer than the receiver's buffer is lost without a word. */
#define BURST    50
#define PAUSE_MS 10
#define TRIES    100

struct way {
    const char *path; /* NULL: UDP */
    char host[256], port[16];
    size_t bytes;
    int fd;
};

static int open_unix(struct way *w, struct err *e)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};

    if (strlen(w->path) >= sizeof(a.sun_path))
        return err_set(e, ERR_CONFIG, "the path %s is too long for a socket", w->path);
    memcpy(a.sun_path, w->path, strlen(w->path) + 1);
    w->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (w->fd < 0 || connect(w->fd, (struct sockaddr *)&a, sizeof(a)) != 0)
        return err_errno(e, ERR_IO, "cannot reach DogStatsD at %s", w->path);
    return 0;
}

static int open_udp(struct way *w, struct err *e)
{
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM}, *found;
    int rc = getaddrinfo(w->host, w->port, &hints, &found);

    if (rc != 0)
        return err_set(e, ERR_IO, "cannot find %s: %s", w->host, gai_strerror(rc));
    w->fd = socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    rc = w->fd < 0 ? -1 : connect(w->fd, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return rc == 0 ? 0 : err_errno(e, ERR_IO, "cannot reach DogStatsD at %s:%s", w->host, w->port);
}

static int open_way(struct way *w, struct err *e)
{
    if (w->fd >= 0)
        close(w->fd);
    w->fd = -1;
    return w->path ? open_unix(w, e) : open_udp(w, e);
}

static int parse(struct way *w, const char *to, struct err *e)
{
    const char *colon = strrchr(to, ':');
    size_t len;

    if (strncmp(to, "unix:", 5) == 0 || *to == '/') {
        w->path = *to == '/' ? to : to + 5;
        w->bytes = UNIX_BYTES;
        return 0;
    }
    len = colon ? (size_t)(colon - to) : 0;
    if (!len || len >= sizeof(w->host) || !colon[1] || strlen(colon + 1) >= sizeof(w->port))
        return err_set(e, ERR_CONFIG, "\"%s\" is neither host:port nor a path", to);
    if (*to == '[' && len > 2 && to[len - 1] == ']')
        snprintf(w->host, sizeof(w->host), "%.*s", (int)len - 2, to + 1);
    else
        snprintf(w->host, sizeof(w->host), "%.*s", (int)len, to);
    snprintf(w->port, sizeof(w->port), "%s", colon + 1);
    w->bytes = UDP_BYTES;
    return 0;
}

/* The agent replaces its socket when it restarts: then it is opened once more. */
static int send_one(struct way *w, const char *bytes, size_t len)
{
    struct err ignored;
    int reopened = 0, tries;

    for (tries = 0; tries < TRIES; tries++) {
        if (w->fd >= 0 && send(w->fd, bytes, len, MSG_NOSIGNAL) == (ssize_t)len)
            return 0;
        if (w->fd >= 0 && (errno == EAGAIN || errno == ENOBUFS || errno == EINTR)) {
            clock_sleep_ms(PAUSE_MS);
            continue;
        }
        if (reopened++ || open_way(w, &ignored) != 0)
            return -1;
    }
    return -1;
}

/* The length of as many whole lines as fit, without the last line's end. 0: the next line is too
 * long; *skip gets what to go on behind. */
static size_t take_lines(const char *from, const char *end, size_t max, size_t *skip)
{
    size_t len = 0;

    *skip = 0;
    while (from + *skip < end) {
        const char *eol = memchr(from + *skip, '\n', (size_t)(end - from) - *skip);
        size_t line = (size_t)((eol ? eol : end) - from);

        if (line > max)
            break;
        len = line;
        *skip = line + 1;
    }
    if (len == 0) {
        const char *eol = memchr(from, '\n', (size_t)(end - from));

        *skip = (size_t)((eol ? eol + 1 : end) - from);
    }
    return len;
}

int scan_send_statsd(const char *to, const struct buf *lines, struct err *e)
{
    struct way w = {.fd = -1};
    const char *p = lines->data, *end = lines->data + lines->len;
    size_t sent = 0, lost = 0, skip, len;
    int rc = parse(&w, to, e);

    if (rc == 0)
        rc = open_way(&w, e);
    while (rc == 0 && p < end) {
        len = take_lines(p, end, w.bytes, &skip);
        if (len == 0 || send_one(&w, p, len) != 0)
            lost++;
        else if (++sent % BURST == 0)
            clock_sleep_ms(PAUSE_MS);
        p += skip < (size_t)(end - p) ? skip : (size_t)(end - p);
    }
    if (w.fd >= 0)
        close(w.fd);
    if (rc == 0 && lost)
        rc = err_set(e, ERR_IO, "DogStatsD at %s did not take %zu of %zu datagrams", to, lost,
                     sent + lost);
    return rc;
}
