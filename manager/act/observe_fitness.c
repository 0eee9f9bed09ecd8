/* The fitness of each host; see observe_fitness.h. */
#include "manager/act/observe_fitness.h"

#include "common/json.h"
#include "common/sql_fitness.h"

#include <stdio.h>
#include <string.h>

struct looking {
    struct topo *t;
    int64_t deadline_ms;
};

static void see_settings(struct looking *l, struct group_host *gh, struct topo_fitness *f)
{
    struct sql_fitness v;
    struct err e = {0};

    if (!gh->sql.db || sql_read_fitness(&gh->sql, &v, l->deadline_ms, &e) < 0)
        return;
    f->known = 1;
    f->sync_binlog = v.sync_binlog;
    f->flush_log = v.flush_log;
    f->info_in_file = !v.info_in_table;
    f->binlog_encrypted = v.binlog_encrypted == 1;
    f->semisync_on = v.semisync_on;
    f->semisync_clients = v.semisync_clients;
    f->clock_ahead_ms = v.clock_ahead_ms;
    snprintf(f->missing, sizeof(f->missing), "%.*s", (int)sizeof(f->missing) - 1, v.missing);
    snprintf(f->account, sizeof(f->account), "%.*s", (int)sizeof(f->account) - 1, v.account);
}

/* The first of the binlog directories that is there. */
static void see_disk(struct looking *l, struct group_host *gh, struct topo_fitness *f)
{
    const char *dirs = gh->conf->master_binlog_dir;
    struct json_object *reply = NULL;
    struct err e = {0};

    while (*dirs) {
        size_t len = strcspn(dirs, ",");
        struct json_object *o = json_object_new_object();

        json_object_object_add(o, "dir", json_object_new_string_len(dirs, (int)len));
        if (len > 0 && agent_call(gh->agent, "disk", o, &reply, l->deadline_ms, &e) == 0) {
            f->disk_free_mb = (int64_t)(json_get_u64(reply, "free_bytes", 0) >> 20);
            f->disk_free_percent = (int)json_get_int(reply, "free_percent", 0);
            json_object_put(reply);
            return;
        }
        if (len == 0)
            json_object_put(o);
        dirs += len + (dirs[len] == ',');
    }
}

static void see_host(struct group *g, int host, void *arg)
{
    struct looking *l = arg;
    struct group_host *gh = &g->host[host];
    struct topo_fitness *f = &l->t->host[host].fit;

    see_settings(l, gh, f);
    if (agent_alive(gh->agent))
        see_disk(l, gh, f);
    else if (gh->agent_err.code != ERR_NONE)
        snprintf(f->agent_text, sizeof(f->agent_text), "%.*s", (int)sizeof(f->agent_text) - 1,
                 gh->agent_err.text);
}

void observe_fitness(struct group *g, struct topo *t, int64_t deadline_ms)
{
    struct looking l = {.t = t, .deadline_ms = deadline_ms};

    group_each(g, GROUP_ALL, see_host, &l);
}
