/* Boards as metrics; see board_metrics.h. */
#include "manager/act/board_metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* family, name, type, help */
/* clang-format off */
#define FAMILIES(X)                                                                                \
    X(STATE,        "state",                          "gauge",   "1 for the state that a group is in")        \
    X(VERDICT,      "verdict",                        "gauge",   "1 for the last verdict on the master")      \
    X(MASTER,       "master",                         "gauge",   "1 for the master that is watched")          \
    X(PING,         "ping_seconds",                   "gauge",   "how long the last good ping took")          \
    X(PING_AT,      "ping_timestamp_seconds",         "gauge",   "when the last good ping was")               \
    X(MISSES,       "ping_misses",                    "gauge",   "missed pings in a row")                     \
    X(UP,           "server_up",                      "gauge",   "1 if a server answers")                     \
    X(IO,           "replica_io_running",             "gauge",   "1 if a replica receives")                   \
    X(SQL,          "replica_sql_running",            "gauge",   "1 if a replica applies")                    \
    X(LAG,          "replica_lag_seconds",            "gauge",   "how far a replica is behind its master")    \
    X(POSSIBLE,     "failover_possible",              "gauge",   "1 if a failover would find a way now")      \
    X(CANDIDATES,   "candidates",                     "gauge",   "replicas that could be promoted now")       \
    X(PAUSED,       "paused",                         "gauge",   "1 while a group is only watched")           \
    X(PAUSE_END,    "pause_end_timestamp_seconds",    "gauge",   "when a pause ends by itself")               \
    X(RUNNING,      "failover_running",               "gauge",   "1 while a failover is under way")           \
    X(FAILOVERS,    "failovers",                      "counter", "failovers by their result")                 \
    X(LAST_AT,      "last_failover_timestamp_seconds", "gauge",  "when the last failover began")              \
    X(LAST_CODE,    "last_failover_code",             "gauge",   "its exit code: 0 well, 10 partial, 1 failed") \
    X(LAST,         "last_failover_seconds",          "gauge",   "how long it took")                          \
    X(STEP,         "last_failover_step_seconds",     "gauge",   "how long its steps took on a host")
/* clang-format on */

#define X(family, name, type, help) FAMILY_##family,
enum metric { FAMILIES(X) FAMILY_COUNT };
#undef X

static const struct {
    const char *name, *type, *help;
} families[FAMILY_COUNT] = {
#define X(family, name, type, help) {"kagemusha_" name, type, help},
    FAMILIES(X)
#undef X
};

struct board_metrics {
    struct metrics_page *page;
    struct buf text[FAMILY_COUNT];
    struct buf labels; /* of the sample under way */
};

struct board_metrics *board_metrics_begin(struct metrics_page *p)
{
    struct board_metrics *m = mem_zalloc(sizeof(*m));

    m->page = p;
    buf_init(&m->labels);
    for (int i = 0; i < FAMILY_COUNT; i++)
        buf_init(&m->text[i]);
    return m;
}

static void put(struct board_metrics *m, enum metric f, double value)
{
    const char *total = strcmp(families[f].type, "counter") == 0 ? "_total" : "";

    buf_addf(&m->text[f], "%s%s{%s} %.15g\n", families[f].name, total, m->labels.data, value);
}

static void label(struct board_metrics *m, const struct board_view *v)
{
    buf_clear(&m->labels);
    metrics_label(&m->labels, "app", v->app);
}

static void put_word(struct board_metrics *m, const struct board_view *v, enum metric f,
                     const char *name, const char *word)
{
    if (!*word)
        return;
    label(m, v);
    metrics_label(&m->labels, name, word);
    put(m, f, 1);
}

static void add_hosts(struct board_metrics *m, const struct board_view *v)
{
    for (int i = 0; i < v->hosts; i++) {
        const struct board_host *h = &v->host[i];
        char port[16];

        snprintf(port, sizeof(port), "%d", h->port);
        label(m, v);
        metrics_label(&m->labels, "host", h->host);
        metrics_label(&m->labels, "port", port);
        put(m, FAMILY_UP, h->up);
        if (!h->up || !h->replica)
            continue;
        put(m, FAMILY_IO, h->io);
        put(m, FAMILY_SQL, h->sql);
        if (h->behind_s >= 0)
            put(m, FAMILY_LAG, (double)h->behind_s);
    }
}

/* Steps of one kind on one host count together. */
static void add_steps(struct board_metrics *m, const struct board_view *v)
{
    const struct board_failover *f = &v->last;

    for (int i = 0; i < f->steps; i++) {
        int64_t us = 0;
        int first = i;

        for (int j = f->steps - 1; j >= 0; j--) {
            if (strcmp(f->step[j].word, f->step[i].word) != 0 ||
                strcmp(f->step[j].host, f->step[i].host) != 0)
                continue;
            us += f->step[j].us;
            first = j;
        }
        if (first != i)
            continue;
        label(m, v);
        metrics_label(&m->labels, "step", f->step[i].word);
        metrics_label(&m->labels, "host", f->step[i].host);
        put(m, FAMILY_STEP, (double)us / 1e6);
    }
}

static void add_failovers(struct board_metrics *m, const struct board_view *v)
{
    static const char *const results[] = {"ok", "partial", "failed"};
    const struct board_failover *f = &v->last;

    for (int i = 0; i < 3; i++) {
        label(m, v);
        metrics_label(&m->labels, "result", results[i]);
        put(m, FAMILY_FAILOVERS, (double)v->failovers[i]);
    }
    label(m, v);
    put(m, FAMILY_RUNNING, f->begun_wall_ms && !f->ended_wall_ms);
    if (!f->ended_wall_ms)
        return;
    put(m, FAMILY_LAST_AT, (double)f->begun_wall_ms / 1e3);
    put(m, FAMILY_LAST_CODE, f->code);
    put(m, FAMILY_LAST, (double)f->us / 1e6);
    add_steps(m, v);
}

void board_metrics_add(struct board_metrics *m, const struct board_view *v)
{
    put_word(m, v, FAMILY_STATE, "state", status_word(v->state));
    put_word(m, v, FAMILY_VERDICT, "verdict", v->verdict);
    put_word(m, v, FAMILY_MASTER, "master", v->master);
    label(m, v);
    if (v->ping_wall_ms) {
        put(m, FAMILY_PING, (double)v->ping_us / 1e6);
        put(m, FAMILY_PING_AT, (double)v->ping_wall_ms / 1e3);
    }
    put(m, FAMILY_MISSES, v->misses);
    if (v->possible >= 0) {
        put(m, FAMILY_POSSIBLE, v->possible);
        put(m, FAMILY_CANDIDATES, v->candidates);
    }
    put(m, FAMILY_PAUSED, v->paused_until_wall_ms != 0);
    if (v->paused_until_wall_ms && v->paused_until_wall_ms != INT64_MAX)
        put(m, FAMILY_PAUSE_END, (double)v->paused_until_wall_ms / 1e3);
    add_hosts(m, v);
    add_failovers(m, v);
}

void board_metrics_end(struct board_metrics **mp)
{
    struct board_metrics *m = *mp;

    *mp = NULL;
    for (int i = 0; i < FAMILY_COUNT; i++) {
        if (m->text[i].len) {
            metrics_family(m->page, families[i].name, families[i].type, families[i].help);
            buf_add(&m->page->out, m->text[i].data, m->text[i].len);
        }
        buf_release(&m->text[i]);
    }
    buf_release(&m->labels);
    free(m);
}
