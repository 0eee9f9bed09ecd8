/* The life of a local mysqld; see watch.h. */
#include "node/watch.h"

#include "common/clock.h"
#include "node/agent.h"
#include "node/lastbinlog.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STAT_POLL_US  50000
#define LOOK_US       200000
#define BINLOG_DUE_US 200000

static node_inline look_end, binlog_end;
static node_work binlog_work;

static const struct node_op look_op = {"look", NULL, node_watch_work, look_end, 0};
static const struct node_op binlog_op = {"last_binlog", NULL, binlog_work, binlog_end, 0};

static struct node_watch *find(struct agent *a, int port, const char *ip)
{
    for (size_t i = 0; i < NODE_WATCH_MAX; i++) {
        struct node_watch *w = &a->watch[i];

        if (w->used && w->port == port && strcmp(json_get_str(w->req, "ip", ""), ip ? ip : "") == 0)
            return w;
    }
    return NULL;
}

struct json_object *node_watch_known(struct agent *a, int port, const char *ip)
{
    struct node_watch *w = find(a, port, ip);

    return w ? w->known : NULL;
}

static void event(struct agent *a, const struct node_watch *w, const char *state,
                  struct json_object *o)
{
    if (!o)
        o = json_object_new_object();
    json_put_int(o, "port", w->port);
    json_put_int(o, "pid", w->pid);
    json_put_str(o, "state", state);
    if (json_get_int(o, "at_us", 0) == 0)
        json_put_int(o, "at_us", clock_mono_us());
    node_event(a, "mysqld", o);
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void let_go(struct node_watch *w)
{
    close_fd(&w->pidfd);
    close_fd(&w->statm_fd);
    close_fd(&w->stat_fd);
    w->dying = w->stopped = 0;
}

static int open_proc(pid_t pid, const char *name)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    return open(path, O_RDONLY | O_CLOEXEC);
}

/* Takes hold of the instance that a reply describes. 1 when there is one. */
static int take_hold(struct node_watch *w, struct json_object *reply)
{
    struct json_object *known = NULL;
    pid_t pid;

    if (!json_object_object_get_ex(reply, "known", &known))
        return 0;
    pid = (pid_t)json_get_int(known, "pid", 0);
    w->pidfd = node_pidfd_open(pid, json_get_u64(known, "start_ticks", 0));
    if (w->pidfd < 0)
        return 0;
    w->pid = pid;
    w->statm_fd = open_proc(pid, "statm");
    w->stat_fd = open_proc(pid, "stat");
    json_object_put(w->known);
    w->known = json_object_get(known);
    w->next_poll_us = w->next_stat_us = 0;
    return 1;
}

int node_watch_begin(struct agent *a, struct json_object *req, struct json_object *reply,
                     struct err *e)
{
    struct node_target t;

    (void)reply;
    if (node_target_read(req, &t, e))
        return -1;
    if (find(a, t.port, t.ip))
        return 0;
    for (size_t i = 0; i < NODE_WATCH_MAX; i++)
        if (!a->watch[i].used)
            return 0;
    return err_set(e, ERR_WORLD, "%d instances are watched already", NODE_WATCH_MAX);
}

int node_watch_work(struct json_object *req, struct json_object *reply, struct err *e)
{
    struct node_target t;
    struct node_instance *i;
    struct json_object *known;

    if (node_target_read(req, &t, e))
        return -1;
    i = mem_zalloc(sizeof(*i));
    node_instance_find(&t, i);
    node_instance_to_json(i, reply);
    if (i->pid) {
        known = json_object_new_object();
        node_instance_to_json(i, known);
        json_object_object_add(known, "launch", node_launch_describe(i->pid));
        if (i->supervisor.kind == NODE_SUPERVISOR_SAFE)
            json_object_object_add(known, "supervisor_launch",
                                   node_launch_describe(i->supervisor.pid));
        json_object_object_add(reply, "known", known);
    }
    free(i);
    return 0;
}

static struct node_watch *slot_for(struct agent *a, int port, const char *ip)
{
    struct node_watch *w = find(a, port, ip);

    for (size_t i = 0; !w && i < NODE_WATCH_MAX; i++)
        if (!a->watch[i].used)
            w = &a->watch[i];
    if (w && w->used) {
        let_go(w);
        json_object_put(w->req);
        json_object_put(w->known);
        json_object_put(w->last);
    }
    return w;
}

/* How it is started again stays here: it holds the server's environment. */
int node_watch_end(struct agent *a, struct json_object *req, struct json_object *reply,
                   struct err *e)
{
    struct node_target t;
    struct node_watch *w;

    if (!reply)
        return 0;
    if (node_target_read(req, &t, e))
        return -1;
    w = slot_for(a, t.port, t.ip);
    if (!w)
        return err_set(e, ERR_WORLD, "%d instances are watched already", NODE_WATCH_MAX);
    memset(w, 0, sizeof(*w));
    w->used = 1;
    w->req = json_object_get(req);
    w->port = t.port;
    w->pidfd = w->statm_fd = w->stat_fd = -1;
    w->poll_us = json_get_int(req, "poll_ms", 1) * 1000;
    if (w->poll_us < 1000)
        w->poll_us = 1000;
    take_hold(w, reply);
    json_put_int(reply, "pid", w->pid);
    json_object_object_del(reply, "known");
    return 0;
}

static int look_end(struct agent *a, struct json_object *req, struct json_object *reply,
                    struct err *e)
{
    struct node_target t;
    struct node_watch *w;

    if (node_target_read(req, &t, e))
        return -1;
    w = find(a, t.port, t.ip);
    if (!w)
        return 0;
    w->looking = 0;
    if (reply && w->pid == 0 && take_hold(w, reply))
        event(a, w, "started", NULL);
    return 0;
}

static int binlog_work(struct json_object *req, struct json_object *reply, struct err *e)
{
    const char *index = json_get_str(req, "binlog_index", NULL);
    const char *dir = json_get_str(req, "binlog_dir", NULL);
    const char *prefix = json_get_str(req, "binlog_prefix", NULL);
    struct node_last_binlog *last = mem_zalloc(sizeof(*last));
    char path[PATH_MAX];
    int rc;

    if (index)
        rc = node_binlog_last_of_index(index, path, sizeof(path), e);
    else if (dir && prefix)
        rc = node_binlog_last_of_dir(dir, prefix, path, sizeof(path), e);
    else
        rc = err_set(e, ERR_WORLD, "no binlog is named");
    if (rc == 0)
        rc = node_binlog_stop(path, last, e);
    if (rc == 0) {
        if (last->stop == NODE_STOP_UNKNOWN)
            json_object_object_add(reply, "clean", NULL);
        else
            json_put_bool(reply, "clean", last->stop == NODE_STOP_CLEAN);
        json_put_str(reply, "binlog", last->path);
        json_put_int(reply, "binlog_bytes", last->size_bytes);
    }
    free(last);
    return rc;
}

static void send_gone(struct agent *a, struct node_watch *w, struct json_object *o)
{
    struct json_object *clean;

    if (!json_object_object_get_ex(o, "clean", &clean))
        json_object_object_add(o, "clean", NULL);
    json_put_int(o, "at_us", w->gone_us);
    event(a, w, "gone", o);
    w->gone_us = 0;
    w->pid = 0;
}

/* Kept for the gone event; what comes after that went out without it is told as an event of its
 * own. */
static int binlog_end(struct agent *a, struct json_object *req, struct json_object *reply,
                      struct err *e)
{
    struct node_target t;
    struct node_watch *w;
    struct json_object *o;

    if (node_target_read(req, &t, e))
        return -1;
    w = find(a, t.port, t.ip);
    o = reply ? json_object_get(reply) : json_object_new_object();
    if (w)
        w->reading = 0;
    if (w && w->gone_us) {
        send_gone(a, w, o);
    } else if (w && w->dying) {
        json_object_put(w->last);
        w->last = o;
    } else {
        json_put_int(o, "port", t.port);
        node_event(a, "last_binlog", o);
    }
    return 0;
}

/* Its last binlog tells whether it was stopped or crashed; a process that dies writes no more. */
static void read_last_binlog(struct agent *a, struct node_watch *w)
{
    int named =
        json_get_str(w->req, "binlog_index", NULL) || json_get_str(w->req, "binlog_dir", NULL);

    json_object_put(w->last);
    w->last = NULL;
    w->reading = named && node_job_start(a, &binlog_op, -1, json_object_get(w->req), NULL) == 0;
}

static void tell_dying(struct agent *a, struct node_watch *w)
{
    event(a, w, "dying", NULL);
    read_last_binlog(a, w);
}

/* A small process may be gone before the next poll: dying is told all the same, so that it always
 * comes first. The end is told at once unless a binlog can say what kind of end it was: its reading
 * is given BINLOG_DUE_US, for the disk may be what is broken. */
void node_watch_ended(struct agent *a, struct node_watch *w, int64_t now_us)
{
    struct json_object *last;

    if (!w->dying)
        tell_dying(a, w);
    let_go(w);
    w->gone_us = now_us;
    w->gone_due_us = now_us + BINLOG_DUE_US;
    w->next_poll_us = now_us + LOOK_US;
    if (w->reading)
        return;
    last = w->last ? w->last : json_object_new_object();
    w->last = NULL;
    send_gone(a, w, last);
}

/* The memory of a process is given back first of all when it ends: its size is 0 within a
 * millisecond, while sockets and pidfd may take seconds (decision 11a). A process already reaped
 * cannot be read. */
static int is_dying(const struct node_watch *w)
{
    char c[2] = "";

    return w->statm_fd >= 0 && (pread(w->statm_fd, c, 2, 0) != 2 || (c[0] == '0' && c[1] == ' '));
}

static char read_state(const struct node_watch *w)
{
    char text[256], *at;
    ssize_t n = w->stat_fd >= 0 ? pread(w->stat_fd, text, sizeof(text) - 1, 0) : -1;

    if (n <= 0)
        return '?';
    text[n] = '\0';
    at = strrchr(text, ')');
    if (!at || !at[1])
        return '?';
    return at[2];
}

static void poll_alive(struct agent *a, struct node_watch *w, int64_t now_us)
{
    int stopped;

    if (w->dying || now_us < w->next_poll_us)
        return;
    w->next_poll_us = now_us + w->poll_us;
    if (is_dying(w)) {
        w->dying = 1;
        tell_dying(a, w);
        return;
    }
    if (now_us < w->next_stat_us)
        return;
    w->next_stat_us = now_us + STAT_POLL_US;
    stopped = read_state(w) == 'T';
    if (stopped != w->stopped)
        event(a, w, stopped ? "stopped" : "running", NULL);
    w->stopped = stopped;
}

static void poll_absent(struct agent *a, struct node_watch *w, int64_t now_us)
{
    struct node_listener l[NODE_LISTEN_MAX];

    if (w->gone_us && now_us >= w->gone_due_us)
        send_gone(a, w, json_object_new_object());
    if (w->gone_us || w->looking || now_us < w->next_poll_us)
        return;
    w->next_poll_us = now_us + LOOK_US;
    if (node_listen_find(w->port, json_get_str(w->req, "ip", NULL), l))
        w->looking = node_job_start(a, &look_op, -1, json_object_get(w->req), NULL) == 0;
}

void node_watch_tick(struct agent *a, int64_t now_us)
{
    for (size_t i = 0; i < NODE_WATCH_MAX; i++) {
        struct node_watch *w = &a->watch[i];

        if (w->used && w->pidfd >= 0)
            poll_alive(a, w, now_us);
        else if (w->used)
            poll_absent(a, w, now_us);
    }
}

int64_t node_watch_next_us(const struct node_watch watches[NODE_WATCH_MAX], int64_t now_us,
                           int64_t limit)
{
    for (size_t i = 0; i < NODE_WATCH_MAX; i++) {
        const struct node_watch *w = &watches[i];
        int64_t due = w->gone_us ? w->gone_due_us : w->next_poll_us;

        if (!w->used || (w->pidfd >= 0 && w->dying) || w->looking)
            continue;
        if (due - now_us < limit)
            limit = due - now_us;
    }
    return limit;
}
