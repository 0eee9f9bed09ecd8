/* Relay logs held; see store.h. */
#include "node/vault/store.h"

#include "common/file.h"
#include "node/vault/record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

size_t vault_store_count(const struct vault_store *s)
{
    return s->entries.len / sizeof(struct vault_entry);
}

struct vault_entry *vault_store_at(const struct vault_store *s, size_t i)
{
    return (struct vault_entry *)(void *)s->entries.data + i;
}

struct vault_entry *vault_store_find(const struct vault_store *s, dev_t dev, ino_t ino)
{
    for (size_t i = 0; i < vault_store_count(s); i++) {
        struct vault_entry *v = vault_store_at(s, i);

        if (v->dev == dev && v->ino == ino)
            return v;
    }
    return NULL;
}

struct vault_entry *vault_store_add(struct vault_store *s, const char *name, int fd, dev_t dev,
                                    ino_t ino)
{
    struct vault_entry v = {.fd = fd, .dev = dev, .ino = ino, .number = ++s->last_number};

    snprintf(v.name, sizeof(v.name), "%s", name);
    buf_add(&s->entries, &v, sizeof(v));
    return vault_store_at(s, vault_store_count(s) - 1);
}

void vault_trouble(struct vault_store *s, const struct err *e)
{
    if (s->trouble.code == ERR_NONE)
        s->trouble = *e;
}

void vault_link_path(const struct vault_store *s, const struct vault_entry *v, char *out,
                     size_t size)
{
    if (snprintf(out, size, "%s/%08llu-%s", s->place.links, (unsigned long long)v->number,
                 v->name) >= (int)size)
        out[0] = '\0';
}

static void close_fd(struct vault_entry *v)
{
    if (v->fd >= 0)
        close(v->fd);
    v->fd = -1;
}

static void drop(struct vault_store *s, size_t i)
{
    struct vault_entry *v = vault_store_at(s, i);
    size_t behind = vault_store_count(s) - i - 1;
    char path[PATH_MAX];

    close_fd(v);
    if (v->has_link) {
        vault_link_path(s, v, path, sizeof(path));
        unlink(path);
    }
    vault_facts_release(&v->facts);
    memmove(v, v + 1, behind * sizeof(*v));
    s->entries.len -= sizeof(*v);
}

/* The descriptor is linked, not the name, which may be another file's by now. */
static void make_link(struct vault_store *s, struct vault_entry *v)
{
    char from[64], to[PATH_MAX];
    struct err e = {0};

    if (!s->place.links[0] || v->has_link || v->fd < 0 || v->is_applied)
        return;
    vault_link_path(s, v, to, sizeof(to));
    snprintf(from, sizeof(from), "/proc/self/fd/%d", v->fd);
    if (linkat(AT_FDCWD, from, AT_FDCWD, to, AT_SYMLINK_FOLLOW) == 0 || errno == EEXIST) {
        v->has_link = 1;
    } else if (errno == EXDEV) {
        err_set(&e, ERR_CONFIG, "vault_dir %s is not on the file system of the relay logs in %s",
                s->place.links, s->place.dir);
        vault_trouble(s, &e);
    } else if (errno != ENOENT) {
        err_errno(&e, ERR_IO, "cannot make the hard link %s", to);
        vault_trouble(s, &e);
    }
}

static void hold(struct vault_store *s, int dir_fd, const char *name)
{
    struct vault_entry *v;
    struct err e = {0};
    struct stat st;
    int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0 || fstat(fd, &st)) {
        if (errno == ENOENT)
            return;
        err_errno(&e, errno == EACCES ? ERR_DENIED : ERR_IO, "cannot hold the relay log %s/%s",
                  s->place.dir, name);
        vault_trouble(s, &e);
        if (fd >= 0)
            close(fd);
        return;
    }
    v = vault_store_find(s, st.st_dev, st.st_ino);
    if (v && v->fd < 0)
        v->fd = fd;
    else if (v)
        close(fd);
    else
        v = vault_store_add(s, name, fd, st.st_dev, st.st_ino);
    v->is_live = 1;
}

/* The number of "prefix.000012"; -1 for another name. */
static int64_t number_of(const char *name, const char *prefix)
{
    size_t len = strlen(prefix);

    if (strncmp(name, prefix, len) != 0 || name[len] != '.' || strchr(name + len + 1, '.'))
        return -1;
    return binpos_number(name);
}

struct seen {
    char name[BINPOS_FILE_BYTES];
    int64_t number;
};

static int seen_cmp(const void *a, const void *b)
{
    const struct seen *x = a, *y = b;

    return (x->number > y->number) - (x->number < y->number);
}

static void list(struct vault_store *s, DIR *d, struct buf *out)
{
    struct dirent *de;

    while ((de = readdir(d))) {
        struct seen one = {.number = number_of(de->d_name, s->place.prefix)};

        if (one.number < 0 || strlen(de->d_name) >= sizeof(one.name))
            continue;
        snprintf(one.name, sizeof(one.name), "%s", de->d_name);
        buf_add(out, &one, sizeof(one));
    }
    qsort(out->data, out->len / sizeof(struct seen), sizeof(struct seen), seen_cmp);
}

/* A file that is known and open cannot have become another one: its number is not given away while
 * it is open. */
static void look_at(struct vault_store *s, int dir_fd, const char *name)
{
    struct stat st;
    struct vault_entry *v;

    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode))
        return;
    v = vault_store_find(s, st.st_dev, st.st_ino);
    if (!v || v->fd < 0) {
        hold(s, dir_fd, name);
        return;
    }
    v->is_live = 1;
    v->bytes = (uint64_t)st.st_size;
}

void vault_store_scan(struct vault_store *s)
{
    struct buf names = BUF_INIT;
    DIR *d = opendir(s->place.dir);
    struct err e = {0};

    if (!d) {
        err_errno(&e, errno == EACCES ? ERR_DENIED : ERR_IO, "cannot read the directory %s",
                  s->place.dir);
        vault_trouble(s, &e);
        return;
    }
    for (size_t i = 0; i < vault_store_count(s); i++)
        vault_store_at(s, i)->is_live = 0;
    list(s, d, &names);
    for (size_t i = 0; i < names.len / sizeof(struct seen); i++)
        look_at(s, dirfd(d), ((const struct seen *)(const void *)names.data)[i].name);
    closedir(d);
    buf_release(&names);
    for (size_t i = 0; i < vault_store_count(s); i++) {
        struct vault_entry *v = vault_store_at(s, i);
        struct stat st;

        if (v->fd >= 0 && fstat(v->fd, &st) == 0)
            v->bytes = (uint64_t)st.st_size;
        make_link(s, v);
    }
}

static struct vault_entry *entry_named(const struct vault_store *s, const char *name)
{
    for (size_t i = vault_store_count(s); i-- > 0;)
        if (vault_store_at(s, i)->is_live && strcmp(vault_store_at(s, i)->name, name) == 0)
            return vault_store_at(s, i);
    return NULL;
}

/* What lay behind the SQL thread when this vault began has been applied: nothing else is known of
 * it. */
static void set_baseline(struct vault_store *s, const struct vault_entry *current)
{
    if (s->has_baseline)
        return;
    s->has_baseline = 1;
    for (struct vault_entry *v = vault_store_at(s, 0); v < current; v++)
        v->is_applied = 1;
}

static void read_facts(struct vault_store *s, size_t i)
{
    struct vault_entry *v = vault_store_at(s, i), *next = v + 1;
    struct err e = {0};

    if (v->facts.known || v->fd < 0)
        return;
    if (vault_facts_read(v->fd, &v->hint, &v->facts, &e)) {
        err_wrap(&e, "%s/%s", s->place.dir, v->name);
        vault_trouble(s, &e);
        return;
    }
    if (i + 1 < vault_store_count(s) && v->facts.next.file[0]) {
        next->hint.offset = VAULT_HINT_BEGIN;
        next->hint.at = v->facts.next;
    }
}

/* A file whose coordinates nothing tells: the server itself went on to a later one. */
static int left_behind(const struct vault_entry *v, const struct vault_entry *current)
{
    return v->facts.known && !v->facts.end.file[0] && v->facts.gtids.count == 0 && v->is_live &&
           current && v < current;
}

/* Up to the file that the SQL thread is in; the newest one is still being written. */
void vault_store_judge(struct vault_store *s, const struct vault_told *told)
{
    struct vault_entry *current = entry_named(s, told->relay_file);
    size_t count = vault_store_count(s);

    if (current) {
        set_baseline(s, current);
        if (!current->hint.offset) {
            current->hint.offset = told->relay_pos;
            current->hint.at = told->exec;
        }
    }
    for (size_t i = 0; i < count; i++) {
        struct vault_entry *v = vault_store_at(s, i);

        if (v == current || (v->is_live && i + 1 == count))
            break;
        if (v->is_applied)
            continue;
        read_facts(s, i);
        v->is_applied = vault_facts_applied(&v->facts, told) || left_behind(v, current);
    }
}

void vault_store_forget(struct vault_store *s)
{
    for (size_t i = 0; i < vault_store_count(s);) {
        if (vault_store_at(s, i)->is_live)
            i++;
        else
            drop(s, i);
    }
}

static uint64_t kept_bytes(const struct vault_store *s)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < vault_store_count(s); i++)
        if (!vault_store_at(s, i)->is_live)
            bytes += vault_store_at(s, i)->bytes;
    return bytes;
}

/* Oldest first; what is not applied stays whatever it costs. */
static void keep_cap(struct vault_store *s)
{
    uint64_t bytes = kept_bytes(s);

    for (size_t i = 0; i < vault_store_count(s) && bytes > s->place.cap_bytes;) {
        struct vault_entry *v = vault_store_at(s, i);

        if (v->is_live || !v->is_applied) {
            i++;
            continue;
        }
        bytes -= v->bytes;
        drop(s, i);
    }
}

void vault_store_settle(struct vault_store *s, struct vault_status *out)
{
    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < vault_store_count(s);) {
        struct vault_entry *v = vault_store_at(s, i);

        if (v->is_applied && !v->is_live && !v->has_link) {
            drop(s, i);
            continue;
        }
        if (v->is_applied && !v->is_live)
            close_fd(v);
        i++;
    }
    keep_cap(s);
    for (size_t i = 0; i < vault_store_count(s); i++)
        out->unapplied += !vault_store_at(s, i)->is_applied;
    vault_record_write(s);
    out->files = (int)vault_store_count(s);
    out->bytes = kept_bytes(s);
    out->cap_bytes = s->place.cap_bytes;
    out->is_over_cap = out->bytes > out->cap_bytes;
    out->trouble = s->trouble;
    s->trouble = (struct err){0};
}

static int number_cmp(const void *a, const void *b)
{
    const struct vault_entry *x = a, *y = b;

    return (x->number > y->number) - (x->number < y->number);
}

void vault_store_open(struct vault_store *s, const struct vault_place *place)
{
    memset(s, 0, sizeof(*s));
    s->place = *place;
    buf_init(&s->entries);
    buf_init(&s->written);
    vault_record_take_over(s);
    qsort(s->entries.data, vault_store_count(s), sizeof(struct vault_entry), number_cmp);
}

void vault_store_close(struct vault_store *s)
{
    for (size_t i = 0; i < vault_store_count(s); i++) {
        close_fd(vault_store_at(s, i));
        vault_facts_release(&vault_store_at(s, i)->facts);
    }
    buf_release(&s->entries);
    buf_release(&s->written);
}
