/* Stopping the old master's writes for an online switch, and the way back. */
#include "common/clock.h"
#include "common/log.h"
#include "common/sql_freeze.h"
#include "manager/act/sessions.h"
#include "manager/act/step.h"

#include <stdlib.h>

#define REOPEN_MS    1000
#define STAND_MS     200 /* MHA's time between two looks at a binlog that should not move */
#define LONG_QUERY_S 1

static int64_t or_in(int64_t deadline_ms, int64_t ms)
{
    return deadline_ms == INT64_MAX ? clock_mono_ms() + ms : deadline_ms;
}

int step_freeze(struct exec *x, struct exec_done *d, int64_t deadline_ms, struct err *e)
{
    struct sql *s = step_sql(x, d->step->host, e);
    if (!s)
        return -1;
    if (!x->stopped_us)
        x->stopped_us = clock_mono_us();
    /* The statement's own limit is a second; the session must outlive it to take it back. */
    deadline_ms = or_in(deadline_ms, REOPEN_MS) + REOPEN_MS;
    if (sql_freeze(s, deadline_ms, e) < 0)
        return -1;
    x->proof |= PROOF_FROZEN;
    return 0;
}

/* A session of its own where the first one is gone: its locks went with it, read_only did not. */
static struct sql *reopen(struct exec *x, int host, struct err *e)
{
    struct group_host *h = &x->g->host[host];
    struct err lost;
    if (h->sql.db && sql_ping(&h->sql, clock_mono_ms() + REOPEN_MS, &lost) == 0)
        return &h->sql;
    sql_close(&h->sql);
    x->host[host].locked = 0;
    return group_open_sql(h, &h->sql, clock_mono_ms() + REOPEN_MS, e) == 0 ? &h->sql : NULL;
}

/* The inverse, unless another server has opened meanwhile. */
int step_thaw(struct exec *x, struct exec_done *d, int64_t deadline_ms, struct err *e)
{
    int host = d->step->host;
    const struct topo_host *was = &x->before->host[host];
    (void)deadline_ms;
    if (x->past_return)
        return err_set(e, ERR_BUG, "the old master is not opened behind the point of no return");
    if (x->hook_failed)
        return err_set(e, ERR_WORLD, "%s may take writes: %s stays read-only",
                       topo_label(x->t, x->p->new_master), topo_label(x->t, host));
    struct sql *s = reopen(x, host, e);
    if (!s ||
        sql_unfreeze(s, was->read_only, was->super_read_only, clock_mono_ms() + REOPEN_MS, e) < 0)
        return -1;
    x->proof &= ~(unsigned)PROOF_FROZEN;
    x->resumed_us = clock_mono_us();
    x->gave_back = !was->read_only;
    step_say(d, "%s takes writes %s", topo_label(x->t, host),
             was->read_only ? "as little as before" : "again");
    return 0;
}

/* Where accounts may write through read_only. What runs there now could hold the lock up, and its
 * client will have to come back anyway. */
int step_lock_tables(struct exec *x, struct exec_done *d, int64_t deadline_ms, struct err *e)
{
    struct sql *s = step_sql(x, d->step->host, e);
    if (!s)
        return -1;
    deadline_ms = or_in(deadline_ms, REOPEN_MS) + REOPEN_MS;
    int ended = sessions_end(s, 1, deadline_ms, e);
    if (ended < 0 || sql_lock_tables(s, deadline_ms, e) < 0)
        return -1;
    if (ended > 0)
        step_say(d, "%d running statement(s) ended", ended);
    return 0;
}

int step_unlock_tables(struct exec *x, struct exec_done *d, int64_t deadline_ms, struct err *e)
{
    struct sql *s = step_sql(x, d->step->host, e);
    if (!s)
        return d->result == STEP_UNDONE ? 0 : -1; /* the lock went with its session */
    return sql_unlock_tables(s, or_in(deadline_ms, REOPEN_MS), e);
}

/* Flushing behind a long query makes all others wait behind the flush. */
int step_flush_tables(struct exec *x, struct exec_done *d, int64_t deadline_ms, struct err *e)
{
    struct sql_sessions l;
    struct sql *s = step_sql(x, d->step->host, e);
    int64_t longest = 0;
    if (!s || sql_read_sessions(s, &l, or_in(deadline_ms, STEP_SQL_MS), e) < 0)
        return -1;
    for (size_t i = 0; i < l.count; i++)
        if (session_is_client(s, &l.item[i]) && session_runs(&l.item[i]) &&
            l.item[i].time_s > longest)
            longest = l.item[i].time_s;
    sql_sessions_release(&l);
    if (longest > LONG_QUERY_S) {
        step_say(d, "left out: a query has been running for %lld s", (long long)longest);
        d->result = STEP_ALREADY;
        return 0;
    }
    return sql_flush_tables(s, or_in(deadline_ms, STEP_SQL_MS), e);
}

static int read_end(struct exec *x, struct sql *s, struct sql_binlog *b, int64_t deadline_ms,
                    struct err *e)
{
    struct sql_gtids g = {0};
    if (sql_read_binlog(s, b, deadline_ms, e) < 0)
        return -1;
    if (x->mode == MODE_POSITION)
        return 0;
    int rc = sql_read_gtids(s, &g, deadline_ms, e);
    if (rc == 0)
        gtid_copy(&x->final_set, &g.executed);
    sql_gtids_release(&g);
    return rc;
}

/* With neither super_read_only nor a table lock a privileged account could still write: then the
 * binlog must stand still. */
static int stands_still(struct exec *x, struct sql *s, const struct sql_binlog *b, struct err *e)
{
    const struct topo_host *h = &x->t->host[x->p->dead];
    if (!x->t->skip_lock_all_tables || h->super_read_only >= 0)
        return 0;
    struct sql_binlog *again = mem_zalloc(sizeof *again);
    clock_sleep_ms(STAND_MS);
    int rc = sql_read_binlog(s, again, clock_mono_ms() + STEP_SQL_MS, e);
    if (rc == 0 && binpos_cmp(&again->at, &b->at) != 0)
        rc = err_set(e, ERR_WORLD,
                     "%s is read-only and its binlog still moves: an account with SUPER writes "
                     "(end it, or leave --skip_lock_all_tables out)",
                     topo_label(x->t, x->p->dead));
    free(again);
    return rc;
}

int step_read_final(struct exec *x, struct exec_done *d, int64_t deadline_ms, struct err *e)
{
    struct sql *s = step_sql(x, d->step->host, e);
    if (!s)
        return -1;
    struct sql_binlog *b = mem_zalloc(sizeof *b);
    int rc = read_end(x, s, b, or_in(deadline_ms, STEP_SQL_MS), e);
    if (rc == 0)
        rc = stands_still(x, s, b, e);
    x->final = b->at;
    free(b);
    step_say(d, "%s:%llu", x->final.file, (unsigned long long)x->final.pos);
    return rc;
}

int step_end_clients(struct exec *x, struct exec_done *d, int64_t deadline_ms, struct err *e)
{
    struct sql *s = step_sql(x, d->step->host, e);
    int n = s ? sessions_end(s, 0, or_in(deadline_ms, STEP_SQL_MS), e) : -1;
    if (n >= 0)
        step_say(d, "%d session(s)", n);
    return n < 0 ? -1 : 0;
}
