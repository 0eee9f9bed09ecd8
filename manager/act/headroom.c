/* Notes on room; see headroom.h. */
#include "manager/act/headroom.h"

#include "common/clock.h"
#include "common/file.h"
#include "common/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX (64u << 10)
/* So many full scans may fail before what the last one said is no longer believed; and the hour
 * that a scan may take. */
#define SCANS_MISSED 3
#define SLACK_S      3600

static void path_of(const char *workdir, const char *app, struct buf *out)
{
    buf_addf(out, "%s/%s.headroom.json", workdir, app);
}

int headrooms_write(const char *workdir, const char *app, const struct headrooms *all,
                    struct err *e)
{
    struct json_object *list = json_object_new_array();
    struct buf path = BUF_INIT, text = BUF_INIT;
    int64_t now_s = clock_wall_ms() / 1000;
    int rc;

    for (int i = 0; i < all->count; i++) {
        struct json_object *o = json_object_new_object();

        json_put_str(o, "host", all->item[i].host);
        json_put_int(o, "port", all->item[i].port);
        json_put_int(o, "narrow", all->item[i].narrow);
        json_put_str(o, "text", all->item[i].text);
        json_put_int(o, "at_s", now_s);
        json_object_array_add(list, o);
    }
    path_of(workdir, app, &path);
    json_print(list, &text);
    buf_addc(&text, '\n');
    rc = file_mkdirs(workdir, 0755, e);
    if (rc == 0)
        rc = file_write_atomic(path.data, text.data, text.len, 0644, e);
    json_object_put(list);
    buf_release(&path);
    buf_release(&text);
    return rc;
}

/* A clock that was set back must not keep a note for ever. */
static int is_old(const struct conf_server *s, int64_t age_s)
{
    int64_t every = s->scan_full_interval;

    if (every < s->scan_interval)
        every = s->scan_interval;
    return llabs(age_s) > SCANS_MISSED * every + SLACK_S;
}

static void take_old(struct group_host *h, int64_t age_s, const char *text)
{
    char age[40] = "of a time to come";

    if (age_s >= 0)
        snprintf(age, sizeof(age), "%.1f days ago", (double)age_s / 86400);
    snprintf(h->narrow_text, sizeof(h->narrow_text), "%s: %.*s", age,
             (int)(sizeof(h->narrow_text) - sizeof(age) - 2), text);
}

static void take(struct group *g, struct json_object *o)
{
    const char *host = json_get_str(o, "host", ""), *text = json_get_str(o, "text", "");
    int64_t port = json_get_int(o, "port", 0);
    int64_t age_s = clock_wall_ms() / 1000 - json_get_int(o, "at_s", 0);

    for (int i = 0; i < g->hosts; i++) {
        struct group_host *h = &g->host[i];

        if (strcmp(h->conf->hostname, host) != 0 || h->conf->port != port)
            continue;
        if (is_old(h->conf, age_s)) {
            take_old(h, age_s, text);
            continue;
        }
        h->narrow = (int)json_get_int(o, "narrow", 0);
        snprintf(h->narrow_text, sizeof(h->narrow_text), "%s", text);
    }
}

void headroom_apply(struct group *g)
{
    struct buf path = BUF_INIT, text = BUF_INIT;
    struct json_object *all = NULL;
    struct err ignored;

    for (int i = 0; i < g->hosts; i++) {
        g->host[i].narrow = 0;
        g->host[i].narrow_text[0] = '\0';
    }
    path_of(g->conf->server[0].manager_workdir, g->conf->app, &path);
    if (file_read(path.data, &text, FILE_MAX, &ignored) == 0 &&
        json_parse(text.data, text.len, &all, &ignored) == 0 &&
        json_object_is_type(all, json_type_array))
        for (size_t i = 0; i < json_object_array_length(all); i++)
            take(g, json_object_array_get_idx(all, i));
    json_object_put(all);
    buf_release(&path);
    buf_release(&text);
}
