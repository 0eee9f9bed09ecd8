/* Free space, and whether binlogs can be read. */
#include "node/ops.h"

#include "node/lastbinlog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

int node_disk_work(struct json_object *req, struct json_object *reply, struct err *e)
{
    const char *dir = json_get_str(req, "dir", "");
    struct statvfs fs;

    if (statvfs(dir, &fs))
        return err_errno(e, ERR_IO, "cannot look at %s", dir);
    json_put_u64(reply, "free_bytes", (uint64_t)fs.f_bavail * fs.f_frsize);
    json_put_u64(reply, "total_bytes", (uint64_t)fs.f_blocks * fs.f_frsize);
    json_put_int(reply, "free_percent",
                 fs.f_blocks ? (int64_t)((uint64_t)fs.f_bavail * 100 / fs.f_blocks) : 0);
    return 0;
}

/* Opening proves more than a look at the mode: ACLs and security modules have their say. */
static int try_read(const char *path, struct json_object *reply)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    json_put_bool(reply, "readable", fd >= 0);
    if (fd < 0) {
        json_put_str(reply, "why", strerror(errno));
        return -1;
    }
    if (fstat(fd, &st) == 0)
        json_put_int(reply, "size", st.st_size);
    close(fd);
    return 0;
}

/* Which of several directories holds the binlogs: MHA's master_binlog_dir is such a list. */
static int search_dirs(struct json_object *dirs, struct json_object *req, struct json_object *reply,
                       struct err *e)
{
    const char *file = json_get_str(req, "file", NULL), *prefix = json_get_str(req, "prefix", NULL);
    size_t n = json_object_array_length(dirs);

    for (size_t i = 0; i < n; i++) {
        const char *dir = json_object_get_string(json_object_array_get_idx(dirs, i));
        char path[PATH_MAX];
        int rc = 0;

        if (!dir)
            continue;
        if (file)
            rc = snprintf(path, sizeof(path), "%s/%s", dir, file) >= (int)sizeof(path);
        else if (prefix)
            rc = node_binlog_last_of_dir(dir, prefix, path, sizeof(path), e);
        else
            rc = snprintf(path, sizeof(path), "%s", dir) >= (int)sizeof(path);
        if (rc || access(path, F_OK))
            continue;
        json_put_str(reply, "dir", dir);
        json_put_str(reply, "last_file", strrchr(path, '/') ? strrchr(path, '/') + 1 : path);
        try_read(path, reply);
        return 0;
    }
    return err_set(e, ERR_WORLD, "%s%s is in none of the %zu directories",
                   file     ? file
                   : prefix ? prefix
                            : "nothing",
                   file ? "" : ".N", n);
}

int node_read_test_work(struct json_object *req, struct json_object *reply, struct err *e)
{
    struct json_object *dirs;
    const char *path = json_get_str(req, "path", NULL);

    if (path) {
        try_read(path, reply);
        return 0;
    }
    if (!json_object_object_get_ex(req, "dirs", &dirs) ||
        !json_object_is_type(dirs, json_type_array))
        return err_set(e, ERR_FORMAT, "read_test needs path or dirs");
    return search_dirs(dirs, req, reply, e);
}
