/* The vault's threads and operations; see vault.h. */
#include "node/vault/vault.h"

#include "common/file.h"
#include "node/instance.h"
#include "node/vault/record.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <unistd.h>

#define LOOK_MS 2000 /* should inotify tell nothing */

struct node_vault {
    int port;
    char ip[64];
    struct vault_place place;
    int wake, agent_wake;     /* eventfds */
    struct vault_store store; /* the thread's own */
    int notify;               /* likewise */
    pthread_mutex_t lock;     /* over what follows */
    int stop, forget, is_told, is_ready, news;
    struct vault_told told;
    struct vault_status status;
};

static void poke(int fd)
{
    uint64_t one = 1;

    if (write(fd, &one, sizeof(one)) < 0)
        return; /* full: it is awake */
}

/* The directory is the server's own: most of what happens there is not about relay logs. */
static int drain_notify(struct node_vault *v)
{
    char bytes[8192] __attribute__((aligned(__alignof__(struct inotify_event))));
    size_t len = strlen(v->place.prefix);
    int ours = 0;
    ssize_t n;

    while ((n = read(v->notify, bytes, sizeof(bytes))) > 0)
        for (ssize_t at = 0; at < n;) {
            const struct inotify_event *ev = (const void *)(bytes + at);

            ours |= ev->mask & IN_Q_OVERFLOW ||
                    (ev->len > len && strncmp(ev->name, v->place.prefix, len) == 0);
            at += (ssize_t)(sizeof(*ev) + ev->len);
        }
    return ours;
}

static int same_status(const struct vault_status *a, const struct vault_status *b)
{
    return a->is_over_cap == b->is_over_cap && a->trouble.code == b->trouble.code &&
           strcmp(a->trouble.text, b->trouble.text) == 0;
}

/* What was left for the thread. 1: end. */
static int take_word(struct node_vault *v, struct vault_told *told, int *is_told, int *forget)
{
    int stop;

    pthread_mutex_lock(&v->lock);
    stop = v->stop;
    *forget = v->forget;
    *is_told = v->is_told;
    v->forget = v->is_told = 0;
    if (*is_told) {
        gtid_release(&told->executed);
        *told = v->told;
        v->told.executed = (struct gtid_set)GTID_INIT;
    }
    pthread_mutex_unlock(&v->lock);
    return stop;
}

static void tell(struct node_vault *v, const struct vault_status *now)
{
    pthread_mutex_lock(&v->lock);
    v->news |= v->is_ready ? !same_status(now, &v->status)
                           : now->is_over_cap || now->trouble.code != ERR_NONE;
    v->is_ready = 1;
    v->status = *now;
    if (v->news)
        poke(v->agent_wake);
    pthread_mutex_unlock(&v->lock);
}

static void wait_for_word(struct node_vault *v)
{
    struct pollfd p[2] = {
        {.fd = v->wake,   .events = POLLIN},
        {.fd = v->notify, .events = POLLIN}
    };
    uint64_t count;

    do {
        if (poll(p, 2, LOOK_MS) <= 0)
            return;
        if (p[0].revents && read(v->wake, &count, sizeof(count)) > 0)
            return;
    } while (!drain_notify(v));
}

static void watch_dir(struct node_vault *v)
{
    struct err e = {0};

    v->notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (v->notify < 0 ||
        inotify_add_watch(v->notify, v->place.dir,
                          IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM | IN_ONLYDIR) < 0) {
        err_errno(&e, ERR_IO, "cannot watch %s", v->place.dir);
        vault_trouble(&v->store, &e);
    }
}

static void release(struct node_vault *v)
{
    vault_store_close(&v->store);
    gtid_release(&v->told.executed);
    if (v->notify >= 0)
        close(v->notify);
    close(v->wake);
    pthread_mutex_destroy(&v->lock);
    free(v);
}

static void *vault_main(void *arg)
{
    struct node_vault *v = arg;
    struct vault_told told = {.executed = GTID_INIT};
    struct vault_status now;
    int is_told, forget;

    vault_store_open(&v->store, &v->place);
    watch_dir(v);
    while (!take_word(v, &told, &is_told, &forget)) {
        vault_store_scan(&v->store);
        if (is_told)
            vault_store_judge(&v->store, &told);
        if (forget)
            vault_store_forget(&v->store);
        vault_store_settle(&v->store, &now);
        tell(v, &now);
        wait_for_word(v);
    }
    gtid_release(&told.executed);
    release(v);
    return NULL;
}

/* A descriptor a file: the soft limit of a login is low. */
static void raise_limit(void)
{
    struct rlimit r;

    if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max) {
        r.rlim_cur = r.rlim_max;
        setrlimit(RLIMIT_NOFILE, &r);
    }
}

static struct node_vault **slot_of(struct agent *a, struct json_object *req)
{
    const char *ip = json_get_str(req, "ip", "");

    for (size_t i = 0; i < NODE_VAULT_MAX; i++)
        if (a->vault[i] && a->vault[i]->port == json_get_int(req, "port", 0) &&
            strcmp(a->vault[i]->ip, ip) == 0)
            return &a->vault[i];
    return NULL;
}

/* The part of a path that is there, without links; the caller frees it. */
static char *real_part(const char *path)
{
    char *copy = mem_strdup(path), *real, *slash;

    while (!(real = realpath(copy, NULL)) && (slash = strrchr(copy, '/')) && slash > copy)
        *slash = '\0';
    free(copy);
    return real;
}

/* A directory inside of the data directory becomes a schema (decision 19). */
static int lies_inside(const char *dir, const char *datadir)
{
    char *real = real_part(dir), *data = *datadir ? realpath(datadir, NULL) : NULL;
    size_t len = data ? strlen(data) : 0;
    int inside =
        real && data && strncmp(real, data, len) == 0 && (real[len] == '/' || real[len] == '\0');

    free(real);
    free(data);
    return inside;
}

static int find_links(struct json_object *req, struct vault_place *p, struct err *e)
{
    const char *dir = json_get_str(req, "vault_dir", ""), *ip = json_get_str(req, "ip", "");
    char name[80];

    if (!*dir)
        return 0;
    if (*dir != '/')
        return err_set(e, ERR_CONFIG, "vault_dir %s is no absolute path", dir);
    if (lies_inside(dir, json_get_str(req, "datadir", "")))
        return err_set(e, ERR_CONFIG,
                       "vault_dir %s lies inside of the data directory, where it would become a "
                       "schema; name one beside it, on the same file system",
                       dir);
    snprintf(name, sizeof(name), "%.60s-%d", *ip ? ip : "any", (int)json_get_int(req, "port", 0));
    for (char *c = name; *c; c++)
        if (*c == '/' || *c == ':')
            *c = '_';
    if (snprintf(p->links, sizeof(p->links), "%s/%s", dir, name) >= (int)sizeof(p->links))
        return err_set(e, ERR_CONFIG, "vault_dir is too long");
    return file_mkdirs(p->links, 0700, e);
}

static int read_place(struct json_object *req, struct vault_place *p, struct err *e)
{
    const char *base = json_get_str(req, "relay_log", ""), *slash = strrchr(base, '/');
    struct node_target t;

    memset(p, 0, sizeof(*p));
    if (node_target_read(req, &t, e))
        return -1;
    if (*base != '/' || !slash[1] || slash == base)
        return err_set(e, ERR_FORMAT, "relay_log must be the path of the relay logs up to the dot");
    if (snprintf(p->dir, sizeof(p->dir), "%.*s", (int)(slash - base), base) >=
            (int)sizeof(p->dir) ||
        snprintf(p->prefix, sizeof(p->prefix), "%s", slash + 1) >= (int)sizeof(p->prefix))
        return err_set(e, ERR_FORMAT, "relay_log is too long");
    p->cap_bytes = json_get_u64(req, "cap_bytes", VAULT_CAP_BYTES);
    return find_links(req, p, e) ||
                   vault_record_path(json_get_str(req, "dir", ""), t.ip ? t.ip : "", t.port,
                                     p->record, sizeof(p->record), e)
               ? -1
               : 0;
}

static void put_status(struct node_vault *v, struct json_object *o)
{
    struct vault_status s;
    int ready;

    pthread_mutex_lock(&v->lock);
    s = v->status;
    ready = v->is_ready;
    pthread_mutex_unlock(&v->lock);
    json_put_bool(o, "ready", ready);
    json_put_int(o, "files", s.files);
    json_put_int(o, "unapplied", s.unapplied);
    json_put_u64(o, "bytes", s.bytes);
    json_put_u64(o, "cap_bytes", s.cap_bytes);
    json_put_str(o, "state",
                 s.trouble.code != ERR_NONE ? "failed"
                 : s.is_over_cap            ? "over-cap"
                                            : "ok");
    json_put_str(o, "text", s.trouble.text);
}

/* The vault, with its thread; NULL with e. */
static struct node_vault *start(struct agent *a, struct json_object *req,
                                const struct vault_place *place, struct err *e)
{
    struct node_vault *v = mem_zalloc(sizeof(*v));
    pthread_attr_t attr;
    pthread_t thread;
    int rc;

    v->place = *place;
    v->port = (int)json_get_int(req, "port", 0);
    snprintf(v->ip, sizeof(v->ip), "%s", json_get_str(req, "ip", ""));
    v->agent_wake = a->jobs.wake;
    v->notify = -1;
    v->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&v->lock, NULL);
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    rc = v->wake < 0 ? errno : pthread_create(&thread, &attr, vault_main, v);
    pthread_attr_destroy(&attr);
    if (rc) {
        if (v->wake >= 0)
            close(v->wake);
        free(v);
        err_set(e, ERR_IO, "cannot start a thread: %s", strerror(rc));
        return NULL;
    }
    return v;
}

static void end(struct node_vault **slot)
{
    struct node_vault *v = *slot;
    int wake = v->wake;

    *slot = NULL;
    pthread_mutex_lock(&v->lock);
    v->stop = 1;
    poke(wake);
    pthread_mutex_unlock(&v->lock);
}

/* The same again is no news: the vault goes on. */
int node_vault_hold(struct agent *a, struct json_object *req, struct json_object *reply,
                    struct err *e)
{
    struct node_vault **slot = slot_of(a, req);
    struct vault_place place;

    if (read_place(req, &place, e))
        return -1;
    if (slot && memcmp(&place, &(*slot)->place, sizeof(place)) != 0)
        end(slot);
    for (size_t i = 0; !slot && i < NODE_VAULT_MAX; i++)
        if (!a->vault[i])
            slot = &a->vault[i];
    if (!slot)
        return err_set(e, ERR_WORLD, "%d vaults are held already", NODE_VAULT_MAX);
    raise_limit();
    if (!*slot)
        *slot = start(a, req, &place, e);
    if (!*slot)
        return -1;
    put_status(*slot, reply);
    return 0;
}

static struct node_vault *vault_of(struct agent *a, struct json_object *req, struct err *e)
{
    struct node_vault **slot = slot_of(a, req);

    if (slot)
        return *slot;
    err_set(e, ERR_WORLD, "no vault is held for this server");
    return NULL;
}

int node_vault_applied(struct agent *a, struct json_object *req, struct json_object *reply,
                       struct err *e)
{
    struct node_vault *v = vault_of(a, req, e);
    struct vault_told told = {.executed = GTID_INIT};

    if (!v || gtid_parse(&told.executed, json_get_str(req, "executed", ""), e))
        return -1;
    told.source_id = (uint32_t)json_get_u64(req, "source_id", 0);
    told.exec.pos = json_get_u64(req, "exec_pos", 0);
    told.relay_pos = json_get_u64(req, "relay_pos", 0);
    snprintf(told.exec.file, sizeof(told.exec.file), "%s", json_get_str(req, "exec_file", ""));
    snprintf(told.relay_file, sizeof(told.relay_file), "%s", json_get_str(req, "relay_file", ""));
    pthread_mutex_lock(&v->lock);
    gtid_release(&v->told.executed);
    v->told = told;
    v->is_told = 1;
    poke(v->wake);
    pthread_mutex_unlock(&v->lock);
    put_status(v, reply);
    return 0;
}

int node_vault_state(struct agent *a, struct json_object *req, struct json_object *reply,
                     struct err *e)
{
    struct node_vault *v = vault_of(a, req, e);

    if (!v)
        return -1;
    put_status(v, reply);
    return 0;
}

int node_vault_forget(struct agent *a, struct json_object *req, struct json_object *reply,
                      struct err *e)
{
    struct node_vault *v = vault_of(a, req, e);

    if (!v)
        return -1;
    pthread_mutex_lock(&v->lock);
    v->forget = 1;
    poke(v->wake);
    pthread_mutex_unlock(&v->lock);
    put_status(v, reply);
    return 0;
}

void node_vault_tick(struct agent *a)
{
    for (size_t i = 0; i < NODE_VAULT_MAX; i++) {
        struct node_vault *v = a->vault[i];
        struct json_object *o;
        int news;

        if (!v)
            continue;
        pthread_mutex_lock(&v->lock);
        news = v->news;
        v->news = 0;
        pthread_mutex_unlock(&v->lock);
        if (!news)
            continue;
        o = json_object_new_object();
        json_put_int(o, "port", v->port);
        json_put_str(o, "ip", v->ip);
        put_status(v, o);
        node_event(a, "vault", o);
    }
}
