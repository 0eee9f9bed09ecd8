/* SSH by the system's ssh(1); see ssh.h. One master process holds the login (ControlMaster, its
 * socket in a private directory); each channel is a small ssh(1) that hands its descriptors to it.
 * Ours run in groups of their own and end when this process ends: the master's own command is a cat
 * on a socket that we hold. */
#include "common/buf.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/run.h"
#include "common/ssh_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MASTER_TICK_MS  5
#define SOCKET_DIR_MAX  60  /* a socket's path has 108 bytes, ssh(1) appends 17 for a while */
#define MASTER_LAST_MS  100 /* between a client's end and that of its master */
#define TRANSPORT_ERROR 255

struct cli_session {
    struct ssh base;
    pid_t pid;
    int pidfd;
    int life;   /* our end of the master's standard input */
    int errors; /* its standard error, a file in memory */
    char dir[SOCKET_DIR_MAX + 32];
    char socket[SOCKET_DIR_MAX + 40];
};

struct cli_channel {
    struct ssh_channel base;
    struct cli_session *session;
    pid_t pid;
    int pidfd;
    int in, out, err; /* -1 once closed */
    int epoll;        /* on out and err */
    int ended;
    int status; /* once ended: exit code, or 128 + signal of the local ssh(1) */
};

/* --- master --- */

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static int make_socket_dir(struct cli_session *s, struct err *e)
{
    const char *tmp = getenv("TMPDIR");

    if (!tmp || *tmp != '/' || strlen(tmp) > SOCKET_DIR_MAX || strpbrk(tmp, "%\" \t"))
        tmp = "/tmp";
    snprintf(s->dir, sizeof(s->dir), "%s/kagemusha-ssh.XXXXXX", tmp);
    if (!mkdtemp(s->dir)) {
        s->dir[0] = '\0';
        return err_errno(e, ERR_IO, "cannot make a directory in %s", tmp);
    }
    snprintf(s->socket, sizeof(s->socket), "%s/m", s->dir);
    return 0;
}

static int start_master(struct cli_session *s, const struct ssh_words *w, struct err *e)
{
    int life[2], null = file_above_stdio(open("/dev/null", O_RDWR | O_CLOEXEC)), rc;

    s->errors = file_above_stdio(memfd_create("ssh", MFD_CLOEXEC));
    if (null < 0 || s->errors < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, life) < 0) {
        err_errno(e, ERR_IO, "cannot start ssh");
        close_fd(&null);
        return -1;
    }
    life[0] = file_above_stdio(life[0]);
    life[1] = file_above_stdio(life[1]);
    rc = run_spawn(w->word, NULL, (const int[3]){life[1], null, s->errors}, &s->pid, e);
    close(null);
    close(life[1]);
    s->life = life[0];
    if (rc < 0)
        return -1;
    s->pidfd = pidfd_open(s->pid, 0);
    return s->pidfd < 0 ? err_errno(e, ERR_IO, "cannot watch ssh") : 0;
}

/* Copies the last line that says something. */
static void last_line(const char *text, char *out, size_t size)
{
    *out = '\0';
    while (*text) {
        size_t len = strcspn(text, "\r\n");

        if (len)
            snprintf(out, size, "%.*s", (int)len, text);
        text += len;
        text += strspn(text, "\r\n");
    }
}

/* Where "Offending ED25519 key in FILE:LINE" says it. */
static void offending_file(const char *text, char *out, size_t size)
{
    const char *at = strstr(text, "Offending "), *file = at ? strstr(at, " key in ") : NULL;
    size_t len;

    *out = '\0';
    if (!file)
        return;
    file += 8;
    len = strcspn(file, "\r\n");
    while (len > 0 && file[len] != ':')
        len--;
    snprintf(out, size, "%.*s", (int)len, file);
}

static int host_key_error(const struct ssh_target *t, const char *text, struct err *e)
{
    struct known_hosts k;
    char file[SSH_PATH_BYTES];

    known_init(&k, t);
    offending_file(text, file, sizeof(file));
    if (file[0])
        return err_set(e, ERR_SSH,
                       "host %s: its key is not the one in %s: the host was set up anew, or "
                       "somebody stands in between; once checked: ssh-keygen -R '%s' -f %s",
                       t->host, file, k.name[known_name(&k)], file);
    return err_set(e, ERR_SSH,
                   "host %s: its key is unknown and ssh_host_key=strict; once checked: "
                   "ssh-keyscan -p %d %s >>%s",
                   t->host, t->port, t->ip ? t->ip : t->host, k.file[0][0] ? k.file[0] : k.file[1]);
}

/* One sentence, with the fix, for what ssh(1) said before it gave up. */
static int explain(const struct ssh_target *t, const char *text, struct err *e)
{
    char last[256];

    last_line(text, last, sizeof(last));
    if (strstr(text, "Host key verification failed"))
        return host_key_error(t, text, e);
    if (strstr(text, "no matching host key type"))
        return err_set(e, ERR_SSH,
                       "host %s: it has no key of a kind by which it is known: it was set up anew, "
                       "or somebody stands in between; once checked, remove it with ssh-keygen -R "
                       "(ssh: %s)",
                       t->host, last);
    if (strstr(text, "Permission denied"))
        return err_set(e, ERR_SSH,
                       "host %s: no key of ours is accepted for user %s; add a public key to its "
                       "authorized_keys (ssh: %s)",
                       t->host, t->user, last);
    if (strstr(text, "timed out"))
        return err_set(e, ERR_TIMEOUT, "host %s: no answer in time (ssh: %s)", t->host, last);
    if (strstr(text, "Connection refused"))
        return err_set(e, ERR_SSH, "host %s: %s (does sshd run there, and is ssh_port right?)",
                       t->host, last);
    if (strstr(text, "command-line") || strstr(text, "usage: ssh"))
        return err_set(e, ERR_CONFIG, "host %s: ssh does not understand ssh_options \"%s\" (%s)",
                       t->host, t->options ? t->options : "", last);
    return err_set(e, ERR_SSH, "host %s: %s", t->host, last[0] ? last : "ssh gave up");
}

static int master_failed(const struct cli_session *s, const struct ssh_target *t, struct err *e)
{
    char text[4096];
    ssize_t n = pread(s->errors, text, sizeof(text) - 1, 0);

    text[n > 0 ? n : 0] = '\0';
    return explain(t, text, e);
}

static int master_gone(const struct cli_session *s, int wait_ms)
{
    struct pollfd p = {.fd = s->pidfd, .events = POLLIN};

    return poll(&p, 1, wait_ms) > 0;
}

/* The socket appears once the login is done. */
static int await_master(const struct cli_session *s, const struct ssh_target *t,
                        int64_t deadline_ms, struct err *e)
{
    struct stat st;

    while (stat(s->socket, &st) < 0) {
        if (master_gone(s, MASTER_TICK_MS))
            return master_failed(s, t, e);
        if (clock_left_ms(deadline_ms) == 0)
            return err_set(e, ERR_TIMEOUT, "host %s: SSH login: no answer in time", t->host);
    }
    return 0;
}

/* TERM lets ssh(1) tell the host; the socket's directory goes in any case. */
static void cli_close(struct ssh *base)
{
    struct cli_session *s = (struct cli_session *)base;

    close_fd(&s->life);
    if (s->pid > 0) {
        kill(-s->pid, SIGTERM);
        if (s->pidfd < 0 || !master_gone(s, SSH_CLOSE_MS / 2))
            kill(-s->pid, SIGKILL);
        waitpid(s->pid, NULL, 0);
    }
    close_fd(&s->pidfd);
    close_fd(&s->errors);
    if (s->dir[0]) {
        unlink(s->socket);
        rmdir(s->dir);
    }
    free(s);
}

static int open_master(struct cli_session *s, const struct ssh_target *t, int64_t deadline_ms,
                       struct err *e)
{
    struct ssh_words w = {.count = 0};
    struct known_hosts k;
    int rc;

    if (make_socket_dir(s, e) < 0)
        return -1;
    known_init(&k, t);
    if (t->host_key == SSH_ACCEPT_NEW && known_touch(&k, e) < 0)
        return -1;
    ssh_words_master(&w, s->socket, t, &k, deadline_ms);
    if (w.overflow)
        rc = err_set(e, ERR_CONFIG, "host %s: ssh_options is too long", t->host);
    else
        rc = start_master(s, &w, e);
    ssh_words_release(&w);
    return rc < 0 ? -1 : await_master(s, t, deadline_ms, e);
}

/* --- channels --- */

/* Standard input is a socket: a write to one whose reader is gone raises no signal. */
static int open_ends(struct cli_channel *c, int far[3], struct err *e)
{
    int in[2] = {-1, -1}, out[2] = {-1, -1}, err[2] = {-1, -1};

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, in) < 0 || pipe2(out, O_CLOEXEC) < 0 ||
        pipe2(err, O_CLOEXEC) < 0)
        err_errno(e, ERR_IO, "cannot make a pipe");
    c->in = file_above_stdio(in[0]);
    c->out = file_above_stdio(out[0]);
    c->err = file_above_stdio(err[0]);
    far[0] = file_above_stdio(in[1]);
    far[1] = file_above_stdio(out[1]);
    far[2] = file_above_stdio(err[1]);
    return c->err < 0 || far[2] < 0 ? -1 : 0;
}

static int watch(struct cli_channel *c, struct err *e)
{
    struct epoll_event ev = {.events = EPOLLIN};

    c->epoll = epoll_create1(EPOLL_CLOEXEC);
    c->pidfd = pidfd_open(c->pid, 0);
    if (c->epoll < 0 || c->pidfd < 0 || epoll_ctl(c->epoll, EPOLL_CTL_ADD, c->out, &ev) < 0 ||
        epoll_ctl(c->epoll, EPOLL_CTL_ADD, c->err, &ev) < 0)
        return err_errno(e, ERR_IO, "cannot watch ssh");
    fcntl(c->in, F_SETFL, O_NONBLOCK);
    fcntl(c->out, F_SETFL, O_NONBLOCK);
    fcntl(c->err, F_SETFL, O_NONBLOCK);
    return 0;
}

static int start_channel(struct cli_channel *c, const char *command, struct err *e)
{
    struct ssh_words w = {.count = 0};
    int far[3] = {-1, -1, -1}, rc = open_ends(c, far, e);

    if (rc == 0) {
        ssh_words_channel(&w, c->session->socket, c->session->base.host, command);
        rc = run_spawn(w.word, NULL, far, &c->pid, e);
        ssh_words_release(&w);
    }
    for (int i = 0; i < 3; i++)
        close_fd(&far[i]);
    return rc < 0 ? -1 : watch(c, e);
}

static void cli_free_channel(struct ssh_channel *base)
{
    struct cli_channel *c = (struct cli_channel *)base;

    if (c->pid > 0 && !c->ended) {
        kill(-c->pid, SIGKILL);
        waitpid(c->pid, NULL, 0);
    }
    close_fd(&c->in);
    close_fd(&c->out);
    close_fd(&c->err);
    close_fd(&c->epoll);
    close_fd(&c->pidfd);
    buf_release(&c->base.errors);
    free(c);
}

static int lost_error(const struct cli_session *s, struct err *e)
{
    return err_set(e, ERR_SSH, "host %s: the connection was lost", s->base.host);
}

static void drain_errors(struct cli_channel *c)
{
    char bytes[4096];
    ssize_t n = -1;

    errno = EAGAIN;
    while (c->err >= 0 && (n = read(c->err, bytes, sizeof(bytes))) > 0)
        ssh_keep_errors(&c->base, bytes, (size_t)n);
    if (n == 0 || (errno != EAGAIN && errno != EINTR))
        close_fd(&c->err);
}

/* Takes the exit code of the local ssh(1), and finds out whether it is the command's. */
static int reap_channel(struct cli_channel *c, int64_t deadline_ms, struct err *e)
{
    int raw = 0;

    if (!c->ended) {
        if (ssh_wait(c->pidfd, POLLIN, deadline_ms, "waiting for the end", e) < 0)
            return err_wrap(e, "host %s", c->session->base.host);
        waitpid(c->pid, &raw, 0);
        c->ended = 1;
        c->status = WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw);
        drain_errors(c);
    }
    if (c->status != TRANSPORT_ERROR)
        return 0;
    if (master_gone(c->session, MASTER_LAST_MS))
        return lost_error(c->session, e);
    /* The master lives and would not open a session (MaxSessions, a full process table). */
    if (strstr(c->base.errors.data, "mux_client_") || strstr(c->base.errors.data, "UNKNOWN port"))
        return err_set(e, ERR_SSH, "host %s: no further SSH session is opened: %.200s",
                       c->session->base.host, c->base.errors.data);
    return 0;
}

static long cli_read(struct ssh_channel *base, void *bytes, size_t size, int64_t deadline_ms,
                     struct err *e)
{
    struct cli_channel *c = (struct cli_channel *)base;

    while (c->out >= 0) {
        ssize_t n = read(c->out, bytes, size);

        if (n > 0)
            return n;
        if (n == 0) {
            close_fd(&c->out);
            break;
        }
        if (errno != EAGAIN && errno != EINTR)
            return err_errno(e, ERR_IO, "host %s: reading", c->session->base.host);
        drain_errors(c);
        if (ssh_wait(c->epoll, POLLIN, deadline_ms, "reading", e) < 0)
            return err_wrap(e, "host %s", c->session->base.host);
    }
    return reap_channel(c, deadline_ms, e);
}

static int cli_write(struct ssh_channel *base, const void *bytes, size_t len, int64_t deadline_ms,
                     struct err *e)
{
    struct cli_channel *c = (struct cli_channel *)base;
    const char *p = bytes;

    while (len > 0) {
        ssize_t n = send(c->in, p, len, MSG_NOSIGNAL);

        if (n > 0) {
            p += n;
            len -= (size_t)n;
            continue;
        }
        if (errno != EAGAIN && errno != EINTR)
            return err_errno(e, ERR_SSH, "host %s: writing", c->session->base.host);
        drain_errors(c);
        if (ssh_wait(c->in, POLLOUT, deadline_ms, "writing", e) < 0)
            return err_wrap(e, "host %s", c->session->base.host);
    }
    return 0;
}

static int cli_send_eof(struct ssh_channel *base, int64_t deadline_ms, struct err *e)
{
    struct cli_channel *c = (struct cli_channel *)base;

    (void)deadline_ms;
    (void)e;
    close_fd(&c->in);
    return 0;
}

static int cli_finish(struct ssh_channel *base, int *status, int64_t deadline_ms, struct err *e)
{
    struct cli_channel *c = (struct cli_channel *)base;
    char bytes[4096];
    long n;

    while ((n = cli_read(base, bytes, sizeof(bytes), deadline_ms, e)) > 0)
        continue;
    if (n == 0)
        *status = c->status;
    return n == 0 ? 0 : -1;
}

static int cli_pollfd(const struct ssh_channel *base)
{
    return ((const struct cli_channel *)base)->epoll;
}

static int cli_start(struct ssh *base, const char *command, struct ssh_channel **out,
                     int64_t deadline_ms, struct err *e);

static const struct ssh_ops cli_ops = {
    .close = cli_close,
    .start = cli_start,
    .read = cli_read,
    .write = cli_write,
    .send_eof = cli_send_eof,
    .finish = cli_finish,
    .free_channel = cli_free_channel,
    .pollfd = cli_pollfd,
};

static int cli_start(struct ssh *base, const char *command, struct ssh_channel **out,
                     int64_t deadline_ms, struct err *e)
{
    struct cli_session *s = (struct cli_session *)base;
    struct cli_channel *c;

    (void)deadline_ms;
    if (master_gone(s, 0))
        return lost_error(s, e);
    c = mem_zalloc(sizeof(*c));
    c->base.ops = &cli_ops;
    c->session = s;
    c->pidfd = c->in = c->out = c->err = c->epoll = -1;
    buf_init(&c->base.errors);
    if (start_channel(c, command, e) < 0) {
        cli_free_channel(&c->base);
        return err_wrap(e, "host %s", s->base.host);
    }
    *out = &c->base;
    return 0;
}

int ssh_openssh_open(struct ssh **out, const struct ssh_target *t, int64_t deadline_ms,
                     struct err *e)
{
    struct cli_session *s = mem_zalloc(sizeof(*s));

    s->base.ops = &cli_ops;
    s->pidfd = s->life = s->errors = -1;
    snprintf(s->base.host, sizeof(s->base.host), "%s", t->host);
    snprintf(s->base.backend, sizeof(s->base.backend), "openssh");
    if (open_master(s, t, deadline_ms, e) < 0) {
        cli_close(&s->base);
        return -1;
    }
    *out = &s->base;
    return 0;
}
