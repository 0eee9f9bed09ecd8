/* A master that was promoted here and is read-only after a restart, because its my.cnf says so, is
 * opened again (decision 5). One that somebody set read-only by hand stays so. */
#ifndef KAGEMUSHA_REOPEN_H
#define KAGEMUSHA_REOPEN_H

#include "manager/act/group.h"
#include "manager/decide/topo.h"

/* What is kept between two looks; zeroed at first. */
struct reopen {
    int64_t writable_ms; /* monotonic: the last look at which the master took writes; 0 none yet */
    int told;            /* that it is not opened, and why */
};

/* t: a snapshot of the group by the sessions of g, master: host index. Some seconds at most when
 * there is something to do, and what report_script takes. True when it takes writes again. */
int reopen_master(struct reopen *r, struct group *g, const struct topo *t, int master);

#endif
