/* Private to diagnose*.c: what the predicates of a verdict look at, and its sentence. Pure. */
#ifndef KAGEMUSHA_DIAGNOSE_FACTS_H
#define KAGEMUSHA_DIAGNOSE_FACTS_H

#include "manager/decide/diagnose.h"

/* Hosts are indices, NO_HOST where there is none. */
struct facts {
    const struct topo *t;
    int up, silent, denied_replica;
    int galera, group_replication, multi_source; /* a host that is one */
    int replicas;                                /* answering servers that have a master */
    int ring;                                    /* a host inside a ring of answering servers */
    int ring_master, ring_second;                /* those in it that take writes */
    int head, second_head;                       /* answering servers that replicate from nobody */
    int foreign, low; /* a replica of an unknown server; of another replica */
    int master;       /* the one that the replicas agree on */
    int second_master;
    const struct topo_host *m; /* &host[master], or NULL */
    int hears, sees_greeting;  /* a replica for which the master lives */
    int sights, refused_sights;
    int followers, parted; /* replicas of the master, and those of them that cannot reach it */
};

/* t: topo_link has been called. */
void facts_fill(struct facts *f, const struct topo *t);
/* The master lives for some replica. */
int is_heard(const struct facts *f);

/* diagnose_say.c: k must have been found from f. */
void diagnose_say(const struct facts *f, enum verdict_kind k, char *out, size_t size);

#endif
