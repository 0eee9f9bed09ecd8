/* What can be read behind the end of a master: the tail on its own disk that nobody received, what
 * agents hold of relay logs that replicas have lost, and how far back relay logs reach. See
 * observe.h. */
#include "common/clock.h"
#include "common/log.h"
#include "manager/act/channel.h"
#include "manager/act/observe_host.h"
#include "manager/act/rescue.h"
#include "manager/act/thread.h"
#include "manager/decide/diagnose.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A tail is read event by event: long ones take longer than a look may, and are worth it. */
#define TAIL_MS   60000
#define RELAY_MS  2000
#define SERVER_MS 5000
#define PREFIX_NO ".000000"

static void put(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%.*s", (int)size - 1, text);
}

/* A replica amid a catch-up names this host as its master; the note tells who is meant (decision
 * 18). */
void observe_catchups(struct observing *ob)
{
    for (int i = 0; i < ob->t->hosts; i++) {
        struct topo_repl *r = &ob->t->host[i].repl;
        struct json_object *note = NULL;

        if (ob->t->host[i].reach != REACH_UP || strcmp(r->master_host, SQL_CATCHUP_HOST) != 0 ||
            topo_find(ob->t, r->master_host, r->master_port) != NO_HOST ||
            !rescue_note_read(&ob->g->host[i], &note, clock_mono_ms() + RELAY_MS))
            continue;
        put(r->master_host, sizeof(r->master_host), json_get_str(note, "master_host", ""));
        r->master_port = (int)json_get_int(note, "master_port", 0);
        ob->t->host[i].catching_up = 1;
        json_object_put(note);
    }
}

static struct binpos take_place(struct json_object *reply, const char *key)
{
    struct binpos p = {.pos = 0};
    struct json_object *o;

    if (json_object_object_get_ex(reply, key, &o)) {
        put(p.file, sizeof(p.file), json_get_str(o, "file", ""));
        p.pos = json_get_u64(o, "pos", 0);
    }
    return p;
}

/* What has been received: the furthest position, and all transactions. */
static struct binpos received(const struct topo *t, int dead, struct gtid_set *all)
{
    struct binpos best = {.pos = 0};
    struct gtid_set got = GTID_INIT;

    for (int i = 0; i < t->hosts; i++) {
        if (i == dead || t->host[i].reach != REACH_UP)
            continue;
        topo_received(t, i, &got);
        gtid_union(all, &got);
        gtid_release(&got);
        if (t->host[i].repl.master == dead && binpos_cmp(&t->host[i].repl.read, &best) > 0)
            best = t->host[i].repl.read;
    }
    return best;
}

static struct topo_set keep_set(struct observing *ob, struct json_object *reply)
{
    struct gtid_set set = GTID_INIT;
    struct topo_set kept = {0};

    if (gtid_parse(&set, json_get_str(reply, "set", ""), NULL) == 0) {
        pthread_mutex_lock(&ob->arena);
        kept = topo_keep(ob->t, &set);
        pthread_mutex_unlock(&ob->arena);
    }
    gtid_release(&set);
    return kept;
}

static int is_whole(struct json_object *reply)
{
    return json_get_bool(reply, "readable", 0) && !json_get_bool(reply, "set_is_cut", 0);
}

static void take_tail(struct observing *ob, struct topo_host *h, struct json_object *reply)
{
    h->tail_known = is_whole(reply);
    if (!h->tail_known) {
        put(h->tail_text, sizeof(h->tail_text),
            json_get_str(reply, "text", "more transactions than can be told"));
        return;
    }
    h->tail_end = take_place(reply, "end");
    h->tail_bytes = json_get_int(reply, "bytes", 0);
    h->tail_cut_bytes = json_get_int(reply, "cut_bytes", 0);
    h->tail = keep_set(ob, reply);
}

/* What logs are asked to hold beyond what has been received. */
struct beyond {
    struct observing *ob;
    int by_gtid;
    struct binpos best;
    struct buf have;
};

static void put_beyond(const struct beyond *b, struct json_object *req)
{
    if (b->by_gtid) {
        json_put_str(req, "have", b->have.data);
        return;
    }
    json_put_str(req, "after_file", b->best.file);
    json_put_u64(req, "after_pos", b->best.pos);
}

static void see_tail(struct beyond *b, int dead)
{
    struct group_host *gh = &b->ob->g->host[dead];
    struct topo_host *h = &b->ob->t->host[dead];
    struct json_object *req, *reply = NULL;
    int64_t begun_ms = clock_mono_ms();
    struct err e = {0};

    if (!b->best.file[0]) {
        put(h->tail_text, sizeof(h->tail_text), "no replica knows the name of its binlogs");
        return;
    }
    req = rescue_ask_binlogs(gh->conf, b->best.file);
    put_beyond(b, req);
    if (agent_call(gh->agent, "tail", req, &reply, clock_mono_ms() + TAIL_MS, &e) < 0)
        put(h->tail_text, sizeof(h->tail_text), e.text);
    else
        take_tail(b->ob, h, reply);
    observe_slow(b->ob, dead, begun_ms, "the end of its binlog");
    json_object_put(reply);
}

/* A server that is up has all but what it has lost; one that is down counts for nothing. */
static void see_vault(struct beyond *b, int host)
{
    struct group_host *gh = &b->ob->g->host[host];
    struct topo_host *h = &b->ob->t->host[host];
    struct json_object *req = rescue_ask_vault(gh->conf), *reply = NULL;

    put_beyond(b, req);
    json_put_bool(req, "lost", 1);
    json_put_str(req, "reading", h->reach == REACH_UP ? h->repl.relay.file : "");
    if (agent_call(gh->agent, "tail", req, &reply, clock_mono_ms() + TAIL_MS, NULL) == 0 &&
        is_whole(reply) && json_get_u64(reply, "transactions", 0) > 0) {
        h->vault_first = take_place(reply, "available");
        h->vault_end = take_place(reply, "end");
        h->vault = keep_set(b->ob, reply);
    }
    json_object_put(reply);
}

/* One binlog server. Its agent is started for this question and ends with it. */
struct server_look {
    struct beyond *b;
    const struct conf_server *section;
    struct topo_server *server;
    pthread_t thread;
    int running;
};

static int ask_server(struct server_look *l, struct json_object **reply, struct err *e)
{
    int64_t deadline_ms = clock_mono_ms() + SERVER_MS;
    struct json_object *req;
    struct agent *a = NULL;
    int rc = group_open_section(l->b->ob->g->conf, l->section, &a, (struct agent_listener){0},
                                deadline_ms, e);

    l->server->agent = rc == 0 ? AGENT_UP : AGENT_UNREACHABLE;
    if (rc == 0) {
        req = rescue_ask_binlogs(l->section, l->b->best.file);
        put_beyond(l->b, req);
        rc = agent_call(a, "tail", req, reply, clock_mono_ms() + TAIL_MS, e);
    }
    agent_close(&a);
    return rc;
}

static void *see_server(void *arg)
{
    struct server_look *l = arg;
    struct topo_server *s = l->server;
    struct json_object *reply = NULL;
    struct err e = {0};

    if (ask_server(l, &reply, &e) < 0) {
        put(s->text, sizeof(s->text), e.text);
    } else if (!is_whole(reply)) {
        put(s->text, sizeof(s->text), json_get_str(reply, "text", "it cannot be read"));
    } else {
        s->first = take_place(reply, "available");
        s->end = take_place(reply, "end");
        s->held = keep_set(l->b->ob, reply);
    }
    if (*s->text)
        log_warning("binlog-server", "%s(%s) is not read: %s", s->name, s->host, s->text);
    json_object_put(reply);
    return NULL;
}

/* Only where the dead master's own log does not tell all. */
static void see_servers(struct beyond *b)
{
    struct topo *t = b->ob->t;
    struct server_look *look = mem_zalloc(sizeof(*look) * (size_t)(t->servers + 1));

    for (int i = 0; i < t->servers; i++) {
        look[i] = (struct server_look){
            .b = b, .section = &b->ob->g->conf->binlog[i], .server = &t->server[i]};
        look[i].running = thread_start(&look[i].thread, see_server, &look[i], NULL) == 0;
        if (!look[i].running)
            see_server(&look[i]);
    }
    for (int i = 0; i < t->servers; i++)
        if (look[i].running)
            pthread_join(look[i].thread, NULL);
    free(look);
}

static void see_beyond(struct group *g, int host, void *arg)
{
    struct beyond *b = arg;

    (void)g;
    if (b->ob->t->host[host].agent != AGENT_UP)
        return;
    if (host == b->ob->o->master && b->ob->o->tails)
        see_tail(b, host);
    else if (host != b->ob->o->master && b->ob->o->vaults && (b->by_gtid || b->best.file[0]))
        see_vault(b, host);
}

static void see_logs(struct observing *ob, int dead, enum mode mode)
{
    struct beyond b = {.ob = ob, .by_gtid = mode != MODE_POSITION, .have = BUF_INIT};
    struct gtid_set all = GTID_INIT;

    b.best = received(ob->t, dead, &all);
    gtid_print(&all, &b.have);
    group_each(ob->g, group_mask(ob->g), see_beyond, &b);
    if (ob->o->tails && b.best.file[0] && !ob->t->host[dead].tail_known)
        see_servers(&b);
    gtid_release(&all);
    buf_release(&b.have);
}

/* The request for a replica's relay logs, as its server tells of them; the caller puts it. */
static struct json_object *ask_relay_logs(struct group_host *gh, int64_t deadline_ms)
{
    struct sql_channels *all = mem_zalloc(sizeof(*all));
    const struct sql_channel *c = NULL;
    struct json_object *req = NULL;

    if (sql_read_channels(&gh->sql, all, deadline_ms, NULL) == 0)
        c = channel_of_group(gh->group, all, NULL);
    if (c)
        rescue_ask_relay_logs(&gh->sql, c, &req, deadline_ms, NULL);
    sql_channels_release(all);
    free(all);
    return req;
}

/* Asked for what cannot be there, the logs answer with what there is. */
static void see_relay_first(struct observing *ob, int host)
{
    struct group_host *gh = &ob->g->host[host];
    struct topo_host *h = &ob->t->host[host];
    struct json_object *req = NULL, *reply = NULL;
    char before[BINPOS_FILE_BYTES + sizeof(PREFIX_NO)];
    const char *dot = strrchr(h->repl.read.file, '.');
    int64_t deadline = clock_mono_ms() + RELAY_MS;

    snprintf(before, sizeof(before), "%.*s" PREFIX_NO, dot ? (int)(dot - h->repl.read.file) : 0,
             h->repl.read.file);
    if (dot)
        req = ask_relay_logs(gh, deadline);
    if (req) {
        json_put_str(req, "after_file", before);
        json_put_u64(req, "after_pos", 4);
        if (agent_call(gh->agent, "tail", req, &reply, deadline, NULL) == 0) {
            h->relay_first = take_place(reply, "available");
            json_object_put(reply);
        }
    }
}

/* Only where somebody lacks what another received. */
static void see_relay_logs(struct observing *ob, int dead)
{
    struct gtid_set all = GTID_INIT;
    struct binpos best = received(ob->t, dead, &all);
    int behind = 0;

    gtid_release(&all);
    for (int i = 0; i < ob->t->hosts; i++)
        behind += ob->t->host[i].repl.master == dead && ob->t->host[i].reach == REACH_UP &&
                  binpos_cmp(&ob->t->host[i].repl.read, &best) < 0;
    for (int i = 0; behind && i < ob->t->hosts; i++)
        if (ob->t->host[i].repl.master == dead && ob->t->host[i].agent == AGENT_UP &&
            ob->t->host[i].reach == REACH_UP && binpos_cmp(&ob->t->host[i].repl.read, &best) == 0)
            see_relay_first(ob, i);
}

/* Before 5.7 a server counts a transaction as received when its first event is (decision 15): what
 * is complete is read in the relay logs. */
static void see_received(struct observing *ob, int host)
{
    struct group_host *gh = &ob->g->host[host];
    const struct topo_host *h = &ob->t->host[host];
    struct gtid_set executed = topo_view(ob->t, h->executed);
    struct gtid_set retrieved = topo_view(ob->t, h->repl.retrieved);
    struct json_object *req, *reply = NULL;
    struct buf have = BUF_INIT;

    if (h->version.family != FAMILY_MYSQL || version_at_least(&h->version, 5, 7, 0) ||
        h->agent != AGENT_UP || gtid_contains(&executed, &retrieved))
        return;
    req = ask_relay_logs(gh, clock_mono_ms() + RELAY_MS);
    if (req) {
        gtid_print(&executed, &have);
        json_put_str(req, "have", have.data);
        if (agent_call(gh->agent, "tail", req, &reply, clock_mono_ms() + TAIL_MS, NULL) == 0)
            ob->t->host[host].repl.retrieved =
                is_whole(reply) ? keep_set(ob, reply) : ob->t->host[host].repl.retrieved;
        json_object_put(reply);
    }
    buf_release(&have);
}

void observe_tails(struct observing *ob)
{
    int dead = ob->o->master;
    enum mode mode = diagnose_mode(ob->t, dead);

    for (int i = 0; mode == MODE_MYSQL_GTID && i < ob->t->hosts; i++)
        if (i != dead && ob->t->host[i].reach == REACH_UP)
            see_received(ob, i);
    see_logs(ob, dead, mode);
    if (mode == MODE_POSITION)
        see_relay_logs(ob, dead);
}
