/* The note on room; see scan_headroom.h. */
#include "manager/cmd/scan_headroom.h"

#include "common/log.h"
#include "manager/act/headroom.h"
#include "manager/cmd/scan_targets.h"
#include "manager/scan/room.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int open_replica(void *arg, struct sql *out, struct scan_server *s, int64_t deadline_ms,
                        struct err *e)
{
    struct db_target t;

    (void)s;
    scan_account_of(arg, &t);
    return sql_open(out, &t, deadline_ms, e);
}

static void name_of(const struct conf_server *s, char *out, size_t size)
{
    snprintf(out, size, "%.280s:%d", s->hostname, s->port);
}

/* 1 when it was read in full. */
static int read_replica(struct conf_server *s, const struct scan_ask *ask, int server_ms,
                        struct scan_server *out)
{
    struct scan_target target = {.open = open_replica, .arg = s};
    struct scan_run run = {
        .target = &target, .targets = 1, .ask = ask, .jobs = 1, .server_ms = server_ms};
    struct err ignored;

    name_of(s, target.name, sizeof(target.name));
    return scan_run(&run, out, &ignored) == 0 && out->answer == SCAN_COMPLETE;
}

static int is_named(const struct conf_server *s, const char *name)
{
    char own[300];

    name_of(s, own, sizeof(own));
    return strcmp(own, name) == 0;
}

static void note(const struct conf_server *s, const struct scan_server *master,
                 const struct scan_server *seen, struct headrooms *all)
{
    struct headroom *h = &all->item[all->count];
    struct buf text = BUF_INIT;

    h->narrow = (int)scan_room(master, seen, &text);
    if (h->narrow) {
        snprintf(h->host, sizeof(h->host), "%.*s", (int)sizeof(h->host) - 1, s->hostname);
        h->port = s->port;
        snprintf(h->text, sizeof(h->text), "%.*s", (int)sizeof(h->text) - 1, text.data);
        all->count++;
        log_warning("autoinc-narrower", "%s has less room than the master: %s", seen->name,
                    h->text);
    }
    buf_release(&text);
}

int scan_headroom_note(const char *file, const char *global_conf, const struct scan_server *master,
                       const struct scan_ask *ask, int server_ms, struct err *e)
{
    struct headrooms *all = mem_zalloc(sizeof(*all));
    struct conf *c = NULL;
    int rc = scan_conf_load(&c, file, global_conf, e);

    for (size_t i = 0; rc == 0 && i < c->servers && i < TOPO_HOSTS_MAX; i++) {
        struct scan_server seen = {0};

        if (c->server[i].no_master || is_named(&c->server[i], master->name))
            continue;
        if (read_replica(&c->server[i], ask, server_ms, &seen))
            note(&c->server[i], master, &seen, all);
        scan_server_release(&seen);
    }
    if (rc == 0)
        rc = headrooms_write(c->server[0].manager_workdir, c->app, all, e);
    conf_free(&c);
    free(all);
    return rc == 0 ? 0 : err_wrap(e, "%s: the note of its replicas' room", file);
}
