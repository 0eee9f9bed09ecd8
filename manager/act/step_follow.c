/* Pointing a replica at another master. */
#include "common/clock.h"
#include "manager/act/step.h"

#define STARTED_MS 10000 /* until both threads say Yes: MHA's own time */
#define LOOK_MS    5

static const char *using_gtid(enum follow f)
{
    if (f == FOLLOW_CURRENT_POS)
        return "current_pos";
    return "slave_pos";
}

/* 1 both threads run, 0 not yet, -1 with the thread's own error. */
static int runs(const struct exec *x, int host, const struct sql_channel *c, struct err *e)
{
    if (!c->sql_running && c->sql_errno)
        return err_set(e, ERR_WORLD, "the SQL thread of %s: %s", topo_label(x->t, host),
                       c->sql_error);
    if (c->io_running != 1 && (c->io_running == 0 ? c->io_errno : 0))
        return err_set(e, ERR_WORLD, "the IO thread of %s: %s", topo_label(x->t, host),
                       c->io_error);
    if (c->io_running != 1 && db_errno_means_alive(c->io_errno))
        return err_set(e, ERR_DENIED, "the IO thread of %s: %s", topo_label(x->t, host),
                       c->io_error);
    return c->io_running == 1 && c->sql_running;
}

static int wait_running(struct exec *x, int host, struct err *e)
{
    int64_t deadline = clock_mono_ms() + STARTED_MS;
    for (;;) {
        struct sql_channel c;
        if (step_channel(x, host, &c, e) < 0)
            return -1;
        int rc = runs(x, host, &c, e);
        gtid_release(&c.retrieved);
        if (rc != 0)
            return rc < 0 ? -1 : 0;
        if (clock_mono_ms() >= deadline)
            return err_set(e, ERR_TIMEOUT, "replication on %s did not start within %d s: %s",
                           topo_label(x->t, host), STARTED_MS / 1000,
                           c.io_error[0] ? c.io_error : c.io_state);
        clock_sleep_ms(LOOK_MS);
    }
}

/* Some servers switch relay_log_purge on with CHANGE; whoever had it off wants to keep it so. */
static int keep_relay_log_purge(struct exec *x, int host, struct err *e)
{
    if (x->before->host[host].relay_log_purge)
        return 0;
    return sql_set_relay_log_purge(&x->g->host[host].sql, 0, clock_mono_ms() + STEP_SQL_MS, e);
}

static int repoint(struct exec *x, int host, const struct sql_change *change, struct err *e)
{
    struct sql *s = &x->g->host[host].sql;
    if (sql_stop_replica(s, change->channel, clock_mono_ms() + STEP_STOP_MS, e) < 0 ||
        sql_change_source(s, change, clock_mono_ms() + STARTED_MS, e) < 0 ||
        keep_relay_log_purge(x, host, e) < 0 ||
        sql_start_replica(s, change->channel, clock_mono_ms() + STARTED_MS, e) < 0)
        return -1;
    return wait_running(x, host, e);
}

/* An operation that did not end had pointed it there already; to point it again would make it begin
 * again where the new master opened. */
static int start_there(struct exec *x, int host, struct err *e)
{
    struct sql *s = &x->g->host[host].sql;
    if (sql_start_replica(s, x->host[host].channel, clock_mono_ms() + STARTED_MS, e) < 0)
        return -1;
    return wait_running(x, host, e);
}

/* repl_user of the host that becomes the source; without it MHA takes that host's own
 * Master_User, and without a password each replica keeps the one it has. */
static void login_of(const struct exec *x, int source, struct sql_change *c)
{
    const struct conf_server *s = x->g->host[source].conf;
    const char *theirs = x->before->host[source].repl.user;
    c->user = s->repl_user ? s->repl_user : (*theirs ? theirs : NULL);
    c->password = s->repl_password;
}

/* Position mode starts where the new master opened; whatever is not applied would be skipped, or
 * applied twice. */
static int is_level(const struct exec *x, int host, const struct sql_channel *c, struct err *e)
{
    if (x->mode != MODE_POSITION || binpos_cmp(&c->exec, &x->t->host[host].repl.read) >= 0)
        return 1;
    err_set(e, ERR_WORLD, "%s has not applied all it has received: %s:%llu", topo_label(x->t, host),
            c->exec.file, (unsigned long long)c->exec.pos);
    return 0;
}

static int follow(struct exec *x, struct exec_done *d, int sql_gtid, struct err *e)
{
    const struct step *s = d->step;
    struct sql_channel c;
    if (step_channel(x, s->host, &c, e) < 0)
        return -1;
    int already = step_is_master(x, &c, s->peer);
    int running = c.io_running == 1 && c.sql_running;
    int half = already && c.io_running == 0; /* pointed, and not started or not any more */
    int level = already || is_level(x, s->host, &c, e);
    gtid_release(&c.retrieved);
    if (already && running) {
        d->result = STEP_ALREADY;
        return 0;
    }
    if (!level)
        return -1;
    if (half)
        return start_there(x, s->host, e);
    if (!sql_gtid && !x->position.file[0])
        return err_set(e, ERR_BUG, "the new master's position has not been read");
    struct sql_change change = {.channel = x->host[s->host].channel,
                                .host = step_master_name(x, s->peer),
                                .port = x->g->host[s->peer].conf->port,
                                .follow = sql_gtid ? SQL_FOLLOW_GTID : SQL_FOLLOW_POSITION,
                                .from = x->position,
                                .using_gtid = using_gtid(s->follow)};
    struct sql_tls tls;
    login_of(x, s->peer, &change);
    group_repl_tls(x->g->host[s->peer].conf, &tls);
    change.tls = &tls;
    return repoint(x, s->host, &change, e);
}

int step_follow(struct exec *x, struct exec_done *d, int64_t deadline_ms, struct err *e)
{
    (void)deadline_ms;
    if (follow(x, d, d->step->follow != FOLLOW_POSITION, e) < 0)
        return -1;
    x->host[d->step->host].followed = 1;
    return 0;
}

/* 1 when the host has applied all that the base has received: a rescue may have brought it already.
 */
static int has_all_of(struct exec *x, int host, int base, struct err *e)
{
    struct gtid_set received = GTID_INIT;
    struct sql_gtids now = {0};
    struct sql *s = step_sql(x, host, e);
    int has = -1;
    if (s && sql_read_gtids(s, &now, clock_mono_ms() + STEP_SQL_MS, e) == 0) {
        topo_received(x->t, base, &received);
        has = gtid_contains(&now.executed, &received);
    }
    sql_gtids_release(&now);
    gtid_release(&received);
    return has;
}

int step_follow_base(struct exec *x, struct exec_done *d, int64_t deadline_ms, struct err *e)
{
    (void)deadline_ms;
    if (x->mode == MODE_POSITION)
        return err_set(e, ERR_BUG, "positions of two binlogs cannot be compared");
    int has = has_all_of(x, d->step->host, d->step->peer, e);
    if (has > 0)
        d->result = STEP_ALREADY;
    return has != 0 ? (has > 0 ? 0 : -1) : follow(x, d, 1, e);
}

/* The inverse of FOLLOW_BASE: the old master, by name, account and way as the snapshot has them. By
 * position it starts where it had read to, all of which is applied; what the base gave it since
 * then comes again, and is skipped by its GTIDs. The master may be down: that both threads run is
 * not waited for. */
int step_follow_previous(struct exec *x, struct exec_done *d, int64_t deadline_ms, struct err *e)
{
    int host = d->step->host;
    const struct topo_repl *r = &x->before->host[host].repl;
    struct sql *s = step_sql(x, host, e);
    (void)deadline_ms;
    if (!s)
        return -1;
    struct sql_change change = {.channel = x->host[host].channel,
                                .host = r->master_host,
                                .port = r->master_port,
                                .user = *r->user ? r->user : NULL,
                                .follow = r->follow == FOLLOW_POSITION ? SQL_FOLLOW_POSITION
                                                                       : SQL_FOLLOW_GTID,
                                .from = r->read,
                                .using_gtid = using_gtid(r->follow)};
    if (sql_stop_replica(s, change.channel, clock_mono_ms() + STEP_STOP_MS, e) < 0 ||
        sql_change_source(s, &change, clock_mono_ms() + STARTED_MS, e) < 0 ||
        keep_relay_log_purge(x, host, e) < 0)
        return -1;
    return sql_start_replica(s, change.channel, clock_mono_ms() + STARTED_MS, e);
}
