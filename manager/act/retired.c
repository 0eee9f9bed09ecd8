/* The file of replaced masters; see retired.h. */
#include "manager/act/retired.h"

#include "common/clock.h"
#include "common/file.h"
#include "common/json.h"
#include "manager/act/journal.h"

#include <stdio.h>
#include <string.h>

#define FILE_MAX (1u << 20)

/* {"retired":[{host,ip,port,at_ms}],"last":{next,next_port,at_ms,proved}} */
static int path_of(const struct conf *c, char *out, size_t size, struct err *e)
{
    char base[JOURNAL_PATH_BYTES - 64];

    if (journal_base(c, base, sizeof(base), e) < 0)
        return -1;
    snprintf(out, size, "%s/retired.json", base);
    return 0;
}

/* The file, or an empty object. */
static struct json_object *load(const struct conf *c)
{
    char path[JOURNAL_PATH_BYTES];
    struct json_object *o = NULL;
    struct buf text = BUF_INIT;

    if (path_of(c, path, sizeof(path), NULL) == 0 && file_read(path, &text, FILE_MAX, NULL) == 0)
        json_parse(text.data, text.len, &o, NULL);
    buf_release(&text);
    return o && json_object_is_type(o, json_type_object) ? o : json_object_new_object();
}

static int save(const struct conf *c, struct json_object *o, struct err *e)
{
    char path[JOURNAL_PATH_BYTES], base[JOURNAL_PATH_BYTES - 64];
    struct buf text = BUF_INIT;
    int rc = -1;

    json_print(o, &text);
    if (journal_base(c, base, sizeof(base), e) == 0 && file_mkdirs(base, 0700, e) == 0 &&
        path_of(c, path, sizeof(path), e) == 0)
        rc = file_write_atomic(path, text.data, text.len, 0600, e);
    buf_release(&text);
    json_object_put(o);
    return rc < 0 ? err_wrap(e, "the list of replaced masters") : 0;
}

static int is_entry(struct json_object *entry, const struct conf_server *s)
{
    return json_get_int(entry, "port", 0) == s->port &&
           (strcmp(json_get_str(entry, "ip", ""), s->ip) == 0 ||
            strcmp(json_get_str(entry, "host", ""), s->hostname) == 0);
}

/* A copy of the list without the host. */
static struct json_object *without(struct json_object *o, const struct conf_server *s)
{
    struct json_object *list = NULL, *rest = json_object_new_array();
    size_t n =
        json_object_object_get_ex(o, "retired", &list) && json_object_is_type(list, json_type_array)
            ? json_object_array_length(list)
            : 0;

    for (size_t i = 0; i < n; i++) {
        struct json_object *entry = json_object_array_get_idx(list, i);

        if (!s || !is_entry(entry, s))
            json_object_array_add(rest, json_object_get(entry));
    }
    return rest;
}

void retired_load(struct group *g)
{
    struct json_object *o = load(g->conf), *list = without(o, NULL);

    for (int i = 0; i < g->hosts; i++) {
        g->host[i].retired = 0;
        for (size_t k = 0; k < json_object_array_length(list); k++)
            if (is_entry(json_object_array_get_idx(list, k), g->host[i].conf))
                g->host[i].retired = 1;
    }
    json_object_put(list);
    json_object_put(o);
}

int retired_add(struct group *g, int host, int next, int proved, struct err *e)
{
    const struct conf_server *s = g->host[host].conf, *n = g->host[next].conf;
    struct json_object *o = load(g->conf), *list = without(o, s);
    struct json_object *entry = json_object_new_object(), *last = json_object_new_object();
    struct json_object *rest;

    json_put_str(entry, "host", s->hostname);
    json_put_str(entry, "ip", s->ip);
    json_put_int(entry, "port", s->port);
    json_put_int(entry, "at_ms", clock_wall_ms());
    json_object_array_add(list, entry);
    json_object_object_add(o, "retired", list);
    /* Whoever becomes the master is no replaced one any more. */
    rest = without(o, n);
    json_object_object_add(o, "retired", rest);
    json_put_str(last, "next", n->hostname);
    json_put_int(last, "next_port", n->port);
    json_put_int(last, "at_ms", clock_wall_ms());
    json_put_bool(last, "proved", proved);
    json_object_object_add(o, "last", last);
    g->host[host].retired = 1;
    g->host[next].retired = 0;
    return save(g->conf, o, e);
}

int retired_remove(struct group *g, int host, struct err *e)
{
    struct json_object *o = load(g->conf);

    json_object_object_add(o, "retired", without(o, g->host[host].conf));
    g->host[host].retired = 0;
    return save(g->conf, o, e);
}

int retired_last(const struct group *g, struct retired_last *out)
{
    struct json_object *o = load(g->conf), *last = NULL;
    int found = json_object_object_get_ex(o, "last", &last) && last;

    if (found) {
        out->at_ms = json_get_int(last, "at_ms", 0);
        out->proved = json_get_bool(last, "proved", 0);
        out->next = conf_find(g->conf, json_get_str(last, "next", ""),
                              (int)json_get_int(last, "next_port", 3306));
        if (out->next < 0)
            out->next = NO_HOST;
    }
    json_object_put(o);
    return found;
}
