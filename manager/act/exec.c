/* Lanes, groups of steps and what a failure does; see exec.h. */
#include "manager/act/exec.h"

#include "common/clock.h"
#include "common/log.h"
#include "manager/act/step.h"

#include <stdio.h>
#include <string.h>

#define RETRY_MS 20

/* Steps [from, to) of the plan, beside each other host by host. */
struct lanes {
    struct exec *x;
    struct exec_done *first; /* of step `from` */
    int from, to;
    struct err *err; /* of the first step that stops the plan */
    int failed;
};

/* Steps that ask the same again when they are done twice. */
static int is_repeatable(enum step_kind k)
{
    return k == STEP_LOCK || k == STEP_START_SQL || k == STEP_STOP_IO || k == STEP_WAIT_APPLIED ||
           k == STEP_READ_POSITION || k == STEP_OPEN;
}

int exec_renew_session(struct exec *x, int host, int64_t deadline_ms)
{
    struct group_host *h = &x->g->host[host];
    int64_t until = clock_mono_ms() + STEP_SQL_MS;
    struct err e = {0};
    if (deadline_ms < until)
        until = deadline_ms;
    sql_close(&h->sql);
    if (group_open_sql(h, &h->sql, until, &e) < 0)
        return -1;
    while (x->host[host].locked && exec_lock(x, host, until, &e) < 0) {
        if (e.code != ERR_WORLD || clock_mono_ms() >= until)
            return -1;
        clock_sleep_ms(RETRY_MS);
    }
    return 0;
}

/* A session that ends says nothing of its server, and one failed step ends a failover: it is done
 * once more. Not by a process that stood still: what ended may have been its lease. */
static int do_step(struct exec *x, struct exec_done *d, int64_t deadline_ms, struct err *e)
{
    const struct step *s = d->step;
    int rc = step_run(s->kind)(x, d, deadline_ms, e);
    if (rc == 0 || e->code != ERR_CONNECT || !is_repeatable(s->kind) || !exec_on_time(x) ||
        exec_renew_session(x, s->host, deadline_ms) < 0)
        return rc;
    log_warning("session-lost", "%s: %s: done once more with a new session",
                topo_label(x->t, s->host), e->text);
    memset(e, 0, sizeof *e);
    d->result = STEP_OK;
    return step_run(s->kind)(x, d, deadline_ms, e);
}

static int run_step(struct exec *x, struct exec_done *d, struct err *e)
{
    const struct step *s = d->step;
    d->begin_us = clock_mono_us();
    exec_tell_begin(x, s);
    int64_t deadline = s->budget_ms > 0 ? clock_mono_ms() + s->budget_ms : INT64_MAX;
    int rc = exec_journal_begin(x, d, e);
    if (rc == 0)
        rc = exec_still_ours(x, e);
    if (rc == 0) {
        pthread_mutex_lock(&x->host[s->host].busy);
        d->result = STEP_OK;
        rc = do_step(x, d, deadline, e);
        pthread_mutex_unlock(&x->host[s->host].busy);
    }
    d->us = clock_mono_us() - d->begin_us;
    /* A statement that failed because its session ended while we stood still says nothing of the
     * host. */
    struct err why;
    if (rc < 0 && exec_still_ours(x, &why) < 0)
        *e = why;
    if (rc < 0) {
        d->result = STEP_FAILED;
        snprintf(d->text, sizeof d->text, "%.*s", (int)sizeof d->text - 1, e->text);
    }
    exec_journal_end(x, d, "end");
    exec_log_end(x, d);
    return rc;
}

/* The failure of a step, as the plan wants it taken. 1: the plan stops. */
static int take_failure(struct exec *x, const struct exec_done *d)
{
    struct exec_host *h = &x->host[d->step->host];
    if (d->step->on_fail == STOP_AND_UNDO || x->lost_lease)
        return 1;
    if (d->step->on_fail == DROP_HOST) {
        h->lost = 1;
        snprintf(h->reason, sizeof h->reason, "%s", d->text);
    }
    return 0;
}

static void lane(struct group *g, int host, void *arg)
{
    struct lanes *l = arg;
    struct exec *x = l->x;
    (void)g;
    for (int i = l->from; i < l->to && !x->stop; i++) {
        struct exec_done *d = &l->first[i - l->from];
        if (d->step->host != host || (x->host[host].lost && d->step->kind != STEP_UNLOCK))
            continue;
        struct err e = {0};
        if (run_step(x, d, &e) < 0 && take_failure(x, d)) {
            pthread_mutex_lock(&x->state);
            if (!l->failed)
                *l->err = e;
            l->failed = 1;
            pthread_mutex_unlock(&x->state);
            x->stop = 1;
        }
    }
}

/* Consecutive steps that may run beside each other are one group; any other step is one alone. */
static int group_end(const struct plan *p, int from)
{
    int to = from + 1;
    while (p->step[from].beside && to < p->steps && p->step[to].beside &&
           p->step[to].phase == p->step[from].phase)
        to++;
    return to;
}

static int run_group(struct exec *x, int from, int to, struct err *e)
{
    struct lanes l = {.x = x, .first = &x->done[x->dones], .from = from, .to = to, .err = e};
    uint32_t mask = 0;
    if (x->cancel && *x->cancel && !x->past_return)
        return err_set(e, ERR_WORLD, "stopped by signal %d", *x->cancel);
    exec_enter_phase(x, x->p->step[from].phase);
    for (int i = from; i < to; i++) {
        const struct step *s = &x->p->step[i];
        x->done[x->dones++] = (struct exec_done){.step = s, .part = x->p->part, .n = i + 1};
        mask |= UINT32_C(1) << s->host;
    }
    if (to - from == 1)
        lane(x->g, x->p->step[from].host, &l);
    else
        group_each(x->g, mask, lane, &l);
    return l.failed ? -1 : 0;
}

int exec_plan(struct exec *x, const struct topo *t, const struct plan *p, struct err *e)
{
    x->t = t;
    x->p = p;
    if (!x->before)
        x->before = t;
    x->stop = 0;
    if (plan_check(t, p, e) < 0)
        return -1;
    if (x->dones + p->steps > EXEC_STEPS_MAX)
        return err_set(e, ERR_BUG, "more than %d steps in one operation", EXEC_STEPS_MAX);
    for (int from = 0, to; from < p->steps; from = to) {
        to = group_end(p, from);
        if (run_group(x, from, to, e) == 0)
            continue;
        if (!x->past_return)
            exec_undo(x);
        return -1;
    }
    return 0;
}
