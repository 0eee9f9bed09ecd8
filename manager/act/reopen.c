/* Opening a restarted master again; see reopen.h. */
#include "manager/act/reopen.h"

#include "common/clock.h"
#include "common/log.h"
#include "manager/act/hooks.h"
#include "manager/act/observe.h"
#include "manager/act/retired.h"
#include "manager/decide/roles.h"

#include <stdio.h>

#define STEP_MS 3000

/* Only a restart makes a server forget that it was opened: since it took writes it has not been
 * running all the time. 1, 0, -1. */
static int was_restarted(struct sql *s, int64_t writable_ms, struct err *e)
{
    int64_t now = clock_mono_ms(), seconds;

    if (sql_read_uptime(s, &seconds, now + STEP_MS, e) < 0)
        return -1;
    return seconds * 1000 < now - writable_ms;
}

static int was_promoted_here(const struct group *g, int master)
{
    struct retired_last last;

    return retired_last(g, &last) && last.next == master;
}

/* No other program changes roles meanwhile: the failover lock of every server that answers. */
static int lock_all(struct group *g, const struct topo *t, struct err *e)
{
    for (int i = 0; i < t->hosts; i++)
        if (t->host[i].reach == REACH_UP && g->host[i].sql.db &&
            sql_lock(&g->host[i].sql, SQL_LOCK_FAILOVER, clock_mono_ms() + STEP_MS, e) < 0)
            return err_wrap(e, "%s", topo_label(t, i));
    return 0;
}

static void unlock_all(struct group *g, const struct topo *t)
{
    for (int i = 0; i < t->hosts; i++)
        if (t->host[i].reach == REACH_UP && g->host[i].sql.db)
            sql_unlock(&g->host[i].sql, SQL_LOCK_FAILOVER, clock_mono_ms() + STEP_MS, NULL);
}

/* Behind the locks the world is looked at anew. */
static int open_locked(struct group *g, int master, struct err *e)
{
    char why[TOPO_TEXT];
    struct topo *t;
    int may;

    retired_load(g);
    t = observe(g, &(struct observe){.what = GROUP_SQL,
                                     .master = master,
                                     .deadline_ms = clock_mono_ms() + STEP_MS});
    may = roles_may_reopen(t, master, why);
    topo_free(&t);
    if (!may)
        return err_set(e, ERR_WORLD, "%s", why[0] ? why : "it is not read-only any more");
    return sql_open_for_writes(&g->host[master].sql, clock_mono_ms() + STEP_MS, e);
}

/* why: what keeps it closed, NULL when it is open. */
static void tell(struct reopen *r, const struct group *g, const struct topo *t, int master,
                 const char *why)
{
    char text[2 * TOPO_TEXT];

    if (!why)
        snprintf(text, sizeof(text),
                 "%s was promoted here and was read-only after a restart: it takes writes again; "
                 "set read_only=0 in its my.cnf",
                 topo_label(t, master));
    else
        snprintf(text, sizeof(text),
                 "%s was promoted here, is read-only after a restart and is not opened: %.200s",
                 topo_label(t, master), why);
    if (!why)
        log_warning("reopened", "%s", text);
    else if (!r->told)
        log_error("not-reopened", "%s", text);
    if (!why || !r->told)
        hook_tell(g->conf, g->host[master].conf, "the master was read-only after a restart", text);
    r->told = why != NULL;
}

int reopen_master(struct reopen *r, struct group *g, const struct topo *t, int master)
{
    const struct topo_host *m = &t->host[master];
    char why[TOPO_TEXT];
    struct err e = {0};
    int rc;

    if (m->reach == REACH_UP && !m->read_only)
        *r = (struct reopen){.writable_ms = clock_mono_ms()};
    if (m->reach != REACH_UP || !m->read_only || m->channels > 0 || !r->writable_ms ||
        g->paused_until_wall_ms || !was_promoted_here(g, master) ||
        was_restarted(&g->host[master].sql, r->writable_ms, &e) != 1)
        return 0;
    rc = roles_may_reopen(t, master, why) ? 0 : err_set(&e, ERR_WORLD, "%s", why);
    if (rc == 0) {
        rc = lock_all(g, t, &e);
        if (rc == 0)
            rc = open_locked(g, master, &e);
        unlock_all(g, t);
    }
    if (rc == 0)
        r->writable_ms = clock_mono_ms();
    tell(r, g, t, master, rc == 0 ? NULL : e.text);
    return rc == 0;
}
