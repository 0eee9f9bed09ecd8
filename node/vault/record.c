/* The list of a vault as a file; see record.h. */
#include "node/vault/record.h"

#include "common/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECORD_MAX_BYTES (16u << 20)

static struct json_object *entry_json(const struct vault_store *s, const struct vault_entry *v)
{
    struct json_object *o = json_object_new_object();
    char path[PATH_MAX] = "";

    json_put_u64(o, "number", v->number);
    json_put_str(o, "name", v->name);
    json_put_u64(o, "dev", (uint64_t)v->dev);
    json_put_u64(o, "ino", (uint64_t)v->ino);
    json_put_int(o, "fd", v->fd);
    if (v->has_link) {
        vault_link_path(s, v, path, sizeof(path));
        json_put_str(o, "link", path);
    }
    json_put_bool(o, "live", v->is_live);
    json_put_bool(o, "applied", v->is_applied);
    if (v->facts.known) {
        json_put_u64(o, "source_id", v->facts.source_id);
        json_put_str(o, "end_file", v->facts.end.file);
        json_put_u64(o, "end_pos", v->facts.end.pos);
    }
    if (v->hint.offset) {
        json_put_u64(o, "hint_offset", v->hint.offset);
        json_put_str(o, "hint_file", v->hint.at.file);
        json_put_u64(o, "hint_pos", v->hint.at.pos);
    }
    return o;
}

void vault_record_write(struct vault_store *s)
{
    struct json_object *o = json_object_new_object(), *list = json_object_new_array();
    struct buf text = BUF_INIT;
    struct err e = {0};

    json_put_int(o, "pid", getpid());
    json_put_str(o, "dir", s->place.dir);
    for (size_t i = 0; i < vault_store_count(s); i++)
        json_object_array_add(list, entry_json(s, vault_store_at(s, i)));
    json_object_object_add(o, "files", list);
    json_print(o, &text);
    json_object_put(o);
    if (text.len == s->written.len && memcmp(text.data, s->written.data, text.len) == 0) {
        buf_release(&text);
        return;
    }
    if (file_write_atomic(s->place.record, text.data, text.len, 0600, &e)) {
        vault_trouble(s, &e);
        buf_release(&text);
        return;
    }
    buf_release(&s->written);
    s->written = text;
}

static int read_record(const char *path, struct json_object **out, struct err *e)
{
    struct buf text = BUF_INIT;
    int rc = file_read(path, &text, RECORD_MAX_BYTES, e);

    if (rc == 0)
        rc = json_parse(text.data, text.len, out, e);
    buf_release(&text);
    return rc;
}

static int open_same(const char *path, struct json_object *entry)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;

    if (fd < 0)
        return -1;
    if (fstat(fd, &st) == 0 && (uint64_t)st.st_dev == json_get_u64(entry, "dev", 0) &&
        (uint64_t)st.st_ino == json_get_u64(entry, "ino", 0))
        return fd;
    close(fd);
    return -1;
}

/* -1 when the file cannot be had any more. */
static int open_entry(struct json_object *record, struct json_object *entry)
{
    int64_t held = json_get_int(entry, "fd", -1);
    char path[PATH_MAX];
    int fd = -1;

    if (held >= 0) {
        snprintf(path, sizeof(path), "/proc/%lld/fd/%lld",
                 (long long)json_get_int(record, "pid", 0), (long long)held);
        fd = open_same(path, entry);
    }
    if (fd < 0)
        fd = open_same(json_get_str(entry, "link", ""), entry);
    if (fd < 0 && snprintf(path, sizeof(path), "%s/%s", json_get_str(record, "dir", ""),
                           json_get_str(entry, "name", "")) < (int)sizeof(path))
        fd = open_same(path, entry);
    return fd;
}

static void read_hint(struct json_object *entry, struct vault_hint *out)
{
    out->offset = json_get_u64(entry, "hint_offset", 0);
    out->at.pos = json_get_u64(entry, "hint_pos", 0);
    snprintf(out->at.file, sizeof(out->at.file), "%s", json_get_str(entry, "hint_file", ""));
}

static void take_entry(struct vault_store *s, struct json_object *record, struct json_object *entry)
{
    int fd = open_entry(record, entry);
    struct vault_entry *v;

    if (fd < 0)
        return;
    v = vault_store_add(s, json_get_str(entry, "name", ""), fd,
                        (dev_t)json_get_u64(entry, "dev", 0), (ino_t)json_get_u64(entry, "ino", 0));
    v->number = json_get_u64(entry, "number", 0);
    v->is_applied = json_get_bool(entry, "applied", 0);
    read_hint(entry, &v->hint);
    v->has_link = s->place.links[0] && strncmp(json_get_str(entry, "link", ""), s->place.links,
                                               strlen(s->place.links)) == 0;
    if (v->number > s->last_number)
        s->last_number = v->number;
}

/* "00000012-relay.000005" is a link of ours; of one that no record names, all is to be learnt. */
static void take_link(struct vault_store *s, int dir_fd, const char *name)
{
    struct vault_entry *v;
    struct stat st;
    char *end;
    uint64_t number = strtoull(name, &end, 10);
    int fd;

    if (end == name || *end != '-' || fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) ||
        !S_ISREG(st.st_mode) || vault_store_find(s, st.st_dev, st.st_ino))
        return;
    fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return;
    v = vault_store_add(s, end + 1, fd, st.st_dev, st.st_ino);
    v->number = number;
    v->has_link = 1;
    if (number > s->last_number)
        s->last_number = number;
}

static void take_links(struct vault_store *s)
{
    DIR *d = opendir(s->place.links);
    struct dirent *de;

    if (!d)
        return;
    while ((de = readdir(d)))
        take_link(s, dirfd(d), de->d_name);
    closedir(d);
}

void vault_record_take_over(struct vault_store *s)
{
    struct json_object *record = NULL, *list;

    if (read_record(s->place.record, &record, NULL) == 0 &&
        strcmp(json_get_str(record, "dir", ""), s->place.dir) == 0 &&
        json_object_object_get_ex(record, "files", &list) &&
        json_object_is_type(list, json_type_array))
        for (size_t i = 0; i < json_object_array_length(list); i++)
            take_entry(s, record, json_object_array_get_idx(list, i));
    json_object_put(record);
    if (s->place.links[0])
        take_links(s);
    s->has_baseline = vault_store_count(s) > 0;
}

int vault_record_path(const char *notes, const char *ip, int port, char *out, size_t size,
                      struct err *e)
{
    struct stat st;
    char name[80];
    int n;

    if (notes[0] != '/')
        return err_set(e, ERR_FORMAT, "dir must be an absolute path");
    n = snprintf(out, size, "%s/kagemusha-%u", notes, (unsigned)geteuid());
    if (n < 0 || (size_t)n + sizeof(name) >= size)
        return err_set(e, ERR_FORMAT, "dir is too long");
    if (file_mkdirs(notes, 0755, e))
        return -1;
    if (mkdir(out, 0700) && errno != EEXIST)
        return err_errno(e, ERR_IO, "cannot make %s", out);
    if (lstat(out, &st))
        return err_errno(e, ERR_IO, "cannot look at %s", out);
    if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077))
        return err_set(e, ERR_DENIED, "%s is not a directory of ours with mode 0700", out);
    snprintf(name, sizeof(name), "vault-%.60s-%d", *ip ? ip : "any", port);
    for (char *c = name; *c; c++)
        if (*c == '/' || *c == ':')
            *c = '_';
    snprintf(out + n, size - (size_t)n, "/%s", name);
    return 0;
}

/* With relay_log_recovery a server leaves old files where they are, and does not read them. */
static int is_before_server(struct json_object *entry, const struct vault_want *want)
{
    return *want->reading && json_get_bool(entry, "live", 0) &&
           binpos_number(json_get_str(entry, "name", "")) >= binpos_number(want->reading);
}

/* What is known to be another master's, or to end before what is wanted, is left out. */
static int is_wanted(struct json_object *entry, const struct vault_want *want)
{
    uint64_t source = json_get_u64(entry, "source_id", 0);
    struct binpos end = {.pos = json_get_u64(entry, "end_pos", 0)};

    snprintf(end.file, sizeof(end.file), "%s", json_get_str(entry, "end_file", ""));
    if (want->source_id && source && source != want->source_id)
        return 0;
    if (want->lost && (json_get_bool(entry, "applied", 0) || is_before_server(entry, want)))
        return 0;
    return !want->after || !end.file[0] || binpos_cmp(&end, want->after) > 0;
}

static int add_entry(struct json_object *record, struct json_object *entry, struct vault_files *out,
                     struct err *e)
{
    int fd = open_entry(record, entry);
    size_t i = extract_files_count(out->files);
    struct vault_hint hint;
    char path[PATH_MAX];

    if (fd < 0)
        return 0;
    buf_add(&out->fds, &fd, sizeof(fd));
    snprintf(path, sizeof(path), "%s/%s", json_get_str(record, "dir", ""),
             json_get_str(entry, "name", ""));
    if (extract_files_add(out->files, path, fd, e))
        return -1;
    read_hint(entry, &hint);
    if (hint.offset == VAULT_HINT_BEGIN)
        extract_files_set_begin(out->files, i, &hint.at);
    if (i == 0) {
        snprintf(out->first, sizeof(out->first), "%s", json_get_str(entry, "name", ""));
        out->hint = hint;
    }
    return 0;
}

static uint32_t last_source(struct json_object *list)
{
    uint32_t source = 0;

    for (size_t i = json_object_array_length(list); source == 0 && i-- > 0;)
        source = (uint32_t)json_get_u64(json_object_array_get_idx(list, i), "source_id", 0);
    return source;
}

int vault_record_files(const char *path, const struct vault_want *want, struct vault_files *out,
                       struct err *e)
{
    struct json_object *record = NULL, *list = NULL, *entry;
    struct vault_want wanted = *want;
    int rc = read_record(path, &record, e);

    if (rc)
        return err_set(e, ERR_WORLD, "there is no vault for this server (%s)", path);
    json_object_object_get_ex(record, "files", &list);
    if (list && wanted.source_id == 0)
        wanted.source_id = last_source(list);
    for (size_t i = 0; rc == 0 && list && i < json_object_array_length(list); i++) {
        entry = json_object_array_get_idx(list, i);
        if (is_wanted(entry, &wanted))
            rc = add_entry(record, entry, out, e);
    }
    json_object_put(record);
    if (rc == 0 && extract_files_count(out->files) == 0)
        rc = err_set(e, ERR_WORLD, "the vault holds nothing of that");
    return rc;
}
