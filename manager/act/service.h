/* The process that manages groups: their runners, its signals, and what systemd is told. */
#ifndef KAGEMUSHA_SERVICE_H
#define KAGEMUSHA_SERVICE_H

#include "common/args.h"
#include "manager/act/metrics.h"
#include "manager/act/runner.h"

/* What else runs in the process, beside the groups and in no way of theirs. */
struct service_guest {
    void (*begin)(void *arg);  /* the database library is there; NULL: no guest */
    void (*reload)(void *arg); /* the configurations may be others now */
    int (*end)(void *arg);     /* 1: something still hangs in the library */
    metrics_fn *write_metrics; /* one source of /metrics more */
    void *arg;
};

struct service {
    struct args_list confs;     /* configuration files, and directories of them (*.cnf) */
    struct runner_rules rules;  /* rules.steadfast: it runs until it is told to end */
    const char *metrics_listen; /* NULL: the first group's that names one */
    struct service_guest guest;
    int hangup_reloads; /* SIGHUP reads the configurations anew; else it ends the process */
};

/* Until a signal ends it, or every group has ended. INT, QUIT and TERM end it: see runner_stop. A
 * configuration that cannot be used is an error that is logged; without any other it ends the
 * process. The exit code: that of the group that ended worst. Blocks these signals for the rest of
 * the process's life. */
int service_run(const struct service *s);

#endif
