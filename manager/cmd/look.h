/* One look at a group, for commands that change nothing. */
#ifndef KAGEMUSHA_LOOK_H
#define KAGEMUSHA_LOOK_H

#include "manager/act/group.h"

struct look {
    const char *conf, *global_conf;
    int no_agents; /* SQL only */
    int library;   /* the database library has to be ended */
    struct group *group;
    struct topo *seen;
};

/* Loads the configuration, opens what can be opened, observes; the master is found by the replicas.
 * ERR_CONFIG. The caller calls look_release in any case. */
int look_open(struct look *l, struct err *e);
void look_release(struct look *l);

#endif
