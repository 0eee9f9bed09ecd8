/* A replaced master that is back and takes writes is set read-only and told of (decision 14). Knows
 * nothing of how it becomes a replica. */
#ifndef KAGEMUSHA_INTRUDER_H
#define KAGEMUSHA_INTRUDER_H

#include "manager/act/group.h"
#include "manager/decide/topo.h"

/* t: a snapshot of the group by the sessions of g; master: host index; *told: hosts that were told
 * of, kept by the caller, 0 at first. A paused group is only told of. Takes some seconds at most
 * for each such host, and what report_script takes. */
void intruder_close(struct group *g, const struct topo *t, int master, uint32_t *told);

#endif
