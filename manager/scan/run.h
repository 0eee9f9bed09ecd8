/* Many servers at a time, one connection to each. Knows no configuration: how a session is opened
 * comes from outside. */
#ifndef KAGEMUSHA_SCAN_RUN_H
#define KAGEMUSHA_SCAN_RUN_H

#include "manager/scan/collect.h"

/* Opens a session to the server to be read; s->name may be set to what it turned out to be. The
 * error's text becomes the server's. Called in a thread of its own. */
typedef int scan_open_fn(void *arg, struct sql *out, struct scan_server *s, int64_t deadline_ms,
                         struct err *e);

struct scan_target {
    char name[300];  /* "host:port", or the configuration's file until its master is known */
    char group[128]; /* what its history goes by */
    scan_open_fn *open;
    void *arg;
    const struct scan_table *only; /* only these tables; NULL: as ask has it */
    size_t only_count;
};

struct scan_run {
    const struct scan_target *target;
    size_t targets;
    const struct scan_ask *ask;
    int jobs;      /* servers beside each other */
    int server_ms; /* for each, connecting included */
    /* Called after each server, one call at a time; NULL: nobody listens. */
    void (*on_server)(void *listener, const struct scan_server *s, size_t done);
    void *listener;
};

/* Fills out[targets], which is overwritten whole; the caller releases each. Takes at most about
 * targets / jobs * server_ms. ERR_IO when no thread could be started; servers that could not be
 * read say so themselves. */
int scan_run(const struct scan_run *r, struct scan_server *out, struct err *e);

#endif
