/* The report as text, and the mail; see report.h. */
#include "manager/act/report.h"

#include "common/clock.h"
#include "manager/act/report_loss.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The snapshot with the latest word on who is what. */
static const struct topo *last(const struct operation_run *r)
{
    return r->second ? r->second : r->first;
}

static int new_master(const struct operation_run *r)
{
    return r->x->opened ? r->plan_b->choice.new_master : NO_HOST;
}

const char *report_proof(unsigned proof, char *out, size_t size)
{
    snprintf(out, size, "%s%s%s%s%s%s%s", proof ? "" : "none",
             proof & PROOF_FROZEN ? "frozen " : "", proof & PROOF_EARLIER ? "earlier " : "",
             proof & PROOF_AGENT_KILLED ? "agent-killed " : "",
             proof & PROOF_POWER_OFF ? "power-off " : "",
             proof & PROOF_VIP_VERIFIED ? "vip-verified " : "",
             proof & PROOF_NONE_BY_POLICY ? "NONE BY POLICY" : "");
    size_t len = strlen(out);
    if (len > 0 && out[len - 1] == ' ')
        out[len - 1] = '\0';
    return out;
}

static void add_time(struct buf *out, int64_t wall_ms)
{
    char text[32];
    time_t s = (time_t)(wall_ms / 1000);
    struct tm tm;
    localtime_r(&s, &tm);
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm);
    buf_addf(out, "%s.%03d", text, (int)(wall_ms % 1000));
}

void report_sentence(const struct operation_run *r, struct buf *out)
{
    int host = new_master(r);
    if (r->code == 0)
        buf_addf(out, "Master failover to %s completed successfully.", topo_label(last(r), host));
    else if (r->code == 10)
        buf_addf(out, "Master failover to %s done, but recovery on slave partially failed.",
                 topo_label(last(r), host));
    else if (host != NO_HOST)
        buf_addf(out, "Master failover to %s was activated, but stopped: %s",
                 topo_label(last(r), host), r->why.text);
    else
        buf_addf(out, "Master failover was not done: %s", r->why.text);
}

static const char *result_word(enum step_result s)
{
    static const char *const words[] = {"-", "ok", "already", "FAILED", "undone"};
    return words[s];
}

static void add_steps(const struct operation_run *r, struct buf *out)
{
    for (int i = 0; i < r->x->dones; i++) {
        const struct exec_done *d = &r->x->done[i];
        if (d->result == STEP_NOT_RUN || d->earlier)
            continue;
        buf_addf(out, "  %c%-3d %+9.1f ms %8.1f ms  %-7s ", d->part == PLAN_FENCE ? 'A' : 'B', d->n,
                 (double)(d->begin_us - r->begin_ms * 1000) / 1000.0, (double)d->us / 1000.0,
                 result_word(d->result));
        step_print(last(r), d->step, out);
        buf_addf(out, "%s%s\n", d->text[0] ? ": " : "", d->text);
    }
}

static void add_hosts(const struct operation_run *r, struct buf *out)
{
    const struct topo *t = last(r);
    for (int i = 0; i < t->hosts; i++) {
        if (i == r->op->dead || i == new_master(r))
            continue;
        const struct exec_host *h = &r->x->host[i];
        buf_addf(out, "  %s: ", topo_label(t, i));
        if (*h->kept)
            buf_addf(out, "ERROR, could not be taken back: %s\n", h->kept);
        else if (h->lost)
            buf_addf(out, "%s: %s\n", operation_left_out(r, i) ? "ERROR, left out" : "as it was",
                     h->reason);
        else
            buf_addf(out, "%s\n",
                     h->followed ? "OK, replicates from the new master" : "not changed");
    }
}

static void add_vip(const struct operation_run *r, struct buf *out)
{
    if (!*r->section->writer_vip)
        return;
    buf_addf(out, "VIP           %s %s\n", r->section->writer_vip,
             r->x->vip_moved ? "is on the new master" : "was not moved");
}

static int64_t opened_us(const struct exec *x)
{
    for (int i = 0; i < x->dones; i++)
        if (x->done[i].step->kind == STEP_OPEN && x->done[i].result == STEP_OK &&
            !x->done[i].earlier)
            return x->done[i].begin_us + x->done[i].us;
    return 0;
}

static void add_times(const struct operation_run *r, struct buf *out)
{
    int64_t opened = opened_us(r->x), seen = r->op->death_seen_ms;
    if (seen > 0) {
        buf_adds(out, "first sign    ");
        add_time(out, r->begin_wall_ms - (r->begin_ms - seen));
        buf_adds(out, "\n");
    }
    buf_adds(out, "began         ");
    add_time(out, r->begin_wall_ms);
    if (seen > 0)
        buf_addf(out, "  (%+.3f s)", (double)(r->begin_ms - seen) / 1000.0);
    if (opened > 0)
        buf_addf(out, "\nwritable      %+.3f s from the %s",
                 (double)(opened - (seen > 0 ? seen : r->begin_ms) * 1000) / 1e6,
                 seen > 0 ? "first sign" : "beginning");
    buf_addf(out, "\nended         %+.3f s from the beginning\n",
             (double)(r->end_ms - r->begin_ms) / 1000.0);
}

static void add_between(const struct operation_run *r, struct buf *out)
{
    for (int i = 0; i < 2; i++)
        buf_addf(out, "before plan %c: looked %.1f ms, decided %.1f ms, wrote it down %.1f ms\n",
                 'A' + i, (double)r->look_us[i] / 1000.0, (double)r->decide_us[i] / 1000.0,
                 (double)r->write_us[i] / 1000.0);
}

void report_text(const struct operation_run *r, struct buf *out)
{
    char proof[96];
    const struct topo *t = last(r);
    report_sentence(r, out);
    buf_addf(out, "\n\ngroup         %s (%s)\n", r->g->conf->app, r->g->conf->file);
    buf_addf(out, "was master    %s\n", topo_label(t, r->op->dead));
    buf_addf(out, "is master     %s\n",
             new_master(r) != NO_HOST ? topo_label(t, new_master(r)) : "nobody that we opened");
    buf_addf(out, "seen          %s\n", r->plan_a->verdict.reason);
    add_times(r, out);
    buf_addf(out, "fence proof   %s\n", report_proof(r->x->proof, proof, sizeof proof));
    add_vip(r, out);
    report_loss(r, out);
    if (r->journal.dir[0])
        buf_addf(out, "journal       %s\n", r->journal.dir);
    buf_adds(out, "\nreplicas\n");
    add_hosts(r, out);
    buf_adds(out, "\nsteps (plan, number; begin, duration)\n");
    add_steps(r, out);
    add_between(r, out);
}

void report_slaves(const struct operation_run *r, struct buf *out)
{
    for (int i = 0; i < r->g->hosts; i++)
        if (r->x->host[i].followed && !r->x->host[i].lost)
            buf_addf(out, "%s%s", out->len ? "," : "", r->g->host[i].conf->hostname);
}

void report_subject(const struct operation_run *r, struct buf *out)
{
    buf_addf(out, "%s: MySQL Master failover %s", r->g->conf->app,
             topo_label(last(r), r->op->dead));
    if (new_master(r) != NO_HOST)
        buf_addf(out, " to %s", topo_label(last(r), new_master(r)));
    if (r->code == 0)
        buf_adds(out, " succeeded");
}

static void body_steps(const struct operation_run *r, struct buf *out)
{
    const struct topo *t = last(r);
    for (int i = 0; i < r->x->dones; i++) {
        const struct exec_done *d = &r->x->done[i];
        if (d->result == STEP_NOT_RUN || d->step->kind == STEP_LOCK || d->step->kind == STEP_UNLOCK)
            continue;
        buf_addf(out, "%s: %s: ", topo_label(t, d->step->host),
                 d->result == STEP_FAILED ? "ERROR" : "OK");
        step_print(t, d->step, out);
        buf_addf(out, "%s%s\n", d->result == STEP_FAILED ? ": " : "",
                 d->result == STEP_FAILED ? d->text : "");
    }
}

void report_body(const struct operation_run *r, struct buf *out)
{
    char host[256] = "";
    const char *log = r->section->manager_log;
    (void)gethostname(host, sizeof host - 1);
    buf_addf(out, "Master %s is down!\n\n", topo_label(last(r), r->op->dead));
    buf_addf(out, "Details: the log on %s%s%s, and %s\n\n", host, log && *log ? ":" : "",
             log && *log ? log : "", r->journal.dir);
    buf_addf(out, "Failover was started %s.\n", r->op->automatic ? "automatically" : "by hand");
    body_steps(r, out);
    add_hosts(r, out);
    report_loss(r, out);
    report_sentence(r, out);
    buf_adds(out, "\n");
}
