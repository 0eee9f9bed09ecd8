/* Locks, the point of no return, and hosts that are left out. */
#include "common/clock.h"
#include "common/sql_freeze.h"
#include "manager/act/step.h"

#include <stdio.h>

/* Decision 12: held by the very session that executes here. */
int step_lock(struct exec *x, struct exec_done *d, int64_t deadline_ms, struct err *e)
{
    if (x->host[d->step->host].locked)
        d->result = STEP_ALREADY;
    if (deadline_ms == INT64_MAX)
        deadline_ms = clock_mono_ms() + STEP_SQL_MS;
    return exec_lock(x, d->step->host, deadline_ms, e);
}

int step_unlock(struct exec *x, struct exec_done *d, int64_t deadline_ms, struct err *e)
{
    struct exec_host *h = &x->host[d->step->host];
    if (!h->locked) {
        d->result = d->result == STEP_UNDONE ? STEP_UNDONE : STEP_ALREADY;
        return 0;
    }
    h->locked = 0;
    if (deadline_ms == INT64_MAX)
        deadline_ms = clock_mono_ms() + STEP_SQL_MS;
    return sql_unlock(&x->g->host[d->step->host].sql,
                      h->monitor_lock ? SQL_LOCK_MONITOR : SQL_LOCK_FAILOVER, deadline_ms, e);
}

/* Nothing is sent to the host: it keeps its old master, and the report names it with the reason. */
int step_leave(struct exec *x, struct exec_done *d, int64_t deadline_ms, struct err *e)
{
    struct exec_host *h = &x->host[d->step->host];
    (void)deadline_ms;
    (void)e;
    h->lost = 1;
    snprintf(h->reason, sizeof h->reason, "%s", d->step->note);
    return 0;
}

/* A living old master is asked once more: a script, or a person, may have opened it again. */
static int still_frozen(struct exec *x, int64_t deadline_ms, struct err *e)
{
    int old = x->p->dead, frozen = 0;
    pthread_mutex_lock(&x->host[old].busy);
    struct sql *s = step_sql(x, old, e);
    int rc = s ? sql_is_frozen(s, &frozen, deadline_ms, e) : -1;
    pthread_mutex_unlock(&x->host[old].busy);
    if (rc == 0 && !frozen)
        rc = err_set(e, ERR_WORLD, "%s is not read-only any more", topo_label(x->t, old));
    return rc;
}

/* The last moment at which all can be taken back: what the promotion rests on is looked at again.
 */
int step_no_return(struct exec *x, struct exec_done *d, int64_t deadline_ms, struct err *e)
{
    int held = 0;
    struct sql *s = step_sql(x, d->step->host, e);
    if (!s)
        return -1;
    if (deadline_ms == INT64_MAX)
        deadline_ms = clock_mono_ms() + STEP_SQL_MS;
    if (x->journal->failed)
        return err_set(e, ERR_IO, "the journal cannot be written: nothing irreversible is begun");
    if (!x->proof)
        return err_set(e, ERR_WORLD, "there is no proof that the old master cannot write");
    if (sql_lock_held(s, SQL_LOCK_FAILOVER, &held, deadline_ms, e) < 0)
        return -1;
    if (!held)
        return err_set(e, ERR_WORLD, "the failover lock on %s is lost",
                       topo_label(x->t, d->step->host));
    if (x->p->part == PLAN_SWITCH && still_frozen(x, deadline_ms, e) < 0)
        return -1;
    x->past_return = 1;
    return 0;
}
