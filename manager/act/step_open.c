/* Making the new master one: writable, with a position that others start from, and no master of its
 * own. */
#include "common/clock.h"
#include "manager/act/step.h"

#include <stdlib.h>

int step_open(struct exec *x, struct exec_done *d, int64_t deadline_ms, struct err *e)
{
    struct sql *s = step_sql(x, d->step->host, e);
    if (!s)
        return -1;
    if (!x->past_return || !x->proof)
        return err_set(e, ERR_BUG, "opening before the point of no return, or without a proof");
    if (deadline_ms == INT64_MAX)
        deadline_ms = clock_mono_ms() + STEP_SQL_MS;
    if (sql_open_for_writes(s, deadline_ms, e) < 0)
        return -1;
    x->opened = 1;
    x->resumed_us = clock_mono_us();
    return 0;
}

/* Where the new master is in the dead one's log: all that the others can be brought to. */
static int read_reached(struct exec *x, int host, struct err *e)
{
    struct sql_channel c;
    if (x->mode != MODE_POSITION)
        return 0;
    if (step_channel(x, host, &c, e) < 0)
        return -1;
    x->reached = c.exec;
    gtid_release(&c.retrieved);
    return 0;
}

/* Decision 21: on one connection; the server is still read-only. */
int step_read_position(struct exec *x, struct exec_done *d, int64_t deadline_ms, struct err *e)
{
    struct sql_binlog *b;
    struct sql_gtids g = {0};
    struct sql *s = step_sql(x, d->step->host, e);
    if (!s)
        return -1;
    if (deadline_ms == INT64_MAX)
        deadline_ms = clock_mono_ms() + STEP_SQL_MS;
    b = mem_zalloc(sizeof *b);
    int rc = sql_read_binlog(s, b, deadline_ms, e);
    if (rc == 0 && !b->at.file[0])
        rc = err_set(e, ERR_WORLD, "%s has no binary log (log_bin)",
                     topo_label(x->t, d->step->host));
    if (rc == 0 && x->mode != MODE_POSITION) {
        rc = sql_read_gtids(s, &g, deadline_ms, e);
        if (rc == 0)
            gtid_copy(&x->level, &g.executed);
        sql_gtids_release(&g);
    }
    if (rc == 0)
        rc = read_reached(x, d->step->host, e);
    x->position = b->at;
    free(b);
    step_say(d, "%s:%llu", x->position.file, (unsigned long long)x->position.pos);
    return rc;
}

/* Only what was opened forgets its master: before that the old coordinates may be needed again. */
int step_forget_master(struct exec *x, struct exec_done *d, int64_t deadline_ms, struct err *e)
{
    struct sql_channel c;
    int host = d->step->host;
    (void)deadline_ms;
    if (step_channel(x, host, &c, e) < 0)
        return -1;
    gtid_release(&c.retrieved);
    if (!c.master_host[0]) {
        d->result = STEP_ALREADY;
        return 0;
    }
    struct sql *s = &x->g->host[host].sql;
    if (sql_stop_replica(s, c.name, clock_mono_ms() + STEP_STOP_MS, e) < 0)
        return -1;
    return sql_forget_master(s, c.name, clock_mono_ms() + 2 * STEP_SQL_MS, e);
}
