/* Starting and stopping a replica's threads. */
#include "common/clock.h"
#include "manager/act/step.h"

#include <string.h>

static int64_t at_most(int64_t deadline_ms, int64_t ms)
{
    int64_t own = clock_mono_ms() + ms;
    return deadline_ms < own ? deadline_ms : own;
}

/* MariaDB with Using_Gtid: the first START of either thread while both are stopped deletes all
 * relay logs, and with a dead master what they held is gone (decision 11c). */
static int start_would_delete(struct exec *x, int host, const struct sql_channel *c)
{
    const struct topo_host *h = &x->t->host[host];
    return h->version.family == FAMILY_MARIADB && c->using_gtid[0] &&
           strcasecmp(c->using_gtid, "No") != 0 && c->io_running == 0 && !c->sql_running &&
           binpos_cmp(&c->exec, &c->read) < 0;
}

int step_start_sql(struct exec *x, struct exec_done *d, int64_t deadline_ms, struct err *e)
{
    int host = d->step->host, rc = -1;
    struct sql_channel c;
    if (step_channel(x, host, &c, e) < 0)
        return -1;
    if (!c.master_host[0]) {
        err_set(e, ERR_WORLD, "%s is no replica any more", topo_label(x->t, host));
    } else if (c.sql_running) {
        d->result = STEP_ALREADY;
        rc = 0;
    } else if (start_would_delete(x, host, &c)) {
        err_set(e, ERR_WORLD,
                "both threads of %s are stopped with events not applied: starting one would "
                "delete its relay logs (apply them by hand, then start again)",
                topo_label(x->t, host));
    } else {
        rc = sql_start_sql(step_sql(x, host, e), c.name, at_most(deadline_ms, STEP_SQL_MS), e);
    }
    gtid_release(&c.retrieved);
    return rc;
}

int step_stop_sql(struct exec *x, struct exec_done *d, int64_t deadline_ms, struct err *e)
{
    int host = d->step->host;
    struct sql *s = step_sql(x, host, e);
    return s ? sql_stop_sql(s, x->host[host].channel, at_most(deadline_ms, 3000), e) : -1;
}

int step_stop_io(struct exec *x, struct exec_done *d, int64_t deadline_ms, struct err *e)
{
    int host = d->step->host, rc = -1;
    struct sql_channel c;
    if (step_channel(x, host, &c, e) < 0)
        return -1;
    if (!c.master_host[0] || !step_follows(x, &c, host, x->p->dead)) {
        err_set(e, ERR_WORLD, "%s is no replica of %s any more", topo_label(x->t, host),
                topo_label(x->t, x->p->dead));
    } else if (c.io_running == 0) {
        d->result = STEP_ALREADY;
        rc = 0;
    } else {
        rc = sql_stop_io(step_sql(x, host, e), c.name, at_most(deadline_ms, 3000), e);
    }
    gtid_release(&c.retrieved);
    return rc;
}

/* The inverse: only where it ran before. */
int step_start_io(struct exec *x, struct exec_done *d, int64_t deadline_ms, struct err *e)
{
    int host = d->step->host;
    if (x->before->host[host].repl.io == THREAD_NO)
        return 0;
    struct sql *s = step_sql(x, host, e);
    return s ? sql_start_io(s, x->host[host].channel, at_most(deadline_ms, 3000), e) : -1;
}
