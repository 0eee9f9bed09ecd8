/* Jobs: work in threads, begun and ended in the agent's loop; see agent.h. */
#include "node/agent.h"

#include "common/clock.h"

#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define STACK_BYTES 262144u
#define DRAIN_MS    6000

int node_jobs_init(struct node_jobs *jobs, struct err *e)
{
    memset(jobs, 0, sizeof(*jobs));
    pthread_mutex_init(&jobs->lock, NULL);
    jobs->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (jobs->wake < 0)
        return err_errno(e, ERR_IO, "cannot make an eventfd");
    return 0;
}

static void *run_job(void *arg)
{
    struct node_job *j = arg;
    struct node_jobs *jobs = j->jobs;
    uint64_t one = 1;
    ssize_t n;

    j->failed = j->op->work(j->req, j->reply, &j->err) != 0;
    pthread_mutex_lock(&jobs->lock);
    j->finished = 1;
    pthread_mutex_unlock(&jobs->lock);
    n = write(jobs->wake, &one, sizeof(one));
    (void)n;
    return NULL;
}

static void release(struct node_job *j)
{
    json_object_put(j->req);
    json_object_put(j->reply);
    memset(j, 0, sizeof(*j));
}

static struct node_job *free_slot(struct node_jobs *jobs)
{
    for (size_t i = 0; i < NODE_JOBS_MAX; i++)
        if (!jobs->job[i].used)
            return &jobs->job[i];
    return NULL;
}

int node_job_start(struct agent *a, const struct node_op *op, int64_t id, struct json_object *req,
                   struct err *e)
{
    struct node_job *j = free_slot(&a->jobs);
    int64_t limit = json_get_int(req, "deadline_ms", 0);
    pthread_attr_t attr;
    pthread_t thread;
    int rc;

    if (!j) {
        json_object_put(req);
        return err_set(e, ERR_WORLD, "%d operations are under way already", NODE_JOBS_MAX);
    }
    j->used = 1;
    j->op = op;
    j->id = id;
    j->jobs = &a->jobs;
    j->req = req;
    j->reply = json_object_new_object();
    j->deadline_ms = limit > 0 ? clock_mono_ms() + limit : 0;
    a->jobs.next_look_ms = 0;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    rc = pthread_create(&thread, &attr, run_job, j);
    pthread_attr_destroy(&attr);
    if (rc == 0)
        return 0;
    release(j);
    return err_set(e, ERR_IO, "cannot start a thread: %s", strerror(rc));
}

static void answer(struct agent *a, struct node_job *j, int failed)
{
    struct json_object *reply = failed ? NULL : j->reply;

    if (j->answered)
        return;
    j->answered = 1;
    if (j->op->end && j->op->end(a, j->req, reply, &j->err))
        reply = NULL;
    if (j->id >= 0)
        node_reply(a, j->id, reply ? json_object_get(reply) : NULL, &j->err);
}

static int finished(struct node_job *j)
{
    int yes;

    pthread_mutex_lock(&j->jobs->lock);
    yes = j->finished;
    pthread_mutex_unlock(&j->jobs->lock);
    return yes;
}

/* A job over its deadline is answered now and forgotten when its thread comes back: its request,
 * reply and error belong to the thread until then. */
static void expire(struct agent *a, struct node_job *j)
{
    struct err late = {0};

    j->answered = 1;
    err_set(&late, ERR_TIMEOUT, "%s is not done after its deadline", j->op->name);
    if (j->id >= 0)
        node_reply(a, j->id, NULL, &late);
}

void node_jobs_woken(struct node_jobs *jobs)
{
    uint64_t count;
    ssize_t n = read(jobs->wake, &count, sizeof(count));

    (void)n;
    jobs->next_look_ms = 0;
}

/* The loop comes by each millisecond while it watches a server: it looks at the jobs only when one
 * has finished or is due. */
void node_jobs_tick(struct agent *a, int64_t now_ms)
{
    if (now_ms < a->jobs.next_look_ms)
        return;
    for (size_t i = 0; i < NODE_JOBS_MAX; i++) {
        struct node_job *j = &a->jobs.job[i];

        if (!j->used)
            continue;
        if (finished(j)) {
            answer(a, j, j->failed);
            release(j);
        } else if (j->deadline_ms && now_ms >= j->deadline_ms && !j->answered) {
            expire(a, j);
        }
    }
    a->jobs.next_look_ms = now_ms + node_jobs_next_ms(&a->jobs, now_ms, INT32_MAX);
}

int64_t node_jobs_next_ms(const struct node_jobs *jobs, int64_t now_ms, int64_t limit)
{
    for (size_t i = 0; i < NODE_JOBS_MAX; i++) {
        const struct node_job *j = &jobs->job[i];

        if (j->used && !j->answered && j->deadline_ms && j->deadline_ms - now_ms < limit)
            limit = j->deadline_ms > now_ms ? j->deadline_ms - now_ms : 0;
    }
    return limit;
}

void node_jobs_drain(struct agent *a)
{
    int64_t until = clock_mono_ms() + DRAIN_MS;
    int busy = 1;

    while (busy && clock_left_ms(until) > 0) {
        busy = 0;
        for (size_t i = 0; i < NODE_JOBS_MAX; i++)
            busy |=
                a->jobs.job[i].used && a->jobs.job[i].op->must_finish && !finished(&a->jobs.job[i]);
        if (busy)
            clock_sleep_ms(5);
    }
}
