/* The watch loop; see monitor.h. It sleeps in poll(2) until a ping's result, an agent's event, the
 * end of an idle session, or a second has passed. Pings, scripts and reopening of sessions have
 * threads of their own. */
#include "manager/act/monitor.h"

#include "common/clock.h"
#include "common/log.h"
#include "manager/act/headroom.h"
#include "manager/act/monitor_state.h"
#include "manager/act/pause.h"
#include "manager/act/survey.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WATCH_MS 500 /* the agent's answer to "watch" */

#define TURN_PROMISE_MS 15000 /* by when the next turn of the loop is due at the latest */

enum turn { TURN_ON, TURN_DEAD, TURN_ERROR, TURN_STOPPED, TURN_YIELD };

static void wake(const struct watch *w)
{
    uint64_t one = 1;

    if (write(w->g->wake_fd, &one, sizeof(one)) < 0)
        return; /* full: the loop is awake */
}

void monitor_status(struct watch *w, enum status_code c)
{
    const char *master = w->master == NO_HOST ? NULL : w->g->host[w->master].conf->hostname;
    const char *app = w->g->conf->app;
    struct err e;

    if (c != w->status)
        board_state(w->g->board, c, master);
    if (c == w->status && c == STATUS_PING_OK && status_touch(w->m->workdir, app) == 0)
        return;
    if (c == w->status && c != STATUS_PING_OK)
        return;
    if (status_write(w->m->workdir, app, c, master, &e) < 0 && c != w->status)
        log_warning("status", "%s", e.text);
    w->status = c;
}

static void tell_life(struct watch *w, struct json_object *event)
{
    const char *state = json_get_str(event, "state", "");
    struct json_object *clean;
    struct monitor_told *t = &w->told;

    if (strcmp(state, "dying") == 0) {
        t->life = LIFE_DYING;
        t->dying_us = clock_mono_us();
    } else if (strcmp(state, "gone") == 0) {
        t->life = LIFE_GONE;
        t->gone_us = clock_mono_us();
        t->ending = ENDING_UNKNOWN;
        if (json_object_object_get_ex(event, "clean", &clean) && clean)
            t->ending = json_object_get_boolean(clean) ? ENDING_CLEAN : ENDING_CRASH;
    } else if (strcmp(state, "stopped") == 0) {
        t->life = LIFE_FROZEN;
        t->look = 1;
    } else if (strcmp(state, "running") == 0 || strcmp(state, "started") == 0) {
        t->came_back |= t->life == LIFE_GONE;
        t->life = LIFE_RUNNING;
        t->ending = ENDING_UNKNOWN;
    }
    log_debug("mysqld", "agent: mysqld is %s", state);
}

static void tell_storage(struct watch *w, struct json_object *event)
{
    enum storage was = w->told.storage, is = observe_storage(json_get_str(event, "state", ""));

    w->told.storage = is;
    w->told.look |= was == STORAGE_STALLED || was == STORAGE_FULL || is == STORAGE_STALLED ||
                    is == STORAGE_FULL;
    log_debug("storage", "agent: the disk is %s", json_get_str(event, "state", ""));
}

/* On the agent's thread. Only the master's process is watched. */
static void on_agent(void *listener, int host, struct json_object *event)
{
    struct watch *w = listener;
    const char *word = event ? json_get_str(event, "event", "") : NULL;

    if (host == w->master) {
        pthread_mutex_lock(&w->lock);
        if (!event)
            w->told = (struct monitor_told){.life = LIFE_UNKNOWN, .came_back = w->told.came_back};
        else if (strcmp(word, "mysqld") == 0)
            tell_life(w, event);
        else if (strcmp(word, "storage") == 0)
            tell_storage(w, event);
        else if (strcmp(word, "silent") == 0)
            w->told.silent = 1;
        w->told.news = 1;
        pthread_mutex_unlock(&w->lock);
    } else if (event && strcmp(word, "vault") == 0) {
        monitor_vault_log(w->g, host, event);
    }
    wake(w);
}

/* Notes the first sign of a series. */
static void sign(struct watch *w, int64_t at_us, const char *what)
{
    if (w->first_sign_us)
        return;
    w->first_sign_us = at_us;
    log_debug("sign", "first sign: %s", what);
}

enum told { TOLD_NOTHING, TOLD_SILENCE, TOLD_TROUBLE, TOLD_ENDS, TOLD_ENDED };

/* What the agent has told since the last time. */
static enum told take_told(struct watch *w)
{
    struct monitor_told t;

    pthread_mutex_lock(&w->lock);
    t = w->told;
    w->told.news = w->told.look = w->told.silent = 0;
    pthread_mutex_unlock(&w->lock);
    if (!t.news || (t.life != LIFE_DYING && t.life != LIFE_GONE)) {
        if (t.look)
            return TOLD_TROUBLE;
        return t.silent ? TOLD_SILENCE : TOLD_NOTHING;
    }
    sign(w, t.dying_us ? t.dying_us : t.gone_us, "the agent sees the end of mysqld");
    return t.life == LIFE_GONE ? TOLD_ENDED : TOLD_ENDS;
}

/* The agent sees the process end, and will tell when it has: nothing is to be learnt before. */
static int end_is_near(struct watch *w)
{
    int dying;

    pthread_mutex_lock(&w->lock);
    dying = w->told.life == LIFE_DYING;
    pthread_mutex_unlock(&w->lock);
    return dying && agent_alive(w->g->host[w->master].agent);
}

/* The idle session to the master was ended by its server. */
static int master_hung_up(struct watch *w)
{
    struct group_host *h = &w->g->host[w->master];
    struct pollfd p = {.events = POLLIN};

    if (w->hung_up || !h->sql.db) {
        int was = w->hung_up;

        w->hung_up = 0;
        return was;
    }
    p.fd = db_socket(h->sql.db);
    if (p.fd >= 0 && poll(&p, 1, 0) == 0)
        return 0;
    sign(w, clock_mono_us(), "end of file on the idle session");
    sql_close(&h->sql);
    return 1;
}

static void log_miss(const struct watch *w, const struct ping *p)
{
    const struct conf_server *s = w->g->host[w->master].conf;

    if (p->stage == PING_STAGE_PING)
        log_warning("ping-failed", "Got error on MySQL %s ping: %s",
                    w->last.stage == PING_STAGE_PING && ping_type_of(s) == PING_INSERT ? "insert"
                                                                                       : "select",
                    p->err.text);
    else
        log_warning("ping-failed", "Got error on MySQL connect: %s", p->err.text);
    log_warning(NULL, "Connection failed %d time(s)..", w->misses);
}

/* An error reply proves life, and is no miss. */
static int refusal(struct watch *w, const struct ping *p)
{
    if (w->reach != REACH_DENIED)
        return 0;
    if (strcmp(w->denied.text, p->err.text) != 0)
        log_warning("refused", "Got error on MySQL connect: %s. The server is alive", p->err.text);
    w->denied = p->err;
    w->misses = w->void_misses = 0;
    return 1;
}

static void good_ping(struct watch *w, const struct ping *p)
{
    const char *type = ping_type_text(ping_type_of(w->g->host[w->master].conf));

    if (!p->locked)
        return;
    if (!w->started)
        log_info("ping-ok", "Ping(%s) succeeded, waiting until MySQL doesn't respond..", type);
    else if (w->misses)
        log_info("ping-ok", "Ping(%s) succeeded again after %d miss(es)", type, w->misses);
    w->started = 1;
    w->denied.text[0] = '\0';
    monitor_series_end(w);
    monitor_status(w, STATUS_PING_OK);
}

static void tell_ping(struct watch *w, const struct ping *p)
{
    board_ping(w->g->board, p->ok && p->locked ? p->us : -1, w->misses);
}

static void tell_verdict(struct watch *w)
{
    struct board_view *v;

    if (!w->g->board)
        return;
    v = board_edit(w->g->board);
    snprintf(v->verdict, sizeof(v->verdict), "%s", verdict_word(w->verdict.kind));
    snprintf(v->reason, sizeof(v->reason), "%s", w->verdict.reason);
    board_done(w->g->board);
}

/* 1 when the result must be looked into; -1 when this manager is one too many. */
static int take_ping(struct watch *w, struct err *e)
{
    struct ping p;

    if (!pinger_take(w->g->pinger, &p))
        return 0;
    if (p.taken)
        return err_set(
            e, ERR_WORLD,
            "the monitor lock on %s is already held: another manager watches it (%.300s)",
            w->g->host[w->master].conf->hostname, p.err.text);
    w->last = p;
    w->owner = !p.refused;
    if (p.ok) {
        good_ping(w, &p);
        tell_ping(w, &p);
        return 0;
    }
    w->reach = observe_reach(&p.err);
    if (refusal(w, &p))
        return 0;
    w->misses++;
    sign(w, clock_mono_us(), "a missed ping");
    log_miss(w, &p);
    tell_ping(w, &p);
    monitor_status(w, STATUS_PING_FAILING);
    monitor_side_start(w->g, w->master);
    return 1;
}

/* We stood still, or the clock was set: what was missed meanwhile is our own failing. */
static int stood_still(struct watch *w)
{
    int64_t now = clock_mono_ms(), offset = clock_wall_ms() - now;
    int64_t late = now - w->due_ms, jump = llabs(offset - w->wall_offset_ms);
    int64_t limit = 2 * w->interval_ms;
    struct ping stale;

    w->wall_offset_ms = offset;
    if (late <= limit && jump <= limit)
        return 0;
    log_warning("stood-still", "we stood still for %lld ms, or the clock jumped: looking again",
                (long long)(late > jump ? late : jump));
    pinger_take(w->g->pinger, &stale);
    monitor_series_end(w);
    w->stood = w->look_again = 1;
    return 1;
}

/* A look is over before the next ping's result is there, so that no miss waits for it. */
static int64_t sight_ms(const struct watch *w)
{
    int64_t ms = w->interval_ms * 9 / 10;

    return ms < MONITOR_SIGHT_MS ? ms : MONITOR_SIGHT_MS;
}

/* 0 when we stood still meanwhile. */
static int observe_now(struct watch *w)
{
    w->due_ms = clock_mono_ms() + sight_ms(w);
    monitor_observe(w, w->due_ms);
    return !stood_still(w);
}

/* Looks and judges. Evidence that is young enough is judged first: a miss, or the agent's word that
 * the process has ended, may be all that was missing. */
static int look(struct watch *w, int ended)
{
    int rc;

    if (w->seen && (w->misses || ended) && clock_mono_ms() - w->seen_ms < MONITOR_FRESH_MS) {
        rc = monitor_judge(w);
        if (rc != 0)
            return rc;
    }
    if (!observe_now(w))
        return 0;
    rc = monitor_judge(w);
    tell_verdict(w);
    if (w->verdict.answers && w->misses == 0)
        w->first_sign_us = 0;
    return rc;
}

/* Tells which agents were lost since the last round. */
static void log_lost_agents(struct watch *w)
{
    for (int i = 0; i < w->g->hosts; i++) {
        struct group_host *h = &w->g->host[i];

        if (h->agent && !agent_alive(h->agent))
            log_warning("agent-lost", "the session to the agent on %s is lost", h->conf->hostname);
    }
}

static void mend(struct watch *w)
{
    struct group_host *h = &w->g->host[w->master];
    int had = h->sql.db != NULL;
    uint32_t fresh;

    log_lost_agents(w);
    fresh = group_mend(w->g, GROUP_ALL, GROUP_SQL | GROUP_AGENTS);
    if (had && !h->sql.db) {
        sign(w, clock_mono_us(), "end of file on the idle session");
        w->hung_up = 1;
        wake(w);
    }
    for (int i = 0; i < w->g->hosts; i++)
        if (fresh & (1U << i))
            log_info("agent-back", "the agent on %s is back", w->g->host[i].conf->hostname);
    survey_tell_agents(w->g->survey);
    if (fresh & (1U << w->master))
        monitor_watch_agent(w, clock_mono_ms() + WATCH_MS);
    if (!w->first_sign_us)
        monitor_vault_tell(w->g, fresh);
}

static void sleep_in_poll(struct watch *w)
{
    struct pollfd fds[TOPO_HOSTS_MAX + 1] = {
        {.fd = w->g->wake_fd, .events = POLLIN}
    };
    uint64_t count;
    int n = 1;

    for (int i = 0; i < w->g->hosts; i++)
        if (w->g->host[i].sql.db)
            fds[n++] = (struct pollfd){.fd = db_socket(w->g->host[i].sql.db), .events = POLLIN};
    w->due_ms = clock_mono_ms() + MONITOR_ROUND_MS;
    if (poll(fds, (nfds_t)n, MONITOR_ROUND_MS) > 0 && (fds[0].revents & POLLIN) &&
        read(w->g->wake_fd, &count, sizeof(count)) < 0)
        return; /* somebody else's turn */
}

static void tell_pause(struct watch *w)
{
    struct board_view *v;

    if (!w->g->board)
        return;
    v = board_edit(w->g->board);
    v->paused_until_wall_ms = w->g->paused_until_wall_ms;
    snprintf(v->pause_reason, sizeof(v->pause_reason), "%.*s", (int)sizeof(v->pause_reason) - 1,
             w->g->paused);
    board_done(w->g->board);
}

/* Once a second: an operator's word counts at once. */
static void read_pauses(struct watch *w)
{
    int64_t now = clock_mono_ms();

    if (now - w->pauses_ms < MONITOR_ROUND_MS)
        return;
    w->pauses_ms = now;
    pause_apply(w->g);
    headroom_apply(w->g);
    if (w->g->paused_until_wall_ms == w->pause_told)
        return;
    if (w->g->paused_until_wall_ms)
        log_warning("paused", "watched only, %s", w->g->paused);
    else
        log_info("resumed", "the pause is over");
    w->pause_told = w->g->paused_until_wall_ms;
    w->held = 0;
    tell_pause(w);
}

/* A paused group is watched and told of, and nothing is done (decision 39). */
static int held_back(struct watch *w)
{
    w->pauses_ms = 0;
    read_pauses(w);
    if (!w->g->paused_until_wall_ms)
        return 0;
    if (!w->held)
        log_warning("held-back", "%s. There is no failover: paused %s", w->verdict.reason,
                    w->g->paused);
    w->held = 1;
    monitor_status(w, STATUS_PING_FAILED);
    return 1;
}

static enum turn turn(struct watch *w, struct err *e)
{
    int must_look, missed, rc;
    enum told told;

    sleep_in_poll(w);
    board_beat(w->g->board, TURN_PROMISE_MS);
    if (*w->m->stop)
        return TURN_STOPPED;
    if (w->m->yield && *w->m->yield && !w->first_sign_us)
        return TURN_YIELD;
    must_look = stood_still(w);
    told = take_told(w);
    /* A host that falls silent is asked at once, not at the next interval. */
    if (told == TOLD_TROUBLE || told == TOLD_SILENCE)
        pinger_hurry(w->g->pinger);
    must_look |= told == TOLD_ENDED || told == TOLD_TROUBLE || w->look_again;
    w->look_again = 0;
    /* While the kernel takes the process down: what there is to see is seen when it is gone. */
    if (told == TOLD_ENDS && !w->seen && !must_look && !observe_now(w))
        return TURN_ON;
    must_look |= master_hung_up(w) && !end_is_near(w);
    missed = take_ping(w, e);
    if (missed < 0)
        return TURN_ERROR;
    if (w->stop_wait_until_ms && clock_mono_ms() >= w->stop_wait_until_ms)
        must_look = 1;
    rc = must_look || missed ? look(w, told == TOLD_ENDED) : 0;
    if (rc < 0) {
        err_set(e, ERR_WORLD, "%s", w->verdict.reason);
        return TURN_ERROR;
    }
    if (rc > 0 && !held_back(w))
        return TURN_DEAD;
    mend(w);
    read_pauses(w);
    return TURN_ON;
}

static enum turn loop(struct watch *w, struct err *e)
{
    enum turn t = TURN_ON;

    w->wall_offset_ms = clock_wall_ms() - clock_mono_ms();
    while (t == TURN_ON)
        t = turn(w, e);
    return t;
}

static void log_death(struct watch *w)
{
    const struct group_host *h = &w->g->host[w->master];

    log_debug("timing", "verdict %lld us after the first sign",
              (long long)(clock_mono_us() - w->first_sign_us));
    log_warning("master-down", "Master is down! %s", w->verdict.reason);
    log_warning(NULL, "Master %s is not reachable!", topo_label(w->seen, w->master));
    log_warning(NULL, "SSH is %sreachable.", h->ssh_ok == 1 ? "" : "NOT ");
    monitor_status(w, STATUS_PING_FAILED);
}

/* State CONFIG_ERROR stays for a while, if so configured, and then the file goes. */
static void end_with_error(struct watch *w)
{
    int64_t until = clock_mono_ms() + (int64_t)w->m->wait_on_monitor_error * 1000;

    if (w->m->wait_on_monitor_error > 0)
        monitor_status(w, STATUS_CONFIG_ERROR);
    while (!*w->m->stop && clock_mono_ms() < until)
        clock_sleep_ms(100);
    status_remove(w->m->workdir, w->g->conf->app);
}

static enum turn watch(struct watch *w, struct err *e)
{
    enum turn t;

    monitor_status(w, STATUS_INITIALIZING_MONITOR);
    if (monitor_start(w, e) < 0)
        return TURN_ERROR;
    group_listen(w->g, on_agent, w);
    monitor_watch_agent(w, clock_mono_ms() + WATCH_MS);
    log_info(NULL, "Starting ping health check on %s(%s:%d)..",
             w->g->host[w->master].conf->hostname, w->g->host[w->master].conf->ip,
             w->g->host[w->master].conf->port);
    if (pinger_start(&w->g->pinger, w->g->host[w->master].conf, w->g->wake_fd, e) < 0 ||
        survey_start(&w->g->survey, w->g, w->master, w->writable_ms, e) < 0)
        return TURN_ERROR;
    monitor_vault_start(w->g, w->master);
    t = loop(w, e);
    group_listen(w->g, NULL, NULL);
    monitor_vault_stop(w->g);
    pinger_stop(w->g->pinger);
    survey_stop(w->g->survey);
    return t;
}

enum monitor_end monitor_run(struct group *g, const struct monitor *m, struct monitor_death *death,
                             struct err *e)
{
    struct watch *w = mem_zalloc(sizeof(*w));
    enum turn t;

    monitor_release(g);
    topo_free(&g->seen);
    w->g = g;
    w->m = m;
    w->master = NO_HOST;
    w->status = STATUS_NONE;
    pthread_mutex_init(&w->lock, NULL);
    t = watch(w, e);
    if (t == TURN_DEAD) {
        log_death(w);
        death->host = w->master;
        death->seen_ms = w->first_sign_us / 1000;
        death->verdict = w->verdict;
        g->seen = w->seen;
        g->seen_ms = w->seen_ms;
        w->seen = NULL;
    } else if (t == TURN_ERROR) {
        end_with_error(w);
    } else if (t == TURN_STOPPED) {
        status_remove(m->workdir, g->conf->app);
    }
    group_listen(g, NULL, NULL);
    topo_free(&w->seen);
    pthread_mutex_destroy(&w->lock);
    free(w);
    if (t == TURN_DEAD)
        return MONITOR_DEAD_MASTER;
    if (t == TURN_YIELD)
        return MONITOR_YIELDED;
    return t == TURN_ERROR ? MONITOR_ERROR : MONITOR_STOPPED;
}

void monitor_release(struct group *g)
{
    pinger_free(&g->pinger);
    survey_free(&g->survey);
    monitor_side_free(g);
    monitor_vault_free(g);
}

int monitor_busy(struct group *g)
{
    return (g->pinger && pinger_busy(g->pinger)) || survey_busy(g->survey) ||
           monitor_side_busy(g) || group_mend_busy(g);
}
