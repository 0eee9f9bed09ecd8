/* Does something at this address speak the protocol of a database server? (decision 1: asked only
 * when a ping was missed, since a handshake that is given up counts at the server). */
#include "node/ops.h"

#include "common/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TIMEOUT_MAX_MS 3000

struct address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } u;
    socklen_t len;
};

static int parse(const char *ip, int port, struct address *out)
{
    memset(out, 0, sizeof(*out));
    if (inet_pton(AF_INET, ip, &out->u.v4.sin_addr) == 1) {
        out->u.v4.sin_family = AF_INET;
        out->u.v4.sin_port = htons((uint16_t)port);
        out->len = sizeof(out->u.v4);
        return 0;
    }
    if (inet_pton(AF_INET6, ip, &out->u.v6.sin6_addr) != 1)
        return -1;
    out->u.v6.sin6_family = AF_INET6;
    out->u.v6.sin6_port = htons((uint16_t)port);
    out->len = sizeof(out->u.v6);
    return 0;
}

static int wait_for(int fd, short events, int64_t deadline_ms)
{
    struct pollfd p = {.fd = fd, .events = events};
    int n;

    do
        n = poll(&p, 1, clock_left_ms(deadline_ms));
    while (n < 0 && errno == EINTR);
    return n > 0;
}

/* 0 connected, else an errno. */
static int connect_until(int fd, const struct address *to, int64_t deadline_ms)
{
    int error = 0;
    socklen_t len = sizeof(error);

    if (connect(fd, &to->u.any, to->len) == 0)
        return 0;
    if (errno != EINPROGRESS)
        return errno;
    if (!wait_for(fd, POLLOUT, deadline_ms))
        return ETIMEDOUT;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) ? errno : error;
}

static const char *word_for(int error)
{
    switch (error) {
    case ECONNREFUSED:
    case ECONNRESET:
        return "refused";
    case ETIMEDOUT:
        return "silent";
    default:
        return "unreachable";
    }
}

/* A packet: length 3, number 1, then 10 and the version, or 255 and the number of the error. */
static const char *read_greeting(int fd, int64_t deadline_ms, struct json_object *reply)
{
    unsigned char p[7];
    size_t have = 0;

    while (have < sizeof(p) && wait_for(fd, POLLIN, deadline_ms)) {
        ssize_t n = recv(fd, p + have, sizeof(p) - have, 0);

        if (n <= 0) {
            json_put_bool(reply, "closed", 1);
            return "accepted";
        }
        have += (size_t)n;
    }
    if (have < sizeof(p))
        return "accepted";
    if (p[4] == 0xff)
        json_put_int(reply, "greeting_errno", p[5] | p[6] << 8);
    return "greeting";
}

int node_probe_work(struct json_object *req, struct json_object *reply, struct err *e)
{
    int64_t timeout = json_get_int(req, "timeout_ms", 1000), begun = clock_mono_us();
    int64_t port = json_get_int(req, "port", 0);
    const char *ip = json_get_str(req, "host_ip", ""), *result;
    struct address to;
    int fd, error;

    if (port < 1 || port > 65535 || parse(ip, (int)port, &to))
        return err_set(e, ERR_FORMAT, "probe needs host_ip and port");
    if (timeout < 1 || timeout > TIMEOUT_MAX_MS)
        timeout = TIMEOUT_MAX_MS;
    fd = socket(to.u.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_errno(e, ERR_IO, "cannot make a socket");
    error = connect_until(fd, &to, begun / 1000 + timeout);
    result = error ? word_for(error) : read_greeting(fd, begun / 1000 + timeout, reply);
    close(fd);
    json_put_str(reply, "result", result);
    json_put_int(reply, "ms", (clock_mono_us() - begun + 500) / 1000);
    return 0;
}
