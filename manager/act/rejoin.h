/* The way back of an old master: closed, compared with the group, and made a replica; or, when it
 * has what nobody else has, that is saved and told. */
#ifndef KAGEMUSHA_REJOIN_ACT_H
#define KAGEMUSHA_REJOIN_ACT_H

#include "manager/act/group.h"

struct rejoin_call {
    int host;             /* who comes back */
    const char *save_dir; /* for what only it has; NULL: the journal's directory */
    const char
        *start_command; /* run on its host by the agent when it is down; NULL: as it ran before */
    volatile int *stop; /* set by a signal handler */
};

/* 0 it is a replica of the master and level, also when it was already; 1 not, and e says why. The
 * server stays read-only then. */
int rejoin_host(struct group *g, const struct rejoin_call *c, struct err *e);

#endif
