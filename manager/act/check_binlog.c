/* Binlog servers; see check_binlog.h. */
#include "manager/act/check_binlog.h"

#include "common/clock.h"
#include "common/json.h"
#include "manager/act/thread.h"

#include <stdlib.h>
#include <string.h>

struct look {
    const struct group *g;
    const struct conf_server *s;
    const char *prefix;
    int64_t deadline_ms;
    int failed;
    struct err why;
    pthread_t thread;
    int running;
};

static struct json_object *directories(const char *list)
{
    struct json_object *dirs = json_object_new_array();

    while (*list) {
        size_t len = strcspn(list, ",");

        if (len > 0)
            json_object_array_add(dirs, json_object_new_string_len(list, (int)len));
        list += len + (list[len] == ',');
    }
    return dirs;
}

/* The same question as MHA's save_binary_logs --command=test. */
static int can_read(struct look *l, struct agent *a)
{
    struct json_object *reply = NULL, *o = json_object_new_object();
    int readable;

    json_object_object_add(o, "dirs", directories(l->s->master_binlog_dir));
    json_put_str(o, "prefix", l->prefix);
    if (agent_call(a, "read_test", o, &reply, l->deadline_ms, &l->why) < 0)
        return 0;
    readable = json_get_bool(reply, "readable", 0);
    if (!readable)
        err_set(&l->why, ERR_DENIED, "%s/%s cannot be read: %s", json_get_str(reply, "dir", ""),
                json_get_str(reply, "last_file", ""), json_get_str(reply, "why", ""));
    json_object_put(reply);
    return readable;
}

static void *look_at(void *arg)
{
    struct look *l = arg;
    struct agent *a = NULL;

    l->failed = group_open_section(l->g->conf, l->s, &a, (struct agent_listener){0}, l->deadline_ms,
                                   &l->why) < 0;
    if (!l->failed && *l->prefix)
        l->failed = !can_read(l, a);
    agent_close(&a);
    return NULL;
}

void check_binlog_servers(const struct group *g, const char *prefix, int64_t deadline_ms,
                          struct findings *out)
{
    size_t n = g->conf->binlogs, failed = 0;
    struct look *look = mem_zalloc(sizeof(*look) * (n + 1));
    struct err e;

    for (size_t i = 0; i < n; i++) {
        look[i] = (struct look){
            .g = g, .s = &g->conf->binlog[i], .prefix = prefix, .deadline_ms = deadline_ms};
        look[i].running = thread_start(&look[i].thread, look_at, &look[i], &e) == 0;
        if (!look[i].running)
            look_at(&look[i]);
    }
    for (size_t i = 0; i < n; i++) {
        if (look[i].running)
            pthread_join(look[i].thread, NULL);
        failed += look[i].failed != 0;
        if (look[i].failed)
            findings_add(out, FINDING_WARNING, NO_HOST, "binlog server %s (%s) is of no use: %s",
                         look[i].s->id, look[i].s->hostname, look[i].why.text);
    }
    if (n > 0 && failed == n)
        findings_add(out, FINDING_ERROR, NO_HOST,
                     "none of the binlog servers can be used: mend one, or remove the [binlog] "
                     "sections");
    free(look);
}
