/* An online switch from its checks to its report: observe, decide, ask, one plan, report. */
#ifndef KAGEMUSHA_SWITCH_H
#define KAGEMUSHA_SWITCH_H

#include "manager/act/group.h"

struct switch_call {
    const char *command; /* for the journal */
    int interactive;     /* asks MHA's questions on standard input */
    int check_only;      /* phase 1 alone */
    const char *new_master_host;
    int new_master_port;
    int orig_master_is_new_slave, skip_lock_all_tables, flush_tables; /* flush: 0, 1, 2 */
    int running_updates_limit, running_seconds_limit, seconds_behind_master;
    int remove_orig_master_conf;
    volatile int *stop; /* set by a signal handler: before the point of no return all is undone */
};

/* MHA's exit codes: 0 all well, 10 the new master is active but something else is missing, 1
 * aborted, and then the old master takes writes as before. Logs everything; e says why with 1. */
int switch_master(struct group *g, const struct switch_call *c, struct err *e);

#endif
