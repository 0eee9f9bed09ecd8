/* Why a replica cannot be taken along, where a failover and a switch say the same. Pure. */
#ifndef KAGEMUSHA_LEFT_OUT_H
#define KAGEMUSHA_LEFT_OUT_H

#include "manager/decide/topo.h"

/* Each: 1 and the reason (TOPO_TEXT bytes), or 0. */

/* By position a delayed replica cannot be level at a coordinate before its delay has passed, and is
 * never hurried (decision 22). */
int left_out_delayed(const struct topo *t, int host, char *why);
/* By GTID it fetches from the new master what it lacks, which must still have it (decision 20). */
int left_out_purged(const struct topo *t, int host, int new_master, char *why);
/* parted: of its choice (choose.h). */
int left_out_parted(int parted, char *why);

#endif
