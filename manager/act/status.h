/* MHA's small files in the manager's work directory: status, failover.complete, failover.error. */
#ifndef KAGEMUSHA_STATUS_H
#define KAGEMUSHA_STATUS_H

#include "common/err.h"

#include <stdint.h>
#include <sys/types.h>

enum status_code {
    STATUS_PING_OK = 0,
    STATUS_NONE = 1,
    STATUS_NOT_RUNNING = 2,
    STATUS_PARTIALLY_RUNNING = 3,
    STATUS_INITIALIZING_MONITOR = 10,
    STATUS_PING_FAILING = 20,
    STATUS_PING_FAILED = 21,
    STATUS_RETRYING_MONITOR = 30,
    STATUS_CONFIG_ERROR = 31,
    STATUS_TIMESTAMP_OLD = 32,
    STATUS_FAILOVER_RUNNING = 50,
    STATUS_FAILOVER_ERROR = 51
};

const char *status_word(enum status_code c); /* "PING_OK" */

struct status {
    pid_t pid;
    enum status_code code;
    char master[256];
    int64_t age_ms; /* since the last touch */
    int64_t written_wall_ms;
};

#define STATUS_PATH_BYTES 4096
/* The name of the status file, in out. */
const char *status_path(const char *workdir, const char *app, char out[STATUS_PATH_BYTES]);
/* 1 while a process of its number lives: MHA's test, and all that a reader of the file has. */
int status_alive(const struct status *s);

/* master may be NULL. A file of another living manager is not touched: ERR_WORLD. */
int status_write(const char *workdir, const char *app, enum status_code c, const char *master,
                 struct err *e);
/* -1 when there is no such file any more: write it again. */
int status_touch(const char *workdir, const char *app);
/* A file of another living manager stays. */
void status_remove(const char *workdir, const char *app);
/* 1 read, 0 there is none, -1 error. */
int status_read(const char *workdir, const char *app, struct status *out, struct err *e);

/* The flags that bind later failovers. age of .complete in seconds, -1 when it does not exist. */
int64_t status_complete_age_s(const char *workdir, const char *app);
int status_error_exists(const char *workdir, const char *app);
int status_set_complete(const char *workdir, const char *app, struct err *e);
int status_set_error(const char *workdir, const char *app, struct err *e);
void status_clear_flags(const char *workdir, const char *app);

#endif
