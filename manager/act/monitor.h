/* The watch loop: evidence in, verdict out. It never acts on a server beyond pings and MHA's
 * monitor lock. */
#ifndef KAGEMUSHA_MONITOR_H
#define KAGEMUSHA_MONITOR_H

#include "manager/act/group.h"
#include "manager/decide/diagnose.h"

struct monitor {
    const char *workdir;
    int interactive;
    int skip_ssh_check, ignore_fail_on_start;
    int wait_on_monitor_error;
    volatile int *stop;  /* somebody wants it to end: a signal's number */
    volatile int *yield; /* another configuration waits: it ends when all is well; or NULL */
};

enum monitor_end { MONITOR_ERROR, MONITOR_DEAD_MASTER, MONITOR_STOPPED, MONITOR_YIELDED };

/* A master that was found dead. */
struct monitor_death {
    int host;
    int64_t seen_ms; /* monotonic time of the first sign */
    struct verdict verdict;
};

/* Start checks, then pings until the master is dead, which fills death, it is told to end, or an
 * error ends it. The SQL sessions and agents in g stay open for the failover. How the group is
 * stands in the status file all the while. */
enum monitor_end monitor_run(struct group *g, const struct monitor *m, struct monitor_death *death,
                             struct err *e);

/* Ends what a watch left running in g; called by group_release. */
void monitor_release(struct group *g);
/* After a failover that lost nothing: the vaults let go of what their servers do not list any more
 * (monitor_vault.c). */
void monitor_vault_forget(struct group *g);
/* 1 while group_release would have to wait: for a ping, a connection, a script. */
int monitor_busy(struct group *g);

#endif
