/* How long a failover would take, from its plan: a sum of what each step has been measured to take,
 * with what has to be applied and carried first. Pure. */
#ifndef KAGEMUSHA_PREDICT_H
#define KAGEMUSHA_PREDICT_H

#include "manager/decide/failover.h"

struct prediction {
    int64_t open_ms; /* from the verdict to writes on the new master */
    int64_t done_ms; /* until all replicas follow it */
};

/* f as failover_decide() left it, with a plan. Scripts are not known: each counts as HOOK. */
void predict(const struct topo *t, const struct failover *f, struct prediction *out);

#endif
