/* What is written down before, between and behind the plans (decision 13). */
#include "common/clock.h"
#include "common/log.h"
#include "manager/act/operation_run.h"
#include "manager/act/report_loss.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NOTE_MS 1000

static struct json_object *host_line(const struct topo *t, int host)
{
    static const char *const threads[] = {"no", "yes", "connecting"};
    static const char *const follows[] = {"position", "auto_position", "slave_pos", "current_pos"};
    char text[BINPOS_FILE_BYTES + 24];
    const struct topo_host *h = &t->host[host];
    struct json_object *o = json_object_new_object();
    json_put_str(o, "host", h->host);
    json_put_str(o, "ip", h->ip);
    json_put_int(o, "port", h->port);
    if (h->reach != REACH_UP)
        return o;
    json_put_int(o, "read_only", h->read_only);
    json_put_int(o, "super_read_only", h->super_read_only);
    json_put_int(o, "relay_log_purge", h->relay_log_purge);
    if (h->channels == 0)
        return o;
    json_put_str(o, "master_host", h->repl.master_host);
    json_put_int(o, "master_port", h->repl.master_port);
    json_put_str(o, "user", h->repl.user);
    json_put_str(o, "follow", follows[h->repl.follow]);
    json_put_str(o, "io", threads[h->repl.io]);
    json_put_str(o, "sql", threads[h->repl.sql]);
    json_put_str(o, "read", binpos_print(&h->repl.read, text, sizeof text));
    json_put_str(o, "exec", binpos_print(&h->repl.exec, text, sizeof text));
    return o;
}

/* All that a manager elsewhere needs to undo: who did what to whom, and the values before. */
static struct json_object *header(const struct operation_run *r)
{
    char self[256] = "";
    struct json_object *o = json_object_new_object(), *hosts = json_object_new_array();
    (void)gethostname(self, sizeof self - 1);
    json_put_str(o, "rec", "open");
    json_put_str(o, "app", r->g->conf->app);
    json_put_str(o, "conf", r->g->conf->file);
    json_put_str(o, "command", r->op->command);
    json_put_str(o, "manager", self);
    json_put_int(o, "pid", getpid());
    json_put_str(o, "journal", r->journal.dir);
    json_put_str(o, "mode", mode_text(r->plan_a->mode));
    json_put_str(o, "fence", r->g->fence == FENCE_PROOF ? "proof" : "mha");
    json_put_str(o, "dead", topo_label(r->first, r->op->dead));
    json_put_str(o, "new_master", topo_label(r->first, r->plan_a->choice.new_master));
    json_put_str(o, "writer_vip", r->section->writer_vip);
    for (int i = 0; i < r->first->hosts; i++)
        json_object_array_add(hosts, host_line(r->first, i));
    json_object_object_add(o, "hosts", hosts);
    return o;
}

struct note {
    const struct operation_run *r;
    const char *op, *text;
    char name[160];
};

static void note_name(const struct operation_run *r, struct note *n)
{
    snprintf(n->name, sizeof n->name, "journal-%s.json", r->g->conf->app);
    for (char *p = n->name; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("._-", *p))
            *p = '_';
}

static void note_host(struct group *g, int host, void *arg)
{
    struct note *n = arg;
    struct group_host *h = &g->host[host];
    struct err e;
    if (!h->agent || !agent_alive(h->agent) || h->ssh_ok == 0)
        return;
    struct json_object *o = json_object_new_object();
    json_put_str(o, "dir", h->conf->remote_workdir);
    json_put_str(o, "name", n->name);
    if (n->text)
        json_put_str(o, "text", n->text);
    if (agent_call(h->agent, n->op, o, NULL, clock_mono_ms() + NOTE_MS, &e) < 0)
        log_warning("note", "%s: the journal's copy: %s", h->conf->hostname, e.text);
}

/* A copy that cannot be put somewhere costs nothing now: the journal itself is the condition. */
static void note_all(const struct operation_run *r, const char *op, const char *text)
{
    struct note n = {.r = r, .op = op, .text = text};
    note_name(r, &n);
    group_each(r->g, GROUP_ALL, note_host, &n);
}

static int put_text(struct operation_run *r, const char *name, struct buf *text, struct err *e)
{
    int rc = journal_file(&r->journal, name, text->data, text->len, e);
    buf_clear(text);
    return rc;
}

int operation_journal_begin(struct operation_run *r, struct err *e)
{
    struct buf text = BUF_INIT;
    struct json_object *o;
    int rc = -1;
    if (journal_open(&r->journal, r->g->conf, r->section->hostname, e) < 0)
        goto out;
    topo_print(r->first, &text);
    if (put_text(r, "snapshot.topo", &text, e) < 0)
        goto out;
    failover_print(r->first, r->plan_a, &text);
    if (put_text(r, "plan-a.txt", &text, e) < 0)
        goto out;
    o = header(r);
    json_print(o, &text);
    rc = journal_line(&r->journal, o, 1, e);
    if (rc == 0)
        note_all(r, "note_put", text.data);
    log_info("journal", "%s", r->journal.dir);
out:
    buf_release(&text);
    return rc;
}

int operation_journal_second(struct operation_run *r, struct err *e)
{
    struct buf text = BUF_INIT;
    topo_print(r->second, &text);
    int rc = put_text(r, "snapshot-b.topo", &text, e);
    if (rc == 0) {
        failover_print(r->second, r->plan_b, &text);
        rc = put_text(r, "plan-b.txt", &text, e);
    }
    buf_release(&text);
    return rc;
}

/* What was lost, in figures, before the closing line. */
static void loss_line(struct operation_run *r)
{
    struct err e;
    struct json_object *o = report_loss_json(r);
    if (!o)
        return;
    json_put_str(o, "rec", "loss");
    if (journal_line(&r->journal, o, 1, &e) < 0)
        log_error("journal-failed", "%s", e.text);
}

void operation_journal_end(struct operation_run *r)
{
    struct err e;
    if (r->journal.fd < 0)
        return;
    loss_line(r);
    struct json_object *o = json_object_new_object();
    json_put_str(o, "rec", "close");
    json_put_int(o, "exit", r->code);
    json_put_str(o, "text", r->code == 1 ? r->why.text : "");
    if (journal_line(&r->journal, o, 1, &e) < 0)
        log_error("journal-failed", "%s", e.text);
    note_all(r, "note_del", NULL);
}
