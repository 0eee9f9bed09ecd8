/* The fence (decision 7): hold the supervisor, kill the instance, see it gone, keep guard. A proof
 * is all of: supervisor held, process descriptor readable, nobody listens on ip:port, nobody but
 * the guard holds the lock on the data files. */
#include "node/ops.h"

#include "common/clock.h"
#include "common/file.h"
#include "common/run.h"
#include "node/guard.h"
#include "node/hold.h"
#include "node/record.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUDGET_MS 3000

struct fence {
    struct json_object *req, *known, *record, *steps;
    struct node_target t;
    struct node_instance i;
    int64_t begun_us, deadline_ms;
    int pidfd; /* -1: no process was found */
    int masked;
    char how[160]; /* what holds the supervisor; empty: nothing */
    pid_t guard;
    int guard_fd, port_held, data_held;
    char lock_file[PATH_MAX], data_file[PATH_MAX];
};

static void step(struct fence *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void step(struct fence *f, const char *fmt, ...)
{
    char text[256];
    int n =
        snprintf(text, sizeof(text), "%.1f ms: ", (double)(clock_mono_us() - f->begun_us) / 1000.0);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text + n, sizeof(text) - (size_t)n, fmt, ap);
    va_end(ap);
    json_object_array_add(f->steps, json_object_new_string(text));
}

int node_fence_begin(struct agent *a, struct json_object *req, struct json_object *reply,
                     struct err *e)
{
    struct json_object *known;
    struct node_target t;

    (void)reply;
    if (node_target_read(req, &t, e))
        return -1;
    known = node_watch_known(a, t.port, t.ip);
    if (known)
        json_object_object_add(req, "known", json_object_get(known));
    return 0;
}

static void add_launch(struct fence *f, const char *key, pid_t pid)
{
    struct json_object *launch = pid > 0 ? node_launch_describe(pid) : NULL, *old = NULL;

    if (!launch && json_object_object_get_ex(f->known, key, &old))
        launch = json_object_get(old);
    json_object_object_add(f->record, key, launch);
}

/* The process as it is now, or as the watch last knew it: a supervisor may be about to start it
 * again. */
static void identify(struct fence *f)
{
    struct node_instance *old = mem_zalloc(sizeof(*old));

    node_instance_from_json(f->known, old);
    node_instance_find(&f->t, &f->i);
    if (!f->i.pid) {
        /* Where it lies was found from the request even without a process. */
        if (f->i.datadir[0])
            memcpy(old->datadir, f->i.datadir, sizeof(old->datadir));
        f->i = *old;
    } else if (!f->i.datadir[0]) {
        memcpy(f->i.datadir, old->datadir, sizeof(old->datadir));
    }
    free(old);
    f->pidfd = node_pidfd_open(f->i.pid, f->i.start_ticks);
    if (f->i.datadir[0])
        snprintf(f->data_file, sizeof(f->data_file), "%.4000s/ibdata1", f->i.datadir);
    step(f, f->pidfd >= 0 ? "process %d (%s) is the instance" : "no process is there (%d %s)",
         (int)f->i.pid, f->i.comm);
}

/* Written before anything is done, so that a later agent can give back what this one took. */
static int remember(struct fence *f, struct err *e)
{
    f->record = json_object_new_object();
    node_instance_to_json(&f->i, f->record);
    json_put_int(f->record, "port", f->t.port);
    json_put_str(f->record, "ip", f->t.ip ? f->t.ip : "");
    json_put_int(f->record, "at_ms", clock_wall_ms());
    json_put_bool(f->record, "proved", 0);
    add_launch(f, "launch", f->pidfd >= 0 ? f->i.pid : 0);
    add_launch(f, "supervisor_launch",
               f->i.supervisor.kind == NODE_SUPERVISOR_SAFE ? f->i.supervisor.pid : 0);
    if (node_record_save(node_state_dir(f->req), &f->t, f->record, 0, e))
        return err_wrap(e, "cannot note the fence");
    if (node_record_path(node_state_dir(f->req), "guard", &f->t, f->lock_file,
                         sizeof(f->lock_file)))
        return err_set(e, ERR_FORMAT, "the directory's name is too long");
    return 0;
}

static void run_command(struct fence *f, const char *command)
{
    char port[40], pid[40];
    char *env[] = {port, pid, NULL};
    struct run r = {
        .shell = command, .env = env, .deadline_ms = f->deadline_ms, .output_max = 4096};
    struct run_result res;
    struct buf out = BUF_INIT;
    struct err e = {0};

    snprintf(port, sizeof(port), "KAGEMUSHA_PORT=%d", f->t.port);
    snprintf(pid, sizeof(pid), "KAGEMUSHA_PID=%d", (int)f->i.pid);
    if (run_wait(&r, &out, &res, &e))
        step(f, "fence_command: %s", e.text);
    else if (!res.exited || res.exit_code != 0)
        step(f, "fence_command failed (%s %d)", res.exited ? "exit" : "signal",
             res.exited ? res.exit_code : res.signal);
    else
        snprintf(f->how, sizeof(f->how), "fence_command");
    buf_release(&out);
}

static void hold_supervisor(struct fence *f)
{
    const char *command = json_get_str(f->req, "fence_command", NULL);
    const struct node_supervisor *s = &f->i.supervisor;
    struct err e = {0};
    int rc;

    if (command) {
        run_command(f, command);
        return;
    }
    rc = node_hold(&f->i, f->deadline_ms, &e);
    if (rc < 0)
        step(f, "the supervisor is not held: %s", e.text);
    else if (s->kind == NODE_SUPERVISOR_SYSTEMD)
        snprintf(f->how, sizeof(f->how), "unit %s stopped", s->unit);
    else if (s->kind == NODE_SUPERVISOR_SAFE)
        snprintf(f->how, sizeof(f->how), "%s, process %d, killed", s->comm, (int)s->pid);
    else if (s->kind == NODE_SUPERVISOR_NONE)
        snprintf(f->how, sizeof(f->how), "none: nobody would start it again");
    if (f->how[0])
        step(f, "supervisor: %s", f->how);
}

static void start_guard(struct fence *f)
{
    struct node_guard g = {.target = f->t, .exe = f->i.exe, .lock_file = f->lock_file};
    struct err e = {0};

    g.target.datadir = f->i.datadir[0] ? f->i.datadir : NULL;
    f->guard = node_guard_start(&g, &f->guard_fd, &e);
    if (f->guard < 0) {
        step(f, "no guard: %s", e.text);
        return;
    }
    if (f->guard_fd < 0)
        f->port_held = 1;
    else
        fcntl(f->guard_fd, F_SETFL, O_NONBLOCK);
    step(f, "process %d keeps guard", (int)f->guard);
}

static int kill_instance(struct fence *f, struct err *e)
{
    struct node_stat st = {.state = '?'};

    if (f->pidfd < 0)
        return 0;
    if (node_pidfd_signal(f->pidfd, SIGKILL) && errno != ESRCH)
        return err_errno(e, ERR_DENIED, "cannot kill process %d", (int)f->i.pid);
    if (node_pidfd_wait(f->pidfd, f->deadline_ms)) {
        step(f, "process %d is gone", (int)f->i.pid);
        return 0;
    }
    node_proc_stat(f->i.pid, &st);
    return err_set(e, ERR_TIMEOUT, "process %d does not end in time (state %c)", (int)f->i.pid,
                   st.state);
}

static void hear_guard(struct fence *f)
{
    char text[64];
    ssize_t n = f->guard_fd >= 0 ? read(f->guard_fd, text, sizeof(text) - 1) : 0;

    if (n <= 0)
        return;
    text[n] = '\0';
    f->port_held |= strstr(text, "port") != NULL;
    f->data_held |= strstr(text, "data") != NULL;
}

/* A server that has the lock but no port yet was started since; it goes the same way. */
static int data_is_free(struct fence *f)
{
    pid_t holder = node_lock_holder(f->data_file);
    int fd;

    if (holder == f->guard)
        f->data_held = 1;
    if (holder == 0 || holder == f->guard)
        return 1;
    fd = holder > 0 ? node_pidfd_open(holder, 0) : -1;
    if (fd >= 0) {
        step(f, "process %d holds the lock on the data files: killed", (int)holder);
        node_pidfd_signal(fd, SIGKILL);
        node_pidfd_wait(fd, f->deadline_ms);
        close(fd);
    }
    return 0;
}

static const char *missing(struct fence *f)
{
    struct node_listener l[NODE_LISTEN_MAX];

    hear_guard(f);
    if (f->guard <= 0)
        return "there is no guard";
    if (!f->data_file[0])
        return "the data directory is not known";
    if (access(f->data_file, R_OK))
        return "the data files cannot be read";
    if (!data_is_free(f))
        return "somebody holds the lock on the data files";
    if (node_listen_find(f->t.port, f->t.ip, l))
        return "somebody listens on the port";
    if (!f->how[0] && !json_get_str(f->req, "fence_command", NULL) && f->port_held &&
        f->data_held) {
        snprintf(f->how, sizeof(f->how), "the guard holds port and data files against %s",
                 f->i.supervisor.comm[0] ? f->i.supervisor.comm : "everybody");
        step(f, "supervisor: %s", f->how);
    }
    return f->how[0] ? NULL : "the supervisor is not held";
}

/* NULL when proved, else what is missing at the deadline. */
static const char *prove(struct fence *f)
{
    for (;;) {
        const char *what = missing(f);

        if (!what)
            step(f, "nobody else holds port or data files");
        if (!what || clock_left_ms(f->deadline_ms) == 0)
            return what;
        clock_sleep_ms(1);
    }
}

static void finish(struct fence *f, struct json_object *reply, const char *what)
{
    struct err e = {0};

    if (!what && f->i.supervisor.kind == NODE_SUPERVISOR_SYSTEMD) {
        f->masked = node_hold_mask(f->i.supervisor.unit, f->deadline_ms);
        step(f, "unit %s is %smasked", f->i.supervisor.unit, f->masked ? "" : "not ");
    }
    json_put_bool(reply, "proved", !what);
    json_put_int(reply, "killed_pid", f->pidfd >= 0 ? f->i.pid : 0);
    json_put_str(reply, "supervisor", f->how);
    json_put_int(reply, "guard_pid", f->guard > 0 ? f->guard : 0);
    if (what)
        json_put_str(reply, "text", what);
    if (!f->record)
        return;
    json_put_bool(f->record, "proved", !what);
    json_put_bool(f->record, "masked", f->masked);
    if (node_record_save(node_state_dir(f->req), &f->t, f->record, 0, &e))
        step(f, "%s", e.text);
    json_object_object_add(reply, "record", json_object_get(f->record));
}

static const char *fence(struct fence *f, struct err *e)
{
    identify(f);
    if (f->i.container && !json_get_str(f->req, "fence_command", NULL))
        return "it lives in a container, whose runtime may start it again: set fence_command";
    if (remember(f, e))
        return e->text;
    step(f, "noted");
    hold_supervisor(f);
    start_guard(f);
    if (kill_instance(f, e))
        return e->text;
    return prove(f);
}

int node_fence_work(struct json_object *req, struct json_object *reply, struct err *e)
{
    struct fence *f = mem_zalloc(sizeof(*f));
    int64_t budget = json_get_int(req, "budget_ms", BUDGET_MS);
    struct err why = {0};
    int rc = node_target_read(req, &f->t, e);

    if (rc == 0) {
        f->req = req;
        f->pidfd = f->guard_fd = -1;
        f->begun_us = clock_mono_us();
        f->deadline_ms = clock_mono_ms() + (budget > 0 ? budget : BUDGET_MS);
        f->steps = json_object_new_array();
        json_object_object_add(reply, "steps", f->steps);
        json_object_object_get_ex(req, "known", &f->known);
        finish(f, reply, fence(f, &why));
    }
    if (f->pidfd >= 0)
        close(f->pidfd);
    if (f->guard_fd >= 0)
        close(f->guard_fd);
    json_object_put(f->record);
    free(f);
    return rc;
}

static int keep_work(struct json_object *req, struct json_object *reply, struct err *e)
{
    struct json_object *record = NULL;
    struct node_target t;

    (void)reply;
    if (node_target_read(req, &t, e))
        return -1;
    json_object_object_get_ex(req, "record", &record);
    return node_record_save(node_keep_dir(req), &t, record, 1, e);
}

static const struct node_op keep_op = {"keep", NULL, keep_work, NULL, 1};

/* What outlives a reboot is written after the answer: that disk may be the one that hangs. */
int node_fence_end(struct agent *a, struct json_object *req, struct json_object *reply,
                   struct err *e)
{
    struct json_object *record = NULL, *keep;

    (void)e;
    if (!reply || !json_object_object_get_ex(reply, "record", &record))
        return 0;
    keep = json_object_new_object();
    json_put_int(keep, "port", json_get_int(req, "port", 0));
    json_put_str(keep, "ip", json_get_str(req, "ip", NULL));
    json_put_str(keep, "keep_dir", node_keep_dir(req));
    json_object_object_add(keep, "record", json_object_get(record));
    json_object_object_del(reply, "record");
    node_job_start(a, &keep_op, -1, keep, NULL);
    return 0;
}
