/* One online switch; see switch.h. */
#include "common/clock.h"
#include "common/conf_edit.h"
#include "common/log.h"
#include "manager/act/ask.h"
#include "manager/act/step.h"
#include "manager/act/story.h"
#include "manager/act/switch_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void log_decision(const struct switch_run *r)
{
    struct buf text = BUF_INIT;
    log_info("mode", "GTID failover mode = %d (%s)", mode_mha(r->s->mode), mode_text(r->s->mode));
    choice_print(r->seen, &r->s->choice, &text);
    log_info("choice", "%s can be new master.", topo_label(r->seen, r->s->choice.new_master));
    log_raw(text.data, text.len);
    buf_release(&text);
}

static void log_hint(const struct switch_run *r)
{
    const struct conf_server *next = r->g->host[r->s->choice.new_master].conf;
    if (r->call->orig_master_is_new_slave && !next->repl_password)
        log_warning("check", "repl_password is not set: the old master has none to replicate with, "
                             "and will not be able to start (exit code 10)");
    if (r->seen->host[r->s->plan.dead].read_only)
        log_warning("check", "%s is read-only already: nobody writes there now",
                    topo_label(r->seen, r->s->plan.dead));
}

/* A no is an answer; an empty line is a yes here, as with MHA. */
static void ask_flush(struct switch_run *r)
{
    char line[64];
    if (!r->call->interactive || r->call->flush_tables != 2)
        return;
    printf("It is better to execute FLUSH NO_WRITE_TO_BINLOG TABLES on the master before "
           "switching. Is it ok to execute on %s? (YES/no): ",
           topo_label(r->seen, r->s->plan.dead));
    ask_line(line, sizeof line);
    if (line[0] == 'n' || line[0] == 'N')
        r->seen->flush_tables = 0;
}

static int ask(struct switch_run *r, struct err *e)
{
    if (!r->call->interactive)
        return 0;
    ask_flush(r);
    printf("Starting master switch from %s to %s? (yes/NO): ", topo_label(r->seen, r->s->plan.dead),
           topo_label(r->seen, r->s->plan.new_master));
    if (!ask_yes() && ask_other_master(r->seen, e) < 0)
        return -1;
    if (switchover_decide(r->seen, r->s, e) < 0)
        return -1;
    if (r->seen->host[r->s->plan.new_master].has_online_script)
        return 0;
    printf("master_ip_online_change_script is not defined. If you do not disable writes on the "
           "current master manually, applications keep writing on the current master. Is it ok to "
           "proceed? (yes/NO): ");
    return ask_yes() ? 0 : err_set(e, ERR_WORLD, "stopped at the question whether to proceed");
}

static void warn_without_script(const struct switch_run *r)
{
    if (!r->call->interactive && !*r->g->host[0].conf->writer_vip &&
        !r->seen->host[r->s->plan.new_master].has_online_script)
        log_warning("check", "master_ip_online_change_script is not defined, and no writer_vip: "
                             "clients have to find the new master themselves");
}

/* Phase 1: everything that may say no before a server is touched. */
static int prepare(struct switch_run *r, struct err *e)
{
    exec_enter_phase(r->x, PHASE_CHECK);
    if (switch_look(r, e) < 0 || switchover_decide(r->seen, r->s, e) < 0)
        return -1;
    log_info("verdict", "%s", r->s->verdict.reason);
    log_decision(r);
    log_hint(r);
    return 0;
}

static struct json_object *header(const struct switch_run *r)
{
    const struct topo_host *old = &r->seen->host[r->s->plan.dead];
    struct json_object *o =
        journal_header(&r->journal, r->g->conf, r->call->command, mode_text(r->s->mode));
    json_put_str(o, "kind", "switch");
    json_put_str(o, "old_master", topo_label(r->seen, r->s->plan.dead));
    json_put_str(o, "new_master", topo_label(r->seen, r->s->plan.new_master));
    json_put_int(o, "read_only", old->read_only);
    json_put_int(o, "super_read_only", old->super_read_only);
    json_object_object_add(o, "hosts", journal_hosts(r->seen));
    return o;
}

static int open_journal(struct switch_run *r, struct err *e)
{
    struct buf text = BUF_INIT;
    const char *host = r->g->host[r->s->plan.dead].conf->hostname;
    int rc = journal_open(&r->journal, r->g->conf, host, e);
    topo_print(r->seen, &text);
    if (rc == 0)
        rc = journal_file(&r->journal, "snapshot.topo", text.data, text.len, e);
    buf_clear(&text);
    switchover_print(r->seen, r->s, &text);
    if (rc == 0)
        rc = journal_file(&r->journal, "plan.txt", text.data, text.len, e);
    buf_release(&text);
    if (rc == 0)
        rc = journal_line(&r->journal, header(r), 1, e);
    if (rc == 0)
        log_info("journal", "%s", r->journal.dir);
    return rc;
}

static void close_journal(struct switch_run *r)
{
    struct err e;
    if (r->journal.fd < 0)
        return;
    struct json_object *o = json_object_new_object();
    json_put_str(o, "rec", "close");
    json_put_int(o, "exit", r->code);
    json_put_str(o, "text", r->code == 1 ? r->why.text : "");
    if (journal_line(&r->journal, o, 1, &e) < 0)
        log_error("journal-failed", "%s", e.text);
}

static int run(struct switch_run *r, struct err *e)
{
    if (prepare(r, e) < 0)
        return -1;
    if (r->call->check_only)
        return 0;
    warn_without_script(r);
    if (ask(r, e) < 0 || switch_look_again(r, e) < 0 || open_journal(r, e) < 0)
        return -1;
    r->x->mode = r->s->mode;
    r->x->ssh_usable = r->seen->host[r->s->plan.dead].agent == AGENT_UP;
    return exec_plan(r->x, r->seen, &r->s->plan, e);
}

static int is_left_out(const struct switch_run *r, int host)
{
    const struct topo_host *h = &r->seen->host[host];
    if (!r->x->host[host].lost || h->retired)
        return 0;
    return !(h->multi_tier_slave && h->repl.master != r->s->plan.dead);
}

static int result(const struct switch_run *r)
{
    const struct exec *x = r->x;
    for (int i = 0; i < r->g->hosts; i++)
        if (is_left_out(r, i))
            return 10;
    for (int i = 0; i < x->dones; i++)
        if (x->done[i].result == STEP_FAILED && (x->done[i].step->kind == STEP_FORGET_MASTER ||
                                                 x->done[i].step->kind == STEP_VIP_ANNOUNCE))
            return 10;
    return x->hook_failed ? 10 : 0;
}

/* MHA does so with exit code 0, and when the old master has no part in the group any more. */
static void remove_section(const struct switch_run *r)
{
    struct err e;
    int found = 0;
    const char *id;
    if (r->code != 0 || r->call->check_only || !r->call->remove_orig_master_conf ||
        r->call->orig_master_is_new_slave)
        return;
    id = r->g->host[r->s->plan.dead].conf->id;
    if (conf_edit_delete(r->g->conf->file, id, &found, &e) < 0)
        log_error("conf-edit-failed", "%s", e.text);
    else if (found)
        log_info("conf-edit", "Deleted %s entry from %s .", id, r->g->conf->file);
}

static void run_init(struct switch_run *r, struct group *g, const struct switch_call *c)
{
    memset(r, 0, sizeof *r);
    r->g = g;
    r->call = c;
    r->s = mem_zalloc(sizeof *r->s);
    r->x = mem_zalloc(sizeof *r->x);
    r->journal.fd = -1;
    r->begin_ms = clock_mono_ms();
    exec_init(r->x, g, &r->journal);
    r->x->cancel = c->stop;
}

int switch_master(struct group *g, const struct switch_call *c, struct err *e)
{
    struct switch_run r;
    run_init(&r, g, c);
    log_info("switch-begin", "Starting online master switch..");
    if (run(&r, &r.why) < 0)
        r.code = 1;
    exec_release(r.x);
    r.end_ms = clock_mono_ms();
    if (r.code == 0 && !c->check_only)
        r.code = result(&r);
    remove_section(&r);
    switch_report(&r);
    close_journal(&r);
    if (r.code == 1)
        *e = r.why;
    journal_close(&r.journal);
    topo_free(&r.seen);
    free(r.s);
    free(r.x);
    return r.code;
}
