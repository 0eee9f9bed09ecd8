/* From nothing to a watched group; see monitor_state.h. */
#include "common/clock.h"
#include "common/log.h"
#include "manager/act/check.h"
#include "manager/act/monitor_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK_MS 10000 /* all hosts, beside each other */
#define PACE_MS  500   /* the agent beside the master tells that often that its host is there */

static void log_agents(struct group *g)
{
    for (int i = 0; i < g->hosts; i++)
        if (!g->host[i].agent)
            log_warning("agent-missing", "no agent on %s: %s", g->host[i].conf->hostname,
                        g->host[i].agent_err.text);
}

/* A master that is down at the start is no obstacle: the pings will tell. */
static void begin(struct watch *w, const struct topo *t, const struct verdict *v)
{
    const struct topo_host *m = &t->host[v->master];

    w->writable_ms = m->reach == REACH_UP && !m->read_only ? clock_mono_ms() : 0;
    w->master = v->master;
    w->interval_ms = (int64_t)w->g->host[v->master].conf->ping_interval * 1000;
    if (v->answers && v->kind != VERDICT_ALIVE)
        log_warning("verdict", "%s: %s", verdict_word(v->kind), v->reason);
    else if (!v->answers)
        log_warning("master-down", "Master %s is not currently alive: %s", topo_label(t, v->master),
                    v->reason);
    log_agents(w->g);
}

int monitor_start(struct watch *w, struct err *e)
{
    struct check *c = mem_zalloc(sizeof(*c));
    struct verdict v;
    int rc;

    c->rules.ignore_fail_on_start = w->m->ignore_fail_on_start;
    c->rules.skip_ssh_check = w->m->skip_ssh_check;
    c->manager = 1;
    c->deadline_ms = clock_mono_ms() + CHECK_MS;
    rc = check_group(w->g, c, e);
    if (rc == 0) {
        diagnose(c->seen, &v);
        group_open(w->g, GROUP_ALL, GROUP_AGENTS, clock_mono_ms() + CHECK_MS);
        begin(w, c->seen, &v);
    }
    topo_free(&c->seen);
    free(c);
    return rc;
}

/* The write probe of decision 4, where the binlogs are. */
static void watch_storage(struct watch *w, int64_t deadline_ms)
{
    struct json_object *req = json_object_new_object();
    char dir[sizeof(w->binlog_index)];
    char *slash;
    struct err e = {0};

    snprintf(dir, sizeof(dir), "%s", w->binlog_index);
    slash = strrchr(dir, '/');
    if (!slash || slash == dir) {
        json_object_put(req);
        return;
    }
    *slash = '\0';
    json_put_str(req, "dir", dir);
    if (agent_call(w->g->host[w->master].agent, "storage", req, NULL, deadline_ms, &e) < 0)
        log_warning("agent-missing", "the agent on %s cannot watch %s: %s",
                    w->g->host[w->master].conf->hostname, dir, e.text);
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
    agent_pace(h->agent, PACE_MS);
    pthread_mutex_lock(&w->lock);
    if (w->told.life == LIFE_UNKNOWN && json_get_int(reply, "pid", 0) > 0)
        w->told.life = LIFE_RUNNING;
    pthread_mutex_unlock(&w->lock);
    log_debug(NULL, "the agent on %s watches mysqld, pid %lld", h->conf->hostname,
              (long long)json_get_int(reply, "pid", 0));
    json_object_put(reply);
    watch_storage(w, deadline_ms);
}
