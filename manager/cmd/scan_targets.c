/* Targets of a scan; see scan_targets.h. */
#include "manager/cmd/scan_targets.h"

#include "common/clock.h"
#include "common/file.h"
#include "manager/act/observe.h"
#include "manager/decide/diagnose.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LIST_BYTES (1 << 20)
#define PORT_MAX   65535

/* Where one target comes from; a list, so that addresses stay. */
struct scan_source {
    struct scan_source *before;
    const struct scan_account *account;
    char host[256];
    int port;
    char *conf;              /* a group's file; host is unused then */
    const char *global_conf; /* borrowed */
};

/* The reader of configurations keeps its errors in one place. */
static pthread_mutex_t conf_lock = PTHREAD_MUTEX_INITIALIZER;

static struct scan_target *add(struct scan_targets *t, struct scan_source *from)
{
    struct scan_target *one;

    if (t->count == t->cap) {
        size_t cap = t->cap ? 2 * t->cap : 16;
        struct scan_target *more = mem_alloc(cap * sizeof(*more));

        if (t->count)
            memcpy(more, t->target, t->count * sizeof(*more));
        free(t->target);
        t->target = more;
        t->cap = cap;
    }
    from->before = t->source;
    from->account = &t->account;
    t->source = from;
    one = &t->target[t->count++];
    memset(one, 0, sizeof(*one));
    one->arg = from;
    return one;
}

int scan_conf_load(struct conf **out, const char *path, const char *global_conf, struct err *e)
{
    int rc;

    pthread_mutex_lock(&conf_lock);
    rc = conf_load(out, path, global_conf, CONF_RESOLVE_LATER, e);
    pthread_mutex_unlock(&conf_lock);
    return rc;
}

void scan_account_of(const struct conf_server *s, struct db_target *t)
{
    group_db_target(s, t);
    if (s->scan_user && *s->scan_user) {
        t->user = s->scan_user;
        t->password = s->scan_password;
    }
}

static int open_server(void *arg, struct sql *out, struct scan_server *s, int64_t deadline_ms,
                       struct err *e)
{
    const struct scan_source *from = arg;
    struct db_target t = {.host = from->host,
                          .port = from->port,
                          .user = from->account->user,
                          .password = from->account->password.data,
                          .ssl = (enum db_ssl)from->account->ssl,
                          .ssl_ca = from->account->ssl_ca};

    (void)s;
    return sql_open(out, &t, deadline_ms, e);
}

/* The master, or the only server that there is. NO_HOST with the reason. */
static int find_master(struct group *g, int64_t deadline_ms, struct err *e)
{
    struct observe o = {.what = GROUP_SQL, .master = NO_HOST, .deadline_ms = deadline_ms};
    struct topo *seen;
    struct verdict v;
    int master;

    group_open(g, GROUP_ALL, GROUP_SQL, deadline_ms);
    seen = observe(g, &o);
    diagnose(seen, &v);
    master = g->hosts == 1 ? 0 : v.master;
    if (master != NO_HOST && seen->host[master].reach != REACH_UP && g->hosts > 1)
        master = NO_HOST;
    if (master == NO_HOST)
        err_set(e, ERR_WORLD, "the group has no living master: %s", v.reason);
    topo_free(&seen);
    return master;
}

/* A third of the time for finding out who the master is: its session is one of our own. */
static int open_master(struct conf *c, struct sql *out, struct scan_server *s, int64_t deadline_ms,
                       struct err *e)
{
    struct group *g = mem_zalloc(sizeof(*g));
    int64_t now_ms = clock_mono_ms();
    int master, rc = -1;

    group_init(g, c, FENCE_MHA);
    master = find_master(g, now_ms + (deadline_ms - now_ms) / 3, e);
    if (master != NO_HOST) {
        struct db_target t;

        scan_account_of(g->host[master].conf, &t);
        snprintf(s->name, sizeof(s->name), "%.280s:%d", g->host[master].conf->hostname,
                 g->host[master].conf->port);
        rc = sql_open(out, &t, deadline_ms, e);
    }
    group_release(g);
    free(g);
    return rc;
}

const char *scan_targets_file(const struct scan_target *t)
{
    return ((const struct scan_source *)t->arg)->conf;
}

static int open_group(void *arg, struct sql *out, struct scan_server *s, int64_t deadline_ms,
                      struct err *e)
{
    const struct scan_source *from = arg;
    struct conf *c = NULL;
    int rc;

    rc = scan_conf_load(&c, from->conf, from->global_conf, e);
    return rc == 0 ? open_master(c, out, s, deadline_ms, e) : -1;
}

/* The port behind the last colon, where there is one; an address of version 6 without a port has
 * several. */
static int split(const char *text, struct scan_source *from, struct err *e)
{
    const char *colon = strrchr(text, ':'), *end = text + strlen(text);
    char *rest;
    long port;

    from->port = 3306;
    if (colon && (strchr(text, ':') == colon || (colon > text && colon[-1] == ']'))) {
        port = strtol(colon + 1, &rest, 10);
        if (rest == colon + 1 || *rest || port < 1 || port > PORT_MAX)
            return err_set(e, ERR_CONFIG, "server \"%s\": a port is a number from 1 to 65535",
                           text);
        from->port = (int)port;
        end = colon;
    }
    if (*text == '[' && end > text && end[-1] == ']') {
        text++;
        end--;
    }
    if (end <= text || (size_t)(end - text) >= sizeof(from->host))
        return err_set(e, ERR_CONFIG, "server \"%s\": write host or host:port", text);
    memcpy(from->host, text, (size_t)(end - text));
    return 0;
}

int scan_targets_add_server(struct scan_targets *t, const char *text, struct err *e)
{
    struct scan_source *from = mem_zalloc(sizeof(*from));
    struct scan_target *one;

    if (split(text, from, e) != 0) {
        free(from);
        return -1;
    }
    one = add(t, from);
    one->open = open_server;
    snprintf(one->name, sizeof(one->name), strchr(from->host, ':') ? "[%s]:%d" : "%s:%d",
             from->host, from->port);
    snprintf(one->group, sizeof(one->group), "%.127s", one->name);
    return 0;
}

int scan_targets_add_list(struct scan_targets *t, const char *path, struct err *e)
{
    struct buf text = BUF_INIT;
    char *line, *next;
    int rc = file_read(path, &text, LIST_BYTES, e);

    for (line = text.data; rc == 0 && line; line = next) {
        size_t len;

        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        line += strspn(line, " \t\r");
        len = strcspn(line, "# \t\r");
        line[len] = '\0';
        if (len)
            rc = scan_targets_add_server(t, line, e);
    }
    buf_release(&text);
    return rc == 0 ? 0 : err_wrap(e, "%s", path);
}

void scan_targets_add_group(struct scan_targets *t, const char *path, const char *global_conf)
{
    struct scan_source *from = mem_zalloc(sizeof(*from));
    struct scan_target *one = add(t, from);

    from->conf = mem_strdup(path);
    from->global_conf = global_conf;
    one->open = open_group;
    snprintf(one->name, sizeof(one->name), "%.299s", path);
    file_app_name(path, one->group, sizeof(one->group));
}

static int is_conf(const struct dirent *d)
{
    size_t len = strlen(d->d_name);

    return len > 4 && d->d_name[0] != '.' && strcmp(d->d_name + len - 4, ".cnf") == 0;
}

static int is_global(const char *path, const char *global_conf)
{
    const char *global = global_conf ? global_conf : CONF_GLOBAL_DEFAULT;
    const char *name = strrchr(path, '/');
    struct stat a, b;

    if (stat(path, &a) == 0 && stat(global, &b) == 0 && a.st_dev == b.st_dev &&
        a.st_ino == b.st_ino)
        return 1;
    return name && strcmp(name + 1, "masterha_default.cnf") == 0;
}

int scan_targets_add_conf(struct scan_targets *t, const char *path, const char *global_conf,
                          struct err *e)
{
    struct dirent **entry;
    size_t before = t->count;
    struct stat st;
    int n, i;

    if (stat(path, &st) != 0)
        return err_errno(e, ERR_CONFIG, "cannot read %s", path);
    if (!S_ISDIR(st.st_mode)) {
        scan_targets_add_group(t, path, global_conf);
        return 0;
    }
    n = scandir(path, &entry, is_conf, alphasort);
    if (n < 0)
        return err_errno(e, ERR_CONFIG, "cannot read %s", path);
    for (i = 0; i < n; i++) {
        struct buf full = BUF_INIT;

        buf_addf(&full, "%s/%s", path, entry[i]->d_name);
        if (!is_global(full.data, global_conf))
            scan_targets_add_group(t, full.data, global_conf);
        buf_release(&full);
        free(entry[i]);
    }
    free(entry);
    if (t->count == before)
        return err_set(e, ERR_CONFIG, "%s has no configuration: a group's file is called NAME.cnf",
                       path);
    return 0;
}

void scan_targets_release(struct scan_targets *t)
{
    while (t->source) {
        struct scan_source *from = t->source;

        t->source = from->before;
        free(from->conf);
        free(from);
    }
    buf_wipe(&t->account.password);
    free(t->target);
    t->target = NULL;
    t->count = t->cap = 0;
}
