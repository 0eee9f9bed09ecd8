/* Requests for what lies in logs; see logs.h. */
#include "node/logs.h"

#include "node/vault/record.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void take_place(struct json_object *o, const char *file_key, const char *pos_key,
                       struct binpos *out)
{
    snprintf(out->file, sizeof(out->file), "%s", json_get_str(o, file_key, ""));
    out->pos = json_get_u64(o, pos_key, 0);
}

/* The first of the directories that has such files is theirs, as MHA looks for them. */
static int find_in_dirs(struct node_logs *l, const char *dirs, const char *prefix, struct err *e)
{
    struct err why = {0};
    char dir[1024];

    err_set(&why, ERR_WORLD, "no directory to look for %s.* in", prefix);
    while (*dirs) {
        size_t len = strcspn(dirs, ",");

        snprintf(dir, sizeof(dir), "%.*s", (int)len, dirs + strspn(dirs, " "));
        dir[strcspn(dir, ", ")] = '\0';
        if (*dir && extract_files_of_dir(&l->files, dir, prefix, &why) == 0)
            return 0;
        dirs += len + (dirs[len] == ',');
    }
    if (e)
        *e = why;
    return -1;
}

/* What the vault of a server holds; it may tell where its first file lies, and the request need
 * not.
 */
static int find_vault(struct json_object *o, struct node_logs *l, struct err *e)
{
    struct extract_ask *a = &l->ask;
    struct vault_files found = {.files = &l->files, .fds = BUF_INIT};
    struct vault_want want = {.source_id = (uint32_t)json_get_u64(o, "source_id", 0),
                              .lost = json_get_bool(o, "lost", 0),
                              .reading = json_get_str(o, "reading", "")};
    char path[PATH_MAX];
    int rc = vault_record_path(json_get_str(o, "dir", ""), json_get_str(o, "ip", ""),
                               (int)json_get_int(o, "port", 0), path, sizeof(path), e);

    if (a->after.file[0])
        want.after = &a->after;
    if (rc == 0)
        rc = vault_record_files(path, &want, &found, e);
    l->fds = found.fds;
    a->overlaps = 1;
    if (rc || a->relay_file[0])
        return rc;
    snprintf(a->relay_file, sizeof(a->relay_file), "%s", found.hint.offset ? found.first : "");
    a->relay_pos = found.hint.offset;
    a->relay_at = found.hint.at;
    return 0;
}

static int find_files(struct json_object *o, struct node_logs *l, struct err *e)
{
    const char *index = json_get_str(o, "index", ""), *prefix = json_get_str(o, "prefix", "");

    if (strcmp(json_get_str(o, "kind", ""), "vault") == 0)
        return find_vault(o, l, e);
    if (*index)
        return extract_files_of_index(&l->files, index, NULL, e);
    if (!*prefix || strchr(prefix, '/'))
        return err_set(e, ERR_FORMAT, "neither an index nor a name of log files");
    return find_in_dirs(l, json_get_str(o, "dirs", ""), prefix, e);
}

/* Everything there is: from the beginning of the first file. */
static void ask_for_all(struct node_logs *l)
{
    snprintf(l->ask.after.file, sizeof(l->ask.after.file), "%s", extract_files_name(&l->files, 0));
    l->ask.after.pos = BINLOG_MAGIC_BYTES;
}

static void read_places(struct json_object *o, struct extract_ask *a)
{
    take_place(o, "after_file", "after_pos", &a->after);
    take_place(o, "until_file", "until_pos", &a->until);
    take_place(o, "relay_at_file", "relay_at_pos", &a->relay_at);
    snprintf(a->relay_file, sizeof(a->relay_file), "%s", json_get_str(o, "relay_file", ""));
    a->relay_pos = json_get_u64(o, "relay_pos", 0);
}

int node_logs_read(struct json_object *o, struct node_logs *out, struct err *e)
{
    const char *have = json_get_str(o, "have", NULL), *whole = json_get_str(o, "whole", NULL);
    const char *kind = json_get_str(o, "kind", "");
    struct extract_ask *a = &out->ask;

    memset(out, 0, sizeof(*out));
    buf_init(&out->files.entries);
    buf_init(&out->files.names);
    buf_init(&out->fds);
    a->kind = strcmp(kind, "relay") == 0 || strcmp(kind, "vault") == 0 ? EXTRACT_RELAY_LOGS
                                                                       : EXTRACT_BINLOGS;
    a->files = &out->files;
    a->have = &out->have;
    read_places(o, a);
    if (find_files(o, out, e) || (have && gtid_parse(&out->have, have, e)) ||
        (whole && gtid_parse(&out->whole, whole, e)))
        return -1;
    a->by_gtid = have != NULL;
    a->whole = whole ? &out->whole : NULL;
    if (!a->by_gtid && !a->after.file[0] && a->kind == EXTRACT_BINLOGS)
        ask_for_all(out);
    return 0;
}

void node_logs_release(struct node_logs *l)
{
    const int *fd = (const int *)(const void *)l->fds.data;

    for (size_t i = 0; i < l->fds.len / sizeof(*fd); i++)
        close(fd[i]);
    buf_release(&l->fds);
    extract_files_release(&l->files);
    gtid_release(&l->have);
    gtid_release(&l->whole);
}

static void put_place(struct json_object *o, const char *name, const struct binpos *p)
{
    struct json_object *place;

    if (!p->file[0])
        return;
    place = json_object_new_object();
    json_put_str(place, "file", p->file);
    json_put_u64(place, "pos", p->pos);
    json_object_object_add(o, name, place);
}

void node_logs_report(const struct extract_report *r, struct json_object *o)
{
    struct buf set = BUF_INIT;

    put_place(o, "first", &r->first);
    put_place(o, "end", &r->end);
    put_place(o, "cut", &r->cut);
    put_place(o, "available", &r->available);
    gtid_print(&r->gtids, &set);
    json_put_str(o, "set", set.data);
    json_put_u64(o, "bytes", r->bytes);
    json_put_u64(o, "events", r->events);
    json_put_u64(o, "transactions", r->transactions);
    json_put_u64(o, "cut_bytes", r->is_cut ? r->cut_bytes : 0);
    json_put_bool(o, "has_gap", r->has_gap);
    json_put_str(o, "why", r->bad.why);
    buf_release(&set);
}
