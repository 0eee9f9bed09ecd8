/* The watchdog of blocking calls; see db_guard.h. */
#include "common/db_guard.h"

#include "common/clock.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

static struct {
    pthread_mutex_t lock;
    pthread_cond_t wake; /* on the monotonic clock */
    pthread_t thread;
    int running, stop;
    int64_t wakes_ms; /* when the thread looks again by itself */
    struct db_guard *list;
} watch = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Shuts what is due down; gives the next moment to look. The caller holds the lock. */
static int64_t fire_due(int64_t now_ms)
{
    int64_t next = INT64_MAX;
    struct db_guard *g;

    for (g = watch.list; g; g = g->next) {
        if (g->fired)
            continue;
        if (g->deadline_ms <= now_ms) {
            shutdown(g->fd, SHUT_RDWR);
            g->fired = 1;
        } else if (g->deadline_ms < next) {
            next = g->deadline_ms;
        }
    }
    return next;
}

/* Woken so late that we stood still: whose time passed meanwhile gets a moment to read what has
 * come since. */
static void forgive(int64_t now_ms)
{
    for (struct db_guard *g = watch.list; g; g = g->next)
        if (!g->fired && g->deadline_ms <= now_ms)
            g->deadline_ms = now_ms + CLOCK_GRACE_MS;
}

static void *watch_main(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&watch.lock);
    while (!watch.stop) {
        struct timespec ts;

        watch.wakes_ms = fire_due(clock_mono_ms());
        if (watch.wakes_ms == INT64_MAX) {
            pthread_cond_wait(&watch.wake, &watch.lock);
            continue;
        }
        ts.tv_sec = (time_t)(watch.wakes_ms / 1000);
        ts.tv_nsec = (long)(watch.wakes_ms % 1000) * 1000000;
        pthread_cond_timedwait(&watch.wake, &watch.lock, &ts);
        if (clock_mono_ms() > watch.wakes_ms + CLOCK_LATE_MS)
            forgive(clock_mono_ms());
    }
    pthread_mutex_unlock(&watch.lock);
    return NULL;
}

/* Signals are for the main thread: this one is born with all of them blocked. */
int db_guard_start(struct err *e)
{
    pthread_condattr_t attr;
    sigset_t all, old;
    int rc;

    if (watch.running)
        return 0;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&watch.wake, &attr);
    pthread_condattr_destroy(&attr);
    watch.stop = 0;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    rc = pthread_create(&watch.thread, NULL, watch_main, NULL);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc != 0)
        return err_set(e, ERR_IO, "cannot start the watchdog thread: %s", strerror(rc));
    watch.running = 1;
    return 0;
}

void db_guard_stop(void)
{
    if (!watch.running)
        return;
    pthread_mutex_lock(&watch.lock);
    watch.stop = 1;
    pthread_cond_signal(&watch.wake);
    pthread_mutex_unlock(&watch.lock);
    pthread_join(watch.thread, NULL);
    pthread_cond_destroy(&watch.wake);
    watch.running = 0;
}

void db_guard_begin(struct db_guard *g, int fd, int64_t deadline_ms)
{
    g->fd = fd;
    g->deadline_ms = deadline_ms;
    g->fired = 0;
    pthread_mutex_lock(&watch.lock);
    g->next = watch.list;
    watch.list = g;
    if (deadline_ms < watch.wakes_ms)
        pthread_cond_signal(&watch.wake);
    pthread_mutex_unlock(&watch.lock);
}

int db_guard_end(struct db_guard *g)
{
    struct db_guard **at;
    int fired;

    pthread_mutex_lock(&watch.lock);
    for (at = &watch.list; *at != g; at = &(*at)->next)
        ;
    *at = g->next;
    fired = g->fired;
    pthread_mutex_unlock(&watch.lock);
    return fired;
}
