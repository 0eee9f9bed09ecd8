/* Private to service: the groups of the process, and who tells of them. */
#ifndef KAGEMUSHA_SERVICE_STATE_H
#define KAGEMUSHA_SERVICE_STATE_H

#include "manager/act/metrics.h"
#include "manager/act/service.h"

#include <pthread.h>

#define GROUPS_MAX 2048

struct running {
    const struct service *s;
    pthread_mutex_t
        lock; /* over runner and count, for those who read them beside the main thread */
    struct runner *runner[GROUPS_MAX];
    int count;
    int signal_fd, done_fd;
    int stopping, reloading;
    int rc;
    int hanging; /* something was left to the end of the process */
    int64_t fed_ms, feed_every_ms;
    char status[256]; /* what systemd was told last */
    struct metrics *metrics;
    pthread_t clerk; /* writes the state files: no disk may hold up the main thread */
    int clerk_runs;
    int clerk_stop;
    pthread_cond_t clerk_wake;
};

/* Metrics where a port is configured, and the state files. What cannot be had is logged. */
void service_tell_begin(struct running *x);
void service_tell_end(struct running *x);

#endif
