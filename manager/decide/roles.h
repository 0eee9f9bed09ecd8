/* Who of a group that is watched may not write. Pure. */
#ifndef KAGEMUSHA_ROLES_H
#define KAGEMUSHA_ROLES_H

#include "manager/decide/topo.h"

/* 1 when a replaced master answers, takes writes and replicates from nobody (decision 14). master:
 * the one that is watched; it is never one. */
int roles_is_intruder(const struct topo *t, int master, int host);

#endif
