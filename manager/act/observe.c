/* A snapshot of the group as it is; see observe.h. What a server says is in observe_sql.c. */
#include "manager/act/observe.h"

#include "common/clock.h"
#include "common/log.h"
#include "manager/act/observe_host.h"

#include <stdio.h>
#include <string.h>

#define PROBE_MS  1000 /* decision 1 */
#define ANSWER_MS 100  /* for its answer to come back */
#define SLOW_MS   300

static void put(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%.*s", (int)size - 1, text ? text : "");
}

static void put_host(struct topo_host *h, const struct conf_server *s)
{
    put(h->name, sizeof(h->name), s->id);
    put(h->host, sizeof(h->host), s->hostname);
    put(h->ip, sizeof(h->ip), s->ip);
    h->port = s->port;
    h->candidate_master = s->candidate_master;
    h->no_master = s->no_master;
    h->ignore_fail = s->ignore_fail;
    h->multi_tier_slave = s->multi_tier_slave;
    h->skip_reset_slave = s->skip_reset_slave;
    h->has_shutdown_script = s->shutdown_script && *s->shutdown_script;
    h->has_ip_script = s->master_ip_failover_script && *s->master_ip_failover_script;
    h->has_online_script = s->master_ip_online_change_script && *s->master_ip_online_change_script;
}

static void put_servers(struct topo *t, const struct conf *c)
{
    if (c->binlogs > 0)
        topo_add_servers(t, (int)c->binlogs);
    for (int i = 0; i < t->servers; i++) {
        put(t->server[i].name, sizeof(t->server[i].name), c->binlog[i].id);
        put(t->server[i].host, sizeof(t->server[i].host), c->binlog[i].hostname);
    }
}

struct topo *observe_nothing(const struct group *g)
{
    const struct conf_server *first = &g->conf->server[0];
    struct topo *t = topo_new_of(g->hosts);

    put(t->app, sizeof(t->app), g->conf->app);
    t->taken_wall_ms = clock_wall_ms();
    t->fence = g->fence;
    t->writer_vip = first->writer_vip && *first->writer_vip;
    t->latest_priority = first->latest_priority;
    t->allow_data_loss = first->allow_data_loss;
    t->check_repl_delay = first->check_repl_delay;
    t->check_repl_filter = first->check_repl_filter;
    t->use_gtid_auto_pos = first->use_gtid_auto_pos;
    t->misses_needed = first->ping_misses;
    t->resume_window_s = first->resume_window;
    t->hosts = g->hosts;
    for (int i = 0; i < g->hosts; i++) {
        put_host(&t->host[i], g->host[i].conf);
        t->host[i].retired = g->host[i].retired;
        t->host[i].paused = g->host[i].paused;
        t->host[i].narrow = g->host[i].narrow;
        snprintf(t->host[i].narrow_text, TOPO_TEXT, "%s", g->host[i].narrow_text);
    }
    put_servers(t, g->conf);
    return t;
}

void observe_slow(const struct observing *ob, int host, int64_t begun_ms, const char *what)
{
    int64_t took = clock_mono_ms() - begun_ms;

    if (took >= SLOW_MS)
        log_info("slow-answer", "%s answered by %s after %lld ms", topo_label(ob->t, host), what,
                 (long long)took);
}

static enum sight sight_of(const char *word)
{
    if (strcmp(word, "greeting") == 0)
        return SIGHT_GREETING;
    if (strcmp(word, "accepted") == 0)
        return SIGHT_ACCEPTED;
    if (strcmp(word, "refused") == 0)
        return SIGHT_REFUSED;
    return SIGHT_SILENT;
}

/* What this host's agent gets from the master's port. */
static void see_master(const struct observing *ob, struct group_host *gh, struct topo_host *h)
{
    const struct conf_server *m = ob->g->host[ob->o->master].conf;
    struct json_object *req = json_object_new_object(), *reply;
    int left = clock_left_ms(ob->o->deadline_ms) - ANSWER_MS;

    json_put_str(req, "host_ip", m->ip);
    json_put_int(req, "port", m->port);
    json_put_int(req, "timeout_ms", left < PROBE_MS ? left : PROBE_MS);
    if (agent_call(gh->agent, "probe", req, &reply, ob->o->deadline_ms, NULL) < 0)
        return;
    h->sight = sight_of(json_get_str(reply, "result", ""));
    json_object_put(reply);
}

static enum agent_reach agent_reach(const struct group_host *h)
{
    if (agent_alive(h->agent))
        return AGENT_UP;
    if (h->ssh_ok < 0)
        return AGENT_UNKNOWN;
    return h->agent_err.code == ERR_WORLD ? AGENT_MISSING : AGENT_UNREACHABLE;
}

void observe_agent(const struct group_host *gh, struct topo_host *h)
{
    h->agent = agent_reach(gh);
    h->agent_caps[0] = '\0';
    if (h->agent == AGENT_UP)
        put(h->agent_caps, sizeof(h->agent_caps), agent_greeting(gh->agent)->caps);
}

static void see_agent(struct group *g, int host, void *arg)
{
    struct observing *ob = arg;
    struct group_host *gh = &g->host[host];
    struct topo_host *h = &ob->t->host[host];
    int64_t begun_ms = clock_mono_ms();

    observe_agent(gh, h);
    if (ob->o->mute & (1U << host))
        h->agent = AGENT_UNREACHABLE;
    if (h->agent != AGENT_UP)
        return;
    if (ob->o->master != NO_HOST && (ob->o->sights & (1U << host)))
        see_master(ob, gh, h);
    if (host == ob->o->master)
        observe_life(ob, host);
    if (ob->t->writer_vip && h->agent == AGENT_UP)
        observe_vip(ob, host);
    if (h->agent == AGENT_UP && !ob->o->sights)
        observe_slow(ob, host, begun_ms, "its agent");
}

struct topo *observe(struct group *g, const struct observe *o)
{
    struct topo *t = observe_nothing(g);
    struct observing ob = {.g = g, .o = o, .t = t};
    uint32_t all = group_mask(g);

    t->master = o->master;
    pthread_mutex_init(&ob.arena, NULL);
    group_drop_dead(g, all);
    group_each_two(g, (struct group_part){o->what & GROUP_SQL ? all & ~o->skip : 0, observe_sql},
                   (struct group_part){o->what & GROUP_AGENTS ? all : 0, see_agent}, &ob);
    observe_catchups(&ob);
    topo_link(t);
    if ((o->tails || o->vaults) && o->master != NO_HOST)
        observe_tails(&ob);
    pthread_mutex_destroy(&ob.arena);
    return t;
}
