/* One failover from decision to report: observe, decide, plan A, observe, plan B, report. Used by
 * masterha_manager, masterha_master_switch and kagemusha; a dry run stops before the executor. */
#ifndef KAGEMUSHA_OPERATION_H
#define KAGEMUSHA_OPERATION_H

#include "manager/act/group.h"
#include "manager/decide/failover.h"

struct operation {
    const char *command; /* for the report and the journal */
    int automatic;
    int interactive; /* asks MHA's questions on standard input */
    const char *workdir;
    int dead;          /* host index */
    int ssh_reachable; /* -1: probe */
    const char *new_master_host;
    int new_master_port;
    int last_failover_minute, ignore_last_failover;
    int may_repeat; /* sooner, when the last fence was proved and its new master is the dead one now
                       (decision 14) */
    int remove_dead_master_conf, skip_change_master, skip_disable_read_only,
        skip_save_master_binlog, allow_data_loss;
    int wait_until_gtid_in_sync, ignore_binlog_server_error;
    int wait_on_failover_error;
    int report_refusal;    /* report_script is told of an end before Phase 2 too: MHA's is not */
    int64_t death_seen_ms; /* monotonic; 0 if unknown: for the report */
    volatile int *stop; /* set by a signal handler, or NULL: before the point of no return it ends
                           the operation, and what was done is taken back */
};

/* MHA's exit codes: 0 all well, 10 the new master is up but a replica or the clean-up failed, 1
 * anything else. Logs everything; e says why when it returns 1. new_master: host index or NO_HOST.
 */
int operation_failover(struct group *g, const struct operation *op, int *new_master, struct err *e);

/* What was found of an operation that did not end. */
enum resumed {
    RESUMED_NOTHING,  /* there is none */
    RESUMED_BACK,     /* it was taken back or closed: the group may be watched */
    RESUMED_FAILOVER, /* it was brought to its end: code and hosts as of operation_failover() */
    RESUMED_ERROR,    /* it stays as it is, or nobody takes writes: e says why */
    RESUMED_STALE     /* private to operation_resume() */
};
struct operation_resumed {
    int code, dead, new_master;
};
/* Looks for an open journal of this group here, and for a note of one on its agents, and goes on
 * with it: to be called before the group is watched, or another operation begun. op: as for a
 * failover; its dead is not looked at. Opens sessions and agents; waits for the locks of the
 * earlier manager, lock_lease and 5 s at most. */
enum resumed operation_resume(struct group *g, const struct operation *op,
                              struct operation_resumed *out, struct err *e);

#endif
