/* The online switch of a living master: what would refuse it, and the phases that append the steps.
 */
#include "manager/decide/switchover.h"
#include "manager/decide/left_out.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define BUDGET_SQL_MS    2000
#define BUDGET_NEAR_MS   10000
#define BUDGET_FREEZE_MS 1000
#define BUDGET_HOOK_MS   30000

/* What the phases look at. */
struct facts {
    const struct topo *t;
    const struct switchover *s;
    int old, next;
    int gtid;
};

static const struct topo_host *host_of(const struct facts *x, int i)
{
    return &x->t->host[i];
}

static int is_slave(const struct facts *x, int i)
{
    return is_alive_slave(x->t, x->old, i);
}

static int is_sibling(const struct facts *x, int i)
{
    return i != x->next && is_slave(x, i);
}

/* Nobody but super_read_only stops an account that may write through read_only. */
static int has_super_read_only(const struct facts *x, int i)
{
    return host_of(x, i)->super_read_only >= 0;
}

static int locks_tables(const struct facts *x)
{
    return !x->t->skip_lock_all_tables && !has_super_read_only(x, x->old);
}

/* Refusals: 1 and a sentence. A master in trouble that answers may be moved; one that is read-only
 * already is what a switch leaves whose manager was killed. */
static int refuse_verdict(const struct facts *x, struct err *e)
{
    const struct verdict *v = &x->s->verdict;

    if (!v->broken && !v->dead && host_of(x, x->old)->reach == REACH_UP)
        return 0;
    return err_set(e, ERR_WORLD, "no switch: %s", v->reason);
}

/* MHA wants every server alive here, ignore_fail or not. */
static int refuse_dead(const struct facts *x, struct err *e)
{
    for (int i = 0; i < x->t->hosts; i++) {
        if (host_of(x, i)->reach == REACH_UP || host_of(x, i)->retired)
            continue;
        return err_set(e, ERR_WORLD,
                       "%s is dead: %s; bring it back, or take its section out of the file",
                       topo_label(x->t, i), host_of(x, i)->reach_text);
    }
    return 0;
}

static int refuse_without_heir(const struct facts *x, struct err *e)
{
    int forced = x->t->forced;

    if (x->next != NO_HOST)
        return 0;
    if (forced != NO_HOST && forced == x->old)
        return err_set(e, ERR_WORLD, "%s is the master already", topo_label(x->t, forced));
    if (forced != NO_HOST)
        return err_set(e, ERR_WORLD, "%s cannot become the master: %s", topo_label(x->t, forced),
                       x->s->choice.reason[forced]);
    return choice_refuse(x->t, x->old, &x->s->choice, e);
}

static int refuse_ill(const struct facts *x, struct err *e)
{
    for (int i = 0; i < x->t->hosts; i++) {
        const struct topo_repl *r = &host_of(x, i)->repl;

        if (!is_slave(x, i))
            continue;
        if (r->io != THREAD_YES || r->sql != THREAD_YES)
            return err_set(e, ERR_WORLD, "the %s thread of %s does not run%s%.150s",
                           r->io != THREAD_YES ? "IO" : "SQL", topo_label(x->t, i),
                           *r->io_error || *r->sql_error ? ": " : "; start it",
                           r->io != THREAD_YES ? r->io_error : r->sql_error);
        if (r->delay_s > 0)
            continue;
        if (r->behind_s < 0)
            return err_set(e, ERR_WORLD, "the lag of %s is unknown", topo_label(x->t, i));
        if (r->behind_s > x->t->seconds_behind_master)
            return err_set(e, ERR_WORLD,
                           "%s is %" PRId64 " s behind, more than --seconds_behind_master=%d",
                           topo_label(x->t, i), r->behind_s, x->t->seconds_behind_master);
    }
    return 0;
}

static const struct topo_busy *busy_of(const struct facts *x, int host, enum busy_kind k)
{
    return &host_of(x, host)->busy[k];
}

static int refuse_updates(const struct facts *x, struct err *e)
{
    const struct topo_busy *b = busy_of(x, x->old, BUSY_UPDATE);

    if (!b->count || b->longest_s <= x->t->running_updates_limit)
        return 0;
    return err_set(e, ERR_WORLD,
                   "%d update(s) run on %s, the longest for %" PRId64 " s: %.200s; wait, or raise "
                   "--running_updates_limit",
                   b->count, topo_label(x->t, x->old), b->longest_s, b->text);
}

/* Appliers write through read_only: what such a channel brought behind the stop would be missing on
 * the new master, or be there twice once the channel moves. */
static int refuse_fed(const struct facts *x, struct err *e)
{
    const struct topo_host *m = host_of(x, x->old);

    if (!m->others_run)
        return 0;
    return err_set(e, ERR_WORLD,
                   "%s also replicates by channel %s, which would write on behind the stop: stop "
                   "that channel, and start it where it shall run",
                   topo_label(x->t, x->old), m->others_text);
}

/* Idle or not, it would be rolled back by the stop of writes. */
static int refuse_transactions(const struct facts *x, struct err *e)
{
    const struct topo_busy *b = busy_of(x, x->old, BUSY_TRX);

    if (!b->count || b->longest_s <= x->t->running_updates_limit)
        return 0;
    return err_set(e, ERR_WORLD,
                   "%d transaction(s) with changes are open on %s, the longest for %" PRId64
                   " s: %.200s; wait for the commit, or raise --running_updates_limit",
                   b->count, topo_label(x->t, x->old), b->longest_s, b->text);
}

static int refuse_ddl(const struct facts *x, struct err *e)
{
    const struct topo_busy *b = busy_of(x, x->old, BUSY_DDL);

    if (!b->count || b->longest_s < 1)
        return 0;
    return err_set(e, ERR_WORLD,
                   "a schema change runs on %s for %" PRId64 " s: %.200s; wait for its end, it "
                   "takes as long again on the replicas",
                   topo_label(x->t, x->old), b->longest_s, b->text);
}

/* It holds its locks through any read_only, and only the server that has it can finish it. */
static int refuse_xa(const struct facts *x, struct err *e)
{
    const struct topo_busy *b = busy_of(x, x->old, BUSY_XA);

    return b->count
               ? err_set(e, ERR_WORLD,
                         "%d XA transaction(s) are prepared on %s: %.200s; commit them or roll "
                         "them back first",
                         b->count, topo_label(x->t, x->old), b->text)
               : 0;
}

static int refuse_backup(const struct facts *x, struct err *e)
{
    int hosts[] = {x->old, x->next};

    for (int n = 0; n < 2; n++) {
        const struct topo_busy *b = busy_of(x, hosts[n], BUSY_BACKUP);

        if (b->count)
            return err_set(e, ERR_WORLD, "a backup runs on %s: %.200s; wait for its end",
                           topo_label(x->t, hosts[n]), b->text);
    }
    return 0;
}

static int refuse_queries(const struct facts *x, struct err *e)
{
    const struct topo_busy *b = busy_of(x, x->next, BUSY_QUERY);

    if (!b->count || b->longest_s < x->t->running_seconds_limit)
        return 0;
    return err_set(e, ERR_WORLD,
                   "%d quer(ies) run on %s, the longest for %" PRId64 " s: %.200s; wait, or raise "
                   "--running_seconds_limit",
                   b->count, topo_label(x->t, x->next), b->longest_s, b->text);
}

static int refuse_filters(const struct facts *x, struct err *e)
{
    const struct topo_host *old = host_of(x, x->old), *next = host_of(x, x->next);

    if (!x->t->check_repl_filter || (strcmp(old->binlog_do_db, next->binlog_do_db) == 0 &&
                                     strcmp(old->binlog_ignore_db, next->binlog_ignore_db) == 0))
        return 0;
    return err_set(e, ERR_WORLD,
                   "binlog_do_db or binlog_ignore_db of %s and %s differ: make them equal, or set "
                   "check_repl_filter=0",
                   topo_label(x->t, x->old), topo_label(x->t, x->next));
}

static int refuse_without_grant(const struct facts *x, struct err *e)
{
    return host_of(x, x->next)->repl_grant == 0
               ? err_set(e, ERR_WORLD,
                         "the replication account may not replicate from %s: GRANT REPLICATION "
                         "SLAVE ON *.* TO it on the master",
                         topo_label(x->t, x->next))
               : 0;
}

static int refuse_without_agents(const struct facts *x, struct err *e)
{
    int hosts[] = {x->old, x->next};

    for (int n = 0; x->t->writer_vip && n < 2; n++) {
        const struct topo_host *h = host_of(x, hosts[n]);

        if (h->agent != AGENT_UP || !strstr(h->agent_caps, "net"))
            return err_set(e, ERR_WORLD,
                           "the VIP cannot be moved: no agent on %s that may change addresses "
                           "(SSH, node_path, rights)",
                           topo_label(x->t, hosts[n]));
    }
    return 0;
}

/* Why a sibling cannot be taken along; 1 and the reason. */
static int is_delayed_by_position(const struct facts *x, int i, char *why)
{
    return !x->gtid && left_out_delayed(x->t, i, why);
}

/* One that is not delayed has all by then. */
static int is_past_serving(const struct facts *x, int i, char *why)
{
    return x->gtid && host_of(x, i)->repl.delay_s != 0 && left_out_purged(x->t, i, x->next, why);
}

static int has_parted(const struct facts *x, int i, char *why)
{
    return left_out_parted(x->s->choice.parted[i], why);
}

typedef int lost_fn(const struct facts *x, int i, char *why);
static lost_fn *const losses[] = {is_delayed_by_position, is_past_serving, has_parted};

static int is_lost(const struct facts *x, int i, char *why)
{
    for (size_t n = 0; n < sizeof(losses) / sizeof(losses[0]); n++) {
        if (losses[n](x, i, why))
            return 1;
    }
    return 0;
}

static int refuse_lost(const struct facts *x, struct err *e)
{
    char why[TOPO_TEXT];

    for (int i = 0; i < x->t->hosts; i++) {
        if (is_sibling(x, i) && !host_of(x, i)->ignore_fail && is_lost(x, i, why))
            return err_set(e, ERR_WORLD,
                           "%s: %s (set ignore_fail=1 for a host that may be left out)",
                           topo_label(x->t, i), why);
    }
    return 0;
}

typedef int refuse_fn(const struct facts *x, struct err *e);
static refuse_fn *const refusals[] = {
    refuse_verdict,       refuse_fed,
    refuse_dead,          refuse_without_heir,
    refuse_ill,           refuse_updates,
    refuse_ddl,           refuse_xa,
    refuse_transactions,  refuse_backup,
    refuse_queries,       refuse_filters,
    refuse_without_grant, refuse_without_agents,
    refuse_lost,
};

static int refuse(const struct facts *x, struct err *e)
{
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        if (refusals[i](x, e))
            return -1;
    }
    return 0;
}

static struct step *beside(struct plan *p, enum step_kind kind, enum phase phase, int host,
                           int budget_ms)
{
    struct step *s = plan_add(p, kind, phase, host);
    static struct step over;

    if (!s)
        s = &over;
    s->beside = 1;
    s->budget_ms = budget_ms;
    return s;
}

static struct step *alone(struct plan *p, enum step_kind kind, enum phase phase, int host,
                          int budget_ms)
{
    struct step *s = beside(p, kind, phase, host, budget_ms);

    s->beside = 0;
    return s;
}

static void emit_locks(const struct facts *x, struct plan *p)
{
    beside(p, STEP_LOCK_MONITOR, PHASE_CHECK, x->old, BUDGET_SQL_MS);
    for (int i = 0; i < x->t->hosts; i++) {
        if (is_slave(x, i))
            beside(p, STEP_LOCK, PHASE_CHECK, i, BUDGET_SQL_MS);
    }
}

/* A semi-synchronous master without a replica makes each commit wait for its time-out, and siblings
 * attach last (decision 23). */
static int needs_semisync_off(const struct facts *x)
{
    return host_of(x, x->next)->semisync_master == 1;
}

/* Everything that takes time, before writes stop. The heir last: what it is measured by must still
 * be true when the freeze begins. */
static void emit_prepare(const struct facts *x, struct plan *p)
{
    if (x->t->flush_tables && locks_tables(x))
        alone(p, STEP_FLUSH_TABLES, PHASE_CHECK, x->old, BUDGET_SQL_MS)->on_fail = NOTE_ONLY;
    if (needs_semisync_off(x))
        alone(p, STEP_SEMISYNC_OFF, PHASE_CHECK, x->next, BUDGET_SQL_MS);
    for (int i = 0; i < x->t->hosts; i++) {
        if (is_sibling(x, i) && host_of(x, i)->repl.delay_s == 0)
            beside(p, STEP_WAIT_NEAR, PHASE_CHECK, i, BUDGET_NEAR_MS)->peer = x->old;
    }
    alone(p, STEP_WAIT_NEAR, PHASE_CHECK, x->next, BUDGET_NEAR_MS)->peer = x->old;
}

static void emit_freeze(const struct facts *x, struct plan *p)
{
    struct step *s;

    if (host_of(x, x->next)->has_online_script)
        alone(p, STEP_HOOK_CHANGE_STOP, PHASE_REJECT, x->old, BUDGET_HOOK_MS)->peer = x->next;
    alone(p, STEP_FREEZE, PHASE_REJECT, x->old, BUDGET_FREEZE_MS)->writes = SLOT_PROOF;
    if (locks_tables(x))
        alone(p, STEP_LOCK_TABLES, PHASE_REJECT, x->old, BUDGET_FREEZE_MS);
    alone(p, STEP_READ_FINAL, PHASE_REJECT, x->old, BUDGET_FREEZE_MS)->writes = SLOT_FINAL;
    s = alone(p, STEP_WAIT_FINAL, PHASE_REJECT, x->next, BUDGET_FREEZE_MS);
    s->peer = x->old;
    s->reads = SLOT_FINAL;
}

/* The start hook before the point of no return: until then it can be taken back, and a hook that
 * fails must not cost the group its master. */
static void emit_open(const struct facts *x, struct plan *p)
{
    alone(p, STEP_READ_POSITION, PHASE_TAKE_OVER, x->next, BUDGET_FREEZE_MS)->writes =
        SLOT_POSITION;
    if (host_of(x, x->next)->has_online_script)
        alone(p, STEP_HOOK_CHANGE_START, PHASE_TAKE_OVER, x->next, BUDGET_HOOK_MS)->peer = x->old;
    alone(p, STEP_NO_RETURN, PHASE_TAKE_OVER, x->next, BUDGET_SQL_MS);
    alone(p, STEP_OPEN, PHASE_TAKE_OVER, x->next, BUDGET_SQL_MS);
}

/* Add first, take away second, announce again (decision 11d). Sessions end before the address goes:
 * behind it their clients would hear nothing. */
static void emit_move_clients(const struct facts *x, struct plan *p)
{
    if (x->t->writer_vip)
        alone(p, STEP_VIP_ADD, PHASE_TAKE_OVER, x->next, BUDGET_SQL_MS);
    alone(p, STEP_END_CLIENTS, PHASE_TAKE_OVER, x->old, BUDGET_SQL_MS)->on_fail = NOTE_ONLY;
    if (!x->t->writer_vip)
        return;
    alone(p, STEP_VIP_DEL, PHASE_TAKE_OVER, x->old, BUDGET_SQL_MS)->on_fail = NOTE_ONLY;
    alone(p, STEP_VIP_ANNOUNCE, PHASE_TAKE_OVER, x->next, BUDGET_SQL_MS)->on_fail = NOTE_ONLY;
}

static void leave(struct plan *p, int host, const char *why)
{
    struct step *s = alone(p, STEP_LEAVE, PHASE_SWITCH, host, BUDGET_SQL_MS);

    s->on_fail = NOTE_ONLY;
    snprintf(s->note, sizeof(s->note), "%s", why);
}

static enum follow follow_of(const struct facts *x, int i)
{
    enum follow was = host_of(x, i)->repl.follow;

    if (!x->gtid)
        return FOLLOW_POSITION;
    if (x->s->mode == MODE_MYSQL_GTID)
        return FOLLOW_AUTO_POSITION;
    return was == FOLLOW_POSITION ? FOLLOW_SLAVE_POS : was;
}

static void follow(const struct facts *x, struct plan *p, int i, enum phase phase)
{
    struct step *s = beside(p, STEP_FOLLOW, phase, i, BUDGET_SQL_MS);

    s->on_fail = DROP_HOST;
    s->peer = x->next;
    s->reads = SLOT_POSITION;
    s->follow = follow_of(x, i);
    if (i != x->old && host_of(x, i)->repl.delay_s > 0)
        return;
    s = beside(p, STEP_WAIT_LEVEL, phase, i, 0);
    s->on_fail = DROP_HOST;
    s->peer = x->next;
    s->reads = SLOT_POSITION;
}

static void repoint(const struct facts *x, struct plan *p, int i)
{
    struct step *s;

    if (host_of(x, i)->repl.delay_s == 0) {
        s = beside(p, STEP_WAIT_FINAL, PHASE_SWITCH, i, 0);
        s->on_fail = DROP_HOST;
        s->peer = x->old;
        s->reads = SLOT_FINAL;
    }
    follow(x, p, i, PHASE_SWITCH);
}

static void emit_siblings(const struct facts *x, struct plan *p)
{
    char why[TOPO_TEXT];

    for (int i = 0; i < x->t->hosts; i++) {
        if (i == x->old || i == x->next)
            continue;
        if (!is_slave(x, i))
            leave(p, i,
                  host_of(x, i)->reach == REACH_UP
                      ? "it replicates from another replica and stays as it is"
                      : "it is a master that was replaced, and is down");
        else if (is_lost(x, i, why))
            leave(p, i, why);
        else
            repoint(x, p, i);
    }
}

/* The new master forgets its master before the old one follows it: no ring, not even for a moment.
 */
static void emit_old(const struct facts *x, struct plan *p)
{
    struct step *s;

    if (!host_of(x, x->next)->skip_reset_slave)
        alone(p, STEP_FORGET_MASTER, PHASE_CLEANUP, x->next, 0)->on_fail = NOTE_ONLY;
    if (locks_tables(x))
        alone(p, STEP_UNLOCK_TABLES, PHASE_CLEANUP, x->old, BUDGET_SQL_MS)->on_fail = NOTE_ONLY;
    if (!x->t->orig_master_is_new_slave)
        return;
    s = alone(p, STEP_DEMOTE, PHASE_CLEANUP, x->old, BUDGET_SQL_MS);
    s->on_fail = DROP_HOST;
    s->peer = x->next;
    s->follow = follow_of(x, x->old);
    follow(x, p, x->old, PHASE_CLEANUP);
}

static void emit_cleanup(const struct facts *x, struct plan *p)
{
    if (needs_semisync_off(x))
        alone(p, STEP_SEMISYNC_ON, PHASE_CLEANUP, x->next, BUDGET_SQL_MS)->on_fail = NOTE_ONLY;
    for (int i = 0; i < x->t->hosts; i++) {
        if (is_slave(x, i))
            beside(p, STEP_UNLOCK, PHASE_CLEANUP, i, BUDGET_SQL_MS)->on_fail = NOTE_ONLY;
    }
    beside(p, STEP_UNLOCK_MONITOR, PHASE_CLEANUP, x->old, BUDGET_SQL_MS)->on_fail = NOTE_ONLY;
}

typedef void emit_fn(const struct facts *x, struct plan *p);

static emit_fn *const switch_phases[] = {emit_locks, emit_prepare,      emit_freeze,
                                         emit_open,  emit_move_clients, emit_siblings,
                                         emit_old,   emit_cleanup};

int switchover_decide(const struct topo *t, struct switchover *s, struct err *e)
{
    struct facts x = {.t = t, .s = s, .next = NO_HOST};

    memset(s, 0, sizeof(*s));
    s->plan.new_master = s->choice.new_master = s->choice.base = NO_HOST;
    diagnose(t, &s->verdict);
    x.old = s->verdict.master;
    if (refuse_verdict(&x, e))
        return -1;
    s->mode = diagnose_mode(t, x.old);
    x.gtid = s->mode == MODE_MYSQL_GTID || s->mode == MODE_MARIADB_GTID;
    choose(t, x.old, s->mode, &s->choice);
    x.next = s->choice.new_master;
    if (refuse(&x, e))
        return -1;
    s->plan = (struct plan){.part = PLAN_SWITCH, .dead = x.old, .new_master = x.next};
    for (size_t i = 0; i < sizeof(switch_phases) / sizeof(*switch_phases); i++)
        switch_phases[i](&x, &s->plan);
    return plan_check(t, &s->plan, e);
}

void switchover_print(const struct topo *t, const struct switchover *s, struct buf *out)
{
    buf_addf(out, "verdict: %s (%s)\n", verdict_word(s->verdict.kind), s->verdict.reason);
    if (s->verdict.broken)
        return;
    buf_addf(out, "mode: %s\n", mode_text(s->mode));
    choice_print(t, &s->choice, out);
    if (s->plan.steps) {
        buf_adds(out, "plan: switch\n");
        plan_print(t, &s->plan, out);
    }
}
