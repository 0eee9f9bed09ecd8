/* The other steps of an online switch: close before the stop, level behind it, the old master made
 * ready to follow. */
#include "common/clock.h"
#include "common/log.h"
#include "common/sql_freeze.h"
#include "manager/act/step.h"

#include <stdlib.h>
#include <string.h>

#define NEAR_NEXT_MS    10   /* the heir: what it lacks is what clients will wait for */
#define NEAR_SIBLING_MS 1000 /* the others move behind the opening */
#define NEAR_IN_A_ROW   3
#define LOOK_MS         5

static int64_t or_in(int64_t deadline_ms, int64_t ms)
{
    return deadline_ms == INT64_MAX ? clock_mono_ms() + ms : deadline_ms;
}

int step_lock_monitor(struct exec *x, struct exec_done *d, int64_t deadline_ms, struct err *e)
{
    int host = d->step->host;
    struct sql *s = step_sql(x, host, e);
    if (!s)
        return -1;
    if (sql_lock(s, SQL_LOCK_MONITOR, or_in(deadline_ms, STEP_SQL_MS), e) < 0)
        return err_wrap(e, "%s is watched: stop MHA Manager/Monitor and try again",
                        topo_label(x->t, host));
    x->host[host].locked = x->host[host].monitor_lock = 1;
    return 0;
}

/* What the old master has now. Its session is another lane's: it is borrowed. */
struct end {
    struct gtid_set set;
    struct binpos at;
};

static int read_master(struct exec *x, int old, struct end *now, struct err *e)
{
    int64_t deadline_ms = clock_mono_ms() + STEP_SQL_MS;
    int rc = -1;
    pthread_mutex_lock(&x->host[old].busy);
    struct sql *s = step_sql(x, old, e);
    if (s && x->mode != MODE_POSITION) {
        struct sql_gtids g = {0};
        rc = sql_read_gtids(s, &g, deadline_ms, e);
        if (rc == 0)
            gtid_copy(&now->set, &g.executed);
        sql_gtids_release(&g);
    } else if (s) {
        struct sql_binlog *b = mem_zalloc(sizeof *b);
        rc = sql_read_binlog(s, b, deadline_ms, e);
        now->at = b->at;
        free(b);
    }
    pthread_mutex_unlock(&x->host[old].busy);
    return rc;
}

static int wait_for(struct exec *x, int host, const struct end *to, int64_t until_ms, int *done,
                    struct err *e)
{
    struct sql *s = step_sql(x, host, e);
    if (!s)
        return -1;
    if (x->mode != MODE_POSITION)
        return sql_wait_gtid(s, x->host[host].channel, &to->set, until_ms, done, e);
    return sql_wait_position(s, x->host[host].channel, &to->at, until_ms, done, e);
}

/* The channel's name, by which positions are waited for. */
static int read_channel(struct exec *x, int host, struct err *e)
{
    struct sql_channel c;
    if (step_channel(x, host, &c, e) < 0)
        return -1;
    gtid_release(&c.retrieved);
    if (!step_is_master(x, &c, x->p->dead))
        return err_set(e, ERR_WORLD, "%s is no replica of %s any more", topo_label(x->t, host),
                       topo_label(x->t, x->p->dead));
    return 0;
}

/* Close means: what the master had a moment ago is there within a few milliseconds, several times
 * in a row. Nothing is stopped while this is waited for. */
int step_wait_near(struct exec *x, struct exec_done *d, int64_t deadline_ms, struct err *e)
{
    int host = d->step->host, near = 0;
    int64_t limit = host == x->p->new_master ? NEAR_NEXT_MS : NEAR_SIBLING_MS, took = 0;
    deadline_ms = or_in(deadline_ms, STEP_STALL_MS);
    if (read_channel(x, host, e) < 0)
        return -1;
    while (near < NEAR_IN_A_ROW) {
        struct end now = {0};
        int done = 0, rc = read_master(x, x->p->dead, &now, e);
        int64_t begin = clock_mono_ms();
        if (rc == 0)
            rc = wait_for(x, host, &now, deadline_ms, &done, e);
        gtid_release(&now.set);
        if (rc < 0)
            return -1;
        took = clock_mono_ms() - begin;
        near = done && took <= limit ? near + 1 : 0;
        if (clock_mono_ms() >= deadline_ms)
            return err_set(e, ERR_TIMEOUT,
                           "%s does not come closer than %lld ms behind %s: nothing was stopped",
                           topo_label(x->t, host), (long long)took, topo_label(x->t, x->p->dead));
        if (near > 0 && near < NEAR_IN_A_ROW)
            clock_sleep_ms(LOOK_MS);
    }
    step_say(d, "%lld ms behind", (long long)took);
    return 0;
}

/* A sequence number that two servers wrote: what the new master has is not what the old one wrote.
 */
static int same_history(struct exec *x, int host, struct err *e)
{
    struct sql_gtids g = {0};
    if (x->mode != MODE_MARIADB_GTID)
        return 0;
    int rc = sql_read_gtids(&x->g->host[host].sql, &g, clock_mono_ms() + STEP_SQL_MS, e);
    if (rc == 0 && gtid_conflict(&g.executed, &x->final_set))
        rc = err_set(e, ERR_WORLD, "the history of %s has parted from that of %s",
                     topo_label(x->t, host), topo_label(x->t, x->p->dead));
    sql_gtids_release(&g);
    return rc;
}

int step_wait_final(struct exec *x, struct exec_done *d, int64_t deadline_ms, struct err *e)
{
    int host = d->step->host, done = 0;
    struct end end = {x->final_set, x->final};
    if (deadline_ms == INT64_MAX)
        return step_wait_for(x, d, x->mode != MODE_POSITION ? &x->final_set : NULL, &x->final,
                             deadline_ms, e);
    if (wait_for(x, host, &end, deadline_ms, &done, e) < 0)
        return -1;
    if (!done)
        return err_set(e, ERR_TIMEOUT, "%s did not get there in time", topo_label(x->t, host));
    return same_history(x, host, e);
}

int step_semisync_off(struct exec *x, struct exec_done *d, int64_t deadline_ms, struct err *e)
{
    struct sql *s = step_sql(x, d->step->host, e);
    return s ? sql_set_semisync_master(s, 0, or_in(deadline_ms, STEP_SQL_MS), e) : -1;
}

static int has_replica(const struct exec *x)
{
    for (int i = 0; i < x->g->hosts; i++)
        if (x->host[i].followed)
            return 1;
    return 0;
}

/* Without a replica each commit would wait for its time-out; as an undo there is nobody to wait. */
int step_semisync_on(struct exec *x, struct exec_done *d, int64_t deadline_ms, struct err *e)
{
    struct sql *s = step_sql(x, d->step->host, e);
    if (!s)
        return -1;
    if (x->opened && !has_replica(x))
        return err_set(e, ERR_WORLD, "no replica follows yet: semi-synchronous commits stay off");
    return sql_set_semisync_master(s, 1, or_in(deadline_ms, STEP_SQL_MS), e);
}

/* Decision 24: MariaDB asks the new master for what follows gtid_slave_pos, of which a server that
 * was never a replica knows nothing. Its own binlog says what it has; all of that must be there. */
static int take_own_position(struct exec *x, struct sql *s, int host, struct exec_done *d,
                             struct err *e)
{
    struct sql_gtids g = {0};
    struct buf text = BUF_INIT;
    int rc = sql_read_gtids(s, &g, clock_mono_ms() + STEP_SQL_MS, e);
    if (rc == 0 &&
        (!gtid_contains(&x->level, &g.binlog_pos) || gtid_conflict(&x->level, &g.binlog_pos)))
        rc = err_set(e, ERR_WORLD,
                     "%s has transactions that %s has not: it is left out (kagemusha rejoin)",
                     topo_label(x->t, host), topo_label(x->t, x->p->new_master));
    if (rc == 0) {
        gtid_union(&g.binlog_pos, &g.slave_pos);
        gtid_print(&g.slave_pos, &text);
        step_say(d, "gtid_slave_pos was \"%s\"", text.data);
        rc = sql_set_gtid_slave_pos(s, &g.binlog_pos, clock_mono_ms() + STEP_SQL_MS, e);
    }
    buf_release(&text);
    sql_gtids_release(&g);
    return rc;
}

int step_demote(struct exec *x, struct exec_done *d, int64_t deadline_ms, struct err *e)
{
    int host = d->step->host, frozen = 0;
    struct sql *s = step_sql(x, host, e);
    if (!s || sql_is_frozen(s, &frozen, or_in(deadline_ms, STEP_SQL_MS), e) < 0)
        return -1;
    if (!frozen)
        return err_set(e, ERR_WORLD, "%s is not read-only any more: it may have written",
                       topo_label(x->t, host));
    if (x->mode != MODE_MARIADB_GTID || d->step->follow == FOLLOW_CURRENT_POS)
        return 0;
    return take_own_position(x, s, host, d, e);
}
