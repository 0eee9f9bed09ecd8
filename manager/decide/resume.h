/* What becomes of an operation whose manager ended in its midst (decision 13): from the servers'
 * truth, and from what its journal or a note of it tells of its steps and of the values before.
 * Pure. */
#ifndef KAGEMUSHA_RESUME_H
#define KAGEMUSHA_RESUME_H

#include "manager/decide/failover.h"

enum resume_way {
    RESUME_REFUSED, /* cannot be told now: nothing is touched, the journal stays open */
    RESUME_CLOSE,   /* nothing is left to do, or others have gone on: closed, only reported */
    RESUME_UNDO,    /* what it did is taken back */
    RESUME_AGAIN,   /* it promoted nobody yet: a failover from what is true now */
    RESUME_FINISH   /* its point of no return is passed: the rest of it, to the same new master */
};

struct resume {
    enum resume_way way;
    char reason[512];
    struct topo *view;    /* the snapshot as planned on: a replica that the operation had pointed
                             elsewhere counts as one of the dead master (moved) */
    struct failover plan; /* RESUME_AGAIN, RESUME_FINISH */
};

/* t: topo_link has been called; t->interrupted and t->master (the dead one) are set, was_*, begun,
 * done, opened_at and noted_proof as the journal tells them; heir and opened are found here. r is
 * overwritten whole. Cannot fail. */
void resume_decide(const struct topo *t, struct resume *r);
/* The snapshot as resume_decide() plans on it; for the second look, behind the fence. The caller
 * frees. */
struct topo *resume_view(const struct topo *t);
void resume_release(struct resume *r);      /* safe on a zeroed one */
const char *resume_word(enum resume_way w); /* "finish" */
void resume_print(const struct resume *r, struct buf *out);

#endif
