/* The end of a failover: exit code, flags, report, report_script, status file. */
#include "common/clock.h"
#include "common/conf_edit.h"
#include "common/log.h"
#include "manager/act/monitor.h"
#include "manager/act/operation_run.h"
#include "manager/act/report.h"
#include "manager/act/report_loss.h"
#include "manager/act/resume.h"
#include "manager/act/retired.h"
#include "manager/act/status.h"

#include <string.h>

/* Replicas of replicas, and those that were to be left alone on request, miss nothing; nor does a
 * master that was replaced before, unless the file asks for it by ignore_fail. */
int operation_left_out(const struct operation_run *r, int host)
{
    const struct topo *t = r->second ? r->second : r->first;
    const struct topo_host *h = &t->host[host];
    if (!r->x->host[host].lost || (h->retired && !h->ignore_fail))
        return 0;
    if (h->reach == REACH_UP && h->channels > 0 && h->multi_tier_slave &&
        h->repl.master != r->op->dead)
        return 0;
    return !(t->skip_change_master && r->plan_a->mode == MODE_POSITION);
}

static int clean_up_failed(const struct exec *x)
{
    for (int i = 0; i < x->dones; i++) {
        const struct exec_done *d = &x->done[i];
        if (d->result == STEP_FAILED &&
            (d->step->kind == STEP_FORGET_MASTER || d->step->kind == STEP_VIP_ANNOUNCE))
            return 1;
    }
    return 0;
}

int operation_result(const struct operation_run *r)
{
    for (int i = 0; i < r->first->hosts; i++)
        if (i != r->op->dead && operation_left_out(r, i))
            return 10;
    return clean_up_failed(r->x) ? 10 : 0;
}

/* MHA does so with exit code 0 only: with a replica missing, the file is still needed as it is. */
static void remove_section(const struct operation_run *r)
{
    struct err e;
    int found = 0;
    if (r->code != 0 || !r->op->remove_dead_master_conf)
        return;
    if (conf_edit_delete(r->g->conf->file, r->section->id, &found, &e) < 0)
        log_error("conf-edit-failed", "%s", e.text);
    else if (found)
        log_info("conf-edit", "Deleted %s entry from %s .", r->section->id, r->g->conf->file);
}

static void write_report(struct operation_run *r)
{
    struct buf text = BUF_INIT;
    struct err e;
    report_text(r, &text);
    if (r->journal.fd >= 0 && journal_file(&r->journal, "report.txt", text.data, text.len, &e) < 0)
        log_error("journal-failed", "%s", e.text);
    log_info("report", "----- Failover Report -----");
    log_raw(text.data, text.len);
    buf_clear(&text);
    report_json(r, &text);
    if (r->journal.fd >= 0 && journal_file(&r->journal, "report.json", text.data, text.len, &e) < 0)
        log_error("journal-failed", "%s", e.text);
    buf_release(&text);
}

static void call_report_script(struct operation_run *r)
{
    struct buf subject = BUF_INIT, body = BUF_INIT, slaves = BUF_INIT;
    struct err e;
    report_subject(r, &subject);
    report_body(r, &body);
    report_slaves(r, &slaves);
    const char *next =
        r->x->opened ? r->g->host[r->plan_b->choice.new_master].conf->hostname : NULL;
    if (hook_report(r->g->conf, r->section,
                    &(struct hook_report){.orig_host = r->section->hostname,
                                          .new_host = next,
                                          .new_slaves = slaves.data,
                                          .subject = subject.data,
                                          .body = body.data},
                    &e) != HOOK_OK)
        log_warning("report-script", "%s", e.text);
    buf_release(&slaves);
    buf_release(&body);
    buf_release(&subject);
}

/* MHA's flags: .complete binds later failovers by its age, .error until somebody has looked. */
static void set_flags(struct operation_run *r)
{
    struct err e;
    const char *dir = r->op->workdir, *app = r->g->conf->app;
    int rc = 0;
    if (r->code != 1)
        rc = status_set_complete(dir, app, &e);
    else if (r->x->phase >= PHASE_SHUTDOWN)
        rc = status_set_error(dir, app, &e);
    if (rc < 0)
        log_error("flag-failed", "%s", e.text);
}

/* An unproved fence lets no second failover come soon, and the master that comes back is met as one
 * that was replaced (decision 14). */
static void retire(struct operation_run *r)
{
    struct err e;
    unsigned real = r->x->proof & ~(unsigned)PROOF_NONE_BY_POLICY;
    if (!r->x->opened || r->code == 1)
        return;
    if (retired_add(r->g, r->op->dead, r->plan_b->choice.new_master, real != 0, &e) < 0)
        log_error("flag-failed", "%s", e.text);
}

static void leave_status(struct operation_run *r)
{
    struct err e;
    const char *dir = r->op->workdir, *app = r->g->conf->app;
    if (r->code != 0 && !r->op->interactive && r->op->wait_on_failover_error > 0) {
        if (status_write(dir, app, STATUS_FAILOVER_ERROR, r->section->hostname, &e) < 0)
            log_warning("status", "%s", e.text);
        log_info("wait", "waiting %d s after the error", r->op->wait_on_failover_error);
        clock_sleep_ms(r->op->wait_on_failover_error * INT64_C(1000));
    }
    status_remove(dir, app);
}

static void say_end(const struct operation_run *r)
{
    struct buf text = BUF_INIT;
    report_sentence(r, &text);
    if (r->code == 1)
        log_error("failover-failed", "%s", text.data);
    else if (r->code == 10)
        log_warning("failover-partial", "%s", text.data);
    else
        log_info("failover-end", "%s", text.data);
    if (r->code == 1 && r->x->phase >= PHASE_SHUTDOWN && !r->x->opened && !r->x->gave_back)
        log_error("no-master", "NO MASTER: no server of %s takes writes", r->g->conf->app);
    buf_release(&text);
}

void operation_end(struct operation_run *r)
{
    set_flags(r);
    retire(r);
    remove_section(r);
    report_loss_log(r);
    say_end(r);
    if (r->x->phase >= PHASE_SHUTDOWN) {
        write_report(r);
        call_report_script(r);
    } else if (r->op->report_refusal && r->code == 1 && r->first) {
        call_report_script(r);
    }
    if (r->code == 0)
        monitor_vault_forget(r->g);
    operation_journal_end(r);
    leave_status(r);
}

void operation_resume_end(struct operation_run *r, int up)
{
    const char *dir = r->op->workdir, *app = r->g->conf->app;
    struct err e;
    if (up)
        log_warning("resume-undone", "%s", r->why.text);
    else
        log_error("no-master", "NO MASTER: no server of %s takes writes: %s", app, r->why.text);
    if (!up && status_set_error(dir, app, &e) < 0)
        log_error("flag-failed", "%s", e.text);
    write_report(r);
    call_report_script(r);
    operation_journal_end(r);
}
