/* The online switch of a living master as one plan. Pure. */
#ifndef KAGEMUSHA_SWITCHOVER_H
#define KAGEMUSHA_SWITCHOVER_H

#include "manager/decide/choose.h"
#include "manager/decide/plan.h"

struct switchover {
    struct verdict verdict;
    enum mode mode;
    struct choice choice;
    struct plan plan;
};

/* Decides all of it from one snapshot with t->planned. -1 with ERR_WORLD when the switch is
 * refused: the sentence says by which host and fact, and what to do. s is overwritten whole and is
 * printable also after a refusal. The plan has passed plan_check. */
int switchover_decide(const struct topo *t, struct switchover *s, struct err *e);
void switchover_print(const struct topo *t, const struct switchover *s, struct buf *out);

#endif
