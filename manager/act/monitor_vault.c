/* The vaults of the replicas while the watch loop runs; see monitor_state.h. A thread asks the
 * replicas how far they have applied, over sessions of its own: one that hangs delays nobody. Only
 * the loop's thread speaks with the agents, without waiting for their answers. */
#include "common/clock.h"
#include "common/log.h"
#include "manager/act/channel.h"
#include "manager/act/monitor_state.h"
#include "manager/act/observe_host.h"
#include "manager/act/thread.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUND_MS     5000
#define STEP_MS      2000
#define HOLD_MS      500
#define EXECUTED_MAX 40000u /* what a line to the agent has room for (docs/wire.md) */

struct monitor_vault {
    struct group *g;
    int master;
    pthread_t thread;
    struct sql sql[TOPO_HOSTS_MAX]; /* the thread's */
    pthread_mutex_t lock;           /* over what follows */
    pthread_cond_t wake;
    int stop;
    struct json_object *hold[TOPO_HOSTS_MAX]; /* requests; NULL: nothing new */
    struct json_object *applied[TOPO_HOSTS_MAX];
    uint32_t held; /* agents that were told to hold: the loop's */
};

static struct json_object *request(const struct conf_server *s)
{
    struct json_object *o = json_object_new_object();

    json_put_int(o, "port", s->port);
    json_put_str(o, "ip", s->ip);
    return o;
}

static struct json_object *hold_request(const struct conf_server *s, const struct sql_relay_logs *l)
{
    struct json_object *o = request(s);

    json_put_str(o, "relay_log", l->base);
    json_put_str(o, "datadir", l->datadir);
    json_put_str(o, "dir", s->remote_workdir);
    if (*s->vault_dir)
        json_put_str(o, "vault_dir", s->vault_dir);
    return o;
}

/* MariaDB counts by gtid_slave_pos, which position mode keeps too. */
static void put_executed(struct sql *s, struct json_object *o, int64_t deadline_ms)
{
    struct sql_gtids g = {GTID_INIT, GTID_INIT, GTID_INIT, GTID_INIT};
    struct buf text = BUF_INIT;

    if (sql_read_gtids(s, &g, deadline_ms, NULL) == 0) {
        gtid_print(s->version.family == FAMILY_MARIADB ? &g.slave_pos : &g.executed, &text);
        if (text.len <= EXECUTED_MAX)
            json_put_str(o, "executed", text.data);
    }
    sql_gtids_release(&g);
    buf_release(&text);
}

/* NULL for a host that follows nobody. */
static struct json_object *applied_request(const struct group_host *h, struct sql *s,
                                           int64_t deadline_ms, struct err *e)
{
    struct sql_channels *all = mem_zalloc(sizeof(*all));
    const struct sql_channel *c = NULL;
    struct json_object *o = NULL;

    if (sql_read_channels(s, all, deadline_ms, e) == 0)
        c = channel_of_group(h->group, all, NULL);
    if (c) {
        o = request(h->conf);
        json_put_u64(o, "source_id", c->master_server_id);
        json_put_str(o, "exec_file", c->exec.file);
        json_put_u64(o, "exec_pos", c->exec.pos);
        json_put_str(o, "relay_file", c->relay.file);
        json_put_u64(o, "relay_pos", c->relay.pos);
        put_executed(s, o, deadline_ms);
    }
    sql_channels_release(all);
    free(all);
    return o;
}

static void put(struct monitor_vault *v, struct json_object **slot, struct json_object *o)
{
    if (!o)
        return;
    pthread_mutex_lock(&v->lock);
    json_object_put(*slot);
    *slot = o;
    pthread_mutex_unlock(&v->lock);
}

static void ask_replica(struct monitor_vault *v, int host)
{
    const struct group_host *h = &v->g->host[host];
    struct sql *s = &v->sql[host];
    int64_t deadline_ms = clock_mono_ms() + STEP_MS;
    struct sql_relay_logs *logs;
    struct err e = {0};

    if (!s->db) {
        if (group_open_sql(h, s, deadline_ms, &e) < 0)
            return;
        logs = mem_zalloc(sizeof(*logs));
        if (sql_read_relay_logs(s, logs, deadline_ms, &e) == 0 && logs->base[0])
            put(v, &v->hold[host], hold_request(h->conf, logs));
        free(logs);
    }
    put(v, &v->applied[host], applied_request(h, s, deadline_ms, &e));
    if (e.code == ERR_CONNECT || e.code == ERR_TIMEOUT)
        sql_close(s);
}

/* 1 when the round is over, 0 to end. */
static int pause_round(struct monitor_vault *v)
{
    int64_t until = clock_mono_ms() + ROUND_MS;
    int stop;

    pthread_mutex_lock(&v->lock);
    while (!v->stop && thread_cond_wait(&v->wake, &v->lock, until) == 0)
        ;
    stop = v->stop;
    pthread_mutex_unlock(&v->lock);
    return !stop;
}

static int is_stopped(struct monitor_vault *v)
{
    int stop;

    pthread_mutex_lock(&v->lock);
    stop = v->stop;
    pthread_mutex_unlock(&v->lock);
    return stop;
}

static void *vault_main(void *arg)
{
    struct monitor_vault *v = arg;

    do
        for (int i = 0; i < v->g->hosts && !is_stopped(v); i++)
            if (i != v->master && !v->g->host[i].retired)
                ask_replica(v, i);
    while (pause_round(v));
    for (int i = 0; i < v->g->hosts; i++)
        sql_close(&v->sql[i]);
    return NULL;
}

void monitor_vault_start(struct group *g, int master)
{
    struct monitor_vault *v = mem_zalloc(sizeof(*v));
    struct err e = {0};

    v->g = g;
    v->master = master;
    pthread_mutex_init(&v->lock, NULL);
    thread_cond_init(&v->wake);
    if (thread_start(&v->thread, vault_main, v, &e) < 0) {
        log_warning("vault", "no vault is kept: %s", e.text);
        free(v);
        return;
    }
    g->vault = v;
}

/* The agent's word on a directory that it cannot use is wanted at once. */
static void send_hold(struct monitor_vault *v, int host)
{
    struct group_host *h = &v->g->host[host];
    struct json_object *req = NULL;
    struct err e = {0};

    pthread_mutex_lock(&v->lock);
    if (v->hold[host])
        req = json_object_get(v->hold[host]);
    pthread_mutex_unlock(&v->lock);
    if (!req)
        return;
    v->held |= 1U << host;
    if (agent_call(h->agent, "vault_hold", req, NULL, clock_mono_ms() + HOLD_MS, &e) < 0)
        log_warning("vault", "the agent on %s does not hold the relay logs: %s", h->conf->hostname,
                    e.text);
}

void monitor_vault_tell(struct group *g, uint32_t fresh)
{
    struct monitor_vault *v = g->vault;

    if (!v)
        return;
    v->held &= ~fresh;
    for (int i = 0; i < g->hosts; i++) {
        struct json_object *req = NULL;

        if (!agent_alive(g->host[i].agent))
            continue;
        if (!(v->held & (1U << i)))
            send_hold(v, i);
        if (!(v->held & (1U << i)))
            continue;
        pthread_mutex_lock(&v->lock);
        req = v->applied[i];
        v->applied[i] = NULL;
        pthread_mutex_unlock(&v->lock);
        if (req)
            agent_send(g->host[i].agent, "vault_applied", req);
    }
}

void monitor_vault_log(const struct group *g, int host, struct json_object *event)
{
    const char *state = json_get_str(event, "state", ""), *name = g->host[host].conf->hostname;

    if (strcmp(state, "over-cap") == 0)
        log_warning("vault",
                    "the vault on %s keeps %llu bytes that are not applied, over its cap "
                    "of %llu; none is dropped. Look why the replica does not apply them",
                    name, (unsigned long long)json_get_u64(event, "bytes", 0),
                    (unsigned long long)json_get_u64(event, "cap_bytes", 0));
    else if (strcmp(state, "failed") == 0)
        log_warning("vault", "the vault on %s: %s", name, json_get_str(event, "text", ""));
    else
        log_info("vault", "the vault on %s is well", name);
}

void monitor_vault_stop(struct group *g)
{
    struct monitor_vault *v = g->vault;

    if (!v)
        return;
    pthread_mutex_lock(&v->lock);
    v->stop = 1;
    pthread_cond_signal(&v->wake);
    pthread_mutex_unlock(&v->lock);
}

void monitor_vault_free(struct group *g)
{
    struct monitor_vault *v = g->vault;

    if (!v)
        return;
    monitor_vault_stop(g);
    pthread_join(v->thread, NULL);
    for (int i = 0; i < TOPO_HOSTS_MAX; i++) {
        json_object_put(v->hold[i]);
        json_object_put(v->applied[i]);
    }
    pthread_cond_destroy(&v->wake);
    pthread_mutex_destroy(&v->lock);
    free(v);
    g->vault = NULL;
}

void monitor_vault_forget(struct group *g)
{
    for (int i = 0; i < g->hosts; i++)
        if (agent_alive(g->host[i].agent))
            agent_send(g->host[i].agent, "vault_forget", request(g->host[i].conf));
}
