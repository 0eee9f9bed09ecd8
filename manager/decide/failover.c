/* The failover of a dead master: the phases that append the steps. */
#include "manager/decide/failover_facts.h"

#include <stdio.h>

#define BUDGET_SQL_MS      2000
#define BUDGET_STOP_IO_MS  3000
#define BUDGET_FENCE_MS    3000
#define BUDGET_HOOK_MS     30000
#define BUDGET_SHUTDOWN_MS 60000

/* What an operation that did not end is known to have done on a host; its scripts are not called
 * twice. */
static int noted(const struct facts *x, int i, enum step_kind kind)
{
    return step_in_words(host_of(x, i)->done, kind);
}

/* Phase 2: everything on one host is in order, hosts are beside each other. */
static struct step *beside(struct plan *p, enum step_kind kind, enum phase phase, int host,
                           int budget_ms)
{
    struct step *s = plan_add(p, kind, phase, host);
    static _Thread_local struct step over;

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
    for (int i = 0; i < x->t->hosts; i++) {
        if (is_slave(x, i))
            beside(p, STEP_LOCK, PHASE_CHECK, i, BUDGET_SQL_MS)->on_fail =
                is_finish(x) && i != x->next ? DROP_HOST : STOP_AND_UNDO;
    }
}

/* Before any STOP IO_THREAD: on MariaDB with GTID the first START while both are stopped deletes
 * the relay logs. */
static void emit_start_appliers(const struct facts *x, struct plan *p)
{
    for (int i = 0; i < x->t->hosts; i++) {
        const struct topo_repl *r = &host_of(x, i)->repl;

        if (is_slave(x, i) && r->sql == THREAD_NO && r->sql_errno == 0)
            beside(p, STEP_START_SQL, PHASE_CHECK, i, BUDGET_SQL_MS)->on_fail = NOTE_ONLY;
    }
}

static void emit_stop_io(const struct facts *x, struct plan *p)
{
    for (int i = 0; i < x->t->hosts; i++) {
        if (is_slave(x, i) && !host_of(x, i)->moved)
            beside(p, STEP_STOP_IO, PHASE_SHUTDOWN, i, BUDGET_STOP_IO_MS)->on_fail =
                may_be_lost(host_of(x, i)) || (is_finish(x) && i != x->next) ? DROP_HOST
                                                                             : STOP_AND_UNDO;
    }
}

/* What may serve as the proof here. */
static const char *proof_note(const struct facts *x)
{
    const struct topo_host *h = host_of(x, x->dead);

    if (agent_can_kill(h))
        return h->has_shutdown_script ? "killed by its agent, or powered off"
                                      : "killed by its agent";
    if (h->has_shutdown_script)
        return "powered off";
    return "NONE_BY_POLICY (fence_required=mha)";
}

/* The agent's kill before the hooks: an address taken away while the dead server's sockets are open
 * makes clients hang (decision 11d). Its failure is not the end where shutdown_script may still
 * prove the death, or the policy asks for no proof. */
static void emit_fence(const struct facts *x, struct plan *p)
{
    const struct topo_host *h = host_of(x, x->dead);
    int frozen = x->t->interrupted == INTERRUPTED_SWITCH && h->reach == REACH_UP;
    struct step *s;

    if (agent_can_kill(h) && !frozen)
        beside(p, STEP_FENCE_AGENT, PHASE_SHUTDOWN, x->dead, BUDGET_FENCE_MS)->on_fail = NOTE_ONLY;
    if (h->has_ip_script && !frozen && !noted(x, x->dead, STEP_HOOK_IP_STOP))
        beside(p, STEP_HOOK_IP_STOP, PHASE_SHUTDOWN, x->dead, BUDGET_HOOK_MS);
    if (h->has_shutdown_script && !frozen && !strstr(x->t->noted_proof, "power-off"))
        beside(p, STEP_HOOK_SHUTDOWN, PHASE_SHUTDOWN, x->dead, BUDGET_SHUTDOWN_MS);
    s = alone(p, STEP_PROOF, PHASE_SHUTDOWN, x->dead, BUDGET_SQL_MS);
    s->writes = SLOT_PROOF;
    snprintf(s->note, sizeof(s->note), "%s", frozen ? "read-only, and seen so" : proof_note(x));
}

/* One RESCUE per source, best first: one that already has all is done with at once, so that the
 * next source only serves where the one before it failed. */
static void rescue(const struct facts *x, struct plan *p, int host, enum phase phase,
                   enum on_fail last)
{
    struct wanted w = wanted(x);
    struct step *s = NULL;
    enum source kind;
    int from;

    for (int n = 0; (from = source_next(&w, host, n, &kind)) != NO_HOST; n++) {
        s = beside(p, STEP_RESCUE, phase, host, 0);
        s->peer = from;
        s->source = kind;
        if (kind == SOURCE_SERVER)
            snprintf(s->note, sizeof(s->note), "the copy of the dead master's binlogs");
        if (kind == SOURCE_VAULT)
            snprintf(s->note, sizeof(s->note), "what its agent kept of its relay logs");
        s->on_fail = NOTE_ONLY;
        s->beside = phase == PHASE_SLAVES;
        s->reads = phase == PHASE_SLAVES ? SLOT_POSITION : SLOT_NONE;
    }
    if (s)
        s->on_fail = last;
}

static int lacks_received(const struct facts *x, int i)
{
    return x->base != NO_HOST && i != x->base && !x->f->choice.latest[i];
}

/* GTID: what the base has received comes by ordinary replication from it. */
static void emit_follow_base(const struct facts *x, struct plan *p)
{
    struct step *s;

    alone(p, STEP_WAIT_APPLIED, PHASE_NEW_MASTER, x->base, 0);
    s = alone(p, STEP_FOLLOW_BASE, PHASE_NEW_MASTER, x->next, BUDGET_SQL_MS);
    s->peer = x->base;
    s->follow = host_of(x, x->next)->repl.follow;
    s = alone(p, STEP_WAIT_BASE, PHASE_NEW_MASTER, x->next, 0);
    s->peer = x->base;
}

/* The tail that only the dead master's disk holds is worth trying for, and no reason to stay
 * without a master when it fails: what is lost then is in the ledger. What another replica has
 * received is not given up. */
static void emit_level_new_master(const struct facts *x, struct plan *p)
{
    struct wanted w = wanted(x);
    int behind = lacks_received(x, x->next), served = x->f->choice.served[x->next];

    if (is_open(x))
        return;
    alone(p, STEP_WAIT_APPLIED, PHASE_NEW_MASTER, x->next, 0);
    if (source_has_tail(&w) || (behind && !served))
        rescue(x, p, x->next, PHASE_NEW_MASTER, behind && !served ? STOP_AND_UNDO : NOTE_ONLY);
    if (behind && served)
        emit_follow_base(x, p);
}

/* The position is read while the server is still read-only: where the others will start is where it
 * opened (decision 21). */
static void emit_position(const struct facts *x, struct plan *p)
{
    if (is_open(x) && !x->gtid)
        return;
    alone(p, STEP_READ_POSITION, PHASE_NEW_MASTER, x->next, BUDGET_SQL_MS)->writes = SLOT_POSITION;
}

static void emit_open(const struct facts *x, struct plan *p)
{
    alone(p, STEP_NO_RETURN, PHASE_NEW_MASTER, x->next, 0);
    if (host_of(x, x->next)->has_ip_script && !noted(x, x->next, STEP_HOOK_IP_START))
        alone(p, STEP_HOOK_IP_START, PHASE_NEW_MASTER, x->next, BUDGET_HOOK_MS)->peer = x->dead;
    if (!x->t->skip_disable_read_only)
        alone(p, STEP_OPEN, PHASE_NEW_MASTER, x->next, BUDGET_SQL_MS);
}

/* Add first, take away second, announce again: the order that left no client hanging (decision
 * 11d). */
static void emit_vip(const struct facts *x, struct plan *p)
{
    if (!x->t->writer_vip)
        return;
    alone(p, STEP_VIP_ADD, PHASE_NEW_MASTER, x->next, BUDGET_SQL_MS);
    if (host_of(x, x->dead)->agent == AGENT_UP)
        alone(p, STEP_VIP_DEL, PHASE_NEW_MASTER, x->dead, BUDGET_SQL_MS)->on_fail = NOTE_ONLY;
    alone(p, STEP_VIP_ANNOUNCE, PHASE_NEW_MASTER, x->next, BUDGET_SQL_MS)->on_fail = NOTE_ONLY;
}

static void leave(struct plan *p, int host, const char *why)
{
    struct step *s = alone(p, STEP_LEAVE, PHASE_SLAVES, host, BUDGET_SQL_MS);

    s->on_fail = NOTE_ONLY;
    snprintf(s->note, sizeof(s->note), "%s", why);
}

static enum follow follow_of(const struct facts *x, int i)
{
    enum follow was = host_of(x, i)->repl.follow;

    if (!x->gtid)
        return FOLLOW_POSITION;
    if (x->f->mode == MODE_MYSQL_GTID)
        return FOLLOW_AUTO_POSITION;
    return was == FOLLOW_POSITION ? FOLLOW_SLAVE_POS : was;
}

/* By position, what a replica lacks must be in it before it follows the new master; by GTID it
 * fetches that itself. */
static void level(const struct facts *x, struct plan *p, int i)
{
    struct wanted w = wanted(x);

    if (x->gtid || host_of(x, i)->moved == MOVED_TO_HEIR)
        return;
    beside(p, STEP_WAIT_APPLIED, PHASE_SLAVES, i, 0)->on_fail = DROP_HOST;
    if (lacks_received(x, i) || source_has_tail(&w))
        rescue(x, p, i, PHASE_SLAVES, DROP_HOST);
}

/* When it has all that it was given: its settings are its own again. */
static void end_catchup(const struct facts *x, struct plan *p, int i)
{
    if (host_of(x, i)->catching_up)
        beside(p, STEP_END_CATCHUP, PHASE_SLAVES, i, BUDGET_SQL_MS)->on_fail = DROP_HOST;
}

static void repoint(const struct facts *x, struct plan *p, int i)
{
    struct step *s;
    int there = host_of(x, i)->moved == MOVED_TO_HEIR;
    enum slot from = there && !x->gtid ? SLOT_NONE : SLOT_POSITION;

    level(x, p, i);
    end_catchup(x, p, i);
    s = beside(p, STEP_FOLLOW, PHASE_SLAVES, i, BUDGET_SQL_MS);
    s->on_fail = DROP_HOST;
    s->peer = x->next;
    s->reads = from;
    s->follow = follow_of(x, i);
    if (from == SLOT_NONE || (x->gtid && !x->t->wait_until_gtid_in_sync))
        return;
    if (host_of(x, i)->repl.delay_s > 0)
        return;
    s = beside(p, STEP_WAIT_LEVEL, PHASE_SLAVES, i, 0);
    s->on_fail = DROP_HOST;
    s->peer = x->next;
    s->reads = from;
}

/* A position that no journal told and that has moved on cannot be started from. */
static int start_is_unknown(const struct facts *x, int i)
{
    return !x->gtid && is_open(x) && !x->t->opened_at.file[0] &&
           host_of(x, i)->moved != MOVED_TO_HEIR;
}

static void emit_slave(const struct facts *x, struct plan *p, int i)
{
    char why[TOPO_TEXT];

    if (is_unmanaged(x, i))
        leave(p, i, "it replicates from another replica and stays as it is");
    else if (failover_is_lost(x, i, why))
        leave(p, i, why);
    else if (start_is_unknown(x, i))
        leave(p, i, "where the new master opened is not known");
    else if (x->t->skip_change_master && !x->gtid) {
        level(x, p, i);
        end_catchup(x, p, i);
        leave(p, i, "CHANGE MASTER is skipped on request");
    } else
        repoint(x, p, i);
}

static int serves_others(const struct plan *p, int from, int host)
{
    for (int i = from; i < p->steps && i < PLAN_STEPS_MAX; i++) {
        const struct step *s = &p->step[i];

        if (s->kind == STEP_RESCUE && s->source == SOURCE_RELAY && s->peer == host)
            return 1;
    }
    return 0;
}

static void emit_slaves_but(const struct facts *x, struct plan *p, int but)
{
    for (int i = 0; i < x->t->hosts; i++) {
        if (i != x->dead && i != x->next && i != but)
            emit_slave(x, p, i);
    }
}

/* CHANGE MASTER deletes relay logs: a replica whose relay logs the others are given is repointed
 * when all of them are done. */
static void emit_slaves(const struct facts *x, struct plan *p)
{
    int first = p->steps, late;

    emit_slaves_but(x, p, NO_HOST);
    if (x->base == NO_HOST || !serves_others(p, first, x->base) || x->base == x->next)
        return;
    p->steps = first;
    emit_slaves_but(x, p, x->base);
    late = p->steps;
    emit_slave(x, p, x->base);
    if (late < p->steps)
        p->step[late].beside = 0;
}

static void emit_cleanup(const struct facts *x, struct plan *p)
{
    if (host_of(x, x->next)->catching_up)
        alone(p, STEP_END_CATCHUP, PHASE_CLEANUP, x->next, BUDGET_SQL_MS)->on_fail = NOTE_ONLY;
    if (!host_of(x, x->next)->skip_reset_slave && !(x->t->skip_change_master && !x->gtid))
        alone(p, STEP_FORGET_MASTER, PHASE_CLEANUP, x->next, BUDGET_SQL_MS)->on_fail = NOTE_ONLY;
    for (int i = 0; i < x->t->hosts; i++) {
        if (is_slave(x, i))
            beside(p, STEP_UNLOCK, PHASE_CLEANUP, i, BUDGET_SQL_MS)->on_fail = NOTE_ONLY;
    }
}

/* MHA's runbooks start the old master by hand once the failover is over. Its supervisor stays
 * stopped. */
static void emit_unguard(const struct facts *x, struct plan *p)
{
    if (x->t->fence == FENCE_MHA && agent_can_kill(host_of(x, x->dead)))
        alone(p, STEP_UNGUARD, PHASE_CLEANUP, x->dead, BUDGET_SQL_MS)->on_fail = NOTE_ONLY;
}

typedef void emit_fn(const struct facts *x, struct plan *p);

/* Plan A ends with the proof; plan B is made again from what is true after it. */
static emit_fn *const fence_phases[] = {emit_locks, emit_start_appliers, emit_stop_io, emit_fence};
static emit_fn *const promote_phases[] = {
    emit_level_new_master, emit_position, emit_open,   emit_vip,
    emit_slaves,           emit_cleanup,  emit_unguard};

static void emit(const struct facts *x, struct plan *p, enum plan_part part, emit_fn *const *phases,
                 size_t n)
{
    *p = (struct plan){.part = part, .dead = x->dead, .new_master = x->next};
    for (size_t i = 0; i < n; i++)
        phases[i](x, p);
}

/* Plan B as of this snapshot: as if the proof were there already. */
static int preview(const struct topo *t, struct failover *f, struct err *e)
{
    struct topo *after = topo_copy(t);
    int rc;

    after->fenced = 1;
    rc = plan_check(after, &f->promote, e);
    topo_free(&after);
    return rc;
}

int failover_decide(const struct topo *t, struct failover *f, struct err *e)
{
    struct facts x = {.t = t, .f = f, .next = NO_HOST, .base = NO_HOST};

    memset(f, 0, sizeof(*f));
    f->fence.new_master = f->promote.new_master = NO_HOST;
    f->choice.new_master = f->choice.base = NO_HOST;
    diagnose(t, &f->verdict);
    x.dead = f->verdict.master;
    if (f->verdict.broken)
        return failover_refuse_verdict(&x, e);
    f->mode = diagnose_mode(t, x.dead);
    x.gtid = f->mode == MODE_MYSQL_GTID || f->mode == MODE_MARIADB_GTID;
    choose(t, x.dead, f->mode, &f->choice);
    x.next = f->choice.new_master;
    x.base = f->choice.base;
    if (failover_refuse(&x, e))
        return -1;
    if (!t->fenced) {
        emit(&x, &f->fence, PLAN_FENCE, fence_phases, sizeof(fence_phases) / sizeof(*fence_phases));
        if (plan_check(t, &f->fence, e))
            return -1;
    }
    emit(&x, &f->promote, PLAN_PROMOTE, promote_phases,
         sizeof(promote_phases) / sizeof(*promote_phases));
    return preview(t, f, e);
}

int failover_finish(const struct topo *t, struct failover *f, struct err *e)
{
    struct facts x = {.t = t, .f = f, .dead = t->master, .next = t->heir, .base = t->heir};

    memset(f, 0, sizeof(*f));
    f->verdict = (struct verdict){.kind = VERDICT_FENCED, .master = t->master, .dead = 1};
    snprintf(f->verdict.reason, sizeof(f->verdict.reason),
             "%s was to replace %s, and the point of no return was passed", topo_label(t, t->heir),
             t->host[t->master].host);
    f->mode = diagnose_mode(t, x.dead);
    x.gtid = f->mode == MODE_MYSQL_GTID || f->mode == MODE_MARIADB_GTID;
    choose(t, x.dead, f->mode, &f->choice);
    f->choice.new_master = x.next;
    f->choice.barred[x.next] = 0;
    snprintf(f->choice.reason[x.next], TOPO_TEXT, "CHOSEN: its promotion had begun");
    emit(&x, &f->fence, PLAN_FENCE, fence_phases, sizeof(fence_phases) / sizeof(*fence_phases));
    if (plan_check(t, &f->fence, e))
        return -1;
    emit(&x, &f->promote, PLAN_PROMOTE, promote_phases,
         sizeof(promote_phases) / sizeof(*promote_phases));
    return preview(t, f, e);
}

void failover_print(const struct topo *t, const struct failover *f, struct buf *out)
{
    buf_addf(out, "verdict: %s (%s)\n", verdict_word(f->verdict.kind), f->verdict.reason);
    if (f->verdict.broken)
        return;
    buf_addf(out, "mode: %s\n", mode_text(f->mode));
    choice_print(t, &f->choice, out);
    if (f->fence.steps) {
        buf_adds(out, "plan A: fence\n");
        plan_print(t, &f->fence, out);
    }
    if (f->promote.steps) {
        buf_addf(out, "plan B: promote%s\n", f->fence.steps ? ", as of now" : "");
        plan_print(t, &f->promote, out);
    }
}
