/* Giving a replica what only another host can still be read for (decisions 15 to 18): the missing
 * part of the dead master's log is served to it on its own host, at the original coordinates. Every
 * replication setting that is touched is put back, also on failure; the IO thread stays stopped,
 * the SQL thread runs. */
#include "common/clock.h"
#include "common/log.h"
#include "manager/act/pace.h"
#include "manager/act/rescue.h"
#include "manager/decide/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SLICE_MS 1000

/* The binlog server or vault that this rescue reads. 0: it reads something else. */
static int copy_of(const struct rescue *r, struct source_copy *out)
{
    for (int n = 0; source_copy(r->x->t, n, out); n++)
        if (out->kind == r->d->step->source && out->peer == r->peer)
            return 1;
    return 0;
}

/* What anybody has received, and what the source holds besides. */
static void wanted_set(const struct rescue *r, struct gtid_set *out)
{
    const struct topo *t = r->x->t;
    struct gtid_set tail = topo_view(t, t->host[r->dead].tail), got = GTID_INIT;
    struct source_copy copy;

    for (int i = 0; i < t->hosts; i++) {
        if (i == r->dead || t->host[i].reach != REACH_UP)
            continue;
        topo_received(t, i, &got);
        gtid_union(out, &got);
        gtid_release(&got);
    }
    if (r->d->step->source == SOURCE_BINLOG)
        gtid_union(out, &tail);
    else if (copy_of(r, &copy))
        gtid_union(out, &copy.held);
}

/* By position: the furthest that is known; a replica is brought to where the new master is. */
static struct binpos wanted_position(const struct rescue *r)
{
    const struct topo *t = r->x->t;
    struct source_copy copy;

    if (r->host != r->x->p->new_master)
        return r->x->reached;
    if (copy_of(r, &copy))
        return copy.end;
    return r->d->step->source == SOURCE_BINLOG ? t->host[r->dead].tail_end
                                               : t->host[r->peer].repl.read;
}

static int read_have(struct rescue *r, struct err *e)
{
    struct sql_gtids g = {GTID_INIT, GTID_INIT, GTID_INIT, GTID_INIT};
    int rc = sql_read_gtids(r->s, &g, clock_mono_ms() + STEP_SQL_MS, e);

    /* The IO thread of MariaDB sends this, and nothing that the server wrote itself. */
    if (rc == 0)
        gtid_copy(&r->have,
                  strcasecmp(r->saved.using_gtid, "Slave_Pos") == 0 ? &g.slave_pos : &g.executed);
    sql_gtids_release(&g);
    return rc;
}

/* One that is by GTID where the replica was by position, or the reverse, needs both threads
 * stopped. */
static int look(struct rescue *r, struct err *e)
{
    struct exec *x = r->x;
    int64_t deadline = clock_mono_ms() + STEP_SQL_MS;

    r->s = step_sql(x, r->host, e);
    if (!r->s || !step_agent(x, r->host, e) || step_channel(x, r->host, &r->channel, e) < 0)
        return -1;
    if (!r->channel.master_host[0])
        return err_set(e, ERR_WORLD, "%s is no replica any more", topo_label(x->t, r->host));
    if (sql_catchup_save(r->s, r->channel.name, &r->saved, deadline, e) < 0)
        return -1;
    if (!step_is_master(x, &r->channel, r->dead) && !rescue_take_note(r))
        return err_set(e, ERR_WORLD, "%s replicates from %s:%d", topo_label(x->t, r->host),
                       r->channel.master_host, r->channel.master_port);
    r->by_gtid = x->mode != MODE_POSITION;
    if (r->by_gtid != r->saved.auto_position || !r->channel.sql_running)
        r->saved.applier_may_run_on = 0;
    r->after = r->saved.applier_may_run_on ? r->channel.read : r->channel.exec;
    return r->by_gtid ? read_have(r, e) : 0;
}

/* 1: it has all that is known of already. */
static int has_all(struct rescue *r)
{
    if (r->by_gtid) {
        wanted_set(r, &r->want);
        return gtid_contains(&r->have, &r->want);
    }
    r->target = wanted_position(r);
    return binpos_cmp(&r->channel.exec, &r->target) >= 0;
}

/* The SQL thread may have gone on until it was stopped. What is served begins at or before that. */
static int read_after(struct rescue *r, struct err *e)
{
    struct sql_channel c = {0};

    if (step_channel(r->x, r->host, &c, e) < 0)
        return -1;
    r->after = r->saved.applier_may_run_on ? c.read : c.exec;
    gtid_release(&c.retrieved);
    return 0;
}

static int point(struct rescue *r, struct err *e)
{
    struct sql_catchup_to to = {.host = SQL_CATCHUP_HOST, .port = r->port};

    if (!r->by_gtid)
        to.from = &r->after;
    if (r->lends_password) {
        to.user = r->saved.user;
        to.password = r->password;
    }
    if (rescue_note_put(r, e) < 0 || rescue_stop_threads(r, e) < 0 || read_after(r, e) < 0)
        return -1;
    r->pointed = 1;
    if (sql_catchup_point(r->s, &r->saved, &to, clock_mono_ms() + STEP_STOP_MS, e) < 0)
        return -1;
    if (r->saved.applier_may_run_on)
        return sql_start_io(r->s, r->channel.name, clock_mono_ms() + STEP_SQL_MS, e);
    return sql_start_replica(r->s, r->channel.name, clock_mono_ms() + STEP_SQL_MS, e);
}

/* How far it is, and what stopped it. */
struct progress {
    uint64_t sent;
    struct binpos exec;
    uint64_t missing; /* transactions; by position, bytes */
    char refusal[TOPO_TEXT];
};

static int read_progress(struct rescue *r, struct progress *now, struct err *e)
{
    struct sql_channel c = {0};
    struct gtid_set missing = GTID_INIT;
    int rc = 0;

    if (r->pointed)
        rc = rescue_ask_state(r, &now->sent, now->refusal, sizeof now->refusal, e);

    if (rc == 0)
        rc = step_channel(r->x, r->host, &c, e);
    if (rc == 0 && r->by_gtid)
        rc = read_have(r, e);
    if (rc == 0 && r->pointed && c.io_running == 0)
        rc = err_set(e, ERR_WORLD, "the IO thread of %s: %s", topo_label(r->x->t, r->host),
                     c.io_error[0] ? c.io_error : "it stopped");
    gtid_minus(&missing, &r->want, &r->have);
    now->missing = r->by_gtid ? gtid_count(&missing) : (uint64_t)binpos_gap(&c.exec, &r->target);
    now->exec = c.exec;
    gtid_release(&missing);
    gtid_release(&c.retrieved);
    return rc;
}

static int judge_progress(struct rescue *r, struct pace *pace, const struct progress *was,
                          const struct progress *now, struct err *e)
{
    char sent[96];

    snprintf(sent, sizeof sent, "%llu of %llu bytes sent", (unsigned long long)now->sent,
             (unsigned long long)r->bytes);
    pace_look(pace, (int64_t)now->missing,
              now->sent != was->sent || binpos_cmp(&now->exec, &was->exec) != 0, sent);
    if (!pace_has_stalled(pace))
        return 0;
    return err_set(e, ERR_TIMEOUT, "%s does not move%s%.150s", topo_label(r->x->t, r->host),
                   now->refusal[0] ? ": " : "", now->refusal);
}

static int wait_applied(struct rescue *r, struct err *e)
{
    struct progress was = {0}, now;
    struct pace pace;

    pace_begin(&pace, r->x, r->host, r->by_gtid ? "transactions" : "bytes");
    for (;; was = now) {
        int64_t until = clock_mono_ms() + SLICE_MS;
        int done = 0;
        int rc = r->by_gtid ? sql_wait_gtid(r->s, r->channel.name, &r->want, until, &done, e)
                            : sql_wait_position(r->s, r->channel.name, &r->target, until, &done, e);

        if (rc < 0 || done)
            return rc;
        memset(&now, 0, sizeof now);
        if (read_progress(r, &now, e) < 0 || judge_progress(r, &pace, &was, &now, e) < 0)
            return -1;
    }
}

/* The first error is told; what could not be put back is added to it. */
static int catch_up(struct rescue *r, struct err *e)
{
    struct err back = {0};
    int rc = point(r, e);

    if (rc == 0)
        rc = wait_applied(r, e);
    if ((r->pointed || r->stopped) && rescue_put_back(r, rc < 0, &back) < 0) {
        if (rc < 0)
            return err_wrap(e, "replication settings not put back (%.120s)", back.text);
        *e = back;
        return err_wrap(e, "replication settings not put back");
    }
    return rc;
}

static int rescue(struct rescue *r, struct err *e)
{
    int rc = look(r, e);

    if (rc == 0)
        rc = has_all(r);
    if (rc != 0) {
        r->d->result = rc > 0 ? STEP_ALREADY : r->d->result;
        return rc > 0 ? 0 : -1;
    }
    rescue_choose_login(r);
    rc = rescue_serve(r, e);
    if (rc > 0)
        rc = catch_up(r, e);
    else if (rc == 0 && !r->by_gtid) /* all of it was received, by a try before this one */
        rc = wait_applied(r, e);
    if (rc == 0)
        step_say(r->d, "%llu transactions, %llu bytes of log", (unsigned long long)r->transactions,
                 (unsigned long long)r->bytes);
    return rc;
}

static void rescue_release(struct rescue *r)
{
    bulk_close(&r->from);
    bulk_close(&r->to);
    gtid_release(&r->channel.retrieved);
    gtid_release(&r->have);
    gtid_release(&r->want);
    memset(r->password, 0, sizeof r->password);
}

/* Nothing is applied behind the opening of a new master: what it has by then is what the others and
 * the ledger are told. */
static void hold_applier(struct rescue *r)
{
    struct err e;

    if (r->host == r->x->p->new_master && r->s &&
        sql_stop_sql(r->s, r->channel.name, clock_mono_ms() + STEP_STOP_MS, &e) < 0)
        log_info("wait", "%s: its SQL thread: %s", topo_label(r->x->t, r->host), e.text);
}

/* 1: it broke off, and another try may help. */
static int try_once(struct exec *x, struct exec_done *d, int is_last, struct err *e)
{
    struct rescue *r = mem_zalloc(sizeof *r);
    int rc, again;

    *r = (struct rescue){.x = x,
                         .d = d,
                         .host = d->step->host,
                         .peer = d->step->peer,
                         .dead = x->p->dead,
                         .from = BULK_INIT,
                         .to = BULK_INIT};
    rc = rescue(r, e);
    again = rc < 0 && !is_last && r->pointed && !r->applier_failed;
    if (again)
        log_warning("rescue-again", "%s: %s: once more", topo_label(x->t, r->host), e->text);
    else if (rc < 0)
        hold_applier(r);
    rescue_release(r);
    free(r);
    return again ? 1 : rc;
}

/* A replay server or a connection that ends is replaced once: from where the replica is by then. */
int step_rescue(struct exec *x, struct exec_done *d, int64_t deadline_ms, struct err *e)
{
    int rc;

    (void)deadline_ms;
    if (d->step->peer == NO_HOST)
        return err_set(e, ERR_BUG, "a rescue without a source");
    if (!x->proof)
        return err_set(e, ERR_BUG, "a rescue before the proof that the old master is dead");
    rc = try_once(x, d, 0, e);
    return rc > 0 ? try_once(x, d, 1, e) : rc;
}
