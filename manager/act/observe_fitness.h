/* What only a check asks: settings, clocks, privileges, disks, why an agent is not there. */
#ifndef KAGEMUSHA_OBSERVE_FITNESS_H
#define KAGEMUSHA_OBSERVE_FITNESS_H

#include "manager/act/group.h"
#include "manager/decide/topo.h"

/* Fills t->host[].fit of all hosts beside each other, over the sessions that are open. What cannot
 * be read stays unknown. */
void observe_fitness(struct group *g, struct topo *t, int64_t deadline_ms);

#endif
