/* The pool of readers; see run.h. */
#include "manager/scan/run.h"

#include "common/clock.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define JOBS_MAX 256

struct pool {
    const struct scan_run *run;
    struct scan_server *out;
    pthread_mutex_t lock;
    size_t next, done;
};

static void read_server(const struct scan_run *r, const struct scan_target *t,
                        struct scan_server *out)
{
    int64_t begin_ms = clock_mono_ms(), deadline_ms = begin_ms + r->server_ms;
    struct scan_ask ask = *r->ask;
    struct sql s = {0};
    struct err e = {0};

    if (t->only) {
        ask.only = t->only;
        ask.only_count = t->only_count;
    }
    if (t->open(t->arg, &s, out, deadline_ms, &e) == 0) {
        scan_collect(&s, &ask, out, deadline_ms);
        sql_close(&s);
    } else {
        out->answer = SCAN_FAILED;
        snprintf(out->error, sizeof(out->error), "%s", e.text);
    }
    out->took_ms = clock_mono_ms() - begin_ms;
}

static void *reader(void *arg)
{
    struct pool *p = arg;
    size_t i;

    for (;;) {
        pthread_mutex_lock(&p->lock);
        i = p->next++;
        pthread_mutex_unlock(&p->lock);
        if (i >= p->run->targets)
            return NULL;
        read_server(p->run, &p->run->target[i], &p->out[i]);
        pthread_mutex_lock(&p->lock);
        p->done++;
        if (p->run->on_server)
            p->run->on_server(p->run->listener, &p->out[i], p->done);
        pthread_mutex_unlock(&p->lock);
    }
}

int scan_run(const struct scan_run *r, struct scan_server *out, struct err *e)
{
    struct pool p = {.run = r, .out = out, .lock = PTHREAD_MUTEX_INITIALIZER};
    pthread_t thread[JOBS_MAX];
    size_t want = r->jobs > 0 ? (size_t)r->jobs : 1, started = 0, i;
    int failed = 0;

    want = want > JOBS_MAX ? JOBS_MAX : want;
    want = want > r->targets ? r->targets : want;
    for (i = 0; i < r->targets; i++) {
        memset(&out[i], 0, sizeof(out[i]));
        snprintf(out[i].name, sizeof(out[i].name), "%s", r->target[i].name);
        snprintf(out[i].group, sizeof(out[i].group), "%s", r->target[i].group);
    }
    while (started < want && !failed) {
        failed = pthread_create(&thread[started], NULL, reader, &p);
        started += !failed;
    }
    for (i = 0; i < started; i++)
        pthread_join(thread[i], NULL);
    pthread_mutex_destroy(&p.lock);
    if (started == 0 && r->targets > 0)
        return err_set(e, ERR_IO, "cannot start a thread: %s", strerror(failed));
    return 0;
}
