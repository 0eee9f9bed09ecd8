/* Records of fenced instances; see record.h. */
#include "node/record.h"

#include "common/file.h"
#include "node/ops.h"

#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RECORD_MAX_BYTES 1048576u

const char *node_state_dir(struct json_object *req)
{
    return json_get_str(req, "state_dir", NODE_STATE_DIR);
}

const char *node_keep_dir(struct json_object *req)
{
    return json_get_str(req, "keep_dir", NODE_KEEP_DIR);
}

int node_record_path(const char *dir, const char *kind, const struct node_target *t, char *out,
                     size_t size)
{
    const char *ip = t->ip && t->ip[0] && !strchr(t->ip, '/') ? t->ip : "any";
    int n = snprintf(out, size, "%s/%s-%s-%d", dir, kind, ip, t->port);

    return n < 0 || (size_t)n >= size ? -1 : 0;
}

int node_record_save(const char *dir, const struct node_target *t, struct json_object *record,
                     int durable, struct err *e)
{
    struct buf text = BUF_INIT;
    char path[PATH_MAX];
    int rc;

    if (node_record_path(dir, "fenced", t, path, sizeof(path)))
        return err_set(e, ERR_FORMAT, "the directory's name is too long");
    json_print(record, &text);
    rc = file_mkdirs(dir, 0700, e);
    if (rc == 0)
        rc = durable ? file_write_atomic(path, text.data, text.len, 0600, e)
                     : file_write_fast(path, &text, 0600, e);
    buf_wipe(&text);
    return rc;
}

static struct json_object *load(const char *path)
{
    struct json_object *o = NULL;
    struct buf text = BUF_INIT;

    if (file_read(path, &text, RECORD_MAX_BYTES, NULL) == 0)
        json_parse(text.data, text.len, &o, NULL);
    buf_wipe(&text);
    return o;
}

struct json_object *node_record_load(struct json_object *req, const struct node_target *t)
{
    struct json_object *o = NULL;
    char path[PATH_MAX];

    if (node_record_path(node_state_dir(req), "fenced", t, path, sizeof(path)) == 0)
        o = load(path);
    if (!o && node_record_path(node_keep_dir(req), "fenced", t, path, sizeof(path)) == 0)
        o = load(path);
    return o;
}

void node_record_remove(struct json_object *req, const struct node_target *t)
{
    char path[PATH_MAX];

    if (node_record_path(node_state_dir(req), "fenced", t, path, sizeof(path)) == 0)
        unlink(path);
    if (node_record_path(node_keep_dir(req), "fenced", t, path, sizeof(path)) == 0)
        unlink(path);
}

pid_t node_lock_holder(const char *path)
{
    struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = open(path, O_RDONLY | O_CLOEXEC), rc;

    if (fd < 0)
        return errno == ENOENT ? 0 : -1;
    rc = fcntl(fd, F_OFD_GETLK, &l);
    close(fd);
    if (rc)
        return -1;
    if (l.l_type == F_UNLCK)
        return 0;
    return l.l_pid > 0 ? l.l_pid : -1;
}

/* A record names the address of its server; one of another host, met in a directory that several
 * hosts share or on a copied disk, is not ours. */
static int is_ours(const char *ip)
{
    struct ifaddrs *list, *i;
    int found = 0;

    if (!*ip)
        return 1;
    if (getifaddrs(&list))
        return 1;
    for (i = list; i && !found; i = i->ifa_next) {
        char text[NI_MAXHOST];
        int family = i->ifa_addr ? i->ifa_addr->sa_family : AF_UNSPEC;
        socklen_t len =
            family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);

        if ((family != AF_INET && family != AF_INET6) ||
            getnameinfo(i->ifa_addr, len, text, sizeof(text), NULL, 0, NI_NUMERICHOST))
            continue;
        found = strcmp(text, ip) == 0;
    }
    freeifaddrs(list);
    return found;
}

static void add_record(struct json_object *req, struct json_object *record,
                       struct json_object *list)
{
    struct node_target t = {.port = (int)json_get_int(record, "port", 0),
                            .ip = json_get_str(record, "ip", NULL)};
    struct json_object *o = json_object_new_object();
    char path[PATH_MAX];
    pid_t guard = 0;

    if (node_record_path(node_state_dir(req), "guard", &t, path, sizeof(path)) == 0)
        guard = node_lock_holder(path);
    json_put_int(o, "port", t.port);
    json_put_str(o, "ip", t.ip);
    json_put_str(o, "datadir", json_get_str(record, "datadir", ""));
    json_put_bool(o, "proved", json_get_bool(record, "proved", 0));
    json_put_int(o, "at_ms", json_get_int(record, "at_ms", 0));
    json_put_int(o, "guard_pid", guard > 0 ? guard : 0);
    json_object_array_add(list, o);
}

static int is_listed(struct json_object *list, struct json_object *record)
{
    size_t n = json_object_array_length(list);

    for (size_t i = 0; i < n; i++) {
        struct json_object *o = json_object_array_get_idx(list, i);

        if (json_get_int(o, "port", 0) == json_get_int(record, "port", -1) &&
            strcmp(json_get_str(o, "ip", ""), json_get_str(record, "ip", "")) == 0)
            return 1;
    }
    return 0;
}

static void list_dir(struct json_object *req, const char *dir, struct json_object *list)
{
    struct dirent *entry;
    DIR *d = opendir(dir);

    while (d && (entry = readdir(d))) {
        char path[PATH_MAX];
        struct json_object *record = NULL;

        if (strncmp(entry->d_name, "fenced-", 7) == 0 &&
            snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name) < (int)sizeof(path))
            record = load(path);
        if (record && is_ours(json_get_str(record, "ip", "")) && !is_listed(list, record))
            add_record(req, record, list);
        json_object_put(record);
    }
    if (d)
        closedir(d);
}

int node_status_begin(struct agent *a, struct json_object *req, struct json_object *reply,
                      struct err *e)
{
    struct json_object *watches = json_object_new_array();

    (void)reply;
    (void)e;
    for (size_t i = 0; i < NODE_WATCH_MAX; i++) {
        struct json_object *o;

        if (!a->watch[i].used)
            continue;
        o = json_object_new_object();
        json_put_int(o, "port", a->watch[i].port);
        json_put_int(o, "pid", a->watch[i].pid);
        json_object_array_add(watches, o);
    }
    json_object_object_add(req, "watches", watches);
    json_put_str(req, "caps", a->greeting.caps);
    return 0;
}

int node_status_work(struct json_object *req, struct json_object *reply, struct err *e)
{
    struct json_object *list = json_object_new_array(), *watches = NULL;

    (void)e;
    json_object_object_add(reply, "retired", list);
    list_dir(req, node_state_dir(req), list);
    list_dir(req, node_keep_dir(req), list);
    json_put_str(reply, "caps", json_get_str(req, "caps", ""));
    if (json_object_object_get_ex(req, "watches", &watches))
        json_object_object_add(reply, "watches", json_object_get(watches));
    return 0;
}
