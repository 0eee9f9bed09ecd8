/* Pauses; see pause.h. */
#include "manager/act/pause.h"

#include "common/clock.h"
#include "common/file.h"
#include "common/json.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FILE_MAX (256u << 10)

void pauses_path(const char *workdir, const char *app, struct buf *out)
{
    buf_addf(out, "%s/%s.pause.json", workdir, app);
}

static void put(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%.*s", (int)size - 1, text);
}

static void take(struct pauses *out, struct json_object *o, int64_t now_wall_ms)
{
    struct pause *p = &out->item[out->count];

    if (out->count > TOPO_HOSTS_MAX || json_get_int(o, "until_ms", 0) <= now_wall_ms)
        return;
    memset(p, 0, sizeof(*p));
    p->until_wall_ms = json_get_int(o, "until_ms", 0);
    p->since_wall_ms = json_get_int(o, "since_ms", 0);
    p->port = (int)json_get_int(o, "port", 0);
    put(p->host, sizeof(p->host), json_get_str(o, "host", ""));
    put(p->by, sizeof(p->by), json_get_str(o, "by", ""));
    put(p->reason, sizeof(p->reason), json_get_str(o, "reason", ""));
    out->count++;
}

static int parse(const char *text, size_t len, int64_t now_wall_ms, struct pauses *out)
{
    struct json_object *all;
    struct err e;

    if (json_parse(text, len, &all, &e) < 0)
        return -1;
    if (!json_object_is_type(all, json_type_array)) {
        json_object_put(all);
        return -1;
    }
    for (size_t i = 0; i < json_object_array_length(all); i++)
        take(out, json_object_array_get_idx(all, i), now_wall_ms);
    json_object_put(all);
    return 0;
}

void pauses_read(const char *workdir, const char *app, int64_t now_wall_ms, struct pauses *out)
{
    struct buf path = BUF_INIT, text = BUF_INIT;
    struct err e;
    int rc;

    memset(out, 0, sizeof(*out));
    pauses_path(workdir, app, &path);
    rc = file_read(path.data, &text, FILE_MAX, &e);
    if (rc == 0)
        rc = parse(text.data, text.len, now_wall_ms, out);
    else if (errno == ENOENT)
        rc = 0;
    if (rc < 0) {
        out->count = 1;
        out->item[0].until_wall_ms = INT64_MAX;
        snprintf(out->item[0].reason, sizeof(out->item[0].reason),
                 "%.200s cannot be read: remove it, or pause anew", path.data);
    }
    buf_release(&text);
    buf_release(&path);
}

int pauses_write(const char *workdir, const char *app, const struct pauses *p, struct err *e)
{
    struct buf path = BUF_INIT, text = BUF_INIT;
    struct json_object *all = json_object_new_array();
    int rc = 0;

    pauses_path(workdir, app, &path);
    for (int i = 0; i < p->count; i++) {
        const struct pause *x = &p->item[i];
        struct json_object *o = json_object_new_object();

        json_put_str(o, "host", x->host);
        json_put_int(o, "port", x->port);
        json_put_int(o, "since_ms", x->since_wall_ms);
        json_put_int(o, "until_ms", x->until_wall_ms);
        json_put_str(o, "by", x->by);
        json_put_str(o, "reason", x->reason);
        json_object_array_add(all, o);
    }
    json_print(all, &text);
    buf_addc(&text, '\n');
    if (p->count > 0)
        rc = file_write_atomic(path.data, text.data, text.len, 0644, e);
    else if (unlink(path.data) < 0 && errno != ENOENT)
        rc = err_errno(e, ERR_IO, "cannot remove %s", path.data);
    json_object_put(all);
    buf_release(&text);
    buf_release(&path);
    return rc;
}

const struct pause *pauses_find(const struct pauses *p, const char *host, int port)
{
    for (int i = 0; i < p->count; i++)
        if (strcmp(p->item[i].host, host) == 0 && (!*host || p->item[i].port == port))
            return &p->item[i];
    return NULL;
}

void pause_apply(struct group *g)
{
    struct pauses *p = mem_zalloc(sizeof(*p));
    const struct pause *all;

    pauses_read(g->conf->server[0].manager_workdir, g->conf->app, clock_wall_ms(), p);
    for (int i = 0; i < g->hosts; i++)
        g->host[i].paused =
            pauses_find(p, g->host[i].conf->hostname, g->host[i].conf->port) != NULL;
    all = pauses_find(p, "", 0);
    g->paused_until_wall_ms = all ? all->until_wall_ms : 0;
    g->paused[0] = '\0';
    if (all) {
        struct buf text = BUF_INIT;

        pause_print(all, &text);
        put(g->paused, sizeof(g->paused), text.data);
        buf_release(&text);
    }
    free(p);
}

void pause_print(const struct pause *p, struct buf *out)
{
    time_t until = (time_t)(p->until_wall_ms / 1000);
    char stamp[32] = "it is ended by hand";
    struct tm tm;

    if (p->until_wall_ms != INT64_MAX && localtime_r(&until, &tm))
        strftime(stamp, sizeof(stamp), "%a %b %e %H:%M:%S %Y", &tm);
    buf_addf(out, "until %s: %s", stamp, *p->reason ? p->reason : "no reason given");
    if (*p->by)
        buf_addf(out, " (by %s)", p->by);
}
