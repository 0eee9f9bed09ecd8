/* Pings; see monitor_ping.h. */
#include "manager/act/monitor_ping.h"

#include "common/clock.h"
#include "common/sql_repl.h"
#include "manager/act/group.h"
#include "manager/act/thread.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* The server forgets a manager that died without a word after this time at least. */
#define IDLE_LIMIT_S  15
#define LOCK_RETRY_MS 200

struct pinger {
    const struct conf_server *server;
    enum ping_type type;
    int64_t interval_ms;
    int wake_fd;
    pthread_t thread;
    struct sql sql; /* the thread's */
    int locked;
    int64_t refused_ms; /* since when another session holds the lock, 0 if none does */

    pthread_mutex_t lock; /* over what follows */
    pthread_cond_t wake;
    struct ping last;
    int fresh, stop, busy, hurry;
};

const char *ping_type_text(enum ping_type t)
{
    static const char *const words[] = {"SELECT", "CONNECT", "INSERT"};

    return words[t];
}

enum ping_type ping_type_of(const struct conf_server *s)
{
    if (strcasecmp(s->ping_type, "CONNECT") == 0)
        return PING_CONNECT;
    return strcasecmp(s->ping_type, "INSERT") == 0 ? PING_INSERT : PING_SELECT;
}

static int stopping(struct pinger *p)
{
    int stop;

    pthread_mutex_lock(&p->lock);
    stop = p->stop;
    pthread_mutex_unlock(&p->lock);
    return stop;
}

static void drop_session(struct pinger *p)
{
    sql_close(&p->sql);
    p->locked = 0;
}

static int open_session(struct pinger *p, int64_t deadline_ms, struct err *e)
{
    int limit_s = (int)(2 * p->interval_ms / 1000);
    struct db_target t;

    group_db_target(p->server, &t);
    if (p->server->monitor_user && *p->server->monitor_user) {
        t.user = p->server->monitor_user;
        t.password = p->server->monitor_password;
    }
    if (sql_open(&p->sql, &t, deadline_ms, e) < 0)
        return -1;
    return sql_set_idle_limit(&p->sql, limit_s > IDLE_LIMIT_S ? limit_s : IDLE_LIMIT_S, deadline_ms,
                              e);
}

/* Our own former session may hold the lock for a while after its connection broke: only a lock that
 * stays held for four intervals belongs to another manager. */
static int take_lock(struct pinger *p, struct ping *r, int64_t deadline_ms)
{
    int64_t now;

    while (sql_lock(&p->sql, SQL_LOCK_MONITOR, deadline_ms, &r->err) < 0) {
        if (r->err.code != ERR_WORLD)
            return -1;
        now = clock_mono_ms();
        if (!p->refused_ms)
            p->refused_ms = now;
        r->taken = now - p->refused_ms >= 4 * p->interval_ms;
        if (r->taken || now + LOCK_RETRY_MS >= deadline_ms || stopping(p))
            return 0;
        clock_sleep_ms(LOCK_RETRY_MS);
    }
    memset(&r->err, 0, sizeof(r->err));
    p->refused_ms = 0;
    p->locked = 1;
    return 0;
}

/* A lock that another session holds is no sign against the master. */
static int ping_once(struct pinger *p, struct ping *r, int64_t deadline_ms)
{
    struct err *e = &r->err;

    r->stage = PING_STAGE_CONNECT;
    if (p->type == PING_CONNECT)
        drop_session(p);
    if (!p->sql.db && open_session(p, deadline_ms, e) < 0)
        return -1;
    r->stage = PING_STAGE_LOCK;
    if (!p->locked && take_lock(p, r, deadline_ms) < 0)
        return -1;
    r->stage = PING_STAGE_PING;
    if (p->type == PING_INSERT)
        return sql_ping_insert(&p->sql, deadline_ms, e);
    return sql_ping(&p->sql, deadline_ms, e);
}

static void publish(struct pinger *p, const struct ping *r)
{
    uint64_t one = 1;

    pthread_mutex_lock(&p->lock);
    p->last = *r;
    p->fresh = 1;
    p->busy = 0;
    pthread_mutex_unlock(&p->lock);
    if (write(p->wake_fd, &one, sizeof(one)) < 0)
        return; /* full: the loop is awake */
}

/* 0 when it is time to end. */
static int wait_until(struct pinger *p, int64_t when_ms)
{
    int go;

    pthread_mutex_lock(&p->lock);
    while (!p->stop && !p->hurry && clock_mono_ms() < when_ms)
        thread_cond_wait(&p->wake, &p->lock, when_ms);
    p->hurry = 0;
    go = !p->stop;
    p->busy = go;
    pthread_mutex_unlock(&p->lock);
    return go;
}

static void *pinger_main(void *arg)
{
    struct pinger *p = arg;
    int64_t next_ms = 0;

    while (wait_until(p, next_ms)) {
        struct ping r = {.begun_ms = clock_mono_ms()};
        int64_t begun_us = clock_mono_us();

        next_ms = r.begun_ms + p->interval_ms;
        r.ok = ping_once(p, &r, next_ms) == 0;
        r.us = clock_mono_us() - begun_us;
        r.locked = p->locked;
        r.refused = p->refused_ms != 0;
        if (!r.ok)
            drop_session(p);
        publish(p, &r);
    }
    drop_session(p);
    return NULL;
}

int pinger_start(struct pinger **out, const struct conf_server *s, int wake_fd, struct err *e)
{
    struct pinger *p = mem_zalloc(sizeof(*p));

    *out = NULL;
    p->server = s;
    p->type = ping_type_of(s);
    p->interval_ms = (int64_t)s->ping_interval * 1000;
    p->wake_fd = wake_fd;
    pthread_mutex_init(&p->lock, NULL);
    thread_cond_init(&p->wake);
    if (thread_start(&p->thread, pinger_main, p, e) < 0) {
        free(p);
        return -1;
    }
    *out = p;
    return 0;
}

int pinger_take(struct pinger *p, struct ping *out)
{
    int fresh;

    pthread_mutex_lock(&p->lock);
    fresh = p->fresh;
    p->fresh = 0;
    *out = p->last;
    pthread_mutex_unlock(&p->lock);
    return fresh;
}

void pinger_hurry(struct pinger *p)
{
    pthread_mutex_lock(&p->lock);
    p->hurry = 1;
    pthread_cond_signal(&p->wake);
    pthread_mutex_unlock(&p->lock);
}

void pinger_stop(struct pinger *p)
{
    pthread_mutex_lock(&p->lock);
    p->stop = 1;
    pthread_cond_signal(&p->wake);
    pthread_mutex_unlock(&p->lock);
}

int pinger_busy(struct pinger *p)
{
    int busy;

    pthread_mutex_lock(&p->lock);
    busy = p->busy;
    pthread_mutex_unlock(&p->lock);
    return busy;
}

void pinger_free(struct pinger **pp)
{
    struct pinger *p = *pp;

    if (!p)
        return;
    *pp = NULL;
    pinger_stop(p);
    pthread_join(p->thread, NULL);
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->lock);
    free(p);
}
