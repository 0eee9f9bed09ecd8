/* Waiting for replication by progress: as long as something moves, and no longer. */
#include "common/clock.h"
#include "manager/act/pace.h"
#include "manager/act/step.h"

#include <stdio.h>
#include <string.h>

#define SLICE_MS 1000

/* What is waited for on a host: a GTID set, or (set NULL) a position in its master's binlog, which
 * with no file means all that was received. */
struct wait {
    struct exec *x;
    int host;
    const struct gtid_set *set;
    struct binpos to;
    int may_be_cut;     /* the last transaction may have been received in part */
    struct pace pace;   /* transactions or bytes left */
    struct binpos exec; /* the moving sign besides */
    int idle;           /* looks in a row at which the SQL thread had nothing to do */
};

static int has_read_all(const struct wait *w, const struct sql_channel *c)
{
    struct err e;
    if (strncmp(c->sql_state, "Slave has read all relay log", 28) != 0 &&
        strncmp(c->sql_state, "Replica has read all relay log", 30) != 0)
        return 0;
    return w->x->t->host[w->host].workers <= 1 ||
           sql_workers_idle(&w->x->g->host[w->host].sql, clock_mono_ms() + STEP_SQL_MS, &e) == 1;
}

/* With workers the applied position is that of the last checkpoint, each 300 ms by default. */
static int idle_enough(const struct wait *w)
{
    return w->idle > (w->x->t->host[w->host].workers <= 1 ? 2 : 20);
}

static int sets_left(struct wait *w, int64_t *left, struct err *e)
{
    struct sql_gtids g = {0};
    struct gtid_set missing = GTID_INIT;
    int rc = sql_read_gtids(&w->x->g->host[w->host].sql, &g, clock_mono_ms() + STEP_SQL_MS, e);
    if (rc == 0) {
        gtid_minus(&missing, w->set, &g.executed);
        *left = (int64_t)gtid_count(&missing);
    }
    gtid_release(&missing);
    sql_gtids_release(&g);
    return rc;
}

/* 1 reached, 0 not yet, -1. */
static int look(struct wait *w, struct err *e)
{
    struct sql_channel c;
    int64_t left = -1;
    if (w->set && sets_left(w, &left, e) < 0)
        return -1;
    if (left == 0)
        return 1;
    if (step_channel(w->x, w->host, &c, e) < 0)
        return -1;
    if (!w->set) {
        const struct binpos *to = w->to.file[0] ? &w->to : &c.read;
        left = binpos_gap(&c.exec, to);
        if (binpos_cmp(&c.exec, to) >= 0)
            left = 0;
    }
    w->idle = left != 0 && w->may_be_cut && has_read_all(w, &c) ? w->idle + 1 : 0;
    pace_look(&w->pace, left, binpos_cmp(&c.exec, &w->exec) != 0, "");
    w->exec = c.exec;
    int rc = left == 0 || idle_enough(w);
    if (!rc && !c.sql_running)
        rc = err_set(e, ERR_WORLD, "the SQL thread of %s has stopped: %s",
                     topo_label(w->x->t, w->host), c.sql_error[0] ? c.sql_error : "no error");
    else if (!rc && c.io_running != 1 && db_errno_means_alive(c.io_errno) && !w->may_be_cut)
        rc = err_set(e, ERR_WORLD, "the IO thread of %s: %s", topo_label(w->x->t, w->host),
                     c.io_error);
    gtid_release(&c.retrieved);
    return rc;
}

static int slice(struct wait *w, struct err *e)
{
    int reached = 0;
    int64_t until = clock_mono_ms() + SLICE_MS;
    struct sql *s = &w->x->g->host[w->host].sql;
    if (w->idle > 0 || (!w->set && !w->to.file[0])) {
        clock_sleep_ms(w->idle > 0 ? 100 : 20);
        return 0;
    }
    if (w->set)
        return sql_wait_gtid(s, w->x->host[w->host].channel, w->set, until, &reached, e);
    return sql_wait_position(s, w->x->host[w->host].channel, &w->to, until, &reached, e);
}

static int does_not_move(const struct wait *w, struct err *e)
{
    struct buf left = BUF_INIT;
    pace_print(&w->pace, &left);
    err_set(e, ERR_TIMEOUT, "%s does not move: %s", topo_label(w->x->t, w->host), left.data);
    buf_release(&left);
    return -1;
}

static int wait_until(struct wait *w, struct exec_done *d, int64_t deadline_ms, struct err *e)
{
    if (!step_sql(w->x, w->host, e))
        return -1;
    pace_begin(&w->pace, w->x, w->host, w->set ? "transactions" : "bytes");
    for (int rc;;) {
        if ((rc = look(w, e)) < 0)
            return -1;
        if (rc > 0)
            break;
        if (pace_has_stalled(&w->pace) || clock_mono_ms() > deadline_ms)
            return does_not_move(w, e);
        if (slice(w, e) < 0)
            return -1;
    }
    if (w->idle > 0)
        step_say(d, "its last transaction was received in part and is not counted");
    return 0;
}

int step_wait_for(struct exec *x, struct exec_done *d, const struct gtid_set *set,
                  const struct binpos *to, int64_t deadline_ms, struct err *e)
{
    struct wait w = {.x = x, .host = d->step->host, .set = set, .to = *to};
    return wait_until(&w, d, deadline_ms, e);
}

/* Decision 15: received is what the snapshot behind the fence saw, with the IO thread stopped. */
int step_wait_applied(struct exec *x, struct exec_done *d, int64_t deadline_ms, struct err *e)
{
    struct gtid_set received = GTID_INIT;
    struct wait w = {.x = x, .host = d->step->host, .may_be_cut = 1};
    if (x->mode != MODE_POSITION) {
        topo_received(x->t, d->step->host, &received);
        w.set = &received;
    }
    int rc = wait_until(&w, d, deadline_ms, e);
    gtid_release(&received);
    return rc;
}

int step_wait_base(struct exec *x, struct exec_done *d, int64_t deadline_ms, struct err *e)
{
    struct gtid_set received = GTID_INIT;
    struct wait w = {.x = x, .host = d->step->host, .set = &received};
    topo_received(x->t, d->step->peer, &received);
    int rc = wait_until(&w, d, deadline_ms, e);
    gtid_release(&received);
    return rc;
}

int step_wait_level(struct exec *x, struct exec_done *d, int64_t deadline_ms, struct err *e)
{
    struct wait w = {.x = x, .host = d->step->host, .to = x->position};
    if (x->mode != MODE_POSITION)
        w.set = &x->level;
    int rc = wait_until(&w, d, deadline_ms, e);
    x->host[d->step->host].followed = rc == 0;
    return rc;
}
