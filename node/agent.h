/* The agent: a loop over the lines of the manager, the watches and the timers. Only the loop's
 * thread touches struct agent and writes to standard output; whatever may take long runs as a job
 * in a thread of its own, over nothing but its request and its reply. */
#ifndef KAGEMUSHA_NODE_AGENT_H
#define KAGEMUSHA_NODE_AGENT_H

#include "common/json.h"
#include "common/wire.h"
#include "node/vip.h"
#include "node/watch.h"

#include <pthread.h>

#define NODE_JOBS_MAX    64
#define NODE_STORAGE_MAX 8
#define NODE_VAULT_MAX   8

struct agent;
struct node_storage;
struct node_vault;

/* In the loop's thread; must not block. Adds to the reply, or -1 with e. */
typedef int node_inline(struct agent *a, struct json_object *req, struct json_object *reply,
                        struct err *e);
/* In a thread of its own; knows only its arguments. */
typedef int node_work(struct json_object *req, struct json_object *reply, struct err *e);

/* One row per operation: begin runs in the loop and may add to the request, then work in a thread,
 * then end in the loop again: with reply NULL when work failed, not at all when the deadline passed
 * before. Any of the three may be NULL. An operation without work is answered at once. */
struct node_op {
    const char *name;
    node_inline *begin;
    node_work *work;
    node_inline *end;
    int must_finish; /* the agent waits for it before it ends */
};

struct node_job {
    const struct node_op *op;
    int64_t id;          /* -1: the agent's own, nobody is answered */
    int64_t deadline_ms; /* monotonic, 0 none */
    int used, finished, answered, failed;
    struct json_object *req, *reply;
    struct err err;
    struct node_jobs *jobs;
};

struct node_jobs {
    struct node_job job[NODE_JOBS_MAX];
    pthread_mutex_t lock; /* over the finished flags */
    int wake;             /* eventfd: a job has finished */
    int64_t next_look_ms; /* 0: at once */
};

struct agent {
    struct buf in, out;
    struct node_jobs jobs;
    struct node_watch watch[NODE_WATCH_MAX];
    struct node_storage *storage[NODE_STORAGE_MAX];
    struct node_vault *vault[NODE_VAULT_MAX];
    struct node_vip vip;
    struct wire_greeting greeting;
    int64_t last_line_ms, silence_ms;
    int ended;
};

/* Runs until end of file, silence, or a manager that does not read. The exit status. */
int node_agent_run(int64_t silence_ms);

/* Sends {"event":word, ...o}; takes o over. */
void node_event(struct agent *a, const char *word, struct json_object *o);

/* The table, ended by a row without a name. */
extern const struct node_op node_ops[];

/* Makes the eventfd. ERR_IO. */
int node_jobs_init(struct node_jobs *jobs, struct err *e);
/* Starts a job and takes req over, also when it fails. */
int node_job_start(struct agent *a, const struct node_op *op, int64_t id, struct json_object *req,
                   struct err *e);
/* The eventfd has become readable. */
void node_jobs_woken(struct node_jobs *jobs);
/* Answers what has finished or is over its deadline. */
void node_jobs_tick(struct agent *a, int64_t now_ms);
/* Milliseconds until the next deadline of a job, at most limit. */
int64_t node_jobs_next_ms(const struct node_jobs *jobs, int64_t now_ms, int64_t limit);
/* Waits for the jobs that must finish. */
void node_jobs_drain(struct agent *a);

/* Sends a reply; takes it over. e instead of it when reply is NULL. */
void node_reply(struct agent *a, int64_t id, struct json_object *reply, const struct err *e);

#endif
