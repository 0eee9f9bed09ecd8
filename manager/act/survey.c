/* A light look at all servers; see survey.h. The judgement is the failover's own: the snapshot with
 * its master dead goes through the same pure functions as in earnest. */
#include "manager/act/survey.h"

#include "common/clock.h"
#include "common/log.h"
#include "manager/act/board.h"
#include "manager/act/headroom.h"
#include "manager/act/intruder.h"
#include "manager/act/knock.h"
#include "manager/act/observe.h"
#include "manager/act/pause.h"
#include "manager/act/reopen.h"
#include "manager/act/thread.h"
#include "manager/decide/failover.h"
#include "manager/decide/preflight.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MS  3000
#define SURE     2 /* looks in a row that agree before anything is said */
#define KNOCK_MS 100

/* What may be wrong with a replica. */
enum trouble { TROUBLE_DOWN, TROUBLE_IO, TROUBLE_SQL, TROUBLE_LAG, TROUBLE_ERRANT, TROUBLE_COUNT };

/* A fact with hysteresis: it is said when it has been seen SURE times in a row, both ways. */
struct fact {
    int said, against; /* looks in a row that disagree with what was said */
};

struct agent_seen {
    enum agent_reach reach;
    char caps[TOPO_NAME];
};

struct survey {
    struct group *watched; /* its hosts' agents are read by the watch's own thread only */
    struct group g;        /* sessions of our own */
    int master;
    int64_t interval_ms;
    pthread_t thread;
    struct fact fact[TOPO_HOSTS_MAX][TROUBLE_COUNT];
    struct fact lonely, stuck;       /* one candidate left; no failover possible */
    struct fact ails[VERDICT_COUNT]; /* of a master that answers all the same */
    uint32_t intruders;              /* that were told of */
    uint32_t away;                   /* replaced masters that did not answer */
    struct knock knock[TOPO_HOSTS_MAX];
    struct reopen reopen;

    pthread_mutex_t lock; /* over what follows */
    pthread_cond_t wake;
    struct agent_seen agent[TOPO_HOSTS_MAX];
    int stop, busy, hurry;
};

/* One judgement at a time in the whole process: it needs a megabyte for a moment. */
static pthread_mutex_t judging = PTHREAD_MUTEX_INITIALIZER;

/* 1 begins, -1 ends, 0 nothing new. */
static int settle(struct fact *f, int seen)
{
    if (!!seen == f->said) {
        f->against = 0;
        return 0;
    }
    if (++f->against < SURE)
        return 0;
    f->against = 0;
    f->said = !!seen;
    return f->said ? 1 : -1;
}

static int is_replica(const struct survey *s, const struct topo_host *h, int i)
{
    return i != s->master && !h->retired;
}

static int far_behind(const struct survey *s, int i, const struct topo_host *h)
{
    int64_t limit = s->g.host[i].conf->replica_lag_limit;

    if (h->repl.delay_s > 0 || h->repl.behind_s < 0)
        return 0;
    /* What was told of ends at half of it, or a lag at the limit would be told of all the time. */
    if (s->fact[i][TROUBLE_LAG].said)
        limit /= 2;
    return h->repl.behind_s > limit;
}

static void say_down(const struct topo *t, int i, int news)
{
    if (news > 0)
        log_warning("replica-down", "%s: %s", topo_label(t, i), t->host[i].reach_text);
    else
        log_info("replica-up", "%s answers again", topo_label(t, i));
}

static void say_io(const struct topo *t, int i, int news)
{
    const struct topo_repl *r = &t->host[i].repl;

    if (news > 0)
        log_warning("replica-io", "%s: the IO thread %s%s%s", topo_label(t, i),
                    r->io == THREAD_NO ? "does not run" : "is connecting to its master",
                    *r->io_error ? ": " : "", r->io_error);
    else
        log_info("replica-io-ok", "%s receives again", topo_label(t, i));
}

static void say_sql(const struct topo *t, int i, int news)
{
    const struct topo_repl *r = &t->host[i].repl;

    if (news > 0)
        log_warning("replica-sql", "%s: the SQL thread does not run%s%s", topo_label(t, i),
                    *r->sql_error ? ": " : "", r->sql_error);
    else
        log_info("replica-sql-ok", "%s applies again", topo_label(t, i));
}

static void say_lag(const struct topo *t, int i, int news)
{
    long long behind = (long long)t->host[i].repl.behind_s;

    if (news > 0)
        log_warning("replica-lag", "%s is %lld s behind its master", topo_label(t, i), behind);
    else
        log_info("replica-lag-ok", "%s is %lld s behind its master", topo_label(t, i), behind);
}

static void say_errant(const struct topo *t, int i, int news)
{
    if (news > 0)
        log_warning("replica-errant", "%s has transactions that nobody else has", topo_label(t, i));
    else
        log_info("replica-errant-ok", "%s has no transactions of its own any more",
                 topo_label(t, i));
}

typedef void say_fn(const struct topo *t, int host, int news);
static say_fn *const say[TROUBLE_COUNT] = {say_down, say_io, say_sql, say_lag, say_errant};

/* Nothing is known of the threads of a server that does not answer. */
static void look_at_replica(struct survey *s, const struct topo *t, const struct choice *c, int i)
{
    const struct topo_host *h = &t->host[i];
    int up = h->reach == REACH_UP;
    int follows = up && h->channels > 0;
    const int seen[TROUBLE_COUNT] = {
        [TROUBLE_DOWN] = !up,
        [TROUBLE_IO] = !follows || h->repl.io != THREAD_YES,
        [TROUBLE_SQL] = !follows || h->repl.sql != THREAD_YES,
        [TROUBLE_LAG] = far_behind(s, i, h),
        [TROUBLE_ERRANT] = c->errant[i],
    };

    for (int k = 0; k < TROUBLE_COUNT; k++) {
        int news = up || k == TROUBLE_DOWN ? settle(&s->fact[i][k], seen[k]) : 0;

        if (news)
            say[k](t, i, news);
    }
}

/* How many could be promoted now, and how many were meant to be able to. */
static int candidates(const struct survey *s, const struct topo *t, const struct choice *c,
                      int *meant)
{
    int count = 0;

    *meant = 0;
    for (int i = 0; i < t->hosts; i++) {
        if (i == s->master || t->host[i].no_master || t->host[i].retired)
            continue;
        ++*meant;
        count += !c->barred[i];
    }
    return count;
}

static void tell_host(struct board_host *b, const struct topo *t, int i)
{
    const struct topo_host *h = &t->host[i];

    snprintf(b->label, sizeof(b->label), "%.*s", BOARD_LABEL - 1, topo_label(t, i));
    snprintf(b->host, sizeof(b->host), "%.*s", BOARD_LABEL - 1, h->host);
    b->port = h->port;
    b->up = h->reach == REACH_UP;
    b->replica = h->channels > 0;
    b->io = h->repl.io == THREAD_YES;
    b->sql = h->repl.sql == THREAD_YES;
    b->behind_s = b->up && b->replica ? h->repl.behind_s : -1;
    b->paused = h->paused;
    b->retired = h->retired;
}

static void tell(const struct survey *s, const struct topo *t, const struct failover *f,
                 const struct err *refused)
{
    struct board *board = s->watched->board;
    const struct choice *c = &f->choice;
    struct board_view *v;
    int meant;

    if (!board)
        return;
    v = board_edit(board);
    v->hosts = t->hosts;
    for (int i = 0; i < t->hosts; i++) {
        tell_host(&v->host[i], t, i);
        snprintf(v->host[i].reason, sizeof(v->host[i].reason), "%s%s",
                 c->barred[i] ? "barred: " : "", c->reason[i]);
    }
    v->possible = refused->code == ERR_NONE;
    snprintf(v->possible_reason, sizeof(v->possible_reason), "%s", refused->text);
    v->candidate[0] = '\0';
    if (v->possible && c->new_master != NO_HOST)
        snprintf(v->candidate, sizeof(v->candidate), "%.*s", BOARD_LABEL - 1,
                 topo_label(t, c->new_master));
    v->candidates = candidates(s, t, c, &meant);
    v->looked_wall_ms = t->taken_wall_ms;
    board_done(board);
}

static void say_group(struct survey *s, const struct topo *t, const struct failover *f,
                      const struct err *refused)
{
    int meant, count = candidates(s, t, &f->choice, &meant);
    int news = settle(&s->lonely, count == 1 && meant > 1);

    if (news > 0)
        log_warning("one-candidate", "only one healthy candidate is left: %s",
                    f->choice.new_master == NO_HOST ? "" : topo_label(t, f->choice.new_master));
    else if (news < 0 && count > 1)
        log_info("candidates", "%d candidates again", count);
    news = settle(&s->stuck, refused->code != ERR_NONE);
    if (news > 0)
        log_warning("no-failover", "no failover is possible now: %s", refused->text);
    else if (news < 0)
        log_info("failover-possible", "a failover is possible again");
}

/* What pings do not see: a master that answers, and is read-only, or cut off from its replicas. */
static void say_master(struct survey *s, const struct verdict *v)
{
    int ended = 0, told = 0;

    for (int k = VERDICT_ALIVE + 1; k < VERDICT_COUNT; k++) {
        int news = settle(&s->ails[k], v->answers && (int)v->kind == k);

        if (news > 0)
            log_warning("verdict", "%s: %s", verdict_word(v->kind), v->reason);
        told |= s->ails[k].said;
        ended |= news < 0;
    }
    if (ended && !told && v->kind == VERDICT_ALIVE)
        log_info("verdict", "%s: %s", verdict_word(v->kind), v->reason);
}

/* While the master itself is in trouble, the watch has the word. */
static void judge(struct survey *s, const struct topo *t)
{
    struct failover *f = mem_zalloc(sizeof(*f));
    struct err refused = {0};
    struct verdict v;

    pthread_mutex_lock(&judging);
    diagnose(t, &v);
    if (v.broken) {
        f->choice.new_master = NO_HOST;
        err_set(&refused, ERR_WORLD, "%s", v.reason);
    } else if (t->host[s->master].reach == REACH_UP) {
        struct topo *dead = what_if_dead(t, s->master);

        failover_decide(dead, f, &refused);
        topo_free(&dead);
    }
    pthread_mutex_unlock(&judging);
    if (v.broken || t->host[s->master].reach == REACH_UP) {
        for (int i = 0; i < t->hosts; i++)
            if (is_replica(s, &t->host[i], i))
                look_at_replica(s, t, &f->choice, i);
        say_master(s, &v);
        say_group(s, t, f, &refused);
        tell(s, t, f, &refused);
    }
    free(f);
}

static void add_agents(struct survey *s, struct topo *t)
{
    pthread_mutex_lock(&s->lock);
    for (int i = 0; i < t->hosts; i++) {
        t->host[i].agent = s->agent[i].reach;
        memcpy(t->host[i].agent_caps, s->agent[i].caps, sizeof(t->host[i].agent_caps));
    }
    pthread_mutex_unlock(&s->lock);
}

static void note_away(struct survey *s, const struct topo *t)
{
    s->away = 0;
    for (int i = 0; i < t->hosts; i++)
        if (t->host[i].retired && t->host[i].reach != REACH_UP)
            s->away |= UINT32_C(1) << i;
}

/* Each second in which a replaced master takes writes unseen is one with two masters: it is not
 * left to the next round. */
static int somebody_is_back(struct survey *s)
{
    int back = 0;

    for (int i = 0; i < s->g.hosts; i++)
        if (s->away & (UINT32_C(1) << i))
            back |= knock_try(&s->knock[i], s->g.host[i].conf);
    return back;
}

static void look(struct survey *s)
{
    int64_t deadline = clock_mono_ms() + LOOK_MS;
    struct topo *t;

    pause_apply(&s->g);
    headroom_apply(&s->g);
    group_open(&s->g, group_mask(&s->g), GROUP_SQL, deadline);
    t = observe(&s->g, &(struct observe){.what = GROUP_SQL,
                                         .master = s->master,
                                         .deadline_ms = clock_mono_ms() + LOOK_MS});
    add_agents(s, t);
    judge(s, t);
    intruder_close(&s->g, t, s->master, &s->intruders);
    /* Told by itself: when somebody sets it read-only afterwards, that is news. */
    if (reopen_master(&s->reopen, &s->g, t, s->master))
        s->ails[VERDICT_READ_ONLY] = (struct fact){0};
    note_away(s, t);
    topo_free(&t);
}

/* 0 when it is time to end. */
static int wait_until(struct survey *s, int64_t when_ms)
{
    int go, back = 0;

    pthread_mutex_lock(&s->lock);
    s->busy = 0;
    while (!s->stop && !s->hurry && !back && clock_mono_ms() < when_ms) {
        int64_t next = clock_mono_ms() + KNOCK_MS;

        thread_cond_wait(&s->wake, &s->lock, s->away && next < when_ms ? next : when_ms);
        pthread_mutex_unlock(&s->lock);
        back = somebody_is_back(s);
        pthread_mutex_lock(&s->lock);
    }
    go = !s->stop;
    s->hurry = 0;
    s->busy = go;
    pthread_mutex_unlock(&s->lock);
    return go;
}

static void *survey_main(void *arg)
{
    struct survey *s = arg;
    int64_t next_ms = clock_mono_ms();

    while (wait_until(s, next_ms)) {
        next_ms = clock_mono_ms() + s->interval_ms;
        look(s);
    }
    return NULL;
}

void survey_tell_agents(struct survey *s)
{
    struct topo_host *h;

    if (!s)
        return;
    h = mem_zalloc(sizeof(*h));
    for (int i = 0; i < s->watched->hosts; i++) {
        observe_agent(&s->watched->host[i], h);
        pthread_mutex_lock(&s->lock);
        s->agent[i].reach = h->agent;
        memcpy(s->agent[i].caps, h->agent_caps, sizeof(s->agent[i].caps));
        pthread_mutex_unlock(&s->lock);
    }
    free(h);
}

int survey_start(struct survey **out, struct group *g, int master, int64_t writable_ms,
                 struct err *e)
{
    struct survey *s = mem_zalloc(sizeof(*s));

    *out = NULL;
    s->watched = g;
    s->master = master;
    s->reopen.writable_ms = writable_ms;
    s->interval_ms = g->host[master].conf->replica_check_interval * INT64_C(1000);
    group_borrow(&s->g, g);
    pthread_mutex_init(&s->lock, NULL);
    thread_cond_init(&s->wake);
    survey_tell_agents(s);
    s->busy = 1;
    for (int i = 0; i < TOPO_HOSTS_MAX; i++)
        s->knock[i] = KNOCK_INIT;
    if (thread_start(&s->thread, survey_main, s, e) == 0) {
        *out = s;
        return 0;
    }
    group_release(&s->g);
    free(s);
    return -1;
}

void survey_hurry(struct survey *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->hurry = 1;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
}

void survey_stop(struct survey *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->stop = 1;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
}

int survey_busy(struct survey *s)
{
    int busy;

    if (!s)
        return 0;
    pthread_mutex_lock(&s->lock);
    busy = s->busy;
    pthread_mutex_unlock(&s->lock);
    return busy;
}

void survey_free(struct survey **sp)
{
    struct survey *s = *sp;

    if (!s)
        return;
    *sp = NULL;
    survey_stop(s);
    pthread_join(s->thread, NULL);
    for (int i = 0; i < s->g.hosts; i++)
        knock_end(&s->knock[i]);
    group_release(&s->g);
    pthread_cond_destroy(&s->wake);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
