/* master_ip_online_change_script as steps, and how what it did is taken back. */
#include "common/clock.h"
#include "common/sql_freeze.h"
#include "manager/act/step.h"

#include <stdlib.h>

static int result_of(enum hook_result r, struct exec_done *d)
{
    if (r == HOOK_FAILED)
        return -1;
    if (r == HOOK_WARN)
        step_say(d, "exit code 10: a warning");
    return 0;
}

static void call_between(struct exec *x, int orig, int next, struct hook_call *h)
{
    step_hook_call(x, orig, next, h);
    h->orig_is_new_slave = x->t->orig_master_is_new_slave;
}

/* The script may stop writes itself: the pause begins with it. */
int step_hook_change_stop(struct exec *x, struct exec_done *d, int64_t deadline_ms, struct err *e)
{
    struct hook_call h;
    (void)deadline_ms;
    call_between(x, d->step->host, d->step->peer, &h);
    x->stopped_us = clock_mono_us();
    return result_of(hook_change_stop(x->g->conf, &h, e), d);
}

/* The inverse is the script's own word for it: writes start, on the server that had them. MHA's
 * sample sets read_only in its stop; a script that forgets it must not cost the group its master.
 */
int step_hook_change_back(struct exec *x, struct exec_done *d, int64_t deadline_ms, struct err *e)
{
    struct hook_call h;
    if (x->hook_failed) {
        step_say(d, "%s may take writes: the address stays away",
                 topo_label(x->t, x->p->new_master));
        return 0;
    }
    call_between(x, d->step->peer, d->step->host, &h);
    int rc = result_of(hook_change_start(x->g->conf, &h, e), d);
    struct err other;
    if (step_thaw(x, d, deadline_ms, rc < 0 ? &other : e) < 0)
        return -1;
    return rc;
}

/* 1 when the new master's binlog has moved since its position was read: somebody wrote there. */
static int has_written(struct exec *x, int host, struct err *e)
{
    struct sql *s = step_sql(x, host, e);
    struct sql_binlog *b = mem_zalloc(sizeof *b);
    int rc = s ? sql_read_binlog(s, b, clock_mono_ms() + STEP_SQL_MS, e) : -1;
    if (rc == 0)
        rc = binpos_cmp(&b->at, &x->position) > 0;
    free(b);
    return rc;
}

/* Closed first, looked at second: then the answer stays true. */
static int close_new(struct exec *x, int host, struct err *e)
{
    struct sql *s = step_sql(x, host, e);
    if (!s || sql_set_read_only(s, 1, clock_mono_ms() + STEP_SQL_MS, e) < 0)
        return -1;
    return has_written(x, host, e);
}

/* A script that failed when clients were writing to the new master already cannot be taken back:
 * that server is the master, and the switch goes on. */
int step_hook_change_start(struct exec *x, struct exec_done *d, int64_t deadline_ms, struct err *e)
{
    struct hook_call h;
    struct err other = {0};
    int host = d->step->host;
    (void)deadline_ms;
    call_between(x, d->step->peer, host, &h);
    if (result_of(hook_change_start(x->g->conf, &h, e), d) == 0)
        return 0;
    if (close_new(x, host, &other) != 1)
        return -1;
    x->hook_failed = 1;
    step_say(d, "failed, but %s has taken writes: going on (%.120s)", topo_label(x->t, host),
             e->text);
    return 0;
}

/* Before the old master is opened again nobody may write to the other one, and nobody may have. */
int step_hook_change_close(struct exec *x, struct exec_done *d, int64_t deadline_ms, struct err *e)
{
    int host = d->step->host;
    (void)deadline_ms;
    int wrote = close_new(x, host, e);
    if (wrote == 0)
        return 0;
    x->hook_failed = 1;
    if (wrote < 0)
        return err_wrap(e, "%s could not be closed", topo_label(x->t, host));
    return err_set(e, ERR_WORLD,
                   "%s has taken writes: %s is not opened again. Make %s the master by hand "
                   "(read_only=0), then run rejoin for %s",
                   topo_label(x->t, host), topo_label(x->t, x->p->dead), topo_label(x->t, host),
                   topo_label(x->t, x->p->dead));
}
