/* What a server says of itself becomes its part of the snapshot; see observe.h. */
#include "common/clock.h"
#include "manager/act/channel.h"
#include "manager/act/observe_host.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLIENT_NO_SOCKET = 2002, CLIENT_NO_HOST = 2003 };

static void put(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%.*s", (int)size - 1, text);
}

/* An error of the client library before any answer came: refused, for all that it says. */
enum reach observe_reach(const struct err *e)
{
    switch (e->code) {
    case ERR_NONE:
        return REACH_UP;
    case ERR_CONNECT:
        return e->server_errno == CLIENT_NO_SOCKET || e->server_errno == CLIENT_NO_HOST
                   ? REACH_REFUSED
                   : REACH_SILENT;
    case ERR_TIMEOUT:
    case ERR_SSH:
    case ERR_IO:
        return REACH_SILENT;
    case ERR_CONFIG:
    case ERR_SQL:
    case ERR_DENIED:
    case ERR_WORLD:
    case ERR_FORMAT:
    case ERR_BUG:
        break;
    }
    return REACH_DENIED;
}

/* The library tells a refusal and a missing route by the same number; the kernel does not. */
static int port_refuses(const struct conf_server *s, int64_t deadline_ms)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                             .ai_socktype = SOCK_STREAM},
                    *ai;
    struct pollfd p = {.events = POLLOUT};
    int refused = 0, error = 0;
    socklen_t len = sizeof(error);
    char port[16];

    snprintf(port, sizeof(port), "%d", s->port);
    if (getaddrinfo(s->ip, port, &hints, &ai) != 0)
        return 0;
    p.fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (p.fd >= 0) {
        if (connect(p.fd, ai->ai_addr, ai->ai_addrlen) < 0 && errno == ECONNREFUSED)
            refused = 1;
        else if (poll(&p, 1, clock_left_ms(deadline_ms)) == 1 &&
                 getsockopt(p.fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0)
            refused = error == ECONNREFUSED;
        close(p.fd);
    }
    freeaddrinfo(ai);
    return refused;
}

static enum gtid_mode gtid_mode(const char *word)
{
    static const char *const words[] = {"OFF", "OFF_PERMISSIVE", "ON_PERMISSIVE", "ON"};

    for (int i = 0; i < 4; i++)
        if (strcasecmp(word, words[i]) == 0)
            return (enum gtid_mode)i;
    return GTID_MODE_OFF;
}

static int see_server(struct observing *ob, struct sql *s, struct topo_host *h, struct err *e)
{
    struct sql_server v;

    if (sql_read_server(s, &v, ob->o->deadline_ms, e) < 0)
        return -1;
    h->version = s->version;
    put(h->version_text, sizeof(h->version_text), v.version_text);
    h->server_id = v.server_id;
    put(h->uuid, sizeof(h->uuid), v.uuid);
    put(h->binlog_format, sizeof(h->binlog_format), v.binlog_format);
    h->read_only = v.read_only;
    h->super_read_only = v.super_read_only;
    h->log_bin = v.log_bin;
    h->log_slave_updates = v.log_slave_updates;
    h->relay_log_purge = v.relay_log_purge;
    h->relay_log_recovery = v.relay_log_recovery;
    h->workers = v.workers;
    h->slave_net_timeout = v.slave_net_timeout;
    h->semisync_master = v.semisync_master;
    h->semisync_slave = v.semisync_slave;
    h->galera = v.wsrep_on;
    h->group_replication = v.group_replication;
    h->gtid_mode = gtid_mode(v.gtid_mode);
    h->semisync_waiting = h->semisync_clients = 0;
    if (v.semisync_master != 1)
        return 0;
    return sql_read_semisync(s, &h->semisync_waiting, &h->semisync_clients, ob->o->deadline_ms, e);
}

static int see_binlog(struct observing *ob, struct sql *s, struct topo_host *h, struct err *e)
{
    struct sql_binlog b;

    if (!h->log_bin)
        return 0;
    if (sql_read_binlog(s, &b, ob->o->deadline_ms, e) < 0)
        return -1;
    h->binlog = b.at;
    put(h->binlog_do_db, sizeof(h->binlog_do_db), b.do_db);
    put(h->binlog_ignore_db, sizeof(h->binlog_ignore_db), b.ignore_db);
    return 0;
}

static struct topo_set keep(struct observing *ob, const struct gtid_set *s)
{
    struct topo_set ref;

    pthread_mutex_lock(&ob->arena);
    ref = topo_keep(ob->t, s);
    pthread_mutex_unlock(&ob->arena);
    return ref;
}

/* What MariaDB has purged is in the oldest binlog file only: left empty. */
static int see_gtids(struct observing *ob, struct sql *s, struct topo_host *h, struct err *e)
{
    struct sql_gtids g = {GTID_INIT, GTID_INIT, GTID_INIT, GTID_INIT};
    int rc = 0;

    if (s->version.family == FAMILY_MYSQL && h->gtid_mode == GTID_MODE_OFF)
        return 0;
    rc = sql_read_gtids(s, &g, ob->o->deadline_ms, e);
    if (rc == 0) {
        h->executed = keep(ob, &g.executed);
        h->purged = keep(ob, &g.purged);
    }
    sql_gtids_release(&g);
    return rc;
}

static enum follow follow_of(const struct sql_channel *c)
{
    if (c->auto_position)
        return FOLLOW_AUTO_POSITION;
    if (strcasecmp(c->using_gtid, "Slave_Pos") == 0)
        return FOLLOW_SLAVE_POS;
    if (strcasecmp(c->using_gtid, "Current_Pos") == 0)
        return FOLLOW_CURRENT_POS;
    return FOLLOW_POSITION;
}

static void put_filters(struct topo_repl *r, const struct sql_channel *c)
{
    static const char *const names[] = {"do_db",        "ignore_db", "do_table",
                                        "ignore_table", "wild_do_",  "wild_ignore_"};
    size_t used = 0;
    int n;

    for (int i = 0; i < 6; i++) {
        if (!c->filters[i][0])
            continue;
        n = snprintf(r->filters + used, sizeof(r->filters) - used, "%s%s=%s", used ? " " : "",
                     names[i], c->filters[i]);
        if (n < 0 || (size_t)n >= sizeof(r->filters) - used)
            return;
        used += (size_t)n;
    }
}

static void put_channel(struct observing *ob, struct topo_repl *r, const struct sql_channel *c)
{
    put(r->master_host, sizeof(r->master_host), c->master_host);
    r->master_port = c->master_port;
    put(r->master_uuid, sizeof(r->master_uuid), c->master_uuid);
    r->io = (enum thread_state)c->io_running;
    r->sql = (enum thread_state)c->sql_running;
    r->io_errno = c->io_errno;
    r->sql_errno = c->sql_errno;
    put(r->io_error, sizeof(r->io_error), c->io_error);
    put(r->sql_error, sizeof(r->sql_error), c->sql_error);
    r->read = c->read;
    r->exec = c->exec;
    r->relay = c->relay;
    r->retrieved = keep(ob, &c->retrieved);
    r->follow = follow_of(c);
    r->behind_s = c->seconds_behind;
    r->delay_s = c->sql_delay;
    put(r->user, sizeof(r->user), c->master_user);
    put(r->channel, sizeof(r->channel), c->name);
    put_filters(r, c);
}

/* A replica hears its master when its read position or its count of heartbeats has moved since the
 * first look after the first missed ping; a standing "waiting for master" says nothing (decision
 * 1). */
static void note_heard(struct observe_heard *was, struct topo_repl *r, const struct sql_channel *c)
{
    if (!was)
        return;
    if (!was->known) {
        was->known = 1;
        was->read = c->read;
        was->heartbeats = c->heartbeats;
    } else if (binpos_cmp(&c->read, &was->read) > 0 || c->heartbeats > was->heartbeats) {
        r->heard = 1;
    }
}

/* What a channel brought: what it received, and on MySQL all that its source wrote. A server
 * forgets what it received, and MariaDB without GTIDs does not tell. */
static void add_foreign(struct gtid_set *to, const struct gtid_set *executed,
                        const struct sql_channel *c)
{
    struct gtid_set of_source = GTID_INIT;

    gtid_union(to, &c->retrieved);
    if (executed->kind == GTID_MYSQL)
        gtid_of_uuid(&of_source, executed, c->master_uuid);
    for (size_t i = 0; executed->kind == GTID_MARIADB && i < executed->count; i++)
        if (executed->range[i].server_id == c->master_server_id)
            gtid_add(&of_source, &executed->range[i]);
    gtid_union(to, &of_source);
    gtid_release(&of_source);
}

static void see_others(struct observing *ob, struct topo_host *h, const struct sql_channels *all,
                       const struct sql_channel *ours)
{
    struct gtid_set foreign = GTID_INIT, executed = GTID_INIT, view;

    h->others = h->others_run = 0;
    h->others_text[0] = '\0';
    pthread_mutex_lock(&ob->arena);
    view = topo_view(ob->t, h->executed);
    gtid_copy(&executed, &view);
    pthread_mutex_unlock(&ob->arena);
    for (size_t i = 0; i < all->count; i++) {
        const struct sql_channel *c = &all->item[i];

        if (c == ours || !c->master_host[0])
            continue;
        h->others++;
        h->others_run += c->sql_running;
        if (h->others == 1 || c->sql_running)
            snprintf(h->others_text, sizeof(h->others_text), "'%.60s' from %.100s:%d", c->name,
                     c->master_host, c->master_port);
        add_foreign(&foreign, &executed, c);
    }
    h->foreign = keep(ob, &foreign);
    gtid_release(&foreign);
    gtid_release(&executed);
}

static int see_channels(struct observing *ob, int host, struct err *e)
{
    struct sql_channels *all = mem_zalloc(sizeof(*all));
    struct topo_host *h = &ob->t->host[host];
    int rc = sql_read_channels(&ob->g->host[host].sql, all, ob->o->deadline_ms, e);

    h->channels = 0;
    h->repl.heard = 0;
    h->repl.filters[0] = '\0';
    if (rc == 0) {
        const struct sql_channel *c = channel_of_group(ob->g, all, &h->channels);

        /* An unnamed one is taken for the group's, and named when it follows a stranger. */
        if (!c && (c = channel_named(all, "")))
            h->channels = 1;
        if (c) {
            put_channel(ob, &h->repl, c);
            note_heard(ob->o->heard ? &ob->o->heard[host] : NULL, &h->repl, c);
        }
        see_others(ob, h, all, c);
    }
    sql_channels_release(all);
    free(all);
    return rc;
}

static int see_grant(struct observing *ob, int host, struct err *e)
{
    const char *user = ob->g->host[host].conf->repl_user;
    struct topo_host *h = &ob->t->host[host];

    if (!ob->o->grants || !h->log_bin)
        return 0;
    if (!user || !*user)
        user = h->repl.user;
    if (!*user)
        return 0;
    return sql_has_repl_privilege(&ob->g->host[host].sql, user, &h->repl_grant, ob->o->deadline_ms,
                                  e);
}

static int see_all(struct observing *ob, int host, struct err *e)
{
    struct sql *s = &ob->g->host[host].sql;
    struct topo_host *h = &ob->t->host[host];

    if (see_server(ob, s, h, e) < 0 || see_binlog(ob, s, h, e) < 0 || see_gtids(ob, s, h, e) < 0 ||
        see_channels(ob, host, e) < 0)
        return -1;
    return see_grant(ob, host, e);
}

/* Opens what is closed, and opens once more what turns out to be closed: a session that its server
 * ended says nothing about the server. */
void observe_sql(struct group *g, int host, void *arg)
{
    struct observing *ob = arg;
    struct group_host *gh = &g->host[host];
    struct topo_host *h = &ob->t->host[host];
    int64_t begun_ms = clock_mono_ms();
    struct err e = {0};
    int rc = -1;

    for (int tries = 0; tries < 2; tries++) {
        int had = gh->sql.db != NULL;

        memset(&e, 0, sizeof(e));
        rc = had ? 0 : group_open_sql(gh, &gh->sql, ob->o->deadline_ms, &e);
        if (rc == 0)
            rc = see_all(ob, host, &e);
        if (rc == 0 || e.code != ERR_CONNECT)
            break;
        sql_close(&gh->sql);
        if (!had && observe_reach(&e) == REACH_REFUSED)
            break;
    }
    if (e.code == ERR_TIMEOUT)
        sql_close(&gh->sql);
    if (rc == 0)
        observe_slow(ob, host, begun_ms, "SQL");
    gh->sql_err = e;
    h->reach = rc == 0 ? REACH_UP : observe_reach(&e);
    if (h->reach == REACH_REFUSED && !port_refuses(gh->conf, ob->o->deadline_ms))
        h->reach = REACH_SILENT;
    put(h->reach_text, sizeof(h->reach_text), e.text);
}
