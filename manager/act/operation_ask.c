/* MHA's questions on standard input, in its words. */
#include "manager/act/ask.h"
#include "manager/act/operation_run.h"

#include <stdio.h>

int operation_ask_dead(struct operation_run *r, struct err *e)
{
    if (!r->op->interactive)
        return 0;
    printf("Master %s is dead. Proceed? (yes/NO): ", topo_label(r->first, r->op->dead));
    return ask_yes() ? 0 : err_set(e, ERR_WORLD, "stopped at the question whether to proceed");
}

static int ask_other(struct operation_run *r, struct err *e)
{
    return ask_other_master(r->first, e) < 0 ? -1 : failover_decide(r->first, r->plan_a, e);
}

int operation_ask_new_master(struct operation_run *r, struct err *e)
{
    if (!r->op->interactive)
        return 0;
    printf("Starting master switch from %s to %s? (yes/NO): ", topo_label(r->first, r->op->dead),
           topo_label(r->first, r->plan_a->choice.new_master));
    if (!ask_yes() && ask_other(r, e) < 0)
        return -1;
    r->confirmed = r->plan_a->choice.new_master;
    return 0;
}
