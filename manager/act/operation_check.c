/* Phase 1: what earlier failovers forbid, and what the group looks like. */
#include "common/clock.h"
#include "common/log.h"
#include "manager/act/observe.h"
#include "manager/act/operation_run.h"
#include "manager/act/retired.h"
#include "manager/act/status.h"
#include "manager/act/step.h"
#include "manager/act/thread.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOUBLE_CHECK_MS 1000
#define LOOK_MS         2000
#define SEEN_MS         1500 /* how old the watch's evidence may be */

/* Not a flapping group: the one that was put in charge then is dead now, and the one before it
 * cannot come back. That another is healthy is seen when it is chosen. */
static int may_repeat(const struct operation_run *r)
{
    struct retired_last last;
    return r->op->may_repeat && retired_last(r->g, &last) && last.proved &&
           last.next == r->op->dead;
}

int operation_check_flags(struct operation_run *r, struct err *e)
{
    const char *dir = r->op->workdir, *app = r->g->conf->app;
    int64_t limit_s = (int64_t)r->op->last_failover_minute * 60;
    if (r->op->ignore_last_failover)
        status_clear_flags(dir, app);
    if (status_error_exists(dir, app))
        return err_set(e, ERR_WORLD,
                       "the last failover ended with an error: look at the group, then remove "
                       "%s/%s.failover.error, or give --ignore_last_failover",
                       dir, app);
    int64_t age_s = status_complete_age_s(dir, app);
    if (age_s < 0)
        return 0;
    if (age_s < limit_s && !may_repeat(r))
        return err_set(
            e, ERR_WORLD,
            "the last failover was %lld minutes ago, and %d must lie between two: remove "
            "%s/%s.failover.complete, or give --ignore_last_failover",
            (long long)(age_s / 60), r->op->last_failover_minute, dir, app);
    status_clear_flags(dir, app);
    return 0;
}

/* Is dead really dead? One connect with 1 s. An INSERT ping found a server that answers and cannot
 * write: connecting would prove nothing then. */
struct double_check {
    struct operation_run *r;
    int64_t deadline_ms; /* for the agent */
    pthread_t thread;
    int running, asked, connected;
    struct err err;
};

/* An automatic failover comes with its sessions open, and a host that fell silent is not asked for
 * an agent again: that would cost its whole SSH timeout (decision 33). One whose agent ended with
 * the master is, for a moment. */
static void *look_at_dead(void *arg)
{
    struct double_check *c = arg;
    struct operation_run *r = c->r;
    uint32_t dead = UINT32_C(1) << r->op->dead;
    struct db_target t;
    struct db *db = NULL;
    c->asked = strcasecmp(r->section->ping_type, "INSERT") != 0;
    group_db_target(r->section, &t);
    if (c->asked)
        c->connected = db_open(&db, &t, clock_mono_ms() + DOUBLE_CHECK_MS, &c->err) == 0;
    db_close(&db);
    if (!r->op->automatic || group_agent_lost(&r->g->host[r->op->dead]))
        group_open(r->g, dead, GROUP_AGENTS, c->deadline_ms);
    if (r->op->interactive && c->connected)
        group_open(r->g, dead, GROUP_SQL, c->deadline_ms);
    return NULL;
}

static void double_check_begin(struct double_check *c, struct operation_run *r, int64_t deadline_ms)
{
    struct err e;
    *c = (struct double_check){.r = r, .deadline_ms = deadline_ms};
    c->running = thread_start(&c->thread, look_at_dead, c, &e) == 0;
    if (!c->running)
        look_at_dead(c);
}

static void double_check_join(struct double_check *c)
{
    if (c->running)
        pthread_join(c->thread, NULL);
    c->running = 0;
}

static void double_check_end(struct double_check *c, struct topo_host *h)
{
    double_check_join(c);
    if (!c->asked)
        return;
    if (c->connected)
        h->reach = REACH_UP;
    else if (c->err.code == ERR_DENIED)
        h->reach = REACH_DENIED;
    else if (h->reach != REACH_UP && h->reach != REACH_DENIED)
        h->reach = observe_reach(&c->err);
    snprintf(h->reach_text, sizeof h->reach_text, "%.*s", (int)sizeof h->reach_text - 1,
             c->err.text);
}

/* What a snapshot must know of the command that asks for it. */
void operation_apply_options(const struct operation_run *r, struct topo *t)
{
    const struct operation *op = r->op;
    const struct group_host *dead = &r->g->host[op->dead];
    t->master = op->dead;
    t->fence = r->g->fence;
    t->skip_change_master = op->skip_change_master;
    t->skip_disable_read_only = op->skip_disable_read_only;
    t->skip_save_master_binlog = op->skip_save_master_binlog;
    t->allow_data_loss |= op->allow_data_loss;
    t->wait_until_gtid_in_sync = op->wait_until_gtid_in_sync;
    t->ssh_reachable = op->ssh_reachable >= 0 ? op->ssh_reachable : dead->ssh_ok;
    /* Whoever calls for a failover has counted, or vouches for it by hand. */
    t->misses = t->misses_needed;
    t->forced = NO_HOST;
    if (op->new_master_host)
        t->forced = topo_find(t, op->new_master_host, op->new_master_port);
}

/* An agent that came after the end of its process cannot tell which data files were its: the
 * servers of a group are laid out alike. That nobody holds them is one part of the proof only; the
 * guard on the port is the other. */
void operation_guess_datadir(struct operation_run *r)
{
    struct sql_server *s = mem_zalloc(sizeof *s);
    struct err e;
    for (int i = 0; i < r->g->hosts && !r->x->datadir[0]; i++) {
        const struct conf_server *c = r->g->host[i].conf;
        if (i == r->op->dead || c->port != r->section->port || !r->g->host[i].sql.db)
            continue;
        if (sql_read_server(&r->g->host[i].sql, s, clock_mono_ms() + LOOK_MS, &e) == 0)
            snprintf(r->x->datadir, sizeof r->x->datadir, "%s", s->datadir);
    }
    free(s);
}

int operation_take_seen(struct operation_run *r)
{
    struct group *g = r->g;
    if (!r->op->automatic || r->op->interactive || !g->seen ||
        clock_mono_ms() - g->seen_ms > SEEN_MS || group_agent_lost(&g->host[r->op->dead]))
        return 0;
    r->first = g->seen;
    g->seen = NULL;
    operation_apply_options(r, r->first);
    return 1;
}

void operation_look(struct operation_run *r)
{
    struct double_check check;
    uint32_t dead = UINT32_C(1) << r->op->dead, open = group_mask(r->g) & ~dead;
    int64_t ms = LOOK_MS + (r->op->automatic ? 0 : r->section->ssh_connection_timeout * 1000);
    int lost = group_agent_lost(&r->g->host[r->op->dead]);
    double_check_begin(&check, r, clock_mono_ms() + ms);
    group_open(r->g, open, GROUP_SQL | GROUP_AGENTS, clock_mono_ms() + ms);
    if (!r->op->automatic || lost)
        double_check_join(&check); /* its agent belongs into the snapshot */
    r->first = observe(r->g, &(struct observe){.what = GROUP_SQL | GROUP_AGENTS,
                                               .skip = r->op->interactive ? 0 : dead,
                                               .sights = ~dead,
                                               .master = r->op->dead,
                                               .deadline_ms = clock_mono_ms() + LOOK_MS});
    double_check_end(&check, &r->first->host[r->op->dead]);
    operation_apply_options(r, r->first);
}

void operation_look_again(struct operation_run *r)
{
    uint32_t dead = UINT32_C(1) << r->op->dead;
    int silent = r->first->host[r->op->dead].agent == AGENT_UNREACHABLE;
    int64_t deadline_ms = exec_take_sessions(r->x, LOOK_MS);
    r->second = observe(r->g, &(struct observe){.what = GROUP_SQL | GROUP_AGENTS,
                                                .skip = dead,
                                                .mute = silent ? dead : 0,
                                                .master = r->op->dead,
                                                .life_known = 1,
                                                .vaults = 1,
                                                .tails = !r->op->skip_save_master_binlog,
                                                .deadline_ms = deadline_ms});
    exec_give_sessions(r->x);
    operation_apply_options(r, r->second);
    r->second->fenced = 1;
    r->second->forced = r->confirmed != NO_HOST ? r->confirmed : r->first->forced;
}
