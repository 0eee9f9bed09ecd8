/* Private to failover*.c: what every phase and every refusal looks at. */
#ifndef KAGEMUSHA_FAILOVER_FACTS_H
#define KAGEMUSHA_FAILOVER_FACTS_H

#include "manager/decide/failover.h"
#include "manager/decide/source.h"

#include <string.h>

/* What the phases look at. */
struct facts {
    const struct topo *t;
    const struct failover *f;
    int dead, next, base;
    int gtid;
};

static inline const struct topo_host *host_of(const struct facts *x, int i)
{
    return &x->t->host[i];
}

static inline int is_slave(const struct facts *x, int i)
{
    return is_alive_slave(x->t, x->dead, i);
}

/* Replicas of replicas stay as they are (multi_tier_slave): they follow the host they follow. */
static inline int is_unmanaged(const struct facts *x, int i)
{
    const struct topo_host *h = host_of(x, i);

    return h->reach == REACH_UP && h->channels > 0 && h->repl.master != x->dead &&
           h->multi_tier_slave;
}

static inline int is_open(const struct facts *x)
{
    return x->t->opened != NO_HOST && x->t->opened == x->next;
}

/* The rest of a promotion that had passed its point of no return. */
static inline int is_finish(const struct facts *x)
{
    return x->t->heir != NO_HOST && x->t->heir == x->next;
}

static inline int may_be_lost(const struct topo_host *h)
{
    return h->ignore_fail || h->retired;
}

static inline int agent_can_kill(const struct topo_host *h)
{
    return h->agent == AGENT_UP && strstr(h->agent_caps, "kill") != NULL;
}

static inline struct wanted wanted(const struct facts *x)
{
    return (struct wanted){.t = x->t, .dead = x->dead, .base = x->base, .mode = x->f->mode};
}

/* failover_lost.c. Bytes (position; -1 not known) or transactions (GTID, returned) that a host
 * lacks of what the base has received. */
uint64_t failover_lacks(const struct facts *x, int host, int64_t *bytes);
/* 1 when it cannot be taken along, with the reason in why[TOPO_TEXT]. */
int failover_is_lost(const struct facts *x, int host, char *why);
/* By position: 1 when it has not received all, and nothing can bring it that. */
int failover_is_behind(const struct facts *x, int host, char *why);

/* failover_refuse.c. -1 with the first sentence that stands against it. */
int failover_refuse_verdict(const struct facts *x, struct err *e);
int failover_refuse(const struct facts *x, struct err *e);

#endif
