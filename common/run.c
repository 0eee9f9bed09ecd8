/* Child processes; see run.h. */
#include "common/run.h"

#include "common/clock.h"
#include "common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define TERM_GRACE_MS 500  /* between TERM and KILL */
#define KILL_GRACE_MS 2000 /* a process in the middle of a disk wait ignores even KILL */
#define LINGER_MS     1000 /* for output that somebody else holds open after the leader's end */
#define CHUNK_BYTES   8192

struct child {
    pid_t pid; /* also the process group */
    int pidfd;
    int out; /* -1 once it is at its end */
    int ended;
    int signalled; /* the last signal sent because of the deadline, 0 none */
    int64_t until_ms;
};

/* A file in memory instead of a pipe: a child that does not read it holds nobody up. */
static int open_input(const struct run *r, struct err *e)
{
    int fd;

    if (!r->input) {
        fd = file_above_stdio(open("/dev/null", O_RDONLY | O_CLOEXEC));
        return fd < 0 ? err_errno(e, ERR_IO, "cannot open /dev/null") : fd;
    }
    fd = file_above_stdio(memfd_create("input", MFD_CLOEXEC));
    if (fd < 0)
        return err_errno(e, ERR_IO, "cannot hold the input");
    if (file_write_all(fd, r->input, r->input_len, e) == 0 && lseek(fd, 0, SEEK_SET) == 0)
        return fd;
    close(fd);
    return err_set(e, ERR_IO, "cannot hold the input");
}

static int open_output(int fds[2], struct err *e)
{
    if (pipe2(fds, O_CLOEXEC) < 0)
        return err_errno(e, ERR_IO, "cannot make a pipe");
    fds[0] = file_above_stdio(fds[0]);
    fds[1] = file_above_stdio(fds[1]);
    if (fds[0] >= 0 && fds[1] >= 0)
        return 0;
    err_errno(e, ERR_IO, "cannot make a pipe");
    close(fds[0]);
    close(fds[1]);
    return -1;
}

/* The environment of the child, as pointers: ours, with the additional entries in front of all and
 * instead of those of the same name. */
static void build_env(char *const *more, struct buf *out)
{
    char *const *entry, *end = NULL;

    for (entry = more; entry && *entry; entry++)
        buf_add(out, entry, sizeof(*entry));
    for (entry = environ; entry && *entry; entry++) {
        char *const *other = more;
        size_t len = strcspn(*entry, "=") + 1;

        while (other && *other && strncmp(*other, *entry, len) != 0)
            other++;
        if (!other || !*other)
            buf_add(out, entry, sizeof(*entry));
    }
    buf_add(out, &end, sizeof(end));
}

/* Sets up the attributes: own group, default signals, nothing blocked. */
static void set_attributes(posix_spawnattr_t *attr)
{
    sigset_t all, none;

    sigfillset(&all);
    sigemptyset(&none);
    posix_spawnattr_init(attr);
    posix_spawnattr_setpgroup(attr, 0);
    posix_spawnattr_setsigdefault(attr, &all);
    posix_spawnattr_setsigmask(attr, &none);
    posix_spawnattr_setflags(attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF |
                                       POSIX_SPAWN_SETSIGMASK);
}

int run_spawn(char *const *argv, char *const *env, const int fds[3], pid_t *pid, struct err *e)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    struct buf all = BUF_INIT;
    int rc;

    build_env(env, &all);
    set_attributes(&attr);
    posix_spawn_file_actions_init(&actions);
    for (int i = 0; i < 3; i++)
        posix_spawn_file_actions_adddup2(&actions, fds[i], i);
    posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    rc = posix_spawnp(pid, argv[0], &actions, &attr, argv, (char *const *)(void *)all.data);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attr);
    buf_release(&all);
    if (rc == 0)
        return 0;
    errno = rc;
    return err_errno(e, ERR_IO, "cannot start %s", argv[0]);
}

static int spawn(const struct run *r, int in, int out, pid_t *pid, struct err *e)
{
    char shell[] = "/bin/sh", flag[] = "-c", *line = r->shell ? mem_strdup(r->shell) : NULL;
    char *const by_shell[] = {shell, flag, line, NULL};
    const int fds[3] = {in, out, out};
    int rc = run_spawn(r->shell ? by_shell : r->argv, r->env, fds, pid, e);

    free(line);
    return rc;
}

static int start(const struct run *r, struct child *c, struct err *e)
{
    int in = open_input(r, e), out[2], rc;

    if (in < 0)
        return -1;
    if (open_output(out, e) < 0) {
        close(in);
        return -1;
    }
    rc = spawn(r, in, out[1], &c->pid, e);
    close(in);
    close(out[1]);
    c->out = out[0];
    if (rc == 0 && (c->pidfd = pidfd_open(c->pid, 0)) >= 0)
        return 0;
    if (rc == 0) {
        err_errno(e, ERR_IO, "cannot watch the child");
        kill(-c->pid, SIGKILL);
        waitpid(c->pid, NULL, 0);
    }
    close(c->out);
    return -1;
}

static void read_some(const struct run *r, struct child *c, struct buf *output, size_t *kept,
                      size_t *dropped)
{
    char chunk[CHUNK_BYTES];
    ssize_t n = read(c->out, chunk, sizeof(chunk));
    size_t room = r->output_max - *kept, take;

    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0) {
        close(c->out);
        c->out = -1;
        return;
    }
    take = (size_t)n < room ? (size_t)n : room;
    buf_add(output, chunk, take);
    *kept += take;
    *dropped += (size_t)n - take;
}

/* The next step when the time of this one has passed. 0: there is none. */
static int escalate(struct child *c)
{
    if (c->ended || c->signalled == SIGKILL)
        return 0;
    c->signalled = c->signalled ? SIGKILL : SIGTERM;
    c->until_ms = clock_mono_ms() + (c->signalled == SIGTERM ? TERM_GRACE_MS : KILL_GRACE_MS);
    kill(-c->pid, c->signalled);
    kill(-c->pid, SIGCONT);
    return 1;
}

static void note_end(struct child *c)
{
    int64_t linger_ms = clock_mono_ms() + LINGER_MS;

    c->ended = 1;
    if (!c->signalled || linger_ms < c->until_ms)
        c->until_ms = linger_ms;
}

/* Reads until the leader has ended and its output too, or until the last deadline. */
static void follow(const struct run *r, struct child *c, struct buf *output, size_t *dropped)
{
    size_t kept = 0;

    while (!c->ended || c->out >= 0) {
        struct pollfd fds[2] = {
            {.fd = c->out,                   .events = POLLIN},
            {.fd = c->ended ? -1 : c->pidfd, .events = POLLIN}
        };
        int n = poll(fds, 2, clock_left_ms(c->until_ms));

        if (n > 0 && fds[0].revents)
            read_some(r, c, output, &kept, dropped);
        if (n > 0 && fds[1].revents)
            note_end(c);
        if (clock_mono_ms() >= c->until_ms && !escalate(c))
            return;
    }
}

static void reap(struct child *c, struct run_result *res)
{
    int status = 0;

    /* Until the leader is waited for, its number cannot become another group's. */
    kill(-c->pid, SIGKILL);
    if (waitpid(c->pid, &status, c->ended ? 0 : WNOHANG) != c->pid) {
        res->signal = SIGKILL;
    } else if (WIFEXITED(status)) {
        res->exited = 1;
        res->exit_code = WEXITSTATUS(status);
    } else {
        res->signal = WTERMSIG(status);
    }
    if (c->out >= 0)
        close(c->out);
    close(c->pidfd);
}

int run_wait(const struct run *r, struct buf *output, struct run_result *res, struct err *e)
{
    struct child c = {.out = -1, .pidfd = -1, .until_ms = r->deadline_ms};

    *res = (struct run_result){0};
    if (start(r, &c, e) < 0)
        return -1;
    if (r->started)
        r->started(c.pid, r->started_arg);
    follow(r, &c, output, &res->dropped_bytes);
    res->timed_out = c.signalled != 0;
    reap(&c, res);
    return 0;
}

void run_quote(struct buf *out, const char *text)
{
    buf_addc(out, '\'');
    for (; *text; text++) {
        if (*text == '\'')
            buf_adds(out, "'\\''");
        else
            buf_addc(out, *text);
    }
    buf_addc(out, '\'');
}
