/* Private to observe: one host's parts. */
#ifndef KAGEMUSHA_OBSERVE_HOST_H
#define KAGEMUSHA_OBSERVE_HOST_H

#include "manager/act/observe.h"

/* One observation under way. Threads of one host each write their own fields of t->host. */
struct observing {
    struct group *g;
    const struct observe *o;
    struct topo *t;
    pthread_mutex_t arena; /* over topo_keep */
};

/* Tells of an answer that came, and kept the others waiting. what: "SQL", "its agent". */
void observe_slow(const struct observing *ob, int host, int64_t begun_ms, const char *what);

group_fn observe_sql;
/* By the host's agent: is the master's process there, does the host hold the VIP. */
void observe_life(struct observing *ob, int host);
void observe_vip(struct observing *ob, int host);
/* Behind all others: catch-ups that were interrupted, and with o->tails and o->vaults what logs
 * hold. */
void observe_catchups(struct observing *ob);
void observe_tails(struct observing *ob);

#endif
