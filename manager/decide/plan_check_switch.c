/* The safety case of an online switch: one rule, one function. */
#include "manager/decide/plan.h"

struct check {
    const struct topo *t;
    const struct plan *p;
    struct err *e;
    int back; /* the point of no return */
};

static int broken(const struct check *c, int step, const char *rule)
{
    return err_set(c->e, ERR_BUG, "plan step %d (%s): %s", step + 1,
                   step >= 0 && step < c->p->steps ? step_word(c->p->step[step].kind) : "end",
                   rule);
}

/* The first such step of that host, or -1. */
static int find(const struct check *c, enum step_kind kind, int host)
{
    for (int i = 0; i < c->p->steps; i++) {
        if (c->p->step[i].kind == kind && c->p->step[i].host == host)
            return i;
    }
    return -1;
}

static int is_sound(const struct check *c)
{
    int written[SLOT_COUNT] = {[SLOT_NONE] = 1};

    if (c->p->steps > PLAN_STEPS_MAX)
        return err_set(c->e, ERR_BUG, "the plan has too many steps");
    for (int i = 0; i < c->p->steps; i++) {
        const struct step *s = &c->p->step[i];

        if (s->host < 0 || s->host >= c->t->hosts || s->peer >= c->t->hosts || s->peer == s->host)
            return broken(c, i, "names no host, or one as its own peer");
        if (!written[s->reads])
            return broken(c, i, "reads what no step has written");
        written[s->writes] = 1;
    }
    return 0;
}

static int has_one_return(const struct check *c)
{
    int returns = 0;

    for (int i = 0; i < c->p->steps; i++)
        returns += c->p->step[i].kind == STEP_NO_RETURN;
    if (returns != 1 || c->p->new_master == NO_HOST || c->p->new_master == c->p->dead ||
        find(c, STEP_NO_RETURN, c->p->new_master) < 0)
        return broken(c, c->p->steps, "a switch has one point of no return and one new master");
    return 0;
}

/* Each of these before the next, on these hosts, and each able to stop the plan. */
static int keeps_order(const struct check *c)
{
    const struct {
        enum step_kind kind;
        int host;
    } order[] = {
        {STEP_WAIT_NEAR,     c->p->new_master},
        {STEP_FREEZE,        c->p->dead      },
        {STEP_READ_FINAL,    c->p->dead      },
        {STEP_WAIT_FINAL,    c->p->new_master},
        {STEP_READ_POSITION, c->p->new_master},
        {STEP_NO_RETURN,     c->p->new_master}
    };
    int last = -1;

    for (size_t n = 0; n < sizeof(order) / sizeof(order[0]); n++) {
        int i = find(c, order[n].kind, order[n].host);

        if (i <= last || c->p->step[i].on_fail != STOP_AND_UNDO)
            return broken(c, i,
                          "close, frozen, end read, end applied, position read: in this order");
        last = i;
    }
    return 0;
}

/* What can make the new master take writes comes behind the end of the old one's. */
static int opens_one(const struct check *c)
{
    int position = find(c, STEP_READ_POSITION, c->p->new_master);
    int add = find(c, STEP_VIP_ADD, c->p->new_master);

    for (int i = 0; i < c->p->steps; i++) {
        const struct step *s = &c->p->step[i];

        if ((s->kind == STEP_OPEN || s->kind == STEP_VIP_ADD) &&
            (s->host != c->p->new_master || i < c->back))
            return broken(c, i, "opens another host, or before the point of no return");
        if (s->kind == STEP_HOOK_CHANGE_START &&
            (s->host != c->p->new_master || i < position || i > c->back))
            return broken(c, i, "the start hook comes between the last position and the return");
        if (s->kind == STEP_VIP_DEL && (add < 0 || add > i))
            return broken(c, i, "the VIP is taken away before it is given");
    }
    return 0;
}

static int moves_the_rest_last(const struct check *c)
{
    int open = find(c, STEP_OPEN, c->p->new_master);

    for (int i = 0; i < c->p->steps; i++) {
        const struct step *s = &c->p->step[i];

        if (s->kind == STEP_FOLLOW && (s->peer != c->p->new_master || i < open))
            return broken(c, i, "repoints to another host, or before the new master is open");
        if ((s->kind == STEP_FORGET_MASTER || s->kind == STEP_UNLOCK_TABLES ||
             s->kind == STEP_END_CLIENTS || s->kind == STEP_DEMOTE) &&
            i < open)
            return broken(c, i, "cannot be taken back, and comes before the new master is open");
        if (i > c->back && step_has_undo(s->kind))
            return broken(c, i, "could only be undone before the point of no return");
        if (i > open && s->on_fail == STOP_AND_UNDO && s->phase >= PHASE_SWITCH)
            return broken(c, i, "one replica's failure would stop the others");
    }
    return 0;
}

/* By position a replica starts at the new master's coordinate: level with the old one's end, or it
 * would skip or repeat. The old master follows only what has forgotten it, and unlocked. */
static int follows_from_level(const struct check *c)
{
    for (int i = 0; i < c->p->steps; i++) {
        const struct step *s = &c->p->step[i];
        int final = find(c, STEP_WAIT_FINAL, s->host);

        if (s->kind != STEP_FOLLOW)
            continue;
        if (s->host != c->p->dead && s->follow == FOLLOW_POSITION && (final < 0 || final > i))
            return broken(c, i, "starts at a coordinate without having been waited for");
        if (s->host == c->p->dead &&
            (find(c, STEP_DEMOTE, s->host) < 0 || find(c, STEP_DEMOTE, s->host) > i ||
             find(c, STEP_UNLOCK_TABLES, s->host) > i ||
             find(c, STEP_FORGET_MASTER, c->p->new_master) > i))
            return broken(c, i, "the old master follows before it is prepared");
    }
    return 0;
}

static int accounts_for_all(const struct check *c)
{
    for (int h = 0; h < c->t->hosts; h++) {
        int left = find(c, STEP_LEAVE, h);

        if (h == c->p->dead || h == c->p->new_master)
            continue;
        if (left >= 0 && !*c->p->step[left].note)
            return broken(c, left, "a host is left out without a reason");
        if (left < 0 && find(c, STEP_FOLLOW, h) < 0)
            return err_set(c->e, ERR_BUG, "%s is neither repointed nor left out",
                           c->t->host[h].host);
    }
    return 0;
}

int plan_check_switch(const struct topo *t, const struct plan *p, struct err *e)
{
    struct check c = {t, p, e, -1};

    if (is_sound(&c) || has_one_return(&c))
        return -1;
    c.back = find(&c, STEP_NO_RETURN, p->new_master);
    return keeps_order(&c) || opens_one(&c) || moves_the_rest_last(&c) || follows_from_level(&c) ||
                   accounts_for_all(&c)
               ? -1
               : 0;
}
