/* What /proc tells of one process, and process descriptors. Knows nothing of databases. */
#ifndef KAGEMUSHA_NODE_PROC_H
#define KAGEMUSHA_NODE_PROC_H

#include "common/buf.h"

#include <dirent.h>
#include <limits.h>
#include <stdint.h>
#include <sys/types.h>

struct node_stat {
    pid_t pid, ppid;
    char state;           /* 'R', 'S', 'D', 'T', 'Z', ... */
    uint64_t start_ticks; /* with the pid the name of a process: pids are used again */
    char comm[64];
};

/* 0, or -1 when there is no such process. */
int node_proc_stat(pid_t pid, struct node_stat *out);
/* 1 when that very process is there and is no zombie. */
int node_proc_same(pid_t pid, uint64_t start_ticks);
/* Appends /proc/PID/name, at most max bytes; the number of bytes, or -1. */
ssize_t node_proc_file(pid_t pid, const char *name, struct buf *out, size_t max);
/* Target of /proc/PID/name ("exe", "cwd", "fd/3"); -1 and an empty text when it cannot be read. */
int node_proc_link(pid_t pid, const char *name, char *out, size_t size);
/* Effective user and group; -1 when there is no such process. */
int node_proc_owner(pid_t pid, unsigned *uid, unsigned *gid);
/* The next process of an opened /proc, 0 at the end. */
pid_t node_proc_next(DIR *proc);

/* A descriptor of exactly this process, close-on-exec: -1 when it is gone. With start_ticks 0 any
 * process of that pid. The caller closes it. */
int node_pidfd_open(pid_t pid, uint64_t start_ticks);
int node_pidfd_signal(int fd, int signal);
/* 1 the process is gone, 0 it is not at the deadline (monotonic ms). */
int node_pidfd_wait(int fd, int64_t deadline_ms);

#endif
