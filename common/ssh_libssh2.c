/* SSH in this process, by libssh2; see ssh.h. The session does not block: each call is repeated
 * until it is done or its deadline has passed. */
#include "common/ssh_libssh2.h"
#include "common/buf.h"
#include "common/clock.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define EARLY_MAX ((size_t)1024 * 1024)

struct lib_channel {
    struct ssh_channel base;
    struct lib_session *session;
    LIBSSH2_CHANNEL *lib;
    struct buf early; /* output that came while a write had to wait */
};

static pthread_once_t init_once = PTHREAD_ONCE_INIT;

static char version_text[32];

static void init_library(void)
{
    libssh2_init(0);
    snprintf(version_text, sizeof(version_text), "libssh2 %s", libssh2_version(0));
}

const char *ssh_libssh2_version(void)
{
    pthread_once(&init_once, init_library);
    return version_text;
}

int lib_again(struct lib_session *s, long rc, int64_t deadline_ms, const char *what, struct err *e)
{
    int directions;
    short events;

    if (rc != LIBSSH2_ERROR_EAGAIN)
        return 0;
    directions = libssh2_session_block_directions(s->lib);
    events = directions & LIBSSH2_SESSION_BLOCK_OUTBOUND ? POLLOUT : 0;
    if (directions & LIBSSH2_SESSION_BLOCK_INBOUND || !events)
        events |= POLLIN;
    if (ssh_wait(s->fd, events, deadline_ms, what, e) == 0)
        return 1;
    err_wrap(e, "host %s", s->base.host);
    return -1;
}

int lib_error(struct lib_session *s, const char *what, struct err *e)
{
    char *text = NULL;
    int code = libssh2_session_last_error(s->lib, &text, NULL, 0);

    if (code == LIBSSH2_ERROR_SOCKET_DISCONNECT || code == LIBSSH2_ERROR_SOCKET_RECV ||
        code == LIBSSH2_ERROR_SOCKET_SEND) {
        s->broken = 1;
        return err_set(e, ERR_SSH, "host %s: %s: the connection was lost", s->base.host, what);
    }
    return err_set(e, ERR_SSH, "host %s: %s: %s (%s, error %d)", s->base.host, what,
                   text && *text ? text : "no reason given", ssh_libssh2_version(), code);
}

static int broken_error(struct lib_session *s, struct err *e)
{
    return err_set(e, ERR_SSH, "host %s: the SSH session is lost", s->base.host);
}

static void lib_close(struct ssh *base)
{
    struct lib_session *s = (struct lib_session *)base;
    int64_t deadline_ms = clock_mono_ms() + SSH_CLOSE_MS / 2;

    if (!s->broken && s->lib)
        libssh2_session_disconnect(s->lib, "bye");
    /* A dead socket makes the library give up what it would wait for. */
    if (s->fd >= 0)
        shutdown(s->fd, SHUT_RDWR);
    while (s->lib && libssh2_session_free(s->lib) == LIBSSH2_ERROR_EAGAIN &&
           clock_mono_ms() < deadline_ms)
        clock_sleep_ms(1);
    if (s->fd >= 0)
        close(s->fd);
    free(s);
}

static int open_session(struct lib_session *s, const struct ssh_target *t, int64_t deadline_ms,
                        enum ssh_refusal *why, struct err *e)
{
    s->fd = ssh_connect(t, deadline_ms, e);
    if (s->fd < 0)
        return -1;
    s->lib = libssh2_session_init();
    if (!s->lib)
        return err_set(e, ERR_BUG, "host %s: no memory for an SSH session", t->host);
    libssh2_session_set_blocking(s->lib, 0);
    if (lib_shake_hands(s, t, deadline_ms, why, e) < 0)
        return -1;
    return lib_log_in(s, t, deadline_ms, why, e);
}

static int lib_start(struct ssh *base, const char *command, struct ssh_channel **out,
                     int64_t deadline_ms, struct err *e);
static long lib_read(struct ssh_channel *base, void *bytes, size_t size, int64_t deadline_ms,
                     struct err *e);
static int lib_write(struct ssh_channel *base, const void *bytes, size_t len, int64_t deadline_ms,
                     struct err *e);
static int lib_send_eof(struct ssh_channel *base, int64_t deadline_ms, struct err *e);
static int lib_finish(struct ssh_channel *base, int *status, int64_t deadline_ms, struct err *e);
static void lib_free_channel(struct ssh_channel *base);
static int lib_pollfd(const struct ssh_channel *base);

static const struct ssh_ops lib_ops = {
    .close = lib_close,
    .start = lib_start,
    .read = lib_read,
    .write = lib_write,
    .send_eof = lib_send_eof,
    .finish = lib_finish,
    .free_channel = lib_free_channel,
    .pollfd = lib_pollfd,
};

int ssh_libssh2_open(struct ssh **out, const struct ssh_target *t, int64_t deadline_ms,
                     enum ssh_refusal *why, struct err *e)
{
    struct lib_session *s = mem_zalloc(sizeof(*s));

    pthread_once(&init_once, init_library);
    *why = SSH_REFUSAL_OTHER;
    s->base.ops = &lib_ops;
    s->fd = -1;
    snprintf(s->base.host, sizeof(s->base.host), "%s", t->host);
    snprintf(s->base.backend, sizeof(s->base.backend), "%s", ssh_libssh2_version());
    if (open_session(s, t, deadline_ms, why, e) < 0) {
        s->broken = 1;
        lib_close(&s->base);
        return -1;
    }
    *out = &s->base;
    return 0;
}

static int open_channel(struct lib_channel *c, const char *command, int64_t deadline_ms,
                        struct err *e)
{
    struct lib_session *s = c->session;
    int rc = 0, more = 0;

    do
        c->lib = libssh2_channel_open_session(s->lib);
    while (!c->lib && (more = lib_again(s, libssh2_session_last_errno(s->lib), deadline_ms,
                                        "opening a channel", e)) > 0);
    if (!c->lib)
        return more < 0 ? -1 : lib_error(s, "opening a channel", e);
    do
        rc = libssh2_channel_exec(c->lib, command);
    while ((more = lib_again(s, rc, deadline_ms, "starting a command", e)) > 0);
    if (more < 0)
        return -1;
    return rc == 0 ? 0 : lib_error(s, "starting a command", e);
}

static int lib_start(struct ssh *base, const char *command, struct ssh_channel **out,
                     int64_t deadline_ms, struct err *e)
{
    struct lib_session *s = (struct lib_session *)base;
    struct lib_channel *c;
    struct err why = {0};

    if (s->broken)
        return broken_error(s, e);
    c = mem_zalloc(sizeof(*c));
    c->base.ops = &lib_ops;
    c->session = s;
    buf_init(&c->base.errors);
    buf_init(&c->early);
    if (open_channel(c, command, deadline_ms, &why) == 0) {
        *out = &c->base;
        return 0;
    }
    /* The library keeps the state of an unfinished opening in the session. */
    s->broken |= why.code == ERR_TIMEOUT;
    lib_free_channel(&c->base);
    if (e)
        *e = why;
    return -1;
}

/* Takes what there is of standard error: its window must not fill up. */
static long drain_errors(struct lib_channel *c)
{
    char bytes[4096];
    long n;

    while ((n = libssh2_channel_read_stderr(c->lib, bytes, sizeof(bytes))) > 0)
        ssh_keep_errors(&c->base, bytes, (size_t)n);
    return n;
}

/* Each call takes from the socket whatever is there, also what is not its own: the bytes are asked
 * for last, or those that came meanwhile would lie in the library, with nothing left to poll for. A
 * read of 0 bytes is no end of file by itself. */
static long read_once(struct lib_channel *c, void *bytes, size_t size)
{
    long errors = drain_errors(c), n;

    if (errors < 0 && errors != LIBSSH2_ERROR_EAGAIN)
        return errors;
    n = libssh2_channel_read(c->lib, bytes, size);
    if (n > 0 || (n < 0 && n != LIBSSH2_ERROR_EAGAIN))
        return n;
    return libssh2_channel_eof(c->lib) ? 0 : LIBSSH2_ERROR_EAGAIN;
}

/* The library calls a lost connection an end of file too. */
static int connection_lost(struct lib_session *s)
{
    char byte;
    ssize_t n = recv(s->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

    return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

static int lost_error(struct lib_session *s, struct err *e)
{
    s->broken = 1;
    return err_set(e, ERR_SSH, "host %s: the connection was lost", s->base.host);
}

static long lib_read(struct ssh_channel *base, void *bytes, size_t size, int64_t deadline_ms,
                     struct err *e)
{
    struct lib_channel *c = (struct lib_channel *)base;
    struct lib_session *s = c->session;
    long n;
    int more;

    if (c->early.len > 0) {
        n = (long)(c->early.len < size ? c->early.len : size);
        memcpy(bytes, c->early.data, (size_t)n);
        buf_drop(&c->early, (size_t)n);
        return n;
    }
    if (s->broken)
        return broken_error(s, e);
    do
        n = read_once(c, bytes, size);
    while ((more = lib_again(s, n, deadline_ms, "reading", e)) > 0);
    if (more < 0)
        return -1;
    if (n < 0)
        return lib_error(s, "reading", e);
    return n == 0 && connection_lost(s) ? lost_error(s, e) : n;
}

static int half_sent(const struct lib_session *s)
{
    return (libssh2_session_block_directions(s->lib) & LIBSSH2_SESSION_BLOCK_OUTBOUND) != 0;
}

/* While the far side takes nothing: keeps what it says, and notices that it has ended. */
static int listen_while_writing(struct lib_channel *c, struct err *e)
{
    char bytes[4096];
    long n = 0;

    if (half_sent(c->session))
        return 0;
    while (c->early.len < EARLY_MAX && (n = read_once(c, bytes, sizeof(bytes))) > 0)
        buf_add(&c->early, bytes, (size_t)n);
    /* An end of file alone means little: the command may read on. */
    if (n == 0 && c->early.len < EARLY_MAX && libssh2_channel_wait_closed(c->lib) == 0)
        return err_set(e, ERR_SSH, "host %s: writing: the command has ended",
                       c->session->base.host);
    return n < 0 && n != LIBSSH2_ERROR_EAGAIN ? lib_error(c->session, "writing", e) : 0;
}

/* As libssh2_channel_write, but waits until something can be sent. */
static long write_some(struct lib_channel *c, const char *bytes, size_t len, int64_t deadline_ms,
                       struct err *e)
{
    struct lib_session *s = c->session;
    long n;

    while ((n = libssh2_channel_write(c->lib, bytes, len)) == LIBSSH2_ERROR_EAGAIN) {
        int half = half_sent(s);

        if (listen_while_writing(c, e) < 0)
            return -1;
        if (lib_again(s, n, deadline_ms, "writing", e) < 0) {
            /* Nothing else can follow a packet that is sent in part. */
            s->broken |= half;
            return -1;
        }
    }
    return n < 0 ? lib_error(s, "writing", e) : n;
}

static int lib_write(struct ssh_channel *base, const void *bytes, size_t len, int64_t deadline_ms,
                     struct err *e)
{
    struct lib_channel *c = (struct lib_channel *)base;
    const char *p = bytes;

    if (c->session->broken)
        return broken_error(c->session, e);
    while (len > 0) {
        long n = write_some(c, p, len, deadline_ms, e);

        if (n < 0)
            return -1;
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

static int lib_send_eof(struct ssh_channel *base, int64_t deadline_ms, struct err *e)
{
    struct lib_channel *c = (struct lib_channel *)base;
    int rc, more;

    if (c->session->broken)
        return broken_error(c->session, e);
    do
        rc = libssh2_channel_send_eof(c->lib);
    while ((more = lib_again(c->session, rc, deadline_ms, "closing the input", e)) > 0);
    if (more < 0)
        return -1;
    return rc == 0 ? 0 : lib_error(c->session, "closing the input", e);
}

static int exit_status(struct lib_channel *c)
{
    char *name = NULL;
    size_t len = 0;
    int number = 1;

    libssh2_channel_get_exit_signal(c->lib, &name, &len, NULL, NULL, NULL, NULL);
    if (!name)
        return libssh2_channel_get_exit_status(c->lib);
    while (number < NSIG) {
        const char *word = sigabbrev_np(number);

        if (word && strcmp(word, name) == 0)
            break;
        number++;
    }
    libssh2_free(c->session->lib, name);
    return number < NSIG ? 128 + number : 255;
}

/* The status is only right after end of file and both closes. */
static int lib_finish(struct ssh_channel *base, int *status, int64_t deadline_ms, struct err *e)
{
    struct lib_channel *c = (struct lib_channel *)base;
    struct lib_session *s = c->session;
    char bytes[4096];
    long n;
    int rc, more;

    while ((n = lib_read(base, bytes, sizeof(bytes), deadline_ms, e)) > 0)
        continue;
    if (n < 0)
        return -1;
    do {
        rc = libssh2_channel_wait_eof(c->lib);
        if (rc == 0)
            rc = libssh2_channel_close(c->lib);
        if (rc == 0)
            rc = libssh2_channel_wait_closed(c->lib);
    } while ((more = lib_again(s, rc, deadline_ms, "waiting for the end", e)) > 0);
    if (more < 0)
        return -1;
    if (rc < 0)
        return lib_error(s, "waiting for the end", e);
    if (connection_lost(s))
        return lost_error(s, e);
    *status = exit_status(c);
    return 0;
}

/* The far side may take its time to close; what is not freed now is freed with the session. */
static void lib_free_channel(struct ssh_channel *base)
{
    struct lib_channel *c = (struct lib_channel *)base;

    if (c->lib && !c->session->broken)
        libssh2_channel_free(c->lib);
    buf_release(&c->base.errors);
    buf_release(&c->early);
    free(c);
}

static int lib_pollfd(const struct ssh_channel *base)
{
    return ((const struct lib_channel *)base)->session->fd;
}
