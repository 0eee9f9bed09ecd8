/* Where can be read what a replica lacks: the dead master's own binlogs, a binlog server's copy of
 * them, what a replica's agent holds of relay logs that its server has lost, or the relay logs of
 * the replica that received most. Pure. */
#ifndef KAGEMUSHA_SOURCE_H
#define KAGEMUSHA_SOURCE_H

#include "manager/decide/diagnose.h"
#include "manager/decide/plan.h"
#include "manager/decide/topo.h"

struct wanted {
    const struct topo *t;
    int dead, base;
    enum mode mode;
};

/* The dead master's log may be read: its agent answers and has not said otherwise. Behind the fence
 * it must have said so. */
int source_is_readable(const struct topo *t, int dead);
/* What binlog servers and vaults hold of the dead master's log: n from 0; 0 behind the last. */
struct source_copy {
    int peer; /* a host, or a TOPO_SERVER() */
    enum source kind;
    int readable;
    struct binpos first, end;
    struct gtid_set held; /* borrowed from the snapshot */
};
int source_copy(const struct topo *t, int n, struct source_copy *out);
/* Any of these holds transactions that nobody alive has received. */
int source_has_tail(const struct wanted *w);
/* By position: the coordinate in the dead master's binlog that every replica can be brought to. */
struct binpos source_target(const struct wanted *w);

/* Best source first; NO_HOST behind the last. n counts from 0. kind is set with a host. */
int source_next(const struct wanted *w, int host, int n, enum source *kind);

#endif
