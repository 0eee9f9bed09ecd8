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

/* A session without a statement is ended by its server after the lease: a lock must not outlive its
 * holder for long, and a holder that works elsewhere must not lose it. */
static void ping_idle(struct exec *x)
{
    for (int i = 0; i < x->g->hosts; i++) {
        struct err e;
        if (!x->host[i].locked || pthread_mutex_trylock(&x->host[i].busy) != 0)
            continue;
        (void)sql_ping(&x->g->host[i].sql, clock_mono_ms() + STEP_SQL_MS, &e);
        pthread_mutex_unlock(&x->host[i].busy);
        atomic_store(&x->tick_ms, clock_mono_ms());
    }
}

/* 1 when the keeper's last round is so old that we must have stood still, or been starved. */
static int is_late(const struct exec *x)
{
    return clock_mono_ms() - atomic_load(&x->tick_ms) > x->lease_ms / 2 + STEP_SQL_MS / 4;
}

static void *keep(void *arg)
{
    struct exec *x = arg;
    int64_t next = clock_mono_ms() + x->lease_ms / KEEPALIVES;
    while (x->keeping) {
        clock_sleep_ms(ROUND_MS);
        if (is_late(x))
            atomic_store(&x->stood, 1);
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

void exec_take_sessions(struct exec *x)
{
    for (int i = 0; i < x->g->hosts; i++)
        pthread_mutex_lock(&x->host[i].busy);
}

void exec_give_sessions(struct exec *x)
{
    for (int i = 0; i < x->g->hosts; i++)
        pthread_mutex_unlock(&x->host[i].busy);
}

/* A host that another lane works on is left to that lane: with its lock its session would be gone,
 * and with the session its statements fail. */
static int lock_is_gone(struct exec *x, int host)
{
    int held = 0;
    struct err e;
    if (!x->host[host].locked || pthread_mutex_trylock(&x->host[host].busy) != 0)
        return 0;
    if (sql_lock_held(&x->g->host[host].sql,
                      x->host[host].monitor_lock ? SQL_LOCK_MONITOR : SQL_LOCK_FAILOVER, &held,
                      clock_mono_ms() + STEP_SQL_MS, &e) < 0)
        held = 0;
    pthread_mutex_unlock(&x->host[host].busy);
    return !held;
}

/* Before the first lock nothing tells whether another manager came and went meanwhile. */
static int find_gone(struct exec *x)
{
    int locked = 0;
    for (int i = 0; i < x->g->hosts; i++) {
        locked += x->host[i].locked;
        if (lock_is_gone(x, i))
            return i;
    }
    return locked ? NO_HOST : x->p->dead;
}

int exec_still_ours(struct exec *x, struct err *e)
{
    if (x->lost_lease)
        return err_set(e, ERR_WORLD, "the failover locks are lost");
    if (!x->keeping || (!atomic_load(&x->stood) && !is_late(x)))
        return 0;
    int gone = find_gone(x);
    if (gone == NO_HOST) {
        log_warning("stood-still", "this process stood still; its failover locks are held");
        atomic_store(&x->stood, 0);
        atomic_store(&x->tick_ms, clock_mono_ms());
        return 0;
    }
    x->lost_lease = 1;
    return err_set(e, ERR_WORLD,
                   "this process stood still for longer than its locks live (lock_lease), and that "
                   "on %s is lost: nothing more is done before all is looked at again",
                   topo_label(x->t, gone));
}
