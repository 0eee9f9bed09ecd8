/* The failover of a dead master as two plans: the phase tables append the steps. Pure. */
#ifndef KAGEMUSHA_FAILOVER_H
#define KAGEMUSHA_FAILOVER_H

#include "manager/decide/choose.h"
#include "manager/decide/plan.h"

struct failover {
    struct verdict verdict;
    enum mode mode;
    struct choice choice;
    struct plan fence;   /* plan A */
    struct plan promote; /* plan B: as of this snapshot */
};

/* Decides all of it from one snapshot. -1 with ERR_WORLD when the failover is refused: the sentence
 * says by which host and fact, and what to do. f is overwritten whole and is printable also after a
 * refusal. With t->fenced only plan B is made. Both plans have passed plan_check. */
int failover_decide(const struct topo *t, struct failover *f, struct err *e);
/* The rest of a failover that had passed its point of no return when its manager ended: to t->heir
 * and nobody else. t: as resume_decide() makes it; t->master is the dead one. Both plans repeat
 * what is harmless to repeat, and leave out what is known to be done and is not. -1: plan_check. */
int failover_finish(const struct topo *t, struct failover *f, struct err *e);
/* The dry run: verdict, a line per host, both plans. */
void failover_print(const struct topo *t, const struct failover *f, struct buf *out);

#endif
