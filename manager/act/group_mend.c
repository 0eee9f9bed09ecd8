/* Lost sessions are opened again beside the watch loop; see group.h. A thread works on nothing but
 * its opener: only the loop's thread touches the group. */
#include "manager/act/group.h"

#include "common/clock.h"
#include "manager/act/thread.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#define PAUSE_FIRST_MS 250
#define PAUSE_MAX_MS   30000

struct group_opener {
    struct group_host *host;
    pthread_t thread;
    int running;
    atomic_int done;
    unsigned what; /* of enum group_open: what this attempt opens */
    struct sql sql;
    struct err sql_err;
    struct agent *agent;
    struct err agent_err;
    int64_t pause_ms, due_ms;
};

static void *opener_main(void *arg)
{
    struct group_opener *o = arg;
    uint64_t one = 1;

    if (o->what & GROUP_AGENTS)
        group_open_agent(o->host, &o->agent, INT64_MAX, &o->agent_err);
    if (o->what & GROUP_SQL)
        group_open_sql(o->host, &o->sql, INT64_MAX, &o->sql_err);
    atomic_store(&o->done, 1);
    if (write(o->host->group->wake_fd, &one, sizeof(one)) < 0)
        return NULL; /* full: the loop is awake */
    return NULL;
}

static unsigned missing(const struct group_host *h, unsigned what)
{
    unsigned need = 0;

    if ((what & GROUP_SQL) && !h->sql.db)
        need |= GROUP_SQL;
    if ((what & GROUP_AGENTS) && !h->agent)
        need |= GROUP_AGENTS;
    return need;
}

static void start(struct group_host *h, unsigned what)
{
    struct group_opener *o = h->opener;
    unsigned need = missing(h, what);
    int64_t now = clock_mono_ms();

    if (!need)
        return;
    if (!o) {
        o = h->opener = mem_zalloc(sizeof(*o));
        o->host = h;
        o->pause_ms = PAUSE_FIRST_MS;
        o->due_ms = now; /* a lost session is tried again at once (decision 3) */
    }
    if (o->running || now < o->due_ms)
        return;
    o->what = need;
    atomic_store(&o->done, 0);
    o->running = thread_start(&o->thread, opener_main, o, NULL) == 0;
    o->due_ms = now + o->pause_ms;
}

/* 1 when the host has a new agent. */
static int take_over(struct group_host *h)
{
    struct group_opener *o = h->opener;
    int fresh = 0;

    pthread_join(o->thread, NULL);
    o->running = 0;
    if ((o->what & GROUP_SQL) && !h->sql.db) {
        h->sql = o->sql;
        h->sql_err = o->sql_err;
    } else {
        sql_close(&o->sql);
    }
    if ((o->what & GROUP_AGENTS) && !h->agent) {
        group_note_agent(h, o->agent, &o->agent_err);
        fresh = o->agent != NULL;
    } else {
        agent_close(&o->agent);
    }
    o->sql = (struct sql){0};
    o->agent = NULL;
    o->pause_ms = missing(h, o->what) ? o->pause_ms * 2 : PAUSE_FIRST_MS;
    if (o->pause_ms > PAUSE_MAX_MS)
        o->pause_ms = PAUSE_MAX_MS;
    o->due_ms = clock_mono_ms() + o->pause_ms;
    return fresh;
}

uint32_t group_mend(struct group *g, uint32_t mask, unsigned what)
{
    uint32_t fresh = 0;

    group_drop_dead(g, mask);
    for (int i = 0; i < g->hosts; i++) {
        struct group_host *h = &g->host[i];

        if (h->opener && h->opener->running && atomic_load(&h->opener->done) && take_over(h))
            fresh |= 1U << i;
        if (mask & (1U << i))
            start(h, what);
    }
    return fresh;
}

int group_mend_busy(const struct group *g)
{
    for (int i = 0; i < g->hosts; i++)
        if (g->host[i].opener && g->host[i].opener->running &&
            !atomic_load(&g->host[i].opener->done))
            return 1;
    return 0;
}

void group_mend_end(struct group *g)
{
    for (int i = 0; i < g->hosts; i++) {
        struct group_opener *o = g->host[i].opener;

        if (!o)
            continue;
        if (o->running) {
            pthread_join(o->thread, NULL);
            sql_close(&o->sql);
            agent_close(&o->agent);
        }
        free(o);
        g->host[i].opener = NULL;
    }
}
