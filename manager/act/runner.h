/* One group under management: watch its master, replace it when it is dead, watch on. A thread of
 * its own; nothing that happens to one group ends or delays another. */
#ifndef KAGEMUSHA_RUNNER_H
#define KAGEMUSHA_RUNNER_H

#include "manager/act/board.h"
#include "manager/act/group.h"

/* What the command line says, for all groups alike. Texts may be NULL. */
struct runner_rules {
    const char *command, *global_conf, *workdir, *log, *fence, *new_master_host;
    enum fence_policy fallback; /* where neither fence nor the configuration names a policy */
    int steadfast;              /* no error ends it: it waits, and tries again */
    int keep_running;           /* watches the new master after a failover */
    int named;                  /* log lines bear the application's name */
    int json, debug, interactive;
    int wait_on_monitor_error, ignore_fail_on_start, skip_ssh_check;
    int last_failover_minute, ignore_last_failover, wait_on_failover_error;
    int remove_dead_master_conf, skip_change_master, skip_disable_read_only;
    int skip_save_master_binlog, wait_until_gtid_in_sync, ignore_binlog_server_error;
    int new_master_port;
};

struct runner;

/* Loads the configuration; ERR_CONFIG. Nothing runs before runner_start. rules and done_fd, an
 * eventfd that is written when the runner ends or a reload is over, live as long as it. */
int runner_new(struct runner **out, const char *file, const struct runner_rules *rules, int done_fd,
               struct err *e);
int runner_start(struct runner *r, struct err *e);
/* Ends it soon: at once while it watches; a failover is taken back before its point of no return,
 * and brought to its end behind it. sig: for the log. */
void runner_stop(struct runner *r, int sig);
/* Reads the configuration anew beside the watching. One that cannot be read or whose group cannot
 * be watched is refused, and the old one stays. */
void runner_reload(struct runner *r);
/* 1 while a reload is under way. Called now and then, it also begins one that had to wait for
 * another. */
int runner_reloading(struct runner *r);
/* 1 when its thread is at its end; then the exit code in *rc. */
int runner_ended(struct runner *r, int *rc);
/* Waits for its thread. 1 when all of it is free again, 0 when something still hangs in a
 * connection or a script and was left to the end of the process. */
int runner_free(struct runner **r);

/* Its configuration file as it was given, and where it tells what happens; both its own. */
const char *runner_file(const struct runner *r);
struct board *runner_board(struct runner *r);
/* Its configuration's metrics_listen, "" if it has none. */
void runner_metrics_listen(struct runner *r, struct buf *out);
/* "<workdir>/<app>": no two runners of a process may share it. */
void runner_place(struct runner *r, struct buf *out);

#endif
