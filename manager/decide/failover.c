/* The failover of a dead master: who takes part, what would refuse it, and the phases that append
 * the steps. */
#include "manager/decide/failover.h"

#include "manager/decide/source.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define BUDGET_SQL_MS      2000
#define BUDGET_STOP_IO_MS  3000
#define BUDGET_FENCE_MS    3000
#define BUDGET_HOOK_MS     30000
#define BUDGET_SHUTDOWN_MS 60000

/* What the phases look at. */
struct facts {
    const struct topo *t;
    const struct failover *f;
    int dead, next, base;
    int gtid;
};

static const struct topo_host *host_of(const struct facts *x, int i)
{
    return &x->t->host[i];
}

static int is_slave(const struct facts *x, int i)
{
    return is_alive_slave(x->t, x->dead, i);
}

/* Replicas of replicas stay as they are (multi_tier_slave): they follow the host they follow. */
static int is_unmanaged(const struct facts *x, int i)
{
    const struct topo_host *h = host_of(x, i);

    return h->reach == REACH_UP && h->channels > 0 && h->repl.master != x->dead &&
           h->multi_tier_slave;
}

/* What an operation that did not end is known to have done on a host; its scripts are not called
 * twice. */
static int noted(const struct facts *x, int i, enum step_kind kind)
{
    return step_in_words(host_of(x, i)->done, kind);
}

static int is_open(const struct facts *x)
{
    return x->t->opened != NO_HOST && x->t->opened == x->next;
}

/* The rest of a promotion that had passed its point of no return. */
static int is_finish(const struct facts *x)
{
    return x->t->heir != NO_HOST && x->t->heir == x->next;
}

static int may_be_lost(const struct topo_host *h)
{
    return h->ignore_fail || h->retired;
}

/* Bytes (position) or transactions (GTID) that a host lacks of what the base has received. */
static uint64_t lacks(const struct facts *x, int host, int64_t *bytes)
{
    struct gtid_set mine = GTID_INIT, all = GTID_INIT, gap = GTID_INIT;
    uint64_t n;

    *bytes = binpos_gap(&host_of(x, host)->repl.read, &host_of(x, x->base)->repl.read);
    topo_received(x->t, host, &mine);
    topo_received(x->t, x->base, &all);
    gtid_minus(&gap, &all, &mine);
    n = gtid_count(&gap);
    gtid_release(&mine);
    gtid_release(&all);
    gtid_release(&gap);
    return n;
}

/* Why a slave cannot be taken along; 1 and the reason. */
static int has_sql_error(const struct facts *x, int i, char *why)
{
    const struct topo_repl *r = &host_of(x, i)->repl;

    return r->sql_errno ? snprintf(why, TOPO_TEXT, "its SQL thread stopped with error %d: %.180s",
                                   r->sql_errno, r->sql_error)
                        : 0;
}

static struct wanted wanted(const struct facts *x)
{
    return (struct wanted){.t = x->t, .dead = x->dead, .base = x->base, .mode = x->f->mode};
}

static int has_source(const struct facts *x, int i)
{
    struct wanted w = wanted(x);
    enum source kind;

    return source_next(&w, i, 0, &kind) != NO_HOST;
}

static int is_behind_by_position(const struct facts *x, int i, char *why)
{
    char mine[BINPOS_FILE_BYTES + 24], best[BINPOS_FILE_BYTES + 24];
    int64_t bytes;

    if (x->gtid || x->base == NO_HOST || x->f->choice.latest[i] || has_source(x, i))
        return 0;
    lacks(x, i, &bytes);
    binpos_print(&host_of(x, i)->repl.read, mine, sizeof(mine));
    binpos_print(&host_of(x, x->base)->repl.read, best, sizeof(best));
    if (bytes < 0)
        return snprintf(why, TOPO_TEXT, "it has received up to %.60s, %s up to %.60s", mine,
                        topo_name(x->t, x->base), best);
    return snprintf(why, TOPO_TEXT,
                    "it lacks %" PRId64 " bytes: received up to %.60s, %s up to %.60s", bytes, mine,
                    topo_name(x->t, x->base), best);
}

/* A delayed replica cannot be level at a coordinate before its delay has passed, and is never
 * hurried (decision 22). */
static int is_delayed_by_position(const struct facts *x, int i, char *why)
{
    int64_t s = host_of(x, i)->repl.delay_s;

    return !x->gtid && s > 0
               ? snprintf(why, TOPO_TEXT, "it is delayed by %" PRId64 " s and not level", s)
               : 0;
}

/* In the GTID modes it fetches from the new master what it lacks; the new master must still have it
 * (decision 20). */
static int is_past_serving(const struct facts *x, int i, char *why)
{
    struct gtid_set mine = GTID_INIT, purged;
    int short_of;

    if (!x->gtid || x->next == NO_HOST)
        return 0;
    purged = topo_view(x->t, host_of(x, x->next)->purged);
    topo_received(x->t, i, &mine);
    short_of = !gtid_contains(&mine, &purged);
    gtid_release(&mine);
    return short_of ? snprintf(why, TOPO_TEXT, "it lacks what %s has purged from its binlogs",
                               topo_name(x->t, x->next))
                    : 0;
}

static int has_parted(const struct facts *x, int i, char *why)
{
    return x->f->choice.parted[i]
               ? snprintf(why, TOPO_TEXT, "its history has parted from the others'")
               : 0;
}

typedef int lost_fn(const struct facts *x, int i, char *why);
static lost_fn *const losses[] = {has_sql_error, has_parted, is_behind_by_position,
                                  is_delayed_by_position, is_past_serving};

static int is_lost(const struct facts *x, int i, char *why)
{
    if (host_of(x, i)->reach == REACH_UP && !is_slave(x, i))
        return snprintf(why, TOPO_TEXT,
                        "it replicates from nobody: kagemusha rejoin brings it back");
    if (!is_slave(x, i))
        return snprintf(why, TOPO_TEXT, "it cannot be reached%s%.180s",
                        *host_of(x, i)->reach_text ? ": " : "", host_of(x, i)->reach_text);
    for (size_t n = 0; n < sizeof(losses) / sizeof(losses[0]); n++) {
        if (losses[n](x, i, why))
            return 1;
    }
    return 0;
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

static int agent_can_kill(const struct topo_host *h)
{
    return h->agent == AGENT_UP && strstr(h->agent_caps, "kill") != NULL;
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

static void repoint(const struct facts *x, struct plan *p, int i)
{
    struct step *s;
    int there = host_of(x, i)->moved == MOVED_TO_HEIR;
    enum slot from = there && !x->gtid ? SLOT_NONE : SLOT_POSITION;

    level(x, p, i);
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
    else if (is_lost(x, i, why))
        leave(p, i, why);
    else if (start_is_unknown(x, i))
        leave(p, i, "where the new master opened is not known");
    else if (x->t->skip_change_master && !x->gtid) {
        level(x, p, i);
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

/* Refusals: 1 and a sentence. */
static int refuse_verdict(const struct facts *x, struct err *e)
{
    const struct verdict *v = &x->f->verdict;

    if (v->broken)
        return err_set(e, ERR_WORLD, "%s", v->reason);
    if (v->dead)
        return 0;
    return err_set(e, ERR_WORLD, "no failover%s: %s", x->t->fenced ? " in spite of the fence" : "",
                   v->reason);
}

static int refuse_without_heir(const struct facts *x, struct err *e)
{
    const struct choice *c = &x->f->choice;
    int forced = x->t->forced;

    if (x->next != NO_HOST)
        return 0;
    if (forced != NO_HOST)
        return err_set(e, ERR_WORLD, "%s cannot become the master: %s", topo_label(x->t, forced),
                       c->reason[forced]);
    return err_set(e, ERR_WORLD,
                   "no replica can become the master: each is barred (`kagemusha plan` says why)");
}

/* What would be lost must have been declared so (ignore_fail), or nothing is begun. */
static int refuse_lost(const struct facts *x, struct err *e)
{
    char why[TOPO_TEXT], text[ERR_TEXT_BYTES - 120];
    size_t len = 0;

    text[0] = '\0';
    for (int i = 0; i < x->t->hosts; i++) {
        if (i == x->dead || i == x->next || is_unmanaged(x, i) || may_be_lost(host_of(x, i)) ||
            host_of(x, i)->repl.delay_s > 0 || !is_lost(x, i, why))
            continue;
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s: %s", len ? "; " : "",
                                topo_label(x->t, i), why);
        if (len >= sizeof(text))
            break;
    }
    /* After the fence a master is needed more than every replica: they are left out with their
     * reasons. */
    if (!len || x->t->fenced || *x->t->noted_proof)
        return 0;
    return err_set(e, ERR_WORLD, "%s (set ignore_fail=1 for a host that may be left out)", text);
}

/* In position mode only a host that has received all can be opened without losing what others have.
 */
static int refuse_behind(const struct facts *x, struct err *e)
{
    char why[TOPO_TEXT];

    if (!is_behind_by_position(x, x->next, why) || x->t->allow_data_loss)
        return 0;
    return err_set(e, ERR_WORLD, "%s cannot become the master: %s", topo_label(x->t, x->next), why);
}

/* With the dead master's own log out of reach, whoever cannot be asked may be the only one that
 * holds what was acknowledged. MHA's policy takes ignore_fail for an answer to that. */
static int refuse_unseen(const struct facts *x, struct err *e)
{
    if (x->t->fenced || x->t->fence == FENCE_MHA || x->t->allow_data_loss ||
        source_is_readable(x->t, x->dead))
        return 0;
    for (int i = 0; i < x->t->hosts; i++) {
        const struct topo_host *h = host_of(x, i);

        if (i != x->dead && h->reach != REACH_UP && !h->retired)
            return err_set(
                e, ERR_WORLD,
                "the binlog of %s cannot be read, and %s, which cannot be asked, may hold "
                "what was acknowledged: bring one of them back, or accept the loss with "
                "--allow_data_loss or allow_data_loss=1",
                host_of(x, x->dead)->host, topo_label(x->t, i));
    }
    return 0;
}

static int refuse_unfenceable(const struct facts *x, struct err *e)
{
    const struct topo_host *h = host_of(x, x->dead);

    if (x->t->fenced || x->t->fence == FENCE_MHA || agent_can_kill(h) || h->has_shutdown_script)
        return 0;
    return err_set(
        e, ERR_WORLD,
        "fence impossible: %s has no agent that can kill mysqld and no shutdown_script; set "
        "shutdown_script, or fence_required=mha to go on without proof",
        topo_label(x->t, x->dead));
}

typedef int refuse_fn(const struct facts *x, struct err *e);
static refuse_fn *const refusals[] = {refuse_verdict, refuse_without_heir, refuse_behind,
                                      refuse_lost,    refuse_unseen,       refuse_unfenceable};

static int refuse(const struct facts *x, struct err *e)
{
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        if (refusals[i](x, e))
            return -1;
    }
    return 0;
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
        return refuse_verdict(&x, e);
    f->mode = diagnose_mode(t, x.dead);
    x.gtid = f->mode == MODE_MYSQL_GTID || f->mode == MODE_MARIADB_GTID;
    choose(t, x.dead, f->mode, &f->choice);
    x.next = f->choice.new_master;
    x.base = f->choice.base;
    if (refuse(&x, e))
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
