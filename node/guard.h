/* The guard: a process of its own session that keeps a fenced instance from coming back until it
 * is released (decision 7). It holds the port and the lock of the data directory, and kills what
 * gets them first. */
#ifndef KAGEMUSHA_NODE_GUARD_H
#define KAGEMUSHA_NODE_GUARD_H

#include "common/err.h"
#include "node/instance.h"

/* What the guard has to hold; its command line. */
struct node_guard {
    struct node_target target; /* datadir may be NULL */
    const char *exe;           /* the server's program, or NULL */
    const char *lock_file;
};

/* The subcommand: runs until SIGTERM. Prints "lock", "port" and "data" as it gets hold of each.
 * The exit status; 2 when another guard has the lock file. */
int node_guard_main(int argc, char **argv);

/* Starts one that outlives us, unless one runs already. fd: its reports, -1 if one ran. The pid,
 * or -1 with e. */
pid_t node_guard_start(const struct node_guard *g, int *fd, struct err *e);
/* Ends the guard and waits for it. 1 it ran, 0 there was none, -1 e. */
int node_guard_end(const char *lock_file, struct err *e);

#endif
