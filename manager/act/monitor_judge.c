/* Evidence becomes a verdict, and a verdict a decision to act; see monitor_state.h. */
#include "common/clock.h"
#include "common/log.h"
#include "manager/act/monitor_state.h"
#include "manager/act/survey.h"

#include <stdio.h>
#include <string.h>

/* A session that hangs or cannot be had would hang this observation too: the ping is witness
 * enough. A session that broke says nothing yet about whether the port is refused. */
static int ping_was_silent(const struct watch *w)
{
    const struct ping *p = &w->last;

    if (w->misses == 0 || p->ok)
        return 0;
    return p->err.code == ERR_TIMEOUT ||
           (p->stage == PING_STAGE_CONNECT && observe_reach(&p->err) == REACH_SILENT);
}

/* Its agent sees the process end, or has: that is proof. While the kernel takes the process down
 * its port still accepts, and whoever connects waits. */
static int master_ends(struct watch *w)
{
    int ends;

    pthread_mutex_lock(&w->lock);
    ends = w->told.life == LIFE_DYING || w->told.life == LIFE_GONE;
    pthread_mutex_unlock(&w->lock);
    return ends;
}

static void put_reach(struct watch *w, enum reach reach, const char *text)
{
    struct topo_host *h = &w->seen->host[w->master];

    h->reach = reach;
    snprintf(h->reach_text, sizeof(h->reach_text), "%.*s", (int)sizeof(h->reach_text) - 1, text);
}

void monitor_observe(struct watch *w, int64_t deadline_ms)
{
    uint32_t master = 1U << w->master;
    int silent = ping_was_silent(w), ends = master_ends(w);
    int64_t begun_us = clock_mono_us();
    struct observe o = {.what = GROUP_SQL | GROUP_AGENTS,
                        .skip = silent || ends ? master : 0,
                        .sights = ends ? 0 : group_mask(w->g) & ~master,
                        .master = w->master,
                        .deadline_ms = deadline_ms,
                        .life_known = 1,
                        .heard = w->heard};

    topo_free(&w->seen);
    w->seen = observe(w->g, &o);
    w->seen_ms = clock_mono_ms();
    if (ends)
        put_reach(w, REACH_REFUSED, "its process ends");
    else if (silent)
        put_reach(w, REACH_SILENT, w->last.err.text);
    log_debug("evidence", "looked at all hosts in %lld us, %lld us after the first sign",
              (long long)(clock_mono_us() - begun_us),
              (long long)(w->first_sign_us ? clock_mono_us() - w->first_sign_us : 0));
}

/* What an agent told of a process that lives is worth nothing once the agent does not answer. */
static void add_told(struct watch *w)
{
    struct topo_host *h = &w->seen->host[w->master];

    pthread_mutex_lock(&w->lock);
    if (h->agent == AGENT_UP || w->told.life == LIFE_GONE) {
        h->life = w->told.life;
        h->ending = w->told.ending;
    }
    h->came_back = w->told.came_back;
    h->storage = h->agent == AGENT_UP ? w->told.storage : STORAGE_UNKNOWN;
    pthread_mutex_unlock(&w->lock);
}

static void log_verdict(const struct watch *w, const struct verdict *v)
{
    if (w->judged && w->verdict.kind == v->kind)
        return;
    if (v->kind == VERDICT_ALIVE || v->kind == VERDICT_STOOD_STILL)
        log_info("verdict", "%s: %s", verdict_word(v->kind), v->reason);
    else
        log_warning("verdict", "%s: %s", verdict_word(v->kind), v->reason);
}

/* A clean stop is planned by somebody, and a crash may be ridden through: the server gets the time
 * to come back (decision 2). */
static int wait_is_over(struct watch *w, const char *what)
{
    const struct conf_server *s = w->g->host[w->master].conf;
    int64_t wait_ms = s->planned_stop_wait > 0 ? s->planned_stop_wait * 1000 : 4 * w->interval_ms;
    int64_t now = clock_mono_ms();

    if (!w->stop_wait_until_ms) {
        w->stop_wait_until_ms = now + wait_ms;
        log_info("planned-stop", "the master %s: waiting %lld s for its return", what,
                 (long long)wait_ms / 1000);
    }
    return now >= w->stop_wait_until_ms;
}

static int rides(struct watch *w)
{
    const struct topo_host *h = &w->seen->host[w->master];

    if (strcmp(w->g->host[w->master].conf->on_crash_restart, "ride") != 0)
        return 0;
    if (h->life != LIFE_GONE && !h->came_back)
        return 1;
    return h->ending != ENDING_CLEAN && !wait_is_over(w, "crashed");
}

/* A process that is still there is not crashed: refused connections are then the beginning of its
 * end, and whether that is a clean one its agent will tell within moments. */
static int is_ending(const struct watch *w, const struct topo_host *h)
{
    int there = h->life == LIFE_RUNNING || h->life == LIFE_FROZEN || h->life == LIFE_DYING;

    return there && w->seen->misses < w->seen->misses_needed;
}

/* A shutdown closes the port first, and may take longer than the misses that are needed: that is
 * the beginning of a clean stop, and no hang. */
static int is_stopping(const struct watch *w, const struct topo_host *h)
{
    int there = h->life == LIFE_RUNNING || h->life == LIFE_DYING;
    int mute = w->verdict.kind == VERDICT_HUNG || w->verdict.kind == VERDICT_SILENT;

    return there && mute && h->reach == REACH_REFUSED;
}

static int may_act(struct watch *w)
{
    const struct topo_host *h = &w->seen->host[w->master];

    if (!w->owner)
        return 0;
    if (w->verdict.kind == VERDICT_STOPPED)
        return wait_is_over(w, "was stopped cleanly");
    if (is_stopping(w, h))
        return wait_is_over(w, "refuses connections, and its process is still there");
    if (w->verdict.kind == VERDICT_CRASHED && is_ending(w, h))
        return 0;
    return h->life == LIFE_GONE || !monitor_side_busy(w->g);
}

/* The group is not what we watch any more. Servers that merely do not answer or refuse us are no
 * reason to give up. */
static int is_lost(const struct watch *w)
{
    const struct verdict *v = &w->verdict;

    return v->broken && w->seen->misses >= w->seen->misses_needed && v->kind != VERDICT_NOBODY &&
           v->kind != VERDICT_SELF && v->kind != VERDICT_DENIED;
}

/* Where we reach nobody, nothing is learnt of the master: when we are back, it is counted and
 * compared anew. Otherwise the first server to answer would make the others look dead. */
static void start_over(struct watch *w)
{
    w->void_misses = w->misses;
    memset(w->heard, 0, sizeof(w->heard));
}

int monitor_judge(struct watch *w)
{
    int secondary = monitor_side_result(w->g);
    struct verdict v;

    add_told(w);
    w->seen->misses = w->misses - w->void_misses;
    w->seen->misses_needed = w->g->host[w->master].conf->ping_misses;
    w->seen->secondary = secondary < 0 ? -1 : secondary;
    w->seen->stood_still = w->stood;
    w->look_again = w->stood;
    w->stood = 0;
    w->seen->ride = rides(w);
    diagnose(w->seen, &v);
    log_verdict(w, &v);
    w->verdict = v;
    w->judged = 1;
    if (v.kind == VERDICT_SELF || v.kind == VERDICT_NOBODY)
        start_over(w);
    if (is_lost(w))
        return -1;
    if (v.kind == VERDICT_CONTRADICTED && w->seen->misses >= w->seen->misses_needed) {
        w->misses = w->void_misses = 0;
        monitor_side_forget(w->g);
    }
    return v.dead && may_act(w);
}

void monitor_series_end(struct watch *w)
{
    /* What the master is like now that it answers again. */
    if (w->misses || w->first_sign_us)
        survey_hurry(w->g->survey);
    topo_free(&w->seen);
    memset(w->heard, 0, sizeof(w->heard));
    w->misses = w->void_misses = 0;
    w->first_sign_us = 0;
    w->judged = 0;
    w->stop_wait_until_ms = 0;
    pthread_mutex_lock(&w->lock);
    w->told.came_back = 0;
    pthread_mutex_unlock(&w->lock);
    monitor_side_forget(w->g);
}
