/* A simulated group that runs a plan: for order and invariants only; timing and SQL are proved on
 * real servers. */
#ifndef T_PLAN_WORLD_WORLD_H
#define T_PLAN_WORLD_WORLD_H

#include "manager/decide/plan.h"

struct world {
    const struct topo *t;
    int dead;
    int may_write[TOPO_HOSTS_MAX]; /* a client could commit there now */
    int locked[TOPO_HOSTS_MAX], io_stopped[TOPO_HOSTS_MAX], sql_started[TOPO_HOSTS_MAX];
    int follows[TOPO_HOSTS_MAX]; /* index of its master, NO_HOST */
    int lost[TOPO_HOSTS_MAX];    /* dropped or left */
    int supervisor_held, proved, killed, powered_off;
    int vip, returned, opened;
    int tables_locked, hook_stopped, semisync_off, monitor_locked; /* of an online switch */
    int broken; /* an invariant failed; `why` says which */
    char why[128];
};

enum outcome { WORLD_DONE, WORLD_UNDONE, WORLD_STOPPED };

/* The group before the plan. */
void world_init(struct world *w, const struct topo *t, int dead);
/* Runs p; step `fail_at` fails (NO_HOST: none), after its effect when late, before it otherwise.
 * Invariants are checked at every moment. */
enum outcome world_run(struct world *w, const struct plan *p, int fail_at, int late);

#endif
