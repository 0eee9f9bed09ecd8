/* Holding a supervisor; see hold.h. */
#include "node/hold.h"

#include "common/clock.h"
#include "common/run.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FAMILY_MAX 64

int node_systemctl(const char *const words[NODE_SYSTEMCTL_WORDS], int64_t deadline_ms,
                   struct buf *out, struct err *e)
{
    const char *argv[NODE_SYSTEMCTL_WORDS + 2] = {"systemctl"};
    struct run r = {.deadline_ms = deadline_ms, .output_max = 200};
    struct run_result res;
    struct buf text = BUF_INIT;
    int rc;

    for (size_t i = 0; i < NODE_SYSTEMCTL_WORDS && words[i]; i++)
        argv[i + 1] = words[i];
    r.argv = (char *const *)(const void *)argv;
    rc = run_wait(&r, &text, &res, e);
    if (rc == 0 && (!res.exited || res.exit_code != 0))
        rc = err_set(e, ERR_IO, "systemctl %s: %s", words[0],
                     res.timed_out ? "not done in time" : text.data);
    if (out)
        buf_add(out, text.data, text.len);
    buf_release(&text);
    return rc;
}

int node_hold_mask(const char *unit, int64_t deadline_ms)
{
    const char *const mask[NODE_SYSTEMCTL_WORDS] = {"mask", "--runtime", unit};
    const char *const show[NODE_SYSTEMCTL_WORDS] = {"show", "--value", "-pLoadState", unit};
    struct buf out = BUF_INIT;
    int masked;

    masked = node_systemctl(mask, deadline_ms, NULL, NULL) == 0 &&
             node_systemctl(show, deadline_ms, &out, NULL) == 0 &&
             strncmp(out.data, "masked", 6) == 0;
    buf_release(&out);
    return masked;
}

struct family {
    pid_t pid[FAMILY_MAX];
    int fd[FAMILY_MAX];
    size_t count;
};

static int is_member(const struct family *f, pid_t pid)
{
    for (size_t i = 0; i < f->count; i++)
        if (f->pid[i] == pid)
            return 1;
    return 0;
}

/* One generation: the children of those that are members. 1 when somebody was added. */
static int add_children(struct family *f)
{
    DIR *proc = opendir("/proc");
    struct node_stat st;
    size_t before = f->count;
    pid_t pid;

    while (proc && (pid = node_proc_next(proc)) && f->count < FAMILY_MAX) {
        int fd;

        if (node_proc_stat(pid, &st) || st.state == 'Z' || !is_member(f, st.ppid) ||
            is_member(f, pid))
            continue;
        fd = node_pidfd_open(pid, st.start_ticks);
        if (fd < 0)
            continue;
        f->pid[f->count] = pid;
        f->fd[f->count++] = fd;
    }
    if (proc)
        closedir(proc);
    return f->count > before;
}

/* mysqld_safe is stopped before its children are counted, so that it starts no further one, and
 * killed before them, so that it never sees one end. */
static int kill_family(pid_t pid, uint64_t start_ticks, struct err *e)
{
    struct family f = {.pid = {pid}, .count = 1};
    int rc = 0;

    f.fd[0] = node_pidfd_open(pid, start_ticks);
    if (f.fd[0] < 0)
        return 0;
    if (node_pidfd_signal(f.fd[0], SIGSTOP))
        rc = err_errno(e, ERR_DENIED, "cannot stop process %d", (int)pid);
    while (rc == 0 && add_children(&f))
        ;
    for (size_t i = 0; rc == 0 && i < f.count; i++)
        if (node_pidfd_signal(f.fd[i], SIGKILL) && errno != ESRCH)
            rc = err_errno(e, ERR_DENIED, "cannot kill process %d", (int)f.pid[i]);
    for (size_t i = 0; i < f.count; i++)
        close(f.fd[i]);
    return rc ? -1 : 1;
}

int node_hold(const struct node_instance *i, int64_t deadline_ms, struct err *e)
{
    const char *const stop[NODE_SYSTEMCTL_WORDS] = {"stop", "--no-block", i->supervisor.unit};

    switch (i->supervisor.kind) {
    case NODE_SUPERVISOR_SYSTEMD:
        return node_systemctl(stop, deadline_ms, NULL, e) ? -1 : 1;
    case NODE_SUPERVISOR_SAFE:
        return kill_family(i->supervisor.pid, i->supervisor.start_ticks, e) < 0 ? -1 : 1;
    case NODE_SUPERVISOR_NONE:
    case NODE_SUPERVISOR_OTHER:
        break;
    }
    return 0;
}
