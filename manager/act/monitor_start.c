/* From nothing to a watched group; see monitor_state.h. */
#include "common/clock.h"
#include "common/log.h"
#include "manager/act/monitor_state.h"

#include <stdio.h>
#include <string.h>

#define OPEN_MS 5000

/* Other hosts than the master must be there at the start, unless ignore_fail and the option say
 * otherwise (contract 7.1, 14). */
static int check_replicas(const struct watch *w, const struct topo *t, int master, struct err *e)
{
    for (int i = 0; i < t->hosts; i++) {
        const struct topo_host *h = &t->host[i];

        if (i == master || h->reach == REACH_UP)
            continue;
        if (h->ignore_fail && w->m->ignore_fail_on_start)
            log_warning("replica-down", "%s cannot be reached, which ignore_fail allows: %s",
                        topo_label(t, i), h->reach_text);
        else
            return err_set(e, ERR_CONNECT, "%s cannot be reached: %s", topo_label(t, i),
                           h->reach_text);
    }
    return 0;
}

/* All that is checked before the first ping. */
static int check(struct watch *w, const struct topo *t, const struct verdict *v, struct err *e)
{
    if (v->broken || v->master == NO_HOST)
        return err_set(e, ERR_WORLD, "%s", v->reason);
    if (check_replicas(w, t, v->master, e) < 0)
        return -1;
    if (v->kind != VERDICT_ALIVE)
        log_warning("master-down", "Master %s is not currently alive: %s", topo_label(t, v->master),
                    v->reason);
    return 0;
}

static void log_topology(const struct topo *t, int master)
{
    log_info(NULL, "GTID failover mode = %d", mode_mha(diagnose_mode(t, master)));
    log_info("topology", "%s (current master)", topo_label(t, master));
    for (int i = 0; i < t->hosts; i++)
        if (i != master)
            log_info("topology", " +--%s%s", topo_label(t, i),
                     t->host[i].reach == REACH_UP ? "" : " (down)");
}

static void log_agents(struct group *g)
{
    for (int i = 0; i < g->hosts; i++)
        if (!g->host[i].agent)
            log_warning("agent-missing", "no agent on %s: %s", g->host[i].conf->hostname,
                        g->host[i].agent_err.text);
}

int monitor_start(struct watch *w, struct err *e)
{
    struct observe o = {.what = GROUP_SQL | GROUP_AGENTS, .master = NO_HOST, .life_known = 1};
    struct verdict v;
    struct topo *t;
    int rc;

    group_open(w->g, GROUP_ALL, GROUP_SQL | GROUP_AGENTS, clock_mono_ms() + OPEN_MS);
    o.deadline_ms = clock_mono_ms() + OPEN_MS;
    t = observe(w->g, &o);
    diagnose(t, &v);
    rc = check(w, t, &v, e);
    if (rc == 0) {
        w->master = v.master;
        w->interval_ms = (int64_t)w->g->host[v.master].conf->ping_interval * 1000;
        log_topology(t, v.master);
        log_agents(w->g);
    }
    topo_free(&t);
    return rc;
}

void monitor_watch_agent(struct watch *w, int64_t deadline_ms)
{
    struct group_host *h = &w->g->host[w->master];
    struct json_object *req, *reply;
    struct err e = {0};

    if (!agent_alive(h->agent))
        return;
    req = observe_instance(h->conf);
    json_put_int(req, "poll_ms", 1);
    if (h->sql.db && !*w->binlog_index)
        sql_read_binlog_index(&h->sql, w->binlog_index, sizeof(w->binlog_index), deadline_ms, NULL);
    if (*w->binlog_index)
        json_put_str(req, "binlog_index", w->binlog_index);
    if (agent_call(h->agent, "watch", req, &reply, deadline_ms, &e) < 0) {
        log_warning("agent-missing", "the agent on %s cannot watch mysqld: %s", h->conf->hostname,
                    e.text);
        return;
    }
    pthread_mutex_lock(&w->lock);
    if (w->told.life == LIFE_UNKNOWN && json_get_int(reply, "pid", 0) > 0)
        w->told.life = LIFE_RUNNING;
    pthread_mutex_unlock(&w->lock);
    log_debug(NULL, "the agent on %s watches mysqld, pid %lld", h->conf->hostname,
              (long long)json_get_int(reply, "pid", 0));
    json_object_put(reply);
}
