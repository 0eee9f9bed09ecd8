/* Lists of log files; see files.h. */
#include "node/extract/files.h"

#include "common/file.h"

#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INDEX_MAX_BYTES (64u * 1024 * 1024)

static struct extract_file *entry(const struct extract_files *f, size_t i)
{
    return (struct extract_file *)(void *)f->entries.data + i;
}

void extract_files_release(struct extract_files *f)
{
    buf_release(&f->entries);
    buf_release(&f->names);
}

size_t extract_files_count(const struct extract_files *f)
{
    return f->entries.len / sizeof(struct extract_file);
}

const char *extract_files_path(const struct extract_files *f, size_t i)
{
    return f->names.data + entry(f, i)->path;
}

const char *extract_files_name(const struct extract_files *f, size_t i)
{
    const char *path = extract_files_path(f, i), *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

int extract_files_fd(const struct extract_files *f, size_t i)
{
    return entry(f, i)->fd;
}

const struct binpos *extract_files_begin(const struct extract_files *f, size_t i)
{
    return &entry(f, i)->begin;
}

void extract_files_set_begin(struct extract_files *f, size_t i, const struct binpos *begin)
{
    entry(f, i)->begin = *begin;
}

int extract_files_add(struct extract_files *f, const char *path, int fd, struct err *e)
{
    struct extract_file one = {.path = f->names.len, .fd = fd};
    const char *slash = strrchr(path, '/');
    size_t name_len = strlen(slash ? slash + 1 : path);

    if (extract_files_count(f) == EXTRACT_FILES_MAX)
        return err_set(e, ERR_WORLD, "more than %d log files", EXTRACT_FILES_MAX);
    if (name_len == 0 || name_len >= BINPOS_FILE_BYTES || strlen(path) >= PATH_MAX)
        return err_set(e, ERR_WORLD, "\"%.100s\" is no name of a log file", path);
    buf_add(&f->names, path, strlen(path) + 1);
    buf_add(&f->entries, &one, sizeof(one));
    return 0;
}

/* One line of an index, which names a file as its server sees it. */
static int add_line(struct extract_files *f, const char *line, const char *index, const char *dir,
                    struct err *e)
{
    const char *slash = strrchr(index, '/'), *name = strrchr(line, '/');
    char path[PATH_MAX];
    int n;

    if (dir)
        n = snprintf(path, sizeof(path), "%s/%s", dir, name ? name + 1 : line);
    else if (*line == '/' || !slash)
        n = snprintf(path, sizeof(path), "%s", line);
    else
        n = snprintf(path, sizeof(path), "%.*s/%s", (int)(slash - index), index, line);
    if (n < 0 || (size_t)n >= sizeof(path))
        return err_set(e, ERR_WORLD, "%s names a file too long", index);
    return extract_files_add(f, path, -1, e);
}

int extract_files_of_index(struct extract_files *f, const char *index, const char *dir,
                           struct err *e)
{
    struct buf text = BUF_INIT;
    size_t before = extract_files_count(f);
    int rc = file_read(index, &text, INDEX_MAX_BYTES, e);
    char *line = text.data, *end;

    for (; rc == 0 && *line; line = end) {
        char *last;

        end = line + strcspn(line, "\n");
        last = end;
        if (*end)
            *end++ = '\0';
        while (last > line && isspace((unsigned char)last[-1]))
            *--last = '\0';
        if (*line)
            rc = add_line(f, line, index, dir, e);
    }
    if (rc == 0 && extract_files_count(f) == before)
        rc = err_set(e, ERR_WORLD, "%s names no log file", index);
    buf_release(&text);
    return rc;
}

/* The number of "prefix.000012"; -1 for another name. */
static int64_t number_of(const char *name, const char *prefix)
{
    size_t len = strlen(prefix);

    if (strncmp(name, prefix, len) != 0 || name[len] != '.' || strchr(name + len + 1, '.'))
        return -1;
    return binpos_number(name);
}

static int number_cmp(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* Servers write at least six digits, with zeros in front. */
static int add_numbers(struct extract_files *f, const char *dir, const char *prefix,
                       const struct buf *numbers, struct err *e)
{
    const int64_t *n = (const int64_t *)(const void *)numbers->data;
    char path[PATH_MAX];

    for (size_t i = 0; i < numbers->len / sizeof(*n); i++) {
        int len = snprintf(path, sizeof(path), "%s/%s.%06lld", dir, prefix, (long long)n[i]);

        if (len < 0 || (size_t)len >= sizeof(path))
            return err_set(e, ERR_WORLD, "%s: the name is too long", dir);
        if (extract_files_add(f, path, -1, e))
            return -1;
    }
    return 0;
}

int extract_files_of_dir(struct extract_files *f, const char *dir, const char *prefix,
                         struct err *e)
{
    struct buf numbers = BUF_INIT;
    DIR *d = opendir(dir);
    struct dirent *de;
    int rc;

    if (!d)
        return err_errno(e, ERR_IO, "cannot read the directory %s", dir);
    while ((de = readdir(d))) {
        int64_t n = number_of(de->d_name, prefix);

        if (n >= 0)
            buf_add(&numbers, &n, sizeof(n));
    }
    closedir(d);
    if (numbers.len == 0) {
        buf_release(&numbers);
        return err_set(e, ERR_WORLD, "no log %s.N in %s", prefix, dir);
    }
    qsort(numbers.data, numbers.len / sizeof(int64_t), sizeof(int64_t), number_cmp);
    rc = add_numbers(f, dir, prefix, &numbers, e);
    buf_release(&numbers);
    return rc;
}
