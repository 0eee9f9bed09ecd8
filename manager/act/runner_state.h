/* Private to runner*.c: one group under management. */
#ifndef KAGEMUSHA_RUNNER_STATE_H
#define KAGEMUSHA_RUNNER_STATE_H

#include "manager/act/group.h"
#include "manager/act/runner.h"

#include <stdatomic.h>

#define RETRY_FIRST_MS 2000

/* What one configuration brings along. */
struct set {
    struct group g;
    struct log_sink *log;
};

struct runner {
    const struct runner_rules *rules;
    char *file;
    int done_fd;
    struct board *board;
    pthread_t thread;
    int running;
    atomic_int ended;
    int rc;
    volatile int stop;  /* the signal that ended it */
    volatile int yield; /* another configuration waits */
    int64_t retry_ms;
    char told[ERR_TEXT_BYTES]; /* the last failure that was reported */
    int refusal_told;          /* report_script knows that this death has no failover */

    pthread_mutex_t lock; /* over what follows */
    struct set *now, *next;
    pthread_t loader;
    int loader_made; /* it has to be joined */
    int loading, again;
    struct set *old; /* what a reload has left behind */
    pthread_t disposer;
    int disposer_made;
    atomic_int hanging; /* something was left to the end of the process */
};

/* Writes the eventfd; a full one is left as it is. */
void runner_wake(int fd);

/* runner_set.c */
int runner_set_load(const struct runner *r, struct set **out, struct err *e);
/* What still hangs in a connection or a script is left to the end of the process: 0 then. */
int runner_set_free(struct set **s);
/* Where another configuration waits, it is watched by that from now on. */
void runner_take_next(struct runner *r);

#endif
