/* An old master's way back, step by step; see rejoin.h. */
#include "manager/act/rejoin.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/sql_freeze.h"
#include "manager/act/channel.h"
#include "manager/act/observe.h"
#include "manager/act/rejoin_run.h"
#include "manager/act/retired.h"
#include "manager/act/sessions.h"
#include "manager/decide/rejoin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MS    2000
#define SQL_MS     5000
#define START_MS   120000 /* crash recovery included */
#define STOP_MS    75000
#define RUNNING_MS 15000
#define STALL_MS   60000
#define PAUSE_MS   100

static const char *label(const struct rejoin_run *r, int host)
{
    return topo_label(r->seen, host);
}

static struct sql *sql_of(struct rejoin_run *r)
{
    return &r->g->host[r->host].sql;
}

/* As the others replicate; where there is no other, by GTID if the master could. */
static enum mode mode_of(const struct rejoin_run *r)
{
    enum mode m = diagnose_mode(r->seen, r->master);
    const struct topo_host *h = &r->seen->host[r->master];
    if (m != MODE_UNKNOWN)
        return m;
    if (h->version.family == FAMILY_MARIADB)
        return MODE_MARIADB_GTID;
    return h->gtid_mode == GTID_MODE_ON ? MODE_MYSQL_GTID : MODE_POSITION;
}

static int look(struct rejoin_run *r, struct err *e)
{
    uint32_t all = group_mask(r->g);
    int64_t ms = LOOK_MS + r->g->host[0].conf->ssh_connection_timeout * INT64_C(1000);
    group_open(r->g, all, GROUP_SQL | GROUP_AGENTS, clock_mono_ms() + ms);
    r->seen = observe(r->g, &(struct observe){.what = GROUP_SQL | GROUP_AGENTS,
                                              .master = NO_HOST,
                                              .deadline_ms = clock_mono_ms() + LOOK_MS});
    r->master = rejoin_master(r->seen, r->host, e);
    if (r->master == NO_HOST)
        return -1;
    r->mode = mode_of(r);
    log_info("rejoin", "%s is to follow %s (%s)", label(r, r->host), label(r, r->master),
             mode_text(r->mode));
    return 0;
}

static const char *channel(const struct rejoin_run *r)
{
    return topo_channel(r->seen, r->host);
}

static int is_back(const struct rejoin_run *r)
{
    const struct topo_host *h = &r->seen->host[r->host];
    return h->reach == REACH_UP && h->channels > 0 && h->repl.master == r->master &&
           h->repl.io == THREAD_YES && h->repl.sql == THREAD_YES;
}

/* The guard ends; a server that is down is started, read-only from its first moment on. */
static int release(struct rejoin_run *r, int start, struct err *e)
{
    struct group_host *h = &r->g->host[r->host];
    if (!h->agent || !agent_alive(h->agent)) {
        if (start)
            err_set(e, ERR_WORLD,
                    "%s is down and there is no agent to start it: start it there with "
                    "--read-only=1, then run this again",
                    label(r, r->host));
        return start ? -1 : 0;
    }
    struct json_object *o = observe_instance(h->conf);
    json_put_bool(o, "start", start);
    json_put_bool(o, "read_only", 1);
    if (r->call->start_command)
        json_put_str(o, "start_command", r->call->start_command);
    if (agent_call(h->agent, "release", o, NULL, clock_mono_ms() + START_MS, e) < 0)
        return err_wrap(e,
                        "%s (start it there with --read-only=1 and run this again, or give "
                        "--start_command)",
                        label(r, r->host));
    if (start)
        log_info("rejoin", "%s was started, read-only", label(r, r->host));
    return 0;
}

static int wait_for_server(struct rejoin_run *r, struct err *e)
{
    struct group_host *h = &r->g->host[r->host];
    int64_t until = clock_mono_ms() + START_MS;
    while (group_open_sql(h, &h->sql, clock_mono_ms() + SQL_MS, e) < 0) {
        if (clock_mono_ms() >= until || e->code == ERR_DENIED || *r->call->stop)
            return err_wrap(e, "%s does not answer", label(r, r->host));
        clock_sleep_ms(PAUSE_MS);
    }
    return 0;
}

/* Closed before anything is compared: what it has stays what was looked at. */
static int close_host(struct rejoin_run *r, struct err *e)
{
    struct sql *s = sql_of(r);
    if (s->db == NULL && (release(r, 1, e) < 0 || wait_for_server(r, e) < 0))
        return -1;
    if (sql_lock(s, SQL_LOCK_FAILOVER, clock_mono_ms() + SQL_MS, e) < 0 ||
        sql_freeze(s, clock_mono_ms() + SQL_MS, e) < 0 ||
        sessions_end(s, 0, clock_mono_ms() + SQL_MS, e) < 0)
        return err_wrap(e, "%s", label(r, r->host));
    return release(r, 0, e);
}

static int refuse_errant(struct rejoin_run *r, struct err *e)
{
    struct buf text = BUF_INIT;
    struct err failed = {0};
    if (r->errant.count == 0 && r->errant_transactions == 0)
        return 0;
    if (r->errant.count)
        gtid_print(&r->errant, &text);
    else
        buf_addf(&text, "%llu transaction(s) behind %s:%llu",
                 (unsigned long long)r->errant_transactions, r->end.file,
                 (unsigned long long)r->end.pos);
    log_warning("errant", "only %s has %s", label(r, r->host), text.data);
    if (rejoin_save(r, &failed) < 0)
        log_error("errant", "they could not be saved: %s", failed.text);
    else
        log_info("errant", "they are saved in %s", r->saved);
    err_set(e, ERR_WORLD,
            "%s has transactions that the group has not: %.200s; they are %s%s. Apply by hand what "
            "is wanted of them on %s, then make %s anew from a copy of it; it stays read-only",
            label(r, r->host), text.data, r->saved[0] ? "saved in " : "not saved", r->saved,
            label(r, r->master), label(r, r->host));
    buf_release(&text);
    return -1;
}

/* Decision 20: what it lacks must be in the master's binlogs. MariaDB's own answer comes with the
 * first event that it cannot send. */
static int refuse_past_serving(const struct rejoin_run *r, struct err *e)
{
    struct gtid_set purged = topo_view(r->seen, r->seen->host[r->master].purged);
    if (r->mode != MODE_MYSQL_GTID || gtid_contains(&r->common, &purged))
        return 0;
    return err_set(e, ERR_WORLD,
                   "%s lacks what %s has purged from its binlogs: make it anew from a copy",
                   label(r, r->host), label(r, r->master));
}

/* Decision 24: a server that was never a replica has no gtid_slave_pos; its binlog says what it
 * has. */
static int take_own_position(struct rejoin_run *r, struct err *e)
{
    struct sql_gtids g = {0};
    struct buf text = BUF_INIT;
    struct sql *s = sql_of(r);
    int rc = sql_read_gtids(s, &g, clock_mono_ms() + SQL_MS, e);
    if (rc == 0) {
        gtid_print(&g.slave_pos, &text);
        log_info("rejoin", "gtid_slave_pos was \"%s\"", text.data);
        gtid_union(&g.binlog_pos, &g.slave_pos);
        rc = sql_set_gtid_slave_pos(s, &g.binlog_pos, clock_mono_ms() + SQL_MS, e);
    }
    buf_release(&text);
    sql_gtids_release(&g);
    return rc;
}

/* Host name, or the address where replicas name their master by address. */
static const char *master_name(const struct rejoin_run *r)
{
    const struct conf_server *m = r->g->host[r->master].conf;
    for (int i = 0; i < r->seen->hosts; i++)
        if (i != r->host && r->seen->host[i].channels &&
            strcmp(r->seen->host[i].repl.master_host, m->ip) == 0)
            return m->ip;
    return m->hostname;
}

static int follow(struct rejoin_run *r, struct err *e)
{
    const struct conf_server *m = r->g->host[r->master].conf;
    struct sql *s = sql_of(r);
    struct sql_change change = {.channel = channel(r),
                                .host = master_name(r),
                                .port = m->port,
                                .user = m->repl_user,
                                .password = m->repl_password,
                                .follow = r->mode == MODE_POSITION ? SQL_FOLLOW_POSITION
                                                                   : SQL_FOLLOW_GTID,
                                .from = r->begin,
                                .using_gtid = "slave_pos"};
    struct sql_tls tls;
    group_repl_tls(m, &tls);
    change.tls = &tls;
    for (int i = 0; !change.user && i < r->seen->hosts; i++)
        if (r->seen->host[i].channels && *r->seen->host[i].repl.user)
            change.user = r->seen->host[i].repl.user;
    if (sql_stop_replica(s, change.channel, clock_mono_ms() + STOP_MS, e) < 0)
        return -1;
    if (r->mode == MODE_MARIADB_GTID && take_own_position(r, e) < 0)
        return -1;
    if (sql_change_source(s, &change, clock_mono_ms() + SQL_MS, e) < 0 ||
        sql_start_replica(s, change.channel, clock_mono_ms() + SQL_MS, e) < 0)
        return -1;
    log_info("rejoin", "%s replicates from %s", label(r, r->host), label(r, r->master));
    return 0;
}

/* 1 both threads run, 0 not yet, -1 an error that does not pass. */
static int runs(struct rejoin_run *r, struct binpos *exec, struct err *e)
{
    struct sql_channels *all = mem_zalloc(sizeof *all);
    int rc = sql_read_channels(sql_of(r), all, clock_mono_ms() + SQL_MS, e);
    const struct sql_channel *c = rc == 0 ? channel_named(all, channel(r)) : NULL;
    if (c) {
        *exec = c->exec;
        rc = c->io_running == 1 && c->sql_running;
        if (!c->sql_running && c->sql_errno)
            rc = err_set(e, ERR_WORLD, "its SQL thread: %s", c->sql_error);
        else if (c->io_running == 0 && c->io_errno)
            rc = err_set(e, ERR_WORLD, "its IO thread: %s", c->io_error);
        else if (c->io_running == 2 && db_errno_means_alive(c->io_errno))
            rc = err_set(e, ERR_DENIED, "its IO thread: %s", c->io_error);
    }
    sql_channels_release(all);
    free(all);
    return rc;
}

static int wait_level(struct rejoin_run *r, struct err *e)
{
    int64_t until = clock_mono_ms() + RUNNING_MS, moved = clock_mono_ms();
    struct binpos exec = {.pos = 0}, last = {.pos = 0};
    for (;;) {
        int done = 0, rc = runs(r, &exec, e);
        if (rc < 0)
            return -1;
        if (rc == 0 && clock_mono_ms() >= until)
            return err_set(e, ERR_TIMEOUT, "replication did not start within %d s",
                           RUNNING_MS / 1000);
        if (rc > 0 && r->mode == MODE_POSITION)
            return 0;
        if (rc > 0 &&
            sql_wait_gtid(sql_of(r), channel(r), &r->target, clock_mono_ms() + 1000, &done, e) < 0)
            return -1;
        if (done)
            return 0;
        if (binpos_cmp(&exec, &last) != 0)
            moved = clock_mono_ms();
        last = exec;
        if (clock_mono_ms() - moved > STALL_MS || *r->call->stop)
            return err_set(e, ERR_TIMEOUT, "it follows, but is not level yet");
        clock_sleep_ms(PAUSE_MS);
    }
}

static int run(struct rejoin_run *r, struct err *e)
{
    if (look(r, e) < 0)
        return -1;
    if (is_back(r)) {
        log_info("rejoin", "%s replicates from %s already", label(r, r->host), label(r, r->master));
        return release(r, 0, e);
    }
    if (close_host(r, e) < 0 || rejoin_compare(r, e) < 0 || refuse_errant(r, e) < 0 ||
        refuse_past_serving(r, e) < 0)
        return -1;
    if (follow(r, e) < 0 || wait_level(r, e) < 0)
        return err_wrap(e, "%s", label(r, r->host));
    return 0;
}

int rejoin_host(struct group *g, const struct rejoin_call *c, struct err *e)
{
    struct rejoin_run r = {.g = g, .call = c, .host = c->host, .master = NO_HOST};
    struct err unlock;
    int rc = run(&r, e);
    if (sql_of(&r)->db)
        (void)sql_unlock(sql_of(&r), SQL_LOCK_FAILOVER, clock_mono_ms() + SQL_MS, &unlock);
    if (rc == 0 && retired_remove(g, c->host, e) < 0)
        rc = -1;
    if (rc < 0)
        log_error("rejoin-failed", "%s", e->text);
    else
        log_info("rejoin-end", "%s is a replica of %s.", label(&r, r.host), label(&r, r.master));
    gtid_release(&r.errant);
    gtid_release(&r.common);
    gtid_release(&r.target);
    topo_free(&r.seen);
    return rc < 0;
}
