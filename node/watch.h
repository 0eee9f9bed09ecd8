/* The life of a local mysqld: dying, gone, stopped, running, started again. */
#ifndef KAGEMUSHA_NODE_WATCH_H
#define KAGEMUSHA_NODE_WATCH_H

#include "common/json.h"
#include "node/instance.h"

#define NODE_WATCH_MAX 8

struct agent;

struct node_watch {
    int used;
    struct json_object *req; /* as it came: port, ip, binlog_index, ... */
    int port;
    int64_t poll_us, next_poll_us;
    struct json_object *known; /* the instance as last seen, with how it is started again: kept
                                  after its death, since a fence needs it */
    pid_t pid;                 /* 0: not there, looked for */
    int pidfd, statm_fd, stat_fd;
    int dying, stopped;
    int64_t next_stat_us;
    int64_t gone_us,
        gone_due_us;          /* a gone event waits until then for the state of the last binlog */
    int looking;              /* a job looks for it */
    int reading;              /* a job reads the last binlog since it began to die */
    struct json_object *last; /* what that job found, until the gone event takes it; or NULL */
};

/* The three parts of the operation watch: checks the request, finds the instance (in a thread),
 * takes hold of it. */
int node_watch_begin(struct agent *a, struct json_object *req, struct json_object *reply,
                     struct err *e);
int node_watch_work(struct json_object *req, struct json_object *reply, struct err *e);
int node_watch_end(struct agent *a, struct json_object *req, struct json_object *reply,
                   struct err *e);

/* The process descriptor of w has become readable. */
void node_watch_ended(struct agent *a, struct node_watch *w, int64_t now_us);
void node_watch_tick(struct agent *a, int64_t now_us);
int64_t node_watch_next_us(const struct node_watch watches[NODE_WATCH_MAX], int64_t now_us,
                           int64_t limit);
/* What was known of the instance on that port, borrowed; NULL without a watch. */
struct json_object *node_watch_known(struct agent *a, int port, const char *ip);

#endif
