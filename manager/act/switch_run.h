/* One online switch while it runs: what its parts (switch*.c) hand to each other. */
#ifndef KAGEMUSHA_SWITCH_RUN_H
#define KAGEMUSHA_SWITCH_RUN_H

#include "manager/act/exec.h"
#include "manager/act/switch.h"
#include "manager/decide/switchover.h"

struct switch_run {
    struct group *g;
    const struct switch_call *call;
    struct topo *seen;
    struct switchover *s;
    struct exec *x;
    struct journal journal;
    int64_t begin_ms, end_ms; /* monotonic */
    int code;
    struct err why;
};

/* switch_look.c: opens what is needed, observes, and looks for what would be in the way of a stop.
 * Sets r->seen. ERR_CONFIG when the named new master is not in the file. */
int switch_look(struct switch_run *r, struct err *e);
/* Looks for it once more, just before writes stop: it may have begun since. ERR_WORLD. */
int switch_look_again(struct switch_run *r, struct err *e);

/* switch_report.c: the closing line, then who is where now, what has to be looked after. */
void switch_report(struct switch_run *r);
/* "Switching master to db2(..) completed successfully." and its kin. */
void switch_sentence(const struct switch_run *r, struct buf *out);

#endif
