/* One failover from decision to report; see operation.h. */
#include "manager/act/operation.h"

#include "common/clock.h"
#include "common/log.h"
#include "manager/act/operation_run.h"
#include "manager/act/report_loss.h"
#include "manager/act/status.h"
#include "manager/act/step.h"

#include <stdlib.h>
#include <string.h>

/* What the status of another manager says is a warning only: the advisory locks keep two apart. */
static void show_running(struct operation_run *r)
{
    struct err e;
    if (status_write(r->op->workdir, r->g->conf->app, STATUS_FAILOVER_RUNNING, r->section->hostname,
                     &e) < 0)
        log_warning("status", "%s", e.text);
}

static void log_decision(const struct operation_run *r)
{
    const struct failover *f = r->plan_a;
    struct buf text = BUF_INIT;
    log_info("mode", "GTID failover mode = %d (%s)", mode_mha(f->mode), mode_text(f->mode));
    choice_print(r->first, &f->choice, &text);
    log_info("choice", "New master is %s", topo_label(r->first, f->choice.new_master));
    log_raw(text.data, text.len);
    buf_release(&text);
}

static int check_forced(const struct operation_run *r, struct err *e)
{
    if (!r->op->new_master_host || r->first->forced != NO_HOST)
        return 0;
    return err_set(e, ERR_CONFIG, "--new_master_host: %s:%d is not in the configuration",
                   r->op->new_master_host, r->op->new_master_port);
}

/* Puts the time since *from into *us, and starts anew. */
static void lap(int64_t *from, int64_t *us)
{
    int64_t now = clock_mono_us();
    *us = now - *from;
    *from = now;
}

/* What the watch loop saw serves, unless it says no: replicas may have received more since. */
static int look_and_decide(struct operation_run *r, struct err *e)
{
    int64_t from = clock_mono_us();
    if (operation_take_seen(r) && check_forced(r, e) == 0 &&
        failover_decide(r->first, r->plan_a, e) == 0) {
        lap(&from, &r->decide_us[0]);
        return 0;
    }
    topo_free(&r->first);
    operation_look(r);
    lap(&from, &r->look_us[0]);
    if (check_forced(r, e) < 0 || failover_decide(r->first, r->plan_a, e) < 0)
        return -1;
    lap(&from, &r->decide_us[0]);
    return 0;
}

/* Phase 1: everything that may say no before a server is touched. */
static int prepare(struct operation_run *r, struct err *e)
{
    exec_enter_phase(r->x, PHASE_CHECK);
    if (operation_check_flags(r, e) < 0)
        return -1;
    show_running(r);
    if (look_and_decide(r, e) < 0)
        return -1;
    log_info("verdict", "%s", r->plan_a->verdict.reason);
    if (!r->op->automatic || r->first->host[r->op->dead].life == LIFE_UNKNOWN)
        operation_guess_datadir(r);
    if (operation_ask_dead(r, e) < 0 || operation_ask_new_master(r, e) < 0)
        return -1;
    log_decision(r);
    int64_t from = clock_mono_us();
    int rc = operation_journal_begin(r, e);
    lap(&from, &r->write_us[0]);
    return rc;
}

/* The world behind the fence is decided on anew; what was agreed on before binds. */
static int decide_again(struct operation_run *r, struct err *e)
{
    int64_t from = clock_mono_us();
    operation_look_again(r);
    lap(&from, &r->look_us[1]);
    if (failover_decide(r->second, r->plan_b, e) < 0)
        return -1;
    lap(&from, &r->decide_us[1]);
    int now = r->plan_b->choice.new_master;
    if (r->confirmed != NO_HOST && now != r->confirmed)
        return err_set(e, ERR_WORLD,
                       "%s was agreed on, but behind the fence it would be %s (%s): nothing is "
                       "promoted without a new decision",
                       topo_label(r->second, r->confirmed), topo_label(r->second, now),
                       r->plan_b->choice.reason[r->confirmed]);
    int rc = operation_journal_second(r, e);
    lap(&from, &r->write_us[1]);
    return rc;
}

static int run_plans(struct operation_run *r, struct err *e)
{
    struct exec *x = r->x;
    const struct topo_host *dead = &r->first->host[r->op->dead];
    x->mode = r->plan_a->mode;
    x->ssh_usable = r->first->ssh_reachable == 1 || dead->agent == AGENT_UP;
    if (exec_plan(x, r->first, &r->plan_a->fence, e) < 0)
        return -1;
    if (decide_again(r, e) < 0) {
        exec_undo(x);
        return -1;
    }
    x->mode = r->plan_b->mode;
    return exec_plan(x, r->second, &r->plan_b->promote, e);
}

void operation_run_init(struct operation_run *r, struct group *g, const struct operation *op)
{
    memset(r, 0, sizeof *r);
    r->g = g;
    r->op = op;
    r->section = g->host[op->dead].conf;
    r->plan_a = mem_zalloc(sizeof *r->plan_a);
    r->plan_b = mem_zalloc(sizeof *r->plan_b);
    r->x = mem_zalloc(sizeof *r->x);
    r->journal.fd = -1;
    r->confirmed = NO_HOST;
    r->begin_ms = clock_mono_ms();
    r->begin_wall_ms = clock_wall_ms();
    exec_init(r->x, g, &r->journal);
    r->x->cancel = op->stop;
}

void operation_run_release(struct operation_run *r)
{
    journal_close(&r->journal);
    loss_release(&r->loss);
    topo_free(&r->first);
    topo_free(&r->second);
    topo_free(&r->behind);
    free(r->plan_a);
    free(r->plan_b);
    free(r->x);
}

/* This process stood still, and its locks are gone: it goes on like one that was started anew, or
 * finds that another has. */
static int go_on_anew(struct group *g, const struct operation *op, int *new_master, struct err *e)
{
    struct operation_resumed out;
    for (int i = 0; i < g->hosts; i++)
        sql_close(&g->host[i].sql);
    switch (operation_resume(g, op, &out, e)) {
    case RESUMED_FAILOVER:
        *new_master = out.new_master;
        return out.code;
    case RESUMED_NOTHING:
        err_set(e, ERR_WORLD, "another manager ended this failover while this one stood still");
        break;
    case RESUMED_BACK:
        err_set(e, ERR_WORLD,
                "this process stood still, and what it had done was taken back, or "
                "another manager went on with it");
        break;
    case RESUMED_ERROR:
    case RESUMED_STALE:
        break;
    }
    return 1;
}

int operation_failover(struct group *g, const struct operation *op, int *new_master, struct err *e)
{
    struct operation_run r;
    int next = NO_HOST, code;
    operation_run_init(&r, g, op);
    log_info("failover-begin", "Starting master failover of %s.", r.section->hostname);
    if (prepare(&r, &r.why) < 0 || run_plans(&r, &r.why) < 0)
        r.code = 1;
    report_loss_find(&r);
    int stale = r.x->lost_lease;
    exec_release(r.x);
    r.end_ms = clock_mono_ms();
    if (stale) {
        log_error("lock-lost", "%s", r.why.text);
        operation_run_release(&r);
        code = go_on_anew(g, op, &next, e);
    } else {
        if (r.code == 0)
            r.code = operation_result(&r);
        operation_end(&r);
        next = r.x->opened ? r.plan_b->choice.new_master : NO_HOST;
        code = r.code;
        if (code == 1)
            *e = r.why;
        operation_run_release(&r);
    }
    if (new_master)
        *new_master = next;
    return code;
}
