/* What is written down before, between and behind the plans (decision 13). */
#include "common/clock.h"
#include "common/log.h"
#include "manager/act/operation_run.h"
#include "manager/act/report_loss.h"
#include "manager/act/resume.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NOTE_MS 1000

/* All that a manager elsewhere needs to undo: who did what to whom, and the values before. */
struct header {
    const struct topo *before;
    const struct failover *plan;
    int from_note; /* the steps of the manager before are not known */
};

static struct json_object *header(const struct operation_run *r, const struct header *h)
{
    int next = h->plan->choice.new_master;
    struct json_object *o =
        journal_header(&r->journal, r->g->conf, r->op->command, mode_text(h->plan->mode));
    json_put_str(o, "fence", r->g->fence == FENCE_PROOF ? "proof" : "mha");
    json_put_str(o, "dead", topo_label(h->before, r->op->dead));
    json_put_str(o, "new_master", next == NO_HOST ? NULL : topo_label(h->before, next));
    json_put_str(o, "writer_vip", r->section->writer_vip);
    if (h->from_note)
        json_put_bool(o, "from_note", 1);
    json_object_object_add(o, "hosts", journal_hosts(h->before));
    return o;
}

struct json_object *operation_note_request(const struct group *g, int host)
{
    struct json_object *o = json_object_new_object();
    char name[160];
    snprintf(name, sizeof name, "journal-%s.json", g->conf->app);
    for (char *p = name; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("._-", *p))
            *p = '_';
    json_put_str(o, "dir", g->host[host].conf->remote_workdir);
    json_put_str(o, "name", name);
    return o;
}

struct note {
    const char *op, *text;
};

static void note_host(struct group *g, int host, void *arg)
{
    const struct note *n = arg;
    struct group_host *h = &g->host[host];
    struct err e;
    if (!h->agent || !agent_alive(h->agent) || h->ssh_ok == 0)
        return;
    struct json_object *o = operation_note_request(g, host);
    if (n->text)
        json_put_str(o, "text", n->text);
    if (agent_call(h->agent, n->op, o, NULL, clock_mono_ms() + NOTE_MS, &e) < 0)
        log_warning("note", "%s: the journal's copy: %s", h->conf->hostname, e.text);
}

/* A copy that cannot be put somewhere costs nothing now: the journal itself is the condition. */
static void note_all(const struct operation_run *r, const char *op, const char *text)
{
    struct note n = {.op = op, .text = text};
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
    o = header(r, &(struct header){.before = r->first, .plan = r->plan_a});
    json_put_int(o, "at_ms", clock_wall_ms());
    json_print(o, &text);
    rc = journal_line(&r->journal, o, 1, e);
    if (rc == 0)
        note_all(r, "note_put", text.data);
    log_info("journal", "%s", r->journal.dir);
out:
    buf_release(&text);
    return rc;
}

static int put_second(struct operation_run *r, const char *snapshot, const char *plan,
                      struct err *e)
{
    struct buf text = BUF_INIT;
    topo_print(r->second, &text);
    int rc = put_text(r, snapshot, &text, e);
    if (rc == 0) {
        failover_print(r->second, r->plan_b, &text);
        rc = put_text(r, plan, &text, e);
    }
    buf_release(&text);
    return rc;
}

int operation_journal_second(struct operation_run *r, struct err *e)
{
    return put_second(r, STORY_BEHIND, "plan-b.txt", e);
}

int operation_journal_finish(struct operation_run *r, struct err *e)
{
    return put_second(r, "snapshot-finish.topo", "plan-finish.txt", e);
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

/* What was seen and decided when it was gone on with, beside what was seen and decided before. */
static int put_resume_files(struct operation_run *r, const struct resume *what, struct err *e)
{
    struct buf text = BUF_INIT;
    topo_print(r->first, &text);
    int rc = put_text(r, "snapshot-resume.topo", &text, e);
    if (rc == 0 && what->view) {
        resume_print(what, &text);
        rc = put_text(r, "plan-resume.txt", &text, e);
    }
    buf_release(&text);
    return rc;
}

static struct json_object *resume_line(const struct resume *what)
{
    char self[256] = "";
    struct json_object *o = json_object_new_object();
    (void)gethostname(self, sizeof self - 1);
    json_put_str(o, "rec", "resume");
    json_put_str(o, "manager", self);
    json_put_int(o, "pid", getpid());
    json_put_str(o, "way", resume_word(what->way));
    json_put_str(o, "text", what->reason);
    return o;
}

int operation_journal_resume(struct operation_run *r, const struct story *s,
                             const struct resume *what, struct err *e)
{
    struct header h = {.before = s->before, .plan = &what->plan, .from_note = 1};
    if (s->local) {
        if (journal_reopen(&r->journal, s->dir, e) < 0)
            return -1;
    } else if (journal_open(&r->journal, r->g->conf, r->section->hostname, e) < 0 ||
               journal_line(&r->journal, header(r, &h), 1, e) < 0) {
        return -1;
    }
    if (put_resume_files(r, what, e) < 0)
        return -1;
    return journal_line(&r->journal, resume_line(what), 1, e);
}

void operation_journal_superseded(struct operation_run *r, const char *reason)
{
    struct err e;
    struct json_object *o = json_object_new_object();
    json_put_str(o, "rec", "close");
    json_put_int(o, "exit", 1);
    json_put_bool(o, "superseded", 1);
    json_put_str(o, "text", reason);
    if (journal_line(&r->journal, o, 1, &e) < 0)
        log_error("journal-failed", "%s", e.text);
    note_all(r, "note_del", NULL);
}
