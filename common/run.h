/* Child processes: own process group, deadline, output cap. Knows nothing of what is run. */
#ifndef KAGEMUSHA_RUN_H
#define KAGEMUSHA_RUN_H

#include "common/buf.h"
#include "common/err.h"

#include <stdint.h>
#include <sys/types.h>

struct run {
    char *const *argv; /* argv[0] is looked up in PATH; or NULL and */
    const char *shell; /* a command line for /bin/sh -c */
    char *const *env;  /* additional "NAME=value" entries, NULL-terminated, or NULL */
    const char *input; /* given on standard input, or NULL for /dev/null */
    size_t input_len;
    int64_t deadline_ms; /* monotonic; then TERM, 500 ms, KILL to the whole group */
    size_t output_max;   /* what is kept of stdout+stderr; the rest is read and dropped */
    void (*started)(pid_t pgid, void *arg); /* called once the child exists, or NULL */
    void *started_arg;
};

struct run_result {
    int exited; /* 1: exit_code holds; 0: killed by signal */
    int exit_code;
    int signal;
    int timed_out;
    size_t dropped_bytes;
};

/* Runs to the end. output (stdout and stderr mixed) is appended to. -1 only when nothing could be
 * started. Left-over members of the process group are killed when the leader has ended and its
 * output is closed or 1 s passed. */
int run_wait(const struct run *r, struct buf *output, struct run_result *res, struct err *e);

/* Starts argv[0] (looked up in PATH) in a process group of its own with fds (each above 2) as its
 * descriptors 0 to 2 and no other, default signals, nothing blocked. env as above. *pid is also the
 * group; the caller waits for it. ERR_IO. */
int run_spawn(char *const *argv, char *const *env, const int fds[3], pid_t *pid, struct err *e);

/* Appends text single-quoted for a POSIX shell, raw inside. */
void run_quote(struct buf *out, const char *text);

#endif
