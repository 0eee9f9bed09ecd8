/* The failover locks while an operation runs (decision 12): taken by the sessions that execute,
 * kept alive, and looked at again when this process stood still. */
#include "common/clock.h"
#include "common/log.h"
#include "manager/act/step.h"
#include "manager/act/thread.h"

#include <stdio.h>
#include <string.h>

#define ROUND_MS   20
#define KEEPALIVES 3 /* in the time of a lease */

int exec_lock(struct exec *x, int host, int64_t deadline_ms, struct err *e)
{
    struct sql *s = step_sql(x, host, e);
    int held = 0;
    if (!s)
        return -1;
    if (sql_lock(s, SQL_LOCK_FAILOVER, deadline_ms, e) < 0 ||
        sql_set_idle_limit(s, (x->lease_ms + 999) / 1000, deadline_ms, e) < 0 ||
        sql_lock_held(s, SQL_LOCK_FAILOVER, &held, deadline_ms, e) < 0)
        return -1;
    if (!held)
        return err_set(e, ERR_WORLD, "the failover lock on %s was not granted",
                       x->g->host[host].conf->hostname);
    x->host[host].locked = 1;
    return 0;
}

/* 1 when the keeper's last round is so old that we must have stood still, or been starved. */
static int is_late(const struct exec *x)
{
    return clock_mono_ms() - atomic_load(&x->tick_ms) > x->lease_ms / 2 + STEP_SQL_MS / 4;
}

/* A session without a statement is ended by its server after the lease: a lock must not outlive its
 * holder for long, and a holder that works elsewhere must not lose it. A session that answers has
 * kept its lock, however late it is asked. */
static void ping_idle(struct exec *x)
{
    for (int i = 0; i < x->g->hosts; i++) {
        struct err e;
        if (!x->host[i].locked || pthread_mutex_trylock(&x->host[i].busy) != 0)
            continue;
        int rc = sql_ping(&x->g->host[i].sql, clock_mono_ms() + STEP_SQL_MS, &e);
        pthread_mutex_unlock(&x->host[i].busy);
        if (rc < 0 && is_late(x))
            atomic_fetch_add(&x->stood, 1);
        atomic_store(&x->tick_ms, clock_mono_ms());
    }
}

static void *keep(void *arg)
{
    struct exec *x = arg;
    int64_t next = clock_mono_ms() + x->lease_ms / KEEPALIVES;
    while (x->keeping) {
        clock_sleep_ms(ROUND_MS);
        if (is_late(x))
            atomic_fetch_add(&x->stood, 1);
        atomic_store(&x->tick_ms, clock_mono_ms());
        if (clock_mono_ms() < next)
            continue;
        ping_idle(x);
        next = clock_mono_ms() + x->lease_ms / KEEPALIVES;
    }
    return NULL;
}

void exec_keep(struct exec *x)
{
    struct err e;
    atomic_store(&x->tick_ms, clock_mono_ms());
    x->keeping = 1;
    if (thread_start(&x->keeper, keep, x, &e) < 0) {
        x->keeping = 0;
        log_warning("keeper-failed", "idle sessions are not kept alive: %s", e.text);
    }
}

void exec_keep_end(struct exec *x)
{
    if (!x->keeping)
        return;
    x->keeping = 0;
    pthread_join(x->keeper, NULL);
}

int64_t exec_take_sessions(struct exec *x, int ms)
{
    for (int i = 0; i < x->g->hosts; i++)
        pthread_mutex_lock(&x->host[i].busy);
    return clock_mono_ms() + (ms < x->lease_ms / 2 ? ms : x->lease_ms / 2);
}

void exec_give_sessions(struct exec *x)
{
    for (int i = 0; i < x->g->hosts; i++)
        pthread_mutex_unlock(&x->host[i].busy);
}

enum look { LOOK_HELD, LOOK_GONE, LOOK_BUSY };

/* Where another lane works nobody can look, and that says nothing. */
static enum look look_at_lock(struct exec *x, int host)
{
    int held = 0;
    struct err e;
    if (pthread_mutex_trylock(&x->host[host].busy) != 0)
        return LOOK_BUSY;
    if (sql_lock_held(&x->g->host[host].sql,
                      x->host[host].monitor_lock ? SQL_LOCK_MONITOR : SQL_LOCK_FAILOVER, &held,
                      clock_mono_ms() + STEP_SQL_MS, &e) < 0)
        held = 0;
    pthread_mutex_unlock(&x->host[host].busy);
    return held ? LOOK_HELD : LOOK_GONE;
}

/* A host whose lock is gone, or NO_HOST. Whoever takes over needs all of the locks, so one that is
 * held is enough to go on; where all are busy, the first lane that ends its step lets us look, and
 * what cannot be seen in time is gone. Before the first lock nothing tells whether another manager
 * came and went meanwhile. *busy: how many could not be looked at. */
static int find_gone(struct exec *x, int *busy)
{
    int64_t until = clock_mono_ms() + STEP_SQL_MS;
    for (;;) {
        int held = 0, unseen = NO_HOST;
        *busy = 0;
        for (int i = 0; i < x->g->hosts; i++) {
            enum look seen = x->host[i].locked ? look_at_lock(x, i) : LOOK_HELD;
            if (seen == LOOK_GONE)
                return i;
            if (seen == LOOK_BUSY) {
                unseen = i;
                ++*busy;
            } else {
                held += x->host[i].locked;
            }
        }
        if (held)
            return NO_HOST;
        if (unseen == NO_HOST || clock_mono_ms() >= until)
            return unseen == NO_HOST ? x->p->dead : unseen;
        clock_sleep_ms(ROUND_MS);
    }
}

int exec_on_time(const struct exec *x)
{
    return !x->keeping || (atomic_load(&x->stood) == atomic_load(&x->looked) && !is_late(x));
}

int exec_still_ours(struct exec *x, struct err *e)
{
    int busy, gone, stood = atomic_load(&x->stood);
    if (x->lost_lease)
        return err_set(e, ERR_WORLD, "the failover locks are lost");
    if (exec_on_time(x))
        return 0;
    gone = find_gone(x, &busy);
    if (gone == NO_HOST) {
        if (busy == 0) {
            log_warning("stood-still", "this process stood still; its failover locks are held");
            atomic_store(&x->looked, stood);
        }
        return 0;
    }
    x->lost_lease = 1;
    return err_set(e, ERR_WORLD,
                   "this process stood still for longer than its locks live (lock_lease), and that "
                   "on %s is lost: nothing more is done before all is looked at again",
                   topo_label(x->t, gone));
}
