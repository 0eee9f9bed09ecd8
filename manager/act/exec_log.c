/* What the executor tells while it works: journal lines and log lines. */
#include "common/clock.h"
#include "common/log.h"
#include "manager/act/board.h"
#include "manager/act/step.h"

#include <stdio.h>

static struct json_object *line_of(const struct exec *x, const struct exec_done *d, const char *rec)
{
    static const char *const parts[] = {"a", "b", "switch"};
    const struct step *s = d->step;
    struct json_object *o = json_object_new_object();
    json_put_str(o, "rec", rec);
    json_put_str(o, "plan", parts[d->part]);
    json_put_int(o, "n", d->n);
    json_put_str(o, "word", step_word(s->kind));
    json_put_str(o, "host", topo_label(x->t, s->host));
    json_put_str(o, "peer", s->peer == NO_HOST ? NULL : topo_label(x->t, s->peer));
    return o;
}

/* What the servers themselves cannot be asked about afterwards is on the disk before it happens:
 * scripts, the kill, and the decision that there is no way back. The header, with the values of
 * before, is there already. Other lines outlive this process at once, and the machine's end with
 * the next of these. */
static int must_be_on_disk(const struct exec_done *d)
{
    enum step_kind kind = d->step->kind;
    /* In an online switch the old master is alive: its read_only tells. The freeze is noted before
     * it begins; between it and the opening nothing waits for a disk. */
    if (d->part == PLAN_SWITCH)
        return kind == STEP_FREEZE || kind == STEP_HOOK_CHANGE_STOP ||
               kind == STEP_HOOK_CHANGE_START;
    return kind == STEP_HOOK_IP_STOP || kind == STEP_HOOK_SHUTDOWN || kind == STEP_HOOK_IP_START ||
           kind == STEP_FENCE_AGENT || kind == STEP_NO_RETURN || kind == STEP_FOLLOW_BASE ||
           kind == STEP_RESCUE;
}

int exec_journal_begin(struct exec *x, const struct exec_done *d, struct err *e)
{
    static const char *const on_fail[] = {"stop", "drop-host", "note"};
    struct buf before = BUF_INIT;
    struct json_object *o = line_of(x, d, "begin");
    step_before(x->t, d->step, &before);
    json_put_str(o, "on_fail", on_fail[d->step->on_fail]);
    json_put_str(o, "before", before.data);
    buf_release(&before);
    return journal_line(x->journal, o, must_be_on_disk(d), e);
}

/* What a ledger needs of the new master, and nobody can be asked once it has opened. */
static void put_reached(const struct exec *x, struct json_object *o)
{
    char at[BINPOS_FILE_BYTES + 24];
    struct buf set = BUF_INIT;

    if (x->mode == MODE_POSITION) {
        json_put_str(o, "reached", binpos_print(&x->reached, at, sizeof at));
        return;
    }
    gtid_print(&x->level, &set);
    json_put_str(o, "level", set.data);
    buf_release(&set);
}

void exec_journal_end(struct exec *x, const struct exec_done *d, const char *rec)
{
    static const char *const words[] = {"not-run", "ok", "already", "failed", "undone"};
    struct json_object *o = line_of(x, d, rec);
    struct err e;
    json_put_str(o, "result", words[d->result]);
    json_put_str(o, "text", d->text);
    json_put_int(o, "us", d->us);
    if (d->step->kind == STEP_READ_POSITION && d->result == STEP_OK)
        put_reached(x, o);
    if (journal_line(x->journal, o, 0, &e) < 0)
        log_error("journal-failed", "%s", e.text);
}

void exec_enter_phase(struct exec *x, enum phase phase)
{
    if ((int)phase <= x->phase)
        return;
    x->phase = (int)phase;
    log_info("phase", "* %s..", phase_title(phase));
}

void exec_tell_begin(const struct exec *x, const struct step *s)
{
    struct buf text = BUF_INIT;
    if (!x->g->board)
        return;
    step_print(x->t, s, &text);
    struct board_failover *f = &board_edit(x->g->board)->last;
    snprintf(f->phase, sizeof f->phase, "%s", phase_title(s->phase));
    snprintf(f->doing, sizeof f->doing, "%.*s", (int)sizeof f->doing - 1, text.data);
    f->note[0] = '\0';
    board_done(x->g->board);
    board_beat(x->g->board, s->budget_ms + STEP_BEAT_MS);
    buf_release(&text);
}

static void tell_end(const struct exec *x, const struct exec_done *d)
{
    if (!x->g->board)
        return;
    struct board_failover *f = &board_edit(x->g->board)->last;
    if (f->steps < BOARD_STEPS) {
        struct board_step *s = &f->step[f->steps++];
        snprintf(s->word, sizeof s->word, "%s", step_word(d->step->kind));
        snprintf(s->host, sizeof s->host, "%.*s", (int)sizeof s->host - 1,
                 x->t->host[d->step->host].host);
        s->result = (int)d->result;
        s->us = d->us;
    }
    board_done(x->g->board);
}

void exec_log_end(const struct exec *x, const struct exec_done *d)
{
    struct buf text = BUF_INIT;
    step_print(x->t, d->step, &text);
    tell_end(x, d);
    const char *tail = d->text[0] ? ": " : "";
    if (d->result == STEP_FAILED)
        log_error("step-failed", "%s%s%s", text.data, tail, d->text);
    else
        log_info(step_word(d->step->kind), "%s: %s%s%s (%.1f ms)", text.data,
                 d->result == STEP_ALREADY ? "already so" : "done", tail, d->text,
                 (double)d->us / 1000.0);
    buf_release(&text);
}
