/* Who of a group that is watched may not write. Pure. */
#ifndef KAGEMUSHA_ROLES_H
#define KAGEMUSHA_ROLES_H

#include "manager/decide/topo.h"

/* 1 when a replaced master answers, takes writes and replicates from nobody (decision 14). master:
 * the one that is watched; it is never one. */
int roles_is_intruder(const struct topo *t, int master, int host);

/* 1 when the master answers, is read-only and replicates from nobody, and no other server can be
 * one that takes writes (decision 5). 0 with the reason in why, which is "" where there is nothing
 * to open. */
int roles_may_reopen(const struct topo *t, int master, char why[TOPO_TEXT]);

#endif
