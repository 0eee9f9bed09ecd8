/* The snapshot as a value: creation, sets, look-ups. The text format is in topo_text.c. */
#include "manager/decide/topo.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void host_init(struct topo_host *h)
{
    memset(h, 0, sizeof(*h));
    h->port = 3306;
    h->log_bin = 1;
    h->log_slave_updates = 1;
    h->super_read_only = -1;
    h->semisync_master = -1;
    h->semisync_slave = -1;
    h->repl_grant = -1;
    h->fit.semisync_on = -1;
    h->fit.disk_free_mb = -1;
    h->repl.master = NO_HOST;
    h->repl.master_port = 3306;
    h->repl.behind_s = -1;
}

struct topo *topo_new(void)
{
    return topo_new_of(TOPO_HOSTS_MAX);
}

struct topo *topo_new_of(int hosts)
{
    struct topo *t = mem_zalloc(sizeof(*t));

    t->master = NO_HOST;
    t->forced = NO_HOST;
    t->heir = NO_HOST;
    t->opened = NO_HOST;
    t->resume_window_s = 600;
    t->latest_priority = 1;
    t->check_repl_delay = 1;
    t->check_repl_filter = 1;
    t->use_gtid_auto_pos = 1;
    t->wait_until_gtid_in_sync = 1;
    t->running_updates_limit = 1;
    t->running_seconds_limit = 10;
    t->seconds_behind_master = 30;
    t->ssh_reachable = -1;
    t->misses_needed = 3;
    t->secondary = -1;
    for (int i = 0; i < hosts; i++)
        host_init(&t->host[i]);
    return t;
}

void topo_free(struct topo **t)
{
    if (*t) {
        free((*t)->gtid);
        free((*t)->server);
    }
    free(*t);
    *t = NULL;
}

struct topo *topo_copy(const struct topo *t)
{
    struct topo *c = mem_zalloc(sizeof(*c));
    size_t bytes = t->gtids * sizeof(*t->gtid), behind = offsetof(struct topo, hosts);

    /* Hosts that are not there cost no memory: a process may hold the snapshots of many groups. */
    memcpy(c, t, offsetof(struct topo, host));
    memcpy(c->host, t->host, (size_t)t->hosts * sizeof(t->host[0]));
    memcpy((char *)c + behind, (const char *)t + behind, sizeof(*t) - behind);
    c->server = NULL;
    if (t->servers > 0) {
        topo_add_servers(c, t->servers);
        memcpy(c->server, t->server, (size_t)t->servers * sizeof(*t->server));
    }
    c->gtid = NULL;
    c->gtid_cap = 0;
    if (t->gtids) {
        c->gtid = memcpy(mem_alloc(bytes), t->gtid, bytes);
        c->gtid_cap = t->gtids;
    }
    return c;
}

void topo_add_servers(struct topo *t, int servers)
{
    t->server = mem_zalloc((size_t)servers * sizeof(*t->server));
    t->servers = servers;
}

struct topo_set topo_keep(struct topo *t, const struct gtid_set *s)
{
    struct topo_set ref = {t->gtids, (uint32_t)s->count};
    uint32_t need = t->gtids + ref.count;

    if (s->count == 0)
        return ref;
    if (need > t->gtid_cap) {
        struct gtid_range *more = mem_alloc(2 * (size_t)need * sizeof(*more));

        if (t->gtids)
            memcpy(more, t->gtid, t->gtids * sizeof(*more));
        free(t->gtid);
        t->gtid = more;
        t->gtid_cap = 2 * need;
    }
    memcpy(t->gtid + t->gtids, s->range, s->count * sizeof(*s->range));
    t->gtids = need;
    return ref;
}

/* A MariaDB range carries the server that wrote it; a MySQL one never does. */
static enum gtid_kind kind_of(const struct gtid_range *r)
{
    return r->server_id ? GTID_MARIADB : GTID_MYSQL;
}

struct gtid_set topo_view(const struct topo *t, struct topo_set ref)
{
    struct gtid_set s = GTID_INIT;

    if (ref.count == 0)
        return s;
    s.range = t->gtid + ref.first;
    s.count = ref.count;
    s.kind = kind_of(s.range);
    return s;
}

int topo_find(const struct topo *t, const char *host, int port)
{
    for (int i = 0; i < t->hosts; i++) {
        const struct topo_host *h = &t->host[i];

        if (port != 0 && port != h->port)
            continue;
        if (!strcmp(host, h->name) || !strcmp(host, h->host) || (*h->ip && !strcmp(host, h->ip)))
            return i;
    }
    return NO_HOST;
}

/* What nobody but the host has and only a channel that is not the group's can have brought. With it
 * the host would seem ahead of the others, or astray. */
static void set_foreign_aside(struct topo *t, int host)
{
    struct topo_host *h = &t->host[host];
    struct gtid_set foreign = topo_view(t, h->foreign), all = topo_view(t, h->executed);
    struct gtid_set retrieved = topo_view(t, h->repl.retrieved);
    struct gtid_set known = GTID_INIT, aside = GTID_INIT, left = GTID_INIT;

    if (foreign.count == 0)
        return;
    gtid_copy(&known, &retrieved);
    for (int i = 0; i < t->hosts; i++) {
        struct gtid_set theirs = GTID_INIT;

        if (i == host)
            continue;
        topo_received(t, i, &theirs);
        gtid_union(&known, &theirs);
        gtid_release(&theirs);
    }
    gtid_minus(&aside, &foreign, &known);
    gtid_minus(&left, &all, &aside);
    if (!gtid_equal(&left, &all))
        h->executed = topo_keep(t, &left);
    gtid_release(&known);
    gtid_release(&aside);
    gtid_release(&left);
}

const char *topo_channel(const struct topo *t, int host)
{
    if (t->host[host].channels)
        return t->host[host].repl.channel;
    for (int i = 0; i < t->hosts; i++)
        if (t->host[i].channels && t->host[i].repl.master != NO_HOST)
            return t->host[i].repl.channel;
    return "";
}

void topo_link(struct topo *t)
{
    for (int i = 0; i < t->hosts; i++) {
        struct topo_repl *r = &t->host[i].repl;

        r->master = t->host[i].channels ? topo_find(t, r->master_host, r->master_port) : NO_HOST;
    }
    for (int i = 0; i < t->hosts; i++)
        set_foreign_aside(t, i);
}

const char *topo_label(const struct topo *t, int host)
{
    static _Thread_local char ring[8][2 * TOPO_TEXT];
    static _Thread_local unsigned next;
    char *out = ring[next++ % 8];

    if (host >= TOPO_SERVER(0) && host < TOPO_SERVER(t->servers)) {
        const struct topo_server *s = &t->server[host - TOPO_SERVER(0)];

        snprintf(out, sizeof(ring[0]), "%s(%s)", s->name, s->host);
        return out;
    }
    if (host < 0 || host >= t->hosts)
        return "nobody";
    snprintf(out, sizeof(ring[0]), "%s(%s:%d)", t->host[host].host,
             *t->host[host].ip ? t->host[host].ip : t->host[host].host, t->host[host].port);
    return out;
}

const char *topo_name(const struct topo *t, int host)
{
    static _Thread_local char ring[8][TOPO_TEXT + 16];
    static _Thread_local unsigned next;
    char *out = ring[next++ % 8];
    const struct topo_host *h = t->host + host;

    if (host >= TOPO_SERVER(0) && host < TOPO_SERVER(t->servers))
        return t->server[host - TOPO_SERVER(0)].name;
    if (host < 0 || host >= t->hosts)
        return "nobody";
    for (int i = 0; i < t->hosts; i++) {
        if (i == host || strcmp(t->host[i].host, h->host) != 0)
            continue;
        snprintf(out, sizeof(ring[0]), "%s:%d", h->host, h->port);
        return out;
    }
    return h->host;
}

void topo_received(const struct topo *t, int host, struct gtid_set *out)
{
    struct gtid_set executed = topo_view(t, t->host[host].executed);
    struct gtid_set retrieved = topo_view(t, t->host[host].repl.retrieved);

    gtid_copy(out, &executed);
    gtid_union(out, &retrieved);
}
