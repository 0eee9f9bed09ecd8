/* The safety case: what must hold of every plan, whoever made it. One rule, one function. */
#include "manager/decide/plan.h"

#include <string.h>

struct check {
    const struct topo *t;
    const struct plan *p;
    struct err *e;
};

static int broken(const struct check *c, int step, const char *rule)
{
    return err_set(c->e, ERR_BUG, "plan step %d (%s): %s", step + 1,
                   step < c->p->steps ? step_word(c->p->step[step].kind) : "end", rule);
}

static int find(const struct plan *p, enum step_kind kind)
{
    for (int i = 0; i < p->steps; i++) {
        if (p->step[i].kind == kind)
            return i;
    }
    return -1;
}

static int fits(const struct check *c)
{
    return c->p->steps > PLAN_STEPS_MAX ? err_set(c->e, ERR_BUG, "the plan has too many steps") : 0;
}

static int names_hosts(const struct check *c)
{
    for (int i = 0; i < c->p->steps; i++) {
        const struct step *s = &c->p->step[i];

        int servers = s->kind == STEP_RESCUE && s->source == SOURCE_SERVER ? c->t->servers : 0;

        if (s->host < 0 || s->host >= c->t->hosts)
            return broken(c, i, "names no host");
        if (servers ? s->peer < TOPO_SERVER(0) || s->peer >= TOPO_SERVER(servers)
                    : s->peer >= c->t->hosts)
            return broken(c, i, "names no peer");
        if (s->peer == s->host && (s->kind != STEP_RESCUE || s->source != SOURCE_VAULT))
            return broken(c, i, "a host is its own peer");
    }
    return 0;
}

static int reads_what_is_written(const struct check *c)
{
    int written[SLOT_COUNT] = {[SLOT_NONE] = 1, [SLOT_POSITION] = c->t->opened_at.file[0] != 0};

    for (int i = 0; i < c->p->steps; i++) {
        if (!written[c->p->step[i].reads])
            return broken(c, i, "reads what no step has written");
        written[c->p->step[i].writes] = 1;
    }
    return 0;
}

static int fence_ends_in_proof(const struct check *c)
{
    const struct plan *p = c->p;

    if (p->part != PLAN_FENCE)
        return 0;
    if (p->steps == 0 || p->step[p->steps - 1].kind != STEP_PROOF ||
        p->step[p->steps - 1].on_fail != STOP_AND_UNDO)
        return broken(c, p->steps, "a fence plan ends with the proof, and stops without it");
    if (find(p, STEP_OPEN) >= 0 || find(p, STEP_NO_RETURN) >= 0)
        return broken(c, p->steps, "a fence plan promotes nobody");
    return 0;
}

/* Beside other rules: whatever ends a host's membership must be named, so that nobody is lost
 * silently. */
static int accounts_for_all(const struct check *c)
{
    for (int h = 0; h < c->t->hosts; h++) {
        int found = h == c->p->dead || h == c->p->new_master;

        for (int i = 0; i < c->p->steps; i++) {
            const struct step *s = &c->p->step[i];

            if (s->host == h && s->kind == STEP_LEAVE && !*s->note)
                return broken(c, i, "a host is left out without a reason");
            found |= s->host == h && (s->kind == STEP_FOLLOW || s->kind == STEP_LEAVE);
        }
        if (!found)
            return err_set(c->e, ERR_BUG, "%s is neither repointed nor left out",
                           topo_name(c->t, h));
    }
    return 0;
}

static int promotes_one(const struct check *c)
{
    const struct plan *p = c->p;
    int returns = 0;

    if (!c->t->fenced)
        return err_set(c->e, ERR_BUG, "promotion without a proof of fence");
    for (int i = 0; i < p->steps; i++) {
        const struct step *s = &p->step[i];

        returns += s->kind == STEP_NO_RETURN;
        if ((s->kind == STEP_OPEN || s->kind == STEP_HOOK_IP_START || s->kind == STEP_VIP_ADD) &&
            (s->host != p->new_master || returns != 1))
            return broken(c, i, "opens another host, or before the point of no return");
        if (s->kind == STEP_FOLLOW && (s->peer != p->new_master || returns != 1))
            return broken(c, i, "repoints to another host, or before the point of no return");
        if (returns && (step_has_undo(s->kind) || s->kind == STEP_FOLLOW_BASE))
            return broken(c, i, "could only be undone before the point of no return");
        if (returns && s->on_fail == STOP_AND_UNDO && s->phase > PHASE_NEW_MASTER)
            return broken(c, i, "one replica's failure would stop the others");
    }
    if (returns != 1 || p->new_master == NO_HOST || p->new_master == p->dead)
        return broken(c, p->steps, "a promotion has one point of no return and one new master");
    return 0;
}

/* By an operation that did not end: it had applied all it was to have before it opened. */
static int is_open(const struct check *c, int host)
{
    return c->t->opened != NO_HOST && c->t->opened == host;
}

/* A rescue reads a log: of the dead master its binlog, of a binlog server its copy, of a replica
 * what that received or what its agent kept. The new master is rescued before it opens, or what it
 * was given would be behind what its clients have written since. */
static int rescues_from_a_log(const struct check *c)
{
    const struct plan *p = c->p;
    int open = find(p, STEP_NO_RETURN);

    for (int i = 0; i < p->steps; i++) {
        const struct step *s = &p->step[i];

        if (s->kind != STEP_RESCUE)
            continue;
        if (s->peer == NO_HOST || s->host == p->dead)
            return broken(c, i, "a rescue has a source, and the dead master is given nothing");
        if ((s->source == SOURCE_BINLOG) != (s->peer == p->dead))
            return broken(c, i, "only the dead master is read by its binlog");
        if (s->host == p->new_master && i > open)
            return broken(c, i, "the new master would be given old events behind new ones");
    }
    return 0;
}

static int run_beside(const struct plan *p, int i, int k)
{
    for (; i <= k; i++) {
        if (!p->step[i].beside)
            return 0;
    }
    return 1;
}

/* CHANGE deletes relay logs: those that others are given are still read. */
static int reads_before_change(const struct check *c)
{
    const struct plan *p = c->p;

    for (int i = 0; i < p->steps; i++) {
        const struct step *s = &p->step[i];

        if (s->kind != STEP_FOLLOW && s->kind != STEP_FOLLOW_BASE && s->kind != STEP_FORGET_MASTER)
            continue;
        for (int k = 0; k < p->steps; k++) {
            const struct step *r = &p->step[k];

            if (r->kind == STEP_RESCUE && r->source == SOURCE_RELAY && r->peer == s->host &&
                (k > i || run_beside(p, k, i)))
                return broken(c, i, "would delete relay logs that others are to be given");
        }
    }
    return 0;
}

/* CHANGE deletes relay logs: what was received is applied first (decision 11c). */
static int applies_before_change(const struct check *c)
{
    const struct plan *p = c->p;

    for (int i = 0; i < p->steps; i++) {
        int applied = is_open(c, p->step[i].host);

        if (p->step[i].kind != STEP_FOLLOW_BASE && p->step[i].kind != STEP_FORGET_MASTER &&
            p->step[i].kind != STEP_RESCUE)
            continue;
        for (int k = 0; k < i; k++)
            applied |= p->step[k].kind == STEP_WAIT_APPLIED && p->step[k].host == p->step[i].host;
        if (!applied)
            return broken(c, i, "would delete events that were received and not applied");
    }
    return 0;
}

/* Opening waits for everything that the new master lacks. */
static int level_before_open(const struct check *c)
{
    const struct plan *p = c->p;
    int open = find(p, STEP_NO_RETURN), wait = -1;

    if (is_open(c, p->new_master))
        return 0;
    for (int i = 0; i < open; i++) {
        if ((p->step[i].kind == STEP_WAIT_APPLIED || p->step[i].kind == STEP_WAIT_BASE) &&
            p->step[i].host == p->new_master && p->step[i].on_fail == STOP_AND_UNDO)
            wait = i;
        if (p->step[i].kind == STEP_FOLLOW_BASE && p->step[i].host == p->new_master)
            wait = -1;
    }
    return wait < 0 ? broken(c, open, "the new master is not waited for") : 0;
}

int plan_check(const struct topo *t, const struct plan *p, struct err *e)
{
    struct check c = {t, p, e};

    if (p->part == PLAN_SWITCH)
        return plan_check_switch(t, p, e);
    if (fits(&c) || names_hosts(&c) || reads_what_is_written(&c) || fence_ends_in_proof(&c))
        return -1;
    if (p->part == PLAN_FENCE)
        return 0;
    return promotes_one(&c) || accounts_for_all(&c) || rescues_from_a_log(&c) ||
                   reads_before_change(&c) || applies_before_change(&c) || level_before_open(&c)
               ? -1
               : 0;
}
