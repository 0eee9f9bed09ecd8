/* The last binlog; see lastbinlog.h. */
#include "node/lastbinlog.h"

#include "common/buf.h"
#include "common/file.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADER_BYTES   19u
#define CHECKSUM_BYTES 4u
#define STOP_EVENT     3
#define FORMAT_EVENT   15
#define IN_USE_FLAG    1u
#define INDEX_MAX      4194304u

int node_binlog_last_of_index(const char *index, char *out, unsigned size, struct err *e)
{
    struct buf text = BUF_INIT;
    const char *name, *slash = strrchr(index, '/');
    int rc = -1;

    if (file_read(index, &text, INDEX_MAX, e))
        goto out;
    while (text.len && isspace((unsigned char)text.data[text.len - 1]))
        text.data[--text.len] = '\0';
    name = strrchr(text.data, '\n');
    name = name ? name + 1 : text.data;
    if (!*name) {
        err_set(e, ERR_WORLD, "%s is empty", index);
        goto out;
    }
    if (*name == '/' || !slash)
        rc = snprintf(out, size, "%s", name) < (int)size ? 0 : -1;
    else
        rc = snprintf(out, size, "%.*s/%s", (int)(slash - index), index, name) < (int)size ? 0 : -1;
    if (rc)
        err_set(e, ERR_WORLD, "%s names a file too long", index);
out:
    buf_release(&text);
    return rc;
}

/* The number of "mysql-bin.000012", -1 for another name. */
static long long file_number(const char *name, const char *prefix)
{
    size_t len = strlen(prefix);
    char *end;
    long long n;

    if (strncmp(name, prefix, len) != 0 || name[len] != '.' ||
        !isdigit((unsigned char)name[len + 1]))
        return -1;
    n = strtoll(name + len + 1, &end, 10);
    return *end ? -1 : n;
}

int node_binlog_last_of_dir(const char *dir, const char *prefix, char *out, unsigned size,
                            struct err *e)
{
    DIR *d = opendir(dir);
    struct dirent *entry;
    long long best = -1;

    if (!d)
        return err_errno(e, ERR_IO, "cannot read the directory %s", dir);
    while ((entry = readdir(d))) {
        long long n = file_number(entry->d_name, prefix);

        if (n <= best)
            continue;
        best = n;
        snprintf(out, size, "%s/%s", dir, entry->d_name);
    }
    closedir(d);
    if (best < 0)
        return err_set(e, ERR_WORLD, "no binlog %s.N in %s", prefix, dir);
    return 0;
}

static uint32_t le32(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* The event header: time 4, type 1, server 4, length 4, next position 4, flags 2. */
static int ends_in_stop(const unsigned char *tail, size_t len, int64_t size, unsigned event_len)
{
    const unsigned char *h = tail + len - event_len;

    return len >= event_len && h[4] == STOP_EVENT && le32(h + 9) == event_len &&
           le32(h + 13) == (uint32_t)size;
}

static enum node_stop judge(int fd, int64_t size)
{
    unsigned char head[4 + HEADER_BYTES], tail[HEADER_BYTES + CHECKSUM_BYTES];
    int stop, in_use;

    if (size < (int64_t)(sizeof(head) + sizeof(tail)) ||
        pread(fd, head, sizeof(head), 0) != (ssize_t)sizeof(head) ||
        memcmp(head,
               "\xfe"
               "bin",
               4) != 0 ||
        head[8] != FORMAT_EVENT)
        return NODE_STOP_UNKNOWN;
    if (pread(fd, tail, sizeof(tail), size - (int64_t)sizeof(tail)) != (ssize_t)sizeof(tail))
        return NODE_STOP_UNKNOWN;
    in_use = (head[4 + 17] & IN_USE_FLAG) != 0;
    stop = ends_in_stop(tail, sizeof(tail), size, HEADER_BYTES) ||
           ends_in_stop(tail, sizeof(tail), size, HEADER_BYTES + CHECKSUM_BYTES);
    if (in_use)
        return NODE_STOP_CRASH;
    return stop ? NODE_STOP_CLEAN : NODE_STOP_UNKNOWN;
}

int node_binlog_stop(const char *path, struct node_last_binlog *out, struct err *e)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return err_errno(e, ERR_IO, "cannot read %s", path);
    if (fstat(fd, &st)) {
        close(fd);
        return err_errno(e, ERR_IO, "cannot read %s", path);
    }
    snprintf(out->path, sizeof(out->path), "%s", path);
    out->size_bytes = st.st_size;
    out->stop = judge(fd, st.st_size);
    close(fd);
    return 0;
}
