/* Closing a replaced master; see intruder.h. */
#include "manager/act/intruder.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/sql_freeze.h"
#include "manager/act/hooks.h"
#include "manager/act/observe.h"
#include "manager/act/retired.h"
#include "manager/decide/roles.h"

#include <stdio.h>

#define STEP_MS 3000

/* Somebody may have brought it back, or made it the master, since it was looked at. */
static int still_is(struct group *g, int master, int host)
{
    uint32_t others = group_mask(g) & ~(UINT32_C(1) << host);
    struct topo *t;
    int yes;

    retired_load(g);
    t = observe(g, &(struct observe){.what = GROUP_SQL,
                                     .skip = others,
                                     .master = master,
                                     .deadline_ms = clock_mono_ms() + STEP_MS});
    yes = roles_is_intruder(t, master, host);
    topo_free(&t);
    return yes;
}

/* 1 closed, 0 it is none any more, or an operation of another program has the word on it, -1 it
 * takes writes still. The lock ends with the session, whatever happens. */
static int close_one(struct group *g, int master, int host, struct err *e)
{
    struct sql *s = &g->host[host].sql;
    int rc = 0;

    if (sql_lock(s, SQL_LOCK_FAILOVER, clock_mono_ms() + STEP_MS, e) < 0)
        return e->code == ERR_WORLD ? 0 : -1;
    if (still_is(g, master, host))
        rc = sql_freeze(s, clock_mono_ms() + STEP_MS, e) < 0 ? -1 : 1;
    sql_close(s);
    return rc;
}

static void meet(struct group *g, const struct topo *t, int master, int host, int known)
{
    const char *label = topo_label(t, host);
    struct err e = {0};
    char text[TOPO_TEXT + 256];
    int rc;

    if (g->paused_until_wall_ms) {
        if (!known)
            log_warning("retired-alive", "%s was replaced, is back and takes writes; paused %s",
                        label, g->paused);
        return;
    }
    rc = close_one(g, master, host, &e);
    if (rc > 0) {
        snprintf(text, sizeof(text),
                 "%s was replaced, is back and took writes: it is read-only now; kagemusha rejoin "
                 "makes it a replica and names what only it has",
                 label);
        log_warning("retired-closed", "%s", text);
        hook_tell(g->conf, g->host[host].conf, "a replaced master took writes", text);
    } else if (rc < 0 && !known) {
        log_error("retired-open",
                  "%s was replaced, is back and takes writes, and cannot be set read-only: %s",
                  label, e.text);
    }
}

void intruder_close(struct group *g, const struct topo *t, int master, uint32_t *told)
{
    for (int i = 0; i < t->hosts; i++) {
        uint32_t bit = UINT32_C(1) << i;

        if (roles_is_intruder(t, master, i)) {
            meet(g, t, master, i, (*told & bit) != 0);
            *told |= bit;
        } else {
            *told &= ~bit;
        }
    }
}
