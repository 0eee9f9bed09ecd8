/* SSH in this process, by libssh2; see ssh.h. The session does not block: each call is repeated
 * until it is done or its deadline has passed. */
#include "common/buf.h"
#include "common/clock.h"
#include "common/ssh_internal.h"

#include <errno.h>
#include <libssh2.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RSA_SHA2_SINCE 0x010b00 /* 1.11.0; older ones sign RSA with SHA-1, which sshd refuses */
#define TRIED_BYTES    200
#define EARLY_MAX      ((size_t)1024 * 1024)
#define AGENT_MS       2000 /* one that hangs, or asks a person, must not use up the deadline */

struct lib_session {
    struct ssh base;
    LIBSSH2_SESSION *lib;
    int fd;
    int broken; /* a call was given up half-way: nothing more can be sent */
};

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

/* After a call returned rc: 1 when it must be repeated (and may do something now), 0 when it is
 * done, well or badly, -1 when the deadline has passed. */
static int again(struct lib_session *s, long rc, int64_t deadline_ms, const char *what,
                 struct err *e)
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

/* Sets the error for a failed library call. */
static int lib_error(struct lib_session *s, const char *what, struct err *e)
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

/* --- host key --- */

static int kind_listed(const char *kinds, const char *alg)
{
    const char *kind = strncmp(alg, "rsa-sha2-", 9) == 0 ? "ssh-rsa" : alg;
    size_t len = strlen(kind);

    for (; *kinds; kinds += strcspn(kinds, ","), kinds += *kinds == ',') {
        if (strncmp(kinds, kind, len) == 0 && (kinds[len] == ',' || !kinds[len]))
            return 1;
    }
    return 0;
}

/* Asks first for the kinds of key that known_hosts holds, as ssh(1) does: else a host that is known
 * by one kind and offers another would look changed. */
static void prefer_known(struct lib_session *s, const char *kinds)
{
    const char **algs = NULL;
    struct buf order = BUF_INIT;
    int n = libssh2_session_supported_algs(s->lib, LIBSSH2_METHOD_HOSTKEY, &algs);

    for (int listed = 1; listed >= 0; listed--) {
        for (int i = 0; i < n; i++) {
            if (kind_listed(kinds, algs[i]) == listed)
                buf_addf(&order, "%s%s", order.len ? "," : "", algs[i]);
        }
    }
    if (*kinds && order.len)
        libssh2_session_method_pref(s->lib, LIBSSH2_METHOD_HOSTKEY, order.data);
    if (algs)
        libssh2_free(s->lib, (void *)(uintptr_t)algs);
    buf_release(&order);
}

static int check_host_key(struct lib_session *s, const struct ssh_target *t,
                          const struct known_hosts *k, enum ssh_refusal *why, struct err *e)
{
    struct known_answer answer;
    char kinds[SSH_NAME_BYTES], kind[64];
    size_t len = 0;
    int type;
    const char *key = libssh2_session_hostkey(s->lib, &len, &type);

    if (!key)
        return lib_error(s, "host key", e);
    known_check(k, key, len, &answer);
    if (answer.verdict == KNOWN_MATCH)
        return 0;
    if (answer.verdict == KNOWN_UNKNOWN && t->host_key == SSH_ACCEPT_NEW)
        return known_record(k, key, len, e) < 0 ? err_wrap(e, "host %s", t->host) : 0;
    known_kinds(k, kinds, sizeof(kinds));
    key_kind_text(key, len, kind, sizeof(kind));
    if (answer.verdict == KNOWN_CHANGED && !kind_listed(kinds, kind))
        *why = SSH_REFUSAL_HOST_KEY;
    return known_refuse(t, k, &answer, e);
}

static int shake_hands(struct lib_session *s, const struct ssh_target *t, int64_t deadline_ms,
                       enum ssh_refusal *why, struct err *e)
{
    struct known_hosts k;
    char kinds[SSH_NAME_BYTES];
    int rc, more;

    known_init(&k, t);
    known_kinds(&k, kinds, sizeof(kinds));
    prefer_known(s, kinds);
    do
        rc = libssh2_session_handshake(s->lib, s->fd);
    while ((more = again(s, rc, deadline_ms, "SSH handshake", e)) > 0);
    if (more < 0)
        return -1;
    if (rc == LIBSSH2_ERROR_KEX_FAILURE || rc == LIBSSH2_ERROR_KEY_EXCHANGE_FAILURE)
        *why = SSH_REFUSAL_KEX;
    if (rc != 0)
        return lib_error(s, "SSH handshake", e);
    return check_host_key(s, t, &k, why, e);
}

/* --- login --- */

struct login {
    struct lib_session *session;
    const struct ssh_target *target;
    int64_t deadline_ms;
    char tried[TRIED_BYTES]; /* for the message: what was tried, what was skipped and why */
};

struct signer {
    struct key_agent *agent;
    const struct buf *blob;
};

static void __attribute__((format(printf, 2, 3))) note_tried(struct login *l, const char *fmt, ...)
{
    size_t len = strlen(l->tried);
    va_list ap;

    if (len) {
        snprintf(l->tried + len, sizeof(l->tried) - len, ", ");
        len = strlen(l->tried);
    }
    va_start(ap, fmt);
    vsnprintf(l->tried + len, sizeof(l->tried) - len, fmt, ap);
    va_end(ap);
}

/* Called by the library; it frees *sig with free(). */
static LIBSSH2_USERAUTH_PUBLICKEY_SIGN_FUNC(sign_by_agent)
{
    struct signer *by = *abstract;
    struct buf out = BUF_INIT;

    (void)session;
    if (key_agent_sign(by->agent, by->blob, data, data_len, &out) < 0) {
        buf_release(&out);
        return -1;
    }
    *sig_len = out.len;
    *sig = (unsigned char *)buf_take(&out);
    return 0;
}

/* One key of the agent: 1 logged in, 0 not accepted, -1 the session is of no more use. */
static int try_identity(struct login *l, struct key_agent *agent, const struct buf *blob,
                        struct err *e)
{
    struct signer by = {agent, blob};
    void *abstract = &by;
    int rc, more;

    do
        rc = libssh2_userauth_publickey(l->session->lib, l->target->user,
                                        (const unsigned char *)blob->data, blob->len, sign_by_agent,
                                        &abstract);
    while ((more = again(l->session, rc, l->deadline_ms, "login", e)) > 0);
    if (more < 0)
        return -1;
    return rc == 0;
}

/* Takes all keys out first: the next answer of the agent overwrites its list. */
static int try_agent_keys(struct login *l, struct key_agent *agent, struct err *e)
{
    struct buf keys[32];
    size_t count = 0, used = 0, rsa = 0;
    int rc = 0;

    for (; count < 32; count++) {
        buf_init(&keys[count]);
        if (!key_agent_next(agent, &keys[count]))
            break;
    }
    for (size_t i = 0; i < count && rc == 0; i++) {
        char kind[64];

        key_kind_text(keys[i].data, keys[i].len, kind, sizeof(kind));
        if (strcmp(kind, "ssh-rsa") == 0 && !libssh2_version(RSA_SHA2_SINCE)) {
            rsa++;
            continue;
        }
        used++;
        rc = try_identity(l, agent, &keys[i], e);
    }
    note_tried(l, "agent with %zu keys", used);
    if (rsa)
        note_tried(l, "%zu RSA keys of the agent skipped", rsa);
    for (size_t i = 0; i < count; i++)
        buf_release(&keys[i]);
    return rc;
}

static int try_agent(struct login *l, struct err *e)
{
    struct key_agent agent;
    int64_t agent_ms = clock_mono_ms() + AGENT_MS;
    struct err why = {0};
    int rc;

    if (key_agent_open(&agent, agent_ms < l->deadline_ms ? agent_ms : l->deadline_ms, &why) < 0) {
        note_tried(l, "%s", why.text);
        return 0;
    }
    rc = agent.fd < 0 ? 0 : try_agent_keys(l, &agent, e);
    key_agent_close(&agent);
    return rc;
}

/* One key file: as try_identity. */
static int try_file(struct login *l, const struct key_file *f, struct err *e)
{
    int rc, more;

    if (f->kind == KEY_NONE)
        return 0;
    if (f->encrypted) {
        note_tried(l, "%s skipped: it has a passphrase (use ssh-add)", f->path);
        return 0;
    }
    if (f->kind == KEY_RSA && !libssh2_version(RSA_SHA2_SINCE)) {
        note_tried(l, "%s skipped: %s cannot use RSA keys", f->path, ssh_libssh2_version());
        return 0;
    }
    note_tried(l, "%s", f->path);
    do
        rc = libssh2_userauth_publickey_fromfile_ex(
            l->session->lib, l->target->user, (unsigned)strlen(l->target->user), NULL, f->path, "");
    while ((more = again(l->session, rc, l->deadline_ms, "login", e)) > 0);
    if (more < 0)
        return -1;
    return rc == 0;
}

static int log_in(struct lib_session *s, const struct ssh_target *t, int64_t deadline_ms,
                  enum ssh_refusal *why, struct err *e)
{
    struct login l = {.session = s, .target = t, .deadline_ms = deadline_ms};
    struct key_file files[KEY_FILES];
    char home[SSH_PATH_BYTES - 32];
    int rc = try_agent(&l, e);

    ssh_home(t, home, sizeof(home));
    key_files(home, files);
    for (size_t i = 0; i < KEY_FILES && rc == 0; i++)
        rc = try_file(&l, &files[i], e);
    if (rc > 0)
        return 0;
    if (rc < 0)
        return -1;
    *why = SSH_REFUSAL_LOGIN;
    return err_set(e, ERR_SSH,
                   "host %s: no key of ours is accepted for user %s (%s); add a public key to its "
                   "authorized_keys",
                   t->host, t->user, l.tried[0] ? l.tried : "there is no agent and no key file");
}

/* --- session --- */

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
    if (shake_hands(s, t, deadline_ms, why, e) < 0)
        return -1;
    return log_in(s, t, deadline_ms, why, e);
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

/* --- channels --- */

static int open_channel(struct lib_channel *c, const char *command, int64_t deadline_ms,
                        struct err *e)
{
    struct lib_session *s = c->session;
    int rc = 0, more = 0;

    do
        c->lib = libssh2_channel_open_session(s->lib);
    while (!c->lib && (more = again(s, libssh2_session_last_errno(s->lib), deadline_ms,
                                    "opening a channel", e)) > 0);
    if (!c->lib)
        return more < 0 ? -1 : lib_error(s, "opening a channel", e);
    do
        rc = libssh2_channel_exec(c->lib, command);
    while ((more = again(s, rc, deadline_ms, "starting a command", e)) > 0);
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
    while ((more = again(s, n, deadline_ms, "reading", e)) > 0);
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
        if (again(s, n, deadline_ms, "writing", e) < 0) {
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
    while ((more = again(c->session, rc, deadline_ms, "closing the input", e)) > 0);
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
    } while ((more = again(s, rc, deadline_ms, "waiting for the end", e)) > 0);
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
