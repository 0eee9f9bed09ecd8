/* One group under management; see runner.h. */
#include "manager/act/runner_state.h"

#include "common/clock.h"
#include "common/log.h"
#include "manager/act/monitor.h"
#include "manager/act/operation.h"
#include "manager/act/thread.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RETRY_MAX_MS 60000
#define PROMISE_MS   120000

int runner_new(struct runner **out, const char *file, const struct runner_rules *rules, int done_fd,
               struct err *e)
{
    struct runner *r = mem_zalloc(sizeof(*r));

    r->rules = rules;
    r->file = mem_strdup(file);
    r->done_fd = done_fd;
    r->retry_ms = RETRY_FIRST_MS;
    if (runner_set_load(r, &r->now, e) < 0) {
        free(r->file);
        free(r);
        return -1;
    }
    pthread_mutex_init(&r->lock, NULL);
    r->board = board_new(r->now->g.conf->app, file);
    r->now->g.board = r->board;
    *out = r;
    return 0;
}

static void put_label(char out[BOARD_LABEL], const struct group *g, int host)
{
    const struct conf_server *s = g->host[host].conf;

    snprintf(out, BOARD_LABEL, "%.60s(%.48s:%d)", s->hostname, s->ip, s->port);
}

static void tell_begin(struct runner *r, int dead)
{
    struct board_view *v = board_edit(r->board);

    memset(&v->last, 0, sizeof(v->last));
    v->last.begun_wall_ms = clock_wall_ms();
    v->last.code = -1;
    put_label(v->last.dead, &r->now->g, dead);
    board_done(r->board);
    board_state(r->board, STATUS_FAILOVER_RUNNING, NULL);
}

static void tell_end(struct runner *r, int rc, int new_master, const struct err *e)
{
    struct board_view *v = board_edit(r->board);
    struct board_failover *f = &v->last;

    f->ended_wall_ms = clock_wall_ms();
    f->us = (f->ended_wall_ms - f->begun_wall_ms) * 1000;
    f->code = rc;
    f->doing[0] = f->note[0] = '\0';
    snprintf(f->text, sizeof(f->text), "%s", rc == 1 ? e->text : "");
    if (new_master != NO_HOST) {
        put_label(f->new_master, &r->now->g, new_master);
        snprintf(v->master, sizeof(v->master), "%s", r->now->g.host[new_master].conf->hostname);
    }
    v->failovers[rc == 0 ? 0 : rc == 10 ? 1 : 2]++;
    board_done(r->board);
}

static struct operation operation_of(struct runner *r)
{
    const struct runner_rules *o = r->rules;
    return (struct operation){
        .command = o->command,
        .automatic = 1,
        .workdir = r->now->g.conf->server[0].manager_workdir,
        .ssh_reachable = -1,
        .new_master_host = o->new_master_host,
        .new_master_port = o->new_master_port,
        .last_failover_minute = o->last_failover_minute,
        .ignore_last_failover = o->ignore_last_failover,
        .may_repeat = o->steadfast,
        .remove_dead_master_conf = o->remove_dead_master_conf,
        .skip_change_master = o->skip_change_master,
        .skip_disable_read_only = o->skip_disable_read_only,
        .skip_save_master_binlog = o->skip_save_master_binlog,
        .wait_until_gtid_in_sync = o->wait_until_gtid_in_sync,
        .ignore_binlog_server_error = o->ignore_binlog_server_error,
        .wait_on_failover_error = o->steadfast ? 0 : o->wait_on_failover_error,
        .report_refusal = o->steadfast && !r->refusal_told,
        .stop = &r->stop,
    };
}

static int failover(struct runner *r, int dead, int64_t seen_ms, struct err *e)
{
    struct group *g = &r->now->g;
    struct operation op = operation_of(r);
    int new_master = NO_HOST, rc;

    op.interactive = r->rules->interactive;
    op.dead = dead;
    op.death_seen_ms = seen_ms;
    if (g->host[dead].agent)
        op.ssh_reachable = g->host[dead].ssh_ok;
    tell_begin(r, dead);
    rc = operation_failover(g, &op, &new_master, e);
    tell_end(r, rc, new_master, e);
    return rc;
}

/* Waits until something is to be done, but not longer than the pause, which grows. The state of the
 * group stays to be seen. */
static void pause_watching(struct runner *r, enum status_code c)
{
    struct group *g = &r->now->g;
    const char *dir = g->conf->server[0].manager_workdir;
    int64_t until = clock_mono_ms() + r->retry_ms;
    struct err e;

    if (status_write(dir, g->conf->app, c, NULL, &e) < 0)
        log_debug(NULL, "%s", e.text);
    board_state(r->board, c, NULL);
    board_beat(r->board, r->retry_ms + PROMISE_MS);
    while (!r->stop && !r->yield && clock_mono_ms() < until) {
        struct pollfd p = {.fd = g->wake_fd, .events = POLLIN};
        uint64_t count;

        if (poll(&p, 1, clock_left_ms(until)) > 0 && read(g->wake_fd, &count, sizeof(count)) < 0 &&
            errno != EAGAIN)
            break;
    }
    r->retry_ms = r->retry_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : r->retry_ms * 2;
    if (r->stop)
        status_remove(dir, g->conf->app);
}

static void set_error(struct runner *r, const char *text)
{
    struct board_view *v = board_edit(r->board);

    snprintf(v->error, sizeof(v->error), "%s", text);
    v->possible = -1;
    v->hosts = 0;
    board_done(r->board);
}

/* The same sentence is logged once as an error, and then as what goes on. */
static void tell(struct runner *r, const char *text)
{
    set_error(r, text);
    if (strcmp(r->told, text) == 0) {
        log_info("still", "%s", text);
        return;
    }
    snprintf(r->told, sizeof(r->told), "%s", text);
    log_error("monitor-error", "%s", text);
}

/* 1: goes on. */
static int after_error(struct runner *r, const struct err *e)
{
    tell(r, e->text);
    if (!r->rules->steadfast) {
        r->rc = 1;
        return 0;
    }
    pause_watching(r, STATUS_RETRYING_MONITOR);
    return 1;
}

/* What comes of a failover that ended with r->rc. 1: another watch. */
static int after_failover(struct runner *r, const struct err *e)
{
    const struct runner_rules *o = r->rules;
    struct group *g = &r->now->g;

    if (r->stop)
        r->rc = 1;
    status_remove(g->conf->server[0].manager_workdir, g->conf->app);
    if (r->rc == 0 || r->rc == 10) {
        r->told[0] = '\0';
        r->refusal_told = 0;
        return o->keep_running && !r->stop;
    }
    r->refusal_told = 1;
    log_error("failover-failed", "%s", e->text);
    set_error(r, e->text);
    if (!o->steadfast || r->stop)
        return 0;
    pause_watching(r, STATUS_FAILOVER_ERROR);
    return 1;
}

/* An operation whose manager ended comes first. 1: there is none, or not any more; 0: *again says
 * whether another turn follows. */
static int resume(struct runner *r, int *again)
{
    struct operation op = operation_of(r);
    struct operation_resumed was;
    struct err e = {0};

    switch (operation_resume(&r->now->g, &op, &was, &e)) {
    case RESUMED_NOTHING:
    case RESUMED_BACK:
        return 1;
    case RESUMED_FAILOVER:
        tell_begin(r, was.dead);
        tell_end(r, was.code, was.new_master, &e);
        r->rc = was.code;
        *again = after_failover(r, &e);
        return 0;
    case RESUMED_ERROR:
    case RESUMED_STALE:
        break;
    }
    log_error("resume-failed", "%s", e.text);
    *again = after_error(r, &e);
    return 0;
}

static int replace(struct runner *r, int dead, int64_t seen_ms)
{
    struct err e = {0};

    board_beat(r->board, PROMISE_MS);
    r->rc = failover(r, dead, seen_ms, &e);
    return after_failover(r, &e);
}

/* One watch and what comes of it. 1: another. */
static int turn(struct runner *r)
{
    const struct runner_rules *o = r->rules;
    struct group *g = &r->now->g;
    struct monitor m = {
        .workdir = g->conf->server[0].manager_workdir,
        .interactive = o->interactive,
        .skip_ssh_check = o->skip_ssh_check,
        .ignore_fail_on_start = o->ignore_fail_on_start,
        .wait_on_monitor_error = o->steadfast ? 0 : o->wait_on_monitor_error,
        .stop = &r->stop,
        .yield = &r->yield,
    };
    struct monitor_death death = {.host = NO_HOST};
    int64_t begun_ms = clock_mono_ms();
    enum monitor_end end;
    struct err e = {0};
    int again = 0;

    board_beat(r->board, PROMISE_MS);
    if (!resume(r, &again))
        return again;
    end = monitor_run(g, &m, &death, &e);
    if (clock_mono_ms() - begun_ms > RETRY_MAX_MS) {
        r->retry_ms = RETRY_FIRST_MS;
        r->refusal_told = 0;
    }
    switch (end) {
    case MONITOR_DEAD_MASTER:
        return replace(r, death.host, death.seen_ms);
    case MONITOR_YIELDED:
        return 1;
    case MONITOR_STOPPED:
        r->rc = !o->steadfast; /* MHA's manager ends with 1; to a service an order is no failure */
        return 0;
    case MONITOR_ERROR:
        break;
    }
    return after_error(r, &e);
}

static void *runner_main(void *arg)
{
    struct runner *r = arg;
    int go = 1;

    log_use(r->now->log);
    while (go && !r->stop) {
        if (r->yield)
            runner_take_next(r);
        go = turn(r);
    }
    if (r->stop)
        log_info("stopped", "Got terminate signal %d. Exit.", r->stop);
    board_state(r->board, STATUS_NOT_RUNNING, NULL);
    board_beat(r->board, INT64_MAX / 2);
    atomic_store(&r->ended, 1);
    runner_wake(r->done_fd);
    return NULL;
}

int runner_start(struct runner *r, struct err *e)
{
    int rc = thread_start(&r->thread, runner_main, r, e);

    r->running = rc == 0;
    return rc;
}

static void wake_watch(struct runner *r)
{
    pthread_mutex_lock(&r->lock);
    runner_wake(r->now->g.wake_fd);
    pthread_mutex_unlock(&r->lock);
}

void runner_stop(struct runner *r, int sig)
{
    r->stop = sig;
    wake_watch(r);
}

int runner_ended(struct runner *r, int *rc)
{
    if (!atomic_load(&r->ended))
        return 0;
    *rc = r->rc;
    return 1;
}

int runner_free(struct runner **rp)
{
    struct runner *r = *rp;
    int whole;

    if (!r)
        return 1;
    *rp = NULL;
    if (r->running)
        pthread_join(r->thread, NULL);
    if (r->loader_made)
        pthread_join(r->loader, NULL);
    if (r->disposer_made)
        pthread_join(r->disposer, NULL);
    whole = runner_set_free(&r->next) & runner_set_free(&r->now) & !r->hanging;
    pthread_mutex_destroy(&r->lock);
    free(r->file);
    if (!whole)
        return 0; /* who hangs may still write to the board */
    board_free(&r->board);
    free(r);
    return 1;
}

const char *runner_file(const struct runner *r)
{
    return r->file;
}

struct board *runner_board(struct runner *r)
{
    return r->board;
}

void runner_metrics_listen(struct runner *r, struct buf *out)
{
    pthread_mutex_lock(&r->lock);
    buf_adds(out, r->now->g.conf->server[0].metrics_listen);
    pthread_mutex_unlock(&r->lock);
}

void runner_place(struct runner *r, struct buf *out)
{
    pthread_mutex_lock(&r->lock);
    buf_addf(out, "%s/%s", r->now->g.conf->server[0].manager_workdir, r->now->g.conf->app);
    pthread_mutex_unlock(&r->lock);
}
