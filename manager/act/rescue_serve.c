/* The bytes of a catch-up: from the logs of one host into a replay server on another; see
 * rescue.h. */
#include "common/clock.h"
#include "common/log.h"
#include "manager/act/board.h"
#include "manager/act/rescue.h"
#include "manager/act/thread.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PING_MS 4000

/* The other program is started beside this one: each login takes its time. */
struct opening {
    struct rescue *r;
    struct json_object *request;
    int64_t deadline_ms;
    pthread_t thread;
    int running, rc;
    struct err err;
};

static void put_place(struct json_object *o, const char *file, const char *pos,
                      const struct binpos *at)
{
    json_put_str(o, file, at->file);
    json_put_u64(o, pos, at->pos);
}

/* What the replica has: for both programs, so that the one serves nothing that leaves a gap. */
static void put_have(const struct rescue *r, struct json_object *o)
{
    struct buf text = BUF_INIT;

    if (!r->by_gtid) {
        put_place(o, "after_file", "after_pos", &r->after);
        return;
    }
    gtid_print(&r->have, &text);
    json_put_str(o, "have", text.data);
    buf_release(&text);
}

/* The base's session belongs to its own lane while that has a step under way. */
static int ask_relay_logs(struct rescue *r, struct json_object **out, struct err *e)
{
    struct exec_host *peer = &r->x->host[r->peer];
    struct sql_channel c = {0};
    int rc;

    pthread_mutex_lock(&peer->busy);
    rc = step_channel(r->x, r->peer, &c, e);
    if (rc == 0)
        rc = rescue_ask_relay_logs(&r->x->g->host[r->peer].sql, &c, out,
                                   clock_mono_ms() + STEP_SQL_MS, e);
    pthread_mutex_unlock(&peer->busy);
    gtid_release(&c.retrieved);
    return rc;
}

/* By GTID a replica forgets the name with each CHANGE. */
static const char *log_name(const struct rescue *r)
{
    const struct topo *t = r->x->t;

    for (int i = 0; !r->channel.read.file[0] && i < t->hosts; i++)
        if (t->host[i].repl.master == r->dead && t->host[i].repl.read.file[0])
            return t->host[i].repl.read.file;
    return r->channel.read.file;
}

static const struct conf_server *peer_section(const struct rescue *r)
{
    const struct group *g = r->x->g;

    return r->d->step->source == SOURCE_SERVER ? &g->conf->binlog[r->peer - TOPO_SERVER(0)]
                                               : g->host[r->peer].conf;
}

static int ask_extract(struct rescue *r, struct json_object **out, struct err *e)
{
    if (r->d->step->source == SOURCE_RELAY) {
        if (ask_relay_logs(r, out, e) < 0)
            return -1;
    } else if (r->d->step->source == SOURCE_VAULT) {
        *out = rescue_ask_vault(peer_section(r));
    } else {
        *out = rescue_ask_binlogs(peer_section(r), log_name(r));
    }
    put_have(r, *out);
    /* A replica is brought no further than the new master is. */
    if (!r->by_gtid && r->host != r->x->p->new_master)
        put_place(*out, "until_file", "until_pos", &r->target);
    return 0;
}

static const char *gtid_mode_word(enum gtid_mode m)
{
    static const char *const words[] = {"OFF", "OFF_PERMISSIVE", "ON_PERMISSIVE", "ON"};

    return words[m];
}

/* Whose socket will come to the replay server: the user that mysqld runs as. */
static int ask_peer_uid(struct rescue *r, struct json_object *o, struct err *e)
{
    struct group_host *h = &r->x->g->host[r->host];
    struct json_object *req = json_object_new_object(), *reply;

    json_put_int(req, "port", h->conf->port);
    json_put_str(req, "ip", h->conf->ip);
    if (agent_call(h->agent, "locate", req, &reply, clock_mono_ms() + STEP_SQL_MS, e) < 0)
        return err_wrap(e, "whose process mysqld is");
    json_put_bool(o, "any_password", 1);
    json_put_u64(o, "peer_uid", json_get_u64(reply, "uid", 0));
    json_object_put(reply);
    return 0;
}

static int ask_replay(struct rescue *r, struct json_object **out, struct err *e)
{
    const struct topo_host *h = &r->x->t->host[r->host];
    struct json_object *o = json_object_new_object();
    int sha2 = h->version.family == FAMILY_MYSQL && version_at_least(&h->version, 8, 0, 4);

    *out = o;
    json_put_u64(o, "server_id", sql_catchup_server_id(r->channel.master_server_id, h->server_id));
    json_put_str(o, "uuid", r->channel.master_uuid);
    json_put_str(o, "gtid_mode", gtid_mode_word(h->gtid_mode));
    json_put_u64(o, "replica_server_id", h->server_id);
    json_put_str(o, "replica_uuid", h->uuid);
    json_put_str(o, "dir", r->x->g->host[r->host].conf->remote_workdir);
    json_put_bool(o, "sha2", sha2);
    put_have(r, o);
    return r->lends_password ? 0 : ask_peer_uid(r, o, e);
}

static void *open_source(void *arg)
{
    struct opening *o = arg;
    struct bulk_end at = {o->r->x->g->conf, peer_section(o->r)};

    o->rc = bulk_open(&o->r->from, &at, "extract", o->request, o->deadline_ms, &o->err);
    return NULL;
}

static int open_both(struct rescue *r, struct json_object *extract, struct json_object *replay,
                     struct err *e)
{
    struct opening o = {
        .r = r, .request = extract, .deadline_ms = clock_mono_ms() + RESCUE_OPEN_MS};
    struct bulk_end at = {r->x->g->conf, r->x->g->host[r->host].conf};
    int rc;

    o.running = thread_start(&o.thread, open_source, &o, NULL) == 0;
    rc = bulk_open(&r->to, &at, "replay", replay, o.deadline_ms, e);
    if (o.running)
        pthread_join(o.thread, NULL);
    else
        open_source(&o);
    if (rc == 0 && o.rc < 0)
        *e = o.err;
    return rc < 0 || o.rc < 0 ? -1 : 0;
}

/* What the extract turned out to hold is what the replica will be waited for. */
static int take_report(struct rescue *r, struct json_object *report, struct err *e)
{
    struct json_object *end;
    struct gtid_set set = GTID_INIT;
    int rc = 0;

    r->bytes = json_get_u64(report, "bytes", 0);
    r->transactions = json_get_u64(report, "transactions", 0);
    if (r->by_gtid) {
        rc = gtid_parse(&set, json_get_str(report, "set", ""), e);
        gtid_union(&r->want, &set);
        gtid_release(&set);
    } else if (json_object_object_get_ex(report, "end", &end)) {
        struct binpos at = {.pos = json_get_u64(end, "pos", 0)};

        snprintf(at.file, sizeof at.file, "%s", json_get_str(end, "file", ""));
        if (binpos_cmp(&at, &r->target) < 0)
            rc = err_set(e, ERR_WORLD, "it reaches up to %s:%llu only", at.file,
                         (unsigned long long)at.pos);
        r->target = at;
    }
    return rc;
}

static void say_progress(void *arg, uint64_t bytes)
{
    struct rescue *r = arg;

    /* The session that holds the replica's failover lock must not idle (decision 12). */
    if (clock_mono_ms() - r->pinged_ms > PING_MS) {
        sql_ping(r->s, clock_mono_ms() + STEP_SQL_MS, NULL);
        r->pinged_ms = clock_mono_ms();
    }
    board_note(r->x->g->board, "%s: %llu MB of log on their way", topo_label(r->x->t, r->host),
               (unsigned long long)(bytes >> 20));
    board_beat(r->x->g->board, STEP_BEAT_MS);
    if (bytes / (64U << 20) == r->bytes / (64U << 20))
        return;
    r->bytes = bytes;
    log_info("wait", "%s: %llu MB of log on their way", topo_label(r->x->t, r->host),
             (unsigned long long)(bytes >> 20));
}

static int take_port(struct rescue *r, struct err *e)
{
    struct json_object *ready = NULL;

    if (bulk_answer(&r->to, &ready, clock_mono_ms() + STEP_STALL_MS, e) < 0)
        return err_wrap(e, "the replay server on %s", topo_label(r->x->t, r->host));
    r->port = (int)json_get_int(ready, "port", 0);
    snprintf(r->password, sizeof r->password, "%s", json_get_str(ready, "password", ""));
    json_object_put(ready);
    return 0;
}

int rescue_serve(struct rescue *r, struct err *e)
{
    struct json_object *extract = NULL, *replay = NULL, *report = NULL;
    struct bulk_watch watch = {STEP_STALL_MS, say_progress, r};
    int rc = ask_extract(r, &extract, e);

    if (rc == 0)
        rc = ask_replay(r, &replay, e);
    if (rc == 0)
        rc = open_both(r, extract, replay, e);
    if (rc == 0)
        rc = bulk_pump(&r->from, &r->to, &watch, &report, e);
    if (rc == 0)
        rc = take_report(r, report, e);
    bulk_close(&r->from);
    json_object_put(extract);
    json_object_put(replay);
    json_object_put(report);
    if (rc < 0)
        return err_wrap(e, "from %s", topo_label(r->x->t, r->peer));
    if (r->transactions == 0)
        return 0;
    return take_port(r, e) < 0 ? -1 : 1;
}

int rescue_ask_state(struct rescue *r, uint64_t *sent, char *refusal, size_t size, struct err *e)
{
    struct json_object *state = NULL;
    int64_t deadline = clock_mono_ms() + STEP_SQL_MS;

    if (bulk_keep(&r->to, deadline, e) < 0 || bulk_answer(&r->to, &state, deadline, e) < 0)
        return err_wrap(e, "the replay server on %s", topo_label(r->x->t, r->host));
    *sent = json_get_u64(state, "sent", 0);
    snprintf(refusal, size, "%.*s", (int)size - 1,
             json_get_int(state, "refused", 0) ? json_get_str(state, "text", "") : "");
    json_object_put(state);
    return 0;
}
