/* The configuration of a runner, its group and log: loaded, checked beside the watch, and
 * exchanged.
 */
#include "manager/act/runner_state.h"

#include "common/clock.h"
#include "common/file.h"
#include "common/log.h"
#include "manager/act/check.h"
#include "manager/act/monitor.h"
#include "manager/act/thread.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define CHECK_MS 10000 /* of a new configuration's group */

void runner_wake(int fd)
{
    uint64_t one = 1;

    if (write(fd, &one, sizeof(one)) < 0)
        return; /* full: whoever reads it is awake */
}

static int open_log(const struct runner_rules *o, const struct conf *c, struct log_sink **out,
                    struct err *e)
{
    const struct conf_server *first = &c->server[0];
    const char *path = o->log ? o->log : first->manager_log;
    struct log_format f = {
        .level = LOG_LEVEL_INFO,
        .app = c->app,
        .json = o->json || strcasecmp(first->log_format, "json") == 0,
        .named = o->named,
    };

    if (!o->debug && log_level_parse(first->log_level, &f.level, e) < 0)
        return -1;
    if (o->debug)
        f.level = LOG_LEVEL_DEBUG;
    return log_sink_open(out, path && *path ? path : NULL, &f, e);
}

int runner_set_free(struct set **s)
{
    struct set *x = *s;

    *s = NULL;
    if (!x)
        return 1;
    if (monitor_busy(&x->g))
        return 0;
    group_release(&x->g);
    log_sink_close(&x->log);
    free(x);
    return 1;
}

int runner_set_load(const struct runner *r, struct set **out, struct err *e)
{
    const struct runner_rules *o = r->rules;
    struct conf *c;
    struct set *s;

    if (conf_load(&c, r->file, o->global_conf, 0, e) < 0)
        return -1;
    s = mem_zalloc(sizeof(*s));
    for (size_t i = 0; o->workdir && i < c->servers; i++)
        c->server[i].manager_workdir = o->workdir;
    group_init(&s->g, c, o->fallback);
    if (o->fence)
        s->g.fence = strcasecmp(o->fence, "mha") == 0 ? FENCE_MHA : FENCE_PROOF;
    if (file_mkdirs(c->server[0].manager_workdir, 0755, e) == 0 &&
        open_log(o, c, &s->log, e) == 0) {
        *out = s;
        return 0;
    }
    runner_set_free(&s);
    return -1;
}

/* The hosts of a new configuration that are known as replaced masters stay so. */
static void hand_over(const struct group *from, struct group *to)
{
    for (int i = 0; i < to->hosts; i++)
        for (int j = 0; j < from->hosts; j++)
            if (to->host[i].conf->port == from->host[j].conf->port &&
                strcmp(to->host[i].conf->ip, from->host[j].conf->ip) == 0)
                to->host[i].retired = from->host[j].retired;
}

static void *dispose(void *arg)
{
    struct runner *r = arg;

    log_use(NULL);
    if (!runner_set_free(&r->old))
        atomic_store(&r->hanging, 1);
    return NULL;
}

/* Closing sessions to hosts that are gone takes time, which the new watch must not lose. */
static void leave_behind(struct runner *r, struct set *old)
{
    if (r->disposer_made)
        pthread_join(r->disposer, NULL);
    r->old = old;
    r->disposer_made = thread_start(&r->disposer, dispose, r, NULL) == 0;
    if (!r->disposer_made)
        dispose(r);
}

void runner_take_next(struct runner *r)
{
    struct set *old;

    pthread_mutex_lock(&r->lock);
    r->yield = 0;
    old = r->now;
    if (!r->next) {
        pthread_mutex_unlock(&r->lock);
        return;
    }
    hand_over(&old->g, &r->next->g);
    r->now = r->next;
    r->next = NULL;
    r->now->g.board = r->board;
    pthread_mutex_unlock(&r->lock);
    log_use(r->now->log);
    r->retry_ms = RETRY_FIRST_MS;
    log_info("reloaded", "%s: %d servers; watching by the new configuration", r->file,
             r->now->g.hosts);
    old->g.board = NULL;
    leave_behind(r, old);
}

/* A group that could not be watched is refused like a file that cannot be read: the old one is
 * watched all the time. */
static int load_and_check(struct runner *r, struct set **out, struct err *e)
{
    struct check *c;
    int rc;

    if (runner_set_load(r, out, e) < 0)
        return -1;
    log_use((*out)->log);
    c = mem_zalloc(sizeof(*c));
    c->rules.ignore_fail_on_start = r->rules->ignore_fail_on_start;
    c->rules.skip_ssh_check = r->rules->skip_ssh_check;
    c->manager = 1;
    c->deadline_ms = clock_mono_ms() + CHECK_MS;
    pthread_mutex_lock(&r->lock);
    hand_over(&r->now->g, &(*out)->g);
    pthread_mutex_unlock(&r->lock);
    rc = check_group(&(*out)->g, c, e);
    topo_free(&c->seen);
    free(c);
    return rc;
}

static void *loader_main(void *arg)
{
    struct runner *r = arg;
    struct set *s = NULL;
    struct err e = {0};

    if (load_and_check(r, &s, &e) < 0) {
        log_error("reload-refused", "%s: %s; the old configuration stays", r->file, e.text);
        log_use(NULL);
        if (!runner_set_free(&s))
            atomic_store(&r->hanging, 1);
    }
    pthread_mutex_lock(&r->lock);
    r->next = s;
    r->yield = s != NULL;
    r->loading = 0;
    runner_wake(r->now->g.wake_fd);
    pthread_mutex_unlock(&r->lock);
    runner_wake(r->done_fd);
    return NULL;
}

void runner_reload(struct runner *r)
{
    pthread_mutex_lock(&r->lock);
    r->again = 1;
    pthread_mutex_unlock(&r->lock);
    runner_reloading(r);
}

int runner_reloading(struct runner *r)
{
    int busy, start;

    pthread_mutex_lock(&r->lock);
    start = r->again && !r->loading && !r->next;
    if (start) {
        r->again = 0;
        r->loading = 1;
        log_use(r->now->log);
    }
    busy = r->loading || r->next;
    pthread_mutex_unlock(&r->lock);
    if (!start)
        return busy;
    if (r->loader_made)
        pthread_join(r->loader, NULL);
    r->loader_made = thread_start(&r->loader, loader_main, r, NULL) == 0;
    if (!r->loader_made)
        loader_main(r);
    log_use(NULL);
    return 1;
}
