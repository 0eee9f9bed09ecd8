/* What refuses a failover; see failover_facts.h. */
#include "manager/decide/failover_facts.h"

#include <stdio.h>

/* Refusals: 1 and a sentence. */
int failover_refuse_verdict(const struct facts *x, struct err *e)
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
    return choice_refuse(x->t, x->dead, c, e);
}

/* What would be lost must have been declared so (ignore_fail), or nothing is begun. */
static int refuse_lost(const struct facts *x, struct err *e)
{
    char why[TOPO_TEXT], text[ERR_TEXT_BYTES - 120];

    text[0] = '\0';
    for (int i = 0; i < x->t->hosts; i++) {
        if (i == x->dead || i == x->next || is_unmanaged(x, i) || may_be_lost(host_of(x, i)) ||
            host_of(x, i)->repl.delay_s > 0 || !failover_is_lost(x, i, why))
            continue;
        choice_add_reason(x->t, i, why, text, sizeof(text));
    }
    /* After the fence a master is needed more than every replica: they are left out with their
     * reasons. */
    if (!*text || x->t->fenced || *x->t->noted_proof)
        return 0;
    return err_set(e, ERR_WORLD, "%s (set ignore_fail=1 for a host that may be left out)", text);
}

/* In position mode only a host that has received all can be opened without losing what others have.
 */
static int refuse_behind(const struct facts *x, struct err *e)
{
    char why[TOPO_TEXT];

    if (!failover_is_behind(x, x->next, why) || x->t->allow_data_loss)
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
static refuse_fn *const refusals[] = {failover_refuse_verdict, refuse_without_heir,
                                      refuse_behind,           refuse_lost,
                                      refuse_unseen,           refuse_unfenceable};

int failover_refuse(const struct facts *x, struct err *e)
{
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        if (refusals[i](x, e))
            return -1;
    }
    return 0;
}
