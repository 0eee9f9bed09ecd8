/* A group at run time; see group.h. */
#include "manager/act/group.h"

#include "common/clock.h"
#include "manager/act/headroom.h"
#include "manager/act/monitor.h"
#include "manager/act/pause.h"
#include "manager/act/retired.h"
#include "manager/act/thread.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <unistd.h>

void group_init(struct group *g, struct conf *conf, enum fence_policy fallback)
{
    const char *policy = conf->servers ? conf->server[0].fence_required : "";
    int i;

    memset(g, 0, sizeof(*g));
    g->conf = conf;
    g->hosts = (int)conf->servers;
    g->fence = fallback;
    if (policy && strcasecmp(policy, "proof") == 0)
        g->fence = FENCE_PROOF;
    else if (policy && strcasecmp(policy, "mha") == 0)
        g->fence = FENCE_MHA;
    g->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&g->listen_lock, NULL);
    for (i = 0; i < g->hosts; i++) {
        g->host[i].group = g;
        g->host[i].conf = &conf->server[i];
        g->host[i].ssh_ok = -1;
    }
    pause_apply(g);
    headroom_apply(g);
    retired_load(g);
}

void group_borrow(struct group *g, const struct group *from)
{
    group_init(g, from->conf, from->fence);
    g->fence = from->fence;
    g->borrowed = 1;
    for (int i = 0; i < g->hosts; i++)
        g->host[i].retired = from->host[i].retired;
}

static void close_host(struct group *g, int host, void *arg)
{
    (void)arg;
    agent_close(&g->host[host].agent);
    sql_close(&g->host[host].sql);
}

void group_release(struct group *g)
{
    if (!g->conf)
        return;
    group_listen(g, NULL, NULL);
    group_mend_end(g);
    monitor_release(g);
    topo_free(&g->seen);
    group_each(g, GROUP_ALL, close_host, NULL);
    pthread_mutex_destroy(&g->listen_lock);
    if (g->wake_fd >= 0)
        close(g->wake_fd);
    if (!g->borrowed)
        conf_free(&g->conf);
    g->conf = NULL;
    g->hosts = 0;
}

uint32_t group_mask(const struct group *g)
{
    return g->hosts >= 32 ? UINT32_MAX : (1U << g->hosts) - 1;
}

static enum db_ssl ssl_mode(const char *word)
{
    static const char *const words[] = {"PREFERRED", "DISABLED", "REQUIRED", "VERIFY_CA",
                                        "VERIFY_IDENTITY"};

    for (int i = 0; word && i < (int)(sizeof(words) / sizeof(words[0])); i++)
        if (strcasecmp(word, words[i]) == 0)
            return (enum db_ssl)i;
    return DB_SSL_PREFERRED;
}

void group_db_target(const struct conf_server *s, struct db_target *t)
{
    *t = (struct db_target){
        .host = s->ip && *s->ip ? s->ip : s->hostname,
        .port = s->port,
        .user = s->user,
        .password = s->password,
        .ssl = ssl_mode(s->ssl_mode),
        .ssl_ca = s->ssl_ca && *s->ssl_ca ? s->ssl_ca : NULL,
    };
}

static int flag_or_unset(const char *word)
{
    return *word ? *word == '1' : -1;
}

static const char *text_or_unset(const char *text)
{
    return *text ? text : NULL;
}

void group_repl_tls(const struct conf_server *s, struct sql_tls *t)
{
    *t = (struct sql_tls){
        .on = flag_or_unset(s->repl_ssl),
        .verify = flag_or_unset(s->repl_ssl_verify),
        .ca = text_or_unset(s->repl_ssl_ca),
        .cert = text_or_unset(s->repl_ssl_cert),
        .key = text_or_unset(s->repl_ssl_key),
        .public_key = flag_or_unset(s->repl_get_public_key),
    };
}

void group_ssh_target(const struct conf *c, const struct conf_server *s, struct ssh_target *t,
                      struct buf *known_hosts)
{
    buf_clear(known_hosts);
    buf_addf(known_hosts, "%s/known_hosts", c->server[0].manager_workdir);
    *t = (struct ssh_target){
        .host = s->ssh_host && *s->ssh_host ? s->ssh_host : s->hostname,
        .ip = s->ssh_ip && *s->ssh_ip ? s->ssh_ip : s->ip,
        .port = s->ssh_port,
        .user = s->ssh_user,
        .options = s->ssh_options,
        .host_key = strcasecmp(s->ssh_host_key, "strict") == 0 ? SSH_STRICT : SSH_ACCEPT_NEW,
        .known_hosts = known_hosts->data,
    };
    if (strcasecmp(s->ssh_backend, "libssh2") == 0)
        t->backend = SSH_LIBSSH2;
    else if (strcasecmp(s->ssh_backend, "openssh") == 0)
        t->backend = SSH_OPENSSH;
}

struct task {
    struct group *g;
    int host, started;
    group_fn *fn;
    void *arg;
    pthread_t thread;
};

static void *task_main(void *arg)
{
    struct task *t = arg;

    t->fn(t->g, t->host, t->arg);
    return NULL;
}

/* The last task runs here; and what cannot have a thread runs here too, one after another. */
static void run_tasks(struct task *t, int count)
{
    int i;

    for (i = 0; i < count - 1; i++)
        t[i].started = thread_start(&t[i].thread, task_main, &t[i], NULL) == 0;
    for (i = 0; i < count; i++)
        if (!t[i].started)
            task_main(&t[i]);
    for (i = 0; i < count; i++)
        if (t[i].started)
            pthread_join(t[i].thread, NULL);
}

static int add_tasks(struct task *t, int count, struct group *g, uint32_t mask,
                     const struct task *shape)
{
    for (int i = 0; i < g->hosts; i++)
        if (mask & (1U << i)) {
            t[count] = *shape;
            t[count].g = g;
            t[count++].host = i;
        }
    return count;
}

void group_each(struct group *g, uint32_t mask, group_fn *fn, void *arg)
{
    struct task shape = {.fn = fn, .arg = arg}, tasks[TOPO_HOSTS_MAX] = {{0}};

    run_tasks(tasks, add_tasks(tasks, 0, g, mask, &shape));
}

void group_each_two(struct group *g, struct group_part one, struct group_part two, void *arg)
{
    struct task a = {.fn = one.fn, .arg = arg}, b = {.fn = two.fn, .arg = arg};
    struct task tasks[2 * TOPO_HOSTS_MAX] = {{0}};
    int count = add_tasks(tasks, 0, g, one.mask, &a);

    run_tasks(tasks, add_tasks(tasks, count, g, two.mask, &b));
}

static void host_event(struct json_object *event, void *arg)
{
    struct group_host *h = arg;
    struct group *g = h->group;

    pthread_mutex_lock(&g->listen_lock);
    if (g->on_event)
        g->on_event(g->listener, (int)(h - g->host), event);
    pthread_mutex_unlock(&g->listen_lock);
}

void group_listen(struct group *g, group_event_fn *fn, void *listener)
{
    pthread_mutex_lock(&g->listen_lock);
    g->on_event = fn;
    g->listener = listener;
    pthread_mutex_unlock(&g->listen_lock);
}

/* One host's connection takes at most so long, whatever the caller can afford for all. */
static int64_t at_most(int64_t deadline_ms, int64_t ms)
{
    int64_t limit = clock_mono_ms() + ms;

    return limit < deadline_ms ? limit : deadline_ms;
}

int group_open_sql(const struct group_host *h, struct sql *out, int64_t deadline_ms, struct err *e)
{
    struct db_target t;

    group_db_target(h->conf, &t);
    return sql_open(out, &t, at_most(deadline_ms, GROUP_SQL_MS), e);
}

int group_open_section(const struct conf *c, const struct conf_server *s, struct agent **out,
                       struct agent_listener listener, int64_t deadline_ms, struct err *e)
{
    struct buf known_hosts = BUF_INIT;
    struct ssh_target t;
    int rc;

    group_ssh_target(c, s, &t, &known_hosts);
    deadline_ms = at_most(deadline_ms, s->ssh_connection_timeout * 1000L);
    rc = agent_open(out, &t, s->node_path, listener, deadline_ms, e);
    buf_release(&known_hosts);
    return rc;
}

int group_open_agent(struct group_host *h, struct agent **out, int64_t deadline_ms, struct err *e)
{
    return group_open_section(h->group->conf, h->conf, out, (struct agent_listener){host_event, h},
                              deadline_ms, e);
}

void group_note_agent(struct group_host *h, struct agent *agent, const struct err *e)
{
    h->agent = agent;
    h->vip_known = 0;
    if (agent)
        memset(&h->agent_err, 0, sizeof(h->agent_err));
    else
        h->agent_err = *e;
    /* Logged in, but no program there: the host is well. */
    h->ssh_ok = agent || e->code == ERR_WORLD;
}

int group_agent_lost(const struct group_host *h)
{
    return h->agent ? !agent_alive(h->agent) : h->agent_err.code == ERR_NONE;
}

static void open_sql(struct group *g, int host, void *arg)
{
    struct group_host *h = &g->host[host];
    const int64_t *deadline_ms = arg;

    memset(&h->sql_err, 0, sizeof(h->sql_err));
    group_open_sql(h, &h->sql, *deadline_ms, &h->sql_err);
}

static void open_agent(struct group *g, int host, void *arg)
{
    struct group_host *h = &g->host[host];
    const int64_t *deadline_ms = arg;
    struct agent *agent = NULL;
    struct err e = {0};

    group_open_agent(h, &agent, *deadline_ms, &e);
    group_note_agent(h, agent, &e);
}

/* Readable without a question means end of file, or an error packet before it. */
static int sql_is_dead(const struct sql *s)
{
    struct pollfd p = {.fd = db_socket(s->db), .events = POLLIN};

    return p.fd < 0 || poll(&p, 1, 0) != 0;
}

void group_drop_dead(struct group *g, uint32_t mask)
{
    for (int i = 0; i < g->hosts; i++) {
        struct group_host *h = &g->host[i];

        if (!(mask & (1U << i)))
            continue;
        if (h->sql.db && sql_is_dead(&h->sql))
            sql_close(&h->sql);
        if (h->agent && !agent_alive(h->agent)) {
            agent_close(&h->agent);
            h->vip_known = 0;
        }
    }
}

static uint32_t closed_hosts(const struct group *g, uint32_t mask, enum group_open what)
{
    uint32_t out = 0;

    for (int i = 0; i < g->hosts; i++)
        if (what == GROUP_SQL ? !g->host[i].sql.db : !g->host[i].agent)
            out |= 1U << i;
    return out & mask;
}

void group_open(struct group *g, uint32_t mask, unsigned what, int64_t deadline_ms)
{
    uint32_t sql, agents;

    group_drop_dead(g, mask);
    sql = what & GROUP_SQL ? closed_hosts(g, mask, GROUP_SQL) : 0;
    agents = what & GROUP_AGENTS ? closed_hosts(g, mask, GROUP_AGENTS) : 0;
    group_each_two(g, (struct group_part){sql, open_sql}, (struct group_part){agents, open_agent},
                   &deadline_ms);
}
