/* Notes on room; see headroom.h. */
#include "manager/act/headroom.h"

#include "common/file.h"
#include "common/json.h"

#include <stdio.h>
#include <string.h>

#define FILE_MAX (64u << 10)

static void path_of(const char *workdir, const char *app, struct buf *out)
{
    buf_addf(out, "%s/%s.headroom.json", workdir, app);
}

int headrooms_write(const char *workdir, const char *app, const struct headrooms *all,
                    struct err *e)
{
    struct json_object *list = json_object_new_array();
    struct buf path = BUF_INIT, text = BUF_INIT;
    int rc;

    for (int i = 0; i < all->count; i++) {
        struct json_object *o = json_object_new_object();

        json_put_str(o, "host", all->item[i].host);
        json_put_int(o, "port", all->item[i].port);
        json_put_int(o, "narrow", all->item[i].narrow);
        json_put_str(o, "text", all->item[i].text);
        json_object_array_add(list, o);
    }
    path_of(workdir, app, &path);
    json_print(list, &text);
    buf_addc(&text, '\n');
    rc = file_write_atomic(path.data, text.data, text.len, 0644, e);
    json_object_put(list);
    buf_release(&path);
    buf_release(&text);
    return rc;
}

static void take(struct group *g, struct json_object *o)
{
    const char *host = json_get_str(o, "host", "");
    int64_t port = json_get_int(o, "port", 0);

    for (int i = 0; i < g->hosts; i++) {
        struct group_host *h = &g->host[i];

        if (strcmp(h->conf->hostname, host) != 0 || h->conf->port != port)
            continue;
        h->narrow = (int)json_get_int(o, "narrow", 0);
        snprintf(h->narrow_text, sizeof(h->narrow_text), "%s", json_get_str(o, "text", ""));
    }
}

void headroom_apply(struct group *g)
{
    struct buf path = BUF_INIT, text = BUF_INIT;
    struct json_object *all = NULL;
    struct err ignored;

    for (int i = 0; i < g->hosts; i++)
        g->host[i].narrow = 0;
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
