/* Threads with small stacks; see thread.h. */
#include "manager/act/thread.h"

#include "common/buf.h"
#include "common/log.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

struct start {
    void *(*fn)(void *);
    void *arg;
    struct log_sink *log;
};

static void *begin(void *arg)
{
    struct start s = *(struct start *)arg;

    free(arg);
    log_use(s.log);
    return s.fn(s.arg);
}

int thread_start(pthread_t *out, void *(*fn)(void *), void *arg, struct err *e)
{
    struct start *s = mem_zalloc(sizeof(*s));
    pthread_attr_t attr;
    sigset_t all, old;
    int rc;

    *s = (struct start){.fn = fn, .arg = arg, .log = log_used()};
    sigfillset(&all);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, THREAD_STACK_BYTES);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    rc = pthread_create(out, &attr, begin, s);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    if (rc == 0)
        return 0;
    free(s);
    errno = rc;
    return err_errno(e, ERR_IO, "cannot start a thread");
}

void thread_cond_init(pthread_cond_t *c)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(c, &attr);
    pthread_condattr_destroy(&attr);
}

int thread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m, int64_t deadline_ms)
{
    struct timespec until = {.tv_sec = (time_t)(deadline_ms / 1000),
                             .tv_nsec = (long)(deadline_ms % 1000) * 1000000L};

    return pthread_cond_timedwait(c, m, &until) == ETIMEDOUT ? -1 : 0;
}
