/* The end of a catch-up: every replication setting that it touched is put back (decision 18), also
 * of one that another manager began and did not end. */
#include "common/clock.h"
#include "manager/act/rescue.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

int rescue_take_note(struct rescue *r)
{
    struct json_object *note = NULL;

    if (strcmp(r->channel.master_host, SQL_CATCHUP_HOST) != 0 ||
        !rescue_note_read(&r->x->g->host[r->host], &note, clock_mono_ms() + STEP_SQL_MS))
        return 0;
    sql_catchup_from_json(note, &r->saved);
    json_object_put(note);
    return 1;
}

/* A password of ours is lent only where the server's own can be given back. */
void rescue_choose_login(struct rescue *r)
{
    const struct conf_server *c = r->x->g->host[r->dead].conf;

    r->lends_password =
        c->repl_password && c->repl_user && strcmp(c->repl_user, r->saved.user) == 0;
}

int rescue_stop_threads(struct rescue *r, struct err *e)
{
    if (r->saved.applier_may_run_on)
        return sql_stop_io(r->s, r->channel.name, clock_mono_ms() + STEP_STOP_MS, e);
    r->stopped = 1;
    return sql_stop_replica(r->s, r->channel.name, clock_mono_ms() + STEP_STOP_MS, e);
}

/* MySQL by GTID keeps no relay logs over a CHANGE while the applier stands still, and with several
 * workers takes no CHANGE when one of them failed (error 1802): what it could not apply is left to
 * a human then, as it lies there, with the note that says whose it is. */
static int must_stay(const struct rescue *r, const struct sql_channel *c)
{
    const struct topo_host *h = &r->x->t->host[r->host];
    int workers = h->version.family == FAMILY_MYSQL && h->workers > 1;

    return (workers || (r->by_gtid && r->saved.auto_position)) && !c->sql_running && c->sql_errno;
}

static void back_to(const struct rescue *r, const struct sql_channel *c, int failed,
                    struct sql_catchup_to *to)
{
    const struct conf_server *dead = r->x->g->host[r->dead].conf;
    int by_gtid = r->saved.auto_position ||
                  (r->saved.using_gtid[0] && strcasecmp(r->saved.using_gtid, "No") != 0);
    int keep = failed && !r->saved.auto_position && (r->stopped || !c->sql_running);

    if (!by_gtid || keep)
        to->from = keep || !r->stopped ? &c->read : &c->exec;
    if (keep)
        to->relay = &c->relay;
    if (r->lends_password) {
        to->user = r->saved.user;
        to->password = dead->repl_password;
    }
}

int rescue_put_back(struct rescue *r, int failed, struct err *e)
{
    struct sql_channel c = {0};
    struct sql_catchup_to to = {.host = NULL};
    int rc = rescue_stop_threads(r, e);

    if (rc == 0)
        rc = step_channel(r->x, r->host, &c, e);
    r->applier_failed = c.sql_errno != 0;
    if (rc == 0 && failed && must_stay(r, &c)) {
        gtid_release(&c.retrieved);
        return err_set(e, ERR_WORLD, "what it could not apply is kept in its relay logs");
    }
    back_to(r, &c, failed, &to);
    if (rc == 0)
        rc = sql_catchup_restore(r->s, &r->saved, &to, clock_mono_ms() + STEP_STOP_MS, e);
    if (rc == 0 && r->x->before->host[r->host].relay_log_purge == 0)
        rc = sql_set_relay_log_purge(r->s, 0, clock_mono_ms() + STEP_SQL_MS, e);
    if (rc == 0 && r->stopped)
        rc = sql_start_sql(r->s, r->channel.name, clock_mono_ms() + STEP_SQL_MS, e);
    gtid_release(&c.retrieved);
    if (rc == 0)
        rescue_note_del(r);
    return rc;
}

/* 1 found, 0 none. */
static int find_unfinished(struct rescue *r, struct err *e)
{
    int64_t deadline = clock_mono_ms() + STEP_SQL_MS;

    r->s = step_sql(r->x, r->host, e);
    if (!r->s || step_channel(r->x, r->host, &r->channel, e) < 0)
        return -1;
    if (strcmp(r->channel.master_host, SQL_CATCHUP_HOST) != 0)
        return 0;
    if (sql_catchup_save(r->s, r->channel.name, &r->saved, deadline, e) < 0)
        return -1;
    return rescue_take_note(r);
}

/* A rescue ends its own; one whose manager was killed is left. */
int step_rescue_back(struct exec *x, struct exec_done *d, int64_t deadline_ms, struct err *e)
{
    struct rescue *r = mem_zalloc(sizeof *r);
    int rc;

    (void)deadline_ms;
    *r = (struct rescue){.x = x, .d = d, .host = d->step->host, .dead = x->p->dead};
    r->by_gtid = x->mode != MODE_POSITION;
    rc = find_unfinished(r, e);
    if (rc == 0 && d->result == STEP_OK)
        d->result = STEP_ALREADY;
    if (rc > 0) {
        r->saved.applier_may_run_on = 0;
        rescue_choose_login(r);
        rc = rescue_put_back(r, 1, e);
    }
    gtid_release(&r->channel.retrieved);
    free(r);
    return rc < 0 ? -1 : 0;
}
