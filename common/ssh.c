/* Hosts by SSH: the choice of the transport and what both have in common; see ssh.h. */
#include "common/ssh.h"

#include "common/clock.h"
#include "common/ssh_internal.h"

#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXEC_OUTPUT_MAX ((size_t)16 * 1024 * 1024)

int ssh_wait(int fd, short events, int64_t deadline_ms, const char *what, struct err *e)
{
    struct pollfd p = {.fd = fd, .events = events};
    int n;

    do
        n = poll(&p, 1, clock_left_ms(deadline_ms));
    while (n < 0 && errno == EINTR);
    if (n > 0)
        return 0;
    if (n < 0)
        return err_errno(e, ERR_IO, "%s: poll", what);
    return err_set(e, ERR_TIMEOUT, "%s: no answer in time", what);
}

void ssh_keep_errors(struct ssh_channel *c, const char *bytes, size_t len)
{
    size_t room = SSH_STDERR_MAX - c->errors.len;

    buf_add(&c->errors, bytes, len < room ? len : room);
}

void ssh_home(const struct ssh_target *t, char *out, size_t size)
{
    const char *home = t->home ? t->home : getenv("HOME");
    char text[4096];
    struct passwd pw, *found = NULL;

    if (!home && getpwuid_r(geteuid(), &pw, text, sizeof(text), &found) == 0 && found)
        home = pw.pw_dir;
    snprintf(out, size, "%s", home ? home : "");
}

/* What ssh(1) can be better at, given why libssh2 gave up; NULL: nothing. */
static const char *openssh_reason(enum ssh_refusal why)
{
    switch (why) {
    case SSH_REFUSAL_KEX:
        return "shares no algorithm with this host";
    case SSH_REFUSAL_HOST_KEY:
        return "cannot check the kind of key by which this host is known";
    case SSH_REFUSAL_LOGIN:
        return "has no key that this host accepts";
    case SSH_REFUSAL_OTHER:
        break;
    }
    return NULL;
}

static int open_auto(struct ssh **out, const struct ssh_target *t, int64_t deadline_ms,
                     struct err *e)
{
    enum ssh_refusal why = SSH_REFUSAL_OTHER;
    const char *reason;

    if (ssh_libssh2_open(out, t, deadline_ms, &why, e) == 0)
        return 0;
    reason = openssh_reason(why);
    if (!reason)
        return -1;
    if (ssh_openssh_open(out, t, deadline_ms, e) < 0)
        return -1;
    snprintf((*out)->backend, sizeof((*out)->backend), "openssh (%s %s)", ssh_libssh2_version(),
             reason);
    return 0;
}

int ssh_open(struct ssh **out, const struct ssh_target *t, int64_t deadline_ms, struct err *e)
{
    enum ssh_refusal why;

    *out = NULL;
    if (t->options && t->options[strspn(t->options, " \t")]) {
        if (ssh_openssh_open(out, t, deadline_ms, e) < 0)
            return -1;
        snprintf((*out)->backend, sizeof((*out)->backend), "openssh (ssh_options are set)");
        return 0;
    }
    switch (t->backend) {
    case SSH_LIBSSH2:
        return ssh_libssh2_open(out, t, deadline_ms, &why, e);
    case SSH_OPENSSH:
        return ssh_openssh_open(out, t, deadline_ms, e);
    case SSH_AUTO:
        break;
    }
    return open_auto(out, t, deadline_ms, e);
}

void ssh_close(struct ssh **s)
{
    if (*s)
        (*s)->ops->close(*s);
    *s = NULL;
}

const char *ssh_backend_text(const struct ssh *s)
{
    return s->backend;
}

int ssh_start(struct ssh *s, const char *command, struct ssh_channel **out, int64_t deadline_ms,
              struct err *e)
{
    *out = NULL;
    return s->ops->start(s, command, out, deadline_ms, e);
}

long ssh_read(struct ssh_channel *c, void *bytes, size_t size, int64_t deadline_ms, struct err *e)
{
    return c->ops->read(c, bytes, size, deadline_ms, e);
}

int ssh_write(struct ssh_channel *c, const void *bytes, size_t len, int64_t deadline_ms,
              struct err *e)
{
    return c->ops->write(c, bytes, len, deadline_ms, e);
}

int ssh_send_eof(struct ssh_channel *c, int64_t deadline_ms, struct err *e)
{
    return c->ops->send_eof(c, deadline_ms, e);
}

const char *ssh_stderr(const struct ssh_channel *c)
{
    return c->errors.data;
}

int ssh_finish(struct ssh_channel **c, int *status, int64_t deadline_ms, struct err *e)
{
    int rc = (*c)->ops->finish(*c, status, deadline_ms, e);

    ssh_abandon(c);
    return rc;
}

void ssh_abandon(struct ssh_channel **c)
{
    if (*c)
        (*c)->ops->free_channel(*c);
    *c = NULL;
}

int ssh_pollfd(const struct ssh_channel *c)
{
    return c->ops->pollfd(c);
}

/* Reads standard output to its end. */
static int read_to_end(struct ssh_channel *c, struct buf *output, int64_t deadline_ms,
                       struct err *e)
{
    char bytes[8192];
    size_t total = 0;
    long n;

    while ((n = ssh_read(c, bytes, sizeof(bytes), deadline_ms, e)) > 0) {
        total += (size_t)n;
        if (total > EXEC_OUTPUT_MAX)
            return err_set(e, ERR_SSH, "the command printed more than %zu bytes", EXEC_OUTPUT_MAX);
        buf_add(output, bytes, (size_t)n);
    }
    return n < 0 ? -1 : 0;
}

int ssh_exec(struct ssh *s, const char *command, struct buf *output, int *status,
             int64_t deadline_ms, struct err *e)
{
    struct ssh_channel *c;

    if (ssh_start(s, command, &c, deadline_ms, e) < 0)
        return -1;
    if (ssh_send_eof(c, deadline_ms, e) < 0 || read_to_end(c, output, deadline_ms, e) < 0) {
        ssh_abandon(&c);
        return -1;
    }
    return ssh_finish(&c, status, deadline_ms, e);
}
