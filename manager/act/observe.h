/* Servers and agents become a snapshot: all hosts beside each other, one deadline. Decides nothing.
 */
#ifndef KAGEMUSHA_OBSERVE_H
#define KAGEMUSHA_OBSERVE_H

#include "manager/act/group.h"
#include "manager/decide/topo.h"

struct observe {
    unsigned what;   /* enum group_open: SQL only, or agents too (life of the process, VIP, caps) */
    uint32_t skip;   /* hosts that are not contacted by SQL (the master assumed dead) */
    uint32_t sights; /* replicas whose agents connect to the master's port once (decision 1) */
    int master;      /* for topo.master, life and sights; NO_HOST: not known */
    int64_t deadline_ms; /* monotonic */
};

/* A new snapshot with the group's configuration and what was seen; topo_link has been called. Never
 * fails: what could not be seen is in it. The caller frees. Policy fields that belong to a command
 * (forced, misses, fenced ...) are the caller's to set. */
struct topo *observe(struct group *g, const struct observe *o);

/* Only the configured part. */
struct topo *observe_nothing(const struct group *g);

#endif
