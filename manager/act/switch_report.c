/* What an online switch did, and what is left to look after: for people, and as JSON beside the
 * journal. */
#include "common/clock.h"
#include "common/log.h"
#include "common/sql_freeze.h"
#include "manager/act/step.h"
#include "manager/act/switch_run.h"

#include <stdio.h>
#include <string.h>

#define ASK_MS      2000
#define CLIENTS_MAX 10

static int opened(const struct switch_run *r)
{
    return r->x->opened;
}

void switch_sentence(const struct switch_run *r, struct buf *out)
{
    const char *next = r->seen ? topo_label(r->seen, r->s->choice.new_master) : "nobody";
    if (r->code == 0)
        buf_addf(out, "Switching master to %s completed successfully.", next);
    else if (r->code == 10)
        buf_addf(out, "Switching master to %s done, but switching slaves partially failed.", next);
    else if (opened(r))
        buf_addf(out, "Switching master to %s was stopped behind its activation: %s", next,
                 r->why.text);
    else
        buf_addf(out, "Switching master was not done: %s", r->why.text);
}

/* From the first moment at which a write could be refused to the last at which none was taken. */
static int64_t pause_us(const struct exec *x)
{
    return x->stopped_us && x->resumed_us ? x->resumed_us - x->stopped_us : 0;
}

static void say_pause(const struct switch_run *r, struct buf *out)
{
    const struct exec *x = r->x;
    if (!x->stopped_us)
        buf_adds(out, "writes        were never stopped\n");
    else if (!x->resumed_us)
        buf_adds(out, "writes        ARE STOPPED\n");
    else
        buf_addf(out, "writes        paused for %.1f ms\n", (double)pause_us(x) / 1000.0);
}

static void say_set(const char *name, const struct gtid_set *s, struct buf *out)
{
    if (s->count == 0)
        return;
    buf_addf(out, "%s", name);
    gtid_print(s, out);
    buf_addc(out, '\n');
}

/* Whoever reads the old master's binlog goes on with the new one's there. */
static void say_coordinates(const struct switch_run *r, struct buf *out)
{
    const struct exec *x = r->x;
    char from[BINPOS_FILE_BYTES + 24], to[BINPOS_FILE_BYTES + 24];
    if (!opened(r))
        return;
    buf_addf(out, "binlog        %s of %s is %s of %s\n",
             binpos_print(&x->final, from, sizeof from), topo_label(r->seen, r->s->plan.dead),
             binpos_print(&x->position, to, sizeof to), topo_label(r->seen, r->s->plan.new_master));
    say_set("GTIDs         ", &x->level, out);
}

static void say_hosts(const struct switch_run *r, struct buf *out)
{
    for (int i = 0; opened(r) && i < r->g->hosts; i++) {
        const struct exec_host *h = &r->x->host[i];
        if (i == r->s->plan.new_master)
            continue;
        buf_addf(out, "  %s: ", topo_label(r->seen, i));
        if (h->lost)
            buf_addf(out, "left out: %s\n", h->reason);
        else if (h->followed)
            buf_adds(out, "replicates from the new master\n");
        else
            buf_adds(out, i == r->s->plan.dead ? "read-only, replicates from nobody\n"
                                               : "not changed\n");
    }
}

/* Dump threads of our own replicas, which moved a moment ago. */
static int is_ours(const struct switch_run *r, const struct sql_session *c)
{
    for (int i = 0; i < r->g->hosts; i++) {
        const char *ip = r->g->host[i].conf->ip;
        if (strncmp(c->host, ip, strlen(ip)) == 0 && strncmp(c->command, "Binlog Dump", 11) == 0)
            return 1;
    }
    return 0;
}

/* Who reads the old master's binlog without being a server of the file, and who is connected. */
static void say_clients(const struct switch_run *r, struct buf *out)
{
    struct sql_sessions l;
    struct err e;
    struct sql *s = &r->g->host[r->s->plan.dead].sql;
    int said = 0;
    if (!opened(r) || !s->db || sql_read_sessions(s, &l, clock_mono_ms() + ASK_MS, &e) < 0)
        return;
    for (size_t i = 0; i < l.count && said < CLIENTS_MAX; i++) {
        const struct sql_session *c = &l.item[i];
        if (c->id == db_connection_id(s->db) || is_ours(r, c) ||
            strcmp(c->user, "system user") == 0 || strcmp(c->user, "event_scheduler") == 0 ||
            strcmp(c->command, "Daemon") == 0 || strcmp(c->user, "unauthenticated user") == 0)
            continue;
        buf_addf(out, "%s%s@%s (%s)", said++ ? ", " : "still there   ", c->user, c->host,
                 c->command);
    }
    if (said)
        buf_adds(out, "\n");
    sql_sessions_release(&l);
}

/* On a replica the scheduler's events are off by themselves, and stay off when it becomes the
 * master. */
static void say_events(const struct switch_run *r, struct buf *out)
{
    struct sql_events l;
    struct err e;
    int next = r->s->plan.new_master;
    uint32_t old = r->seen->host[r->s->plan.dead].server_id;
    struct sql *s = &r->g->host[next].sql;
    if (!opened(r) || !s->db || sql_read_events(s, &l, clock_mono_ms() + ASK_MS, &e) < 0)
        return;
    for (size_t i = 0; i < l.count; i++) {
        struct sql_event *event = &l.item[i];
        if (event->originator != old || strcmp(event->status, "SLAVESIDE_DISABLED") != 0)
            continue;
        if (!r->g->host[next].conf->handle_events)
            buf_addf(out, "event         %s is off on %s: ALTER EVENT %s ENABLE\n", event->name,
                     topo_label(r->seen, next), event->name);
        else if (sql_enable_event(s, event, clock_mono_ms() + ASK_MS, &e) == 0)
            buf_addf(out, "event         %s is enabled on %s\n", event->name,
                     topo_label(r->seen, next));
        else
            buf_addf(out, "event         %s: %s\n", event->name, e.text);
    }
    sql_events_release(&l);
}

static void say_restart(const struct switch_run *r, struct buf *out)
{
    const struct topo_host *old = &r->seen->host[r->s->plan.dead];
    if (!opened(r))
        return;
    buf_addf(out, "my.cnf        %s: read_only=0; %s: read_only=1%s\n",
             topo_label(r->seen, r->s->plan.new_master), topo_label(r->seen, r->s->plan.dead),
             old->super_read_only >= 0 ? ", super_read_only=1" : "");
}

static void say_steps(const struct switch_run *r, struct buf *out)
{
    static const char *const words[] = {"-", "ok", "already", "FAILED", "undone"};
    for (int i = 0; i < r->x->dones; i++) {
        const struct exec_done *d = &r->x->done[i];
        if (d->result == STEP_NOT_RUN)
            continue;
        buf_addf(out, "  %-3d %+9.1f ms %8.1f ms  %-7s ", d->n,
                 (double)(d->begin_us - r->begin_ms * 1000) / 1000.0, (double)d->us / 1000.0,
                 words[d->result]);
        step_print(r->seen, d->step, out);
        buf_addf(out, "%s%s\n", d->text[0] ? ": " : "", d->text);
    }
}

static void report_text(const struct switch_run *r, struct buf *out)
{
    switch_sentence(r, out);
    buf_addf(out, "\n\ngroup         %s (%s)\n", r->g->conf->app, r->g->conf->file);
    buf_addf(out, "was master    %s\n", topo_label(r->seen, r->s->plan.dead));
    buf_addf(out, "is master     %s\n",
             topo_label(r->seen, opened(r) ? r->s->plan.new_master : r->s->plan.dead));
    say_pause(r, out);
    say_coordinates(r, out);
    say_clients(r, out);
    say_events(r, out);
    say_restart(r, out);
    buf_addf(out, "journal       %s\nservers\n", r->journal.dir);
    say_hosts(r, out);
    buf_adds(out, "steps (number; begin, duration)\n");
    say_steps(r, out);
}

static void report_json(const struct switch_run *r, struct buf *out)
{
    struct json_object *o = json_object_new_object(), *hosts = json_object_new_array();
    char text[BINPOS_FILE_BYTES + 24];
    json_put_str(o, "app", r->g->conf->app);
    json_put_int(o, "exit", r->code);
    json_put_str(o, "old_master", topo_label(r->seen, r->s->plan.dead));
    json_put_str(o, "new_master", topo_label(r->seen, r->s->plan.new_master));
    json_put_bool(o, "switched", opened(r));
    json_put_int(o, "pause_us", pause_us(r->x));
    json_put_str(o, "old_end", binpos_print(&r->x->final, text, sizeof text));
    json_put_str(o, "new_begin", binpos_print(&r->x->position, text, sizeof text));
    for (int i = 0; i < r->g->hosts; i++) {
        struct json_object *h = json_object_new_object();
        json_put_str(h, "host", topo_label(r->seen, i));
        json_put_bool(h, "follows", r->x->host[i].followed);
        json_put_str(h, "left_out", r->x->host[i].lost ? r->x->host[i].reason : NULL);
        json_object_array_add(hosts, h);
    }
    json_object_object_add(o, "servers", hosts);
    json_print(o, out);
    buf_addc(out, '\n');
    json_object_put(o);
}

static void put_file(struct switch_run *r, const char *name, const struct buf *text)
{
    struct err e;
    if (r->journal.fd >= 0 && journal_file(&r->journal, name, text->data, text->len, &e) < 0)
        log_error("journal-failed", "%s", e.text);
}

static void say_end(const struct switch_run *r, const char *text)
{
    if (r->x->stopped_us && r->x->resumed_us)
        log_info("write-pause", "Writes were paused for %.1f ms.", (double)pause_us(r->x) / 1000.0);
    if (r->code == 1)
        log_error("switch-failed", "%s", text);
    else if (r->code == 10)
        log_warning("switch-partial", "%s", text);
    else
        log_info("switch-end", "%s", text);
    if (r->x->stopped_us && !r->x->resumed_us)
        log_error("no-master", "NO MASTER: no server of %s takes writes", r->g->conf->app);
}

void switch_report(struct switch_run *r)
{
    struct buf text = BUF_INIT;
    if (r->call->check_only && r->code == 0) {
        log_info("switch-end", "Phase 1 found nothing against it: --check_only ends here.");
        return;
    }
    if (r->journal.fd >= 0) {
        report_text(r, &text);
        put_file(r, "report.txt", &text);
        log_info("report", "----- Switch Report -----");
        log_raw(text.data, text.len);
        buf_clear(&text);
        report_json(r, &text);
        put_file(r, "report.json", &text);
        buf_clear(&text);
    }
    switch_sentence(r, &text);
    say_end(r, text.data);
    buf_release(&text);
}
