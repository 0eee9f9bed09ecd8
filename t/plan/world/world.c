/* The simulated group; see world.h. Its switches have no default, so that a new kind of step must
 * be handled here. */
#include "t/plan/world/world.h"

#include <stdio.h>

void world_init(struct world *w, const struct topo *t, int dead)
{
    *w = (struct world){.t = t, .dead = dead, .vip = dead};
    w->may_write[dead] = t->host[dead].life != LIFE_GONE;
    w->proved = t->fenced;
    for (int i = 0; i < t->hosts; i++)
        w->follows[i] = i == dead ? NO_HOST : t->host[i].repl.master;
}

static void breaks(struct world *w, const char *why)
{
    if (!w->broken)
        snprintf(w->why, sizeof(w->why), "%s", why);
    w->broken = 1;
}

static void check(struct world *w)
{
    int writable = 0;

    for (int i = 0; i < w->t->hosts; i++)
        writable += w->may_write[i] && !(i == w->dead && w->t->fence == FENCE_MHA);
    if (writable > 1)
        breaks(w, "two servers can be written");
    if (w->opened && !w->proved)
        breaks(w, "opened without proof");
}

/* The steps of an online switch that change something here. A script may clear read_only, as MHA's
 * sample does. */
static void apply_switch(struct world *w, const struct step *s)
{
    if (s->kind == STEP_FREEZE || s->kind == STEP_HOOK_CHANGE_START)
        w->may_write[s->host] = s->kind == STEP_HOOK_CHANGE_START;
    w->proved |= s->kind == STEP_FREEZE;
    w->hook_stopped |= s->kind == STEP_HOOK_CHANGE_STOP;
    if (s->kind == STEP_LOCK_TABLES || s->kind == STEP_UNLOCK_TABLES)
        w->tables_locked = s->kind == STEP_LOCK_TABLES;
    if (s->kind == STEP_LOCK_MONITOR || s->kind == STEP_UNLOCK_MONITOR)
        w->monitor_locked = s->kind == STEP_LOCK_MONITOR;
    if (s->kind == STEP_SEMISYNC_OFF || s->kind == STEP_SEMISYNC_ON)
        w->semisync_off = s->kind == STEP_SEMISYNC_OFF;
}

/* What happens to one host's lock, threads and master. */
static void apply_replica(struct world *w, const struct step *s)
{
    int h = s->host;

    if (s->kind == STEP_LOCK || s->kind == STEP_UNLOCK)
        w->locked[h] = s->kind == STEP_LOCK;
    w->sql_started[h] |= s->kind == STEP_START_SQL;
    w->io_stopped[h] |= s->kind == STEP_STOP_IO;
    if (s->kind == STEP_FOLLOW || s->kind == STEP_FOLLOW_BASE)
        w->follows[h] = s->peer;
    if (s->kind == STEP_FORGET_MASTER)
        w->follows[h] = NO_HOST;
    w->lost[h] |= s->kind == STEP_LEAVE;
}

/* 0 when the step cannot do its work in this world. */
static int apply(struct world *w, const struct step *s)
{
    int h = s->host;

    switch (s->kind) {
    case STEP_FENCE_AGENT:
        w->killed = w->supervisor_held = 1;
        w->may_write[h] = 0;
        break;
    case STEP_HOOK_SHUTDOWN:
        w->powered_off = 1;
        w->may_write[h] = 0;
        break;
    case STEP_PROOF:
        w->proved = w->killed || w->powered_off || w->t->fence == FENCE_MHA;
        return w->proved;
    case STEP_NO_RETURN:
        w->returned = 1;
        break;
    case STEP_OPEN:
        w->opened = 1;
        w->may_write[h] = 1;
        break;
    case STEP_VIP_ADD:
        w->vip = h;
        break;
    case STEP_LOCK:
    case STEP_UNLOCK:
    case STEP_START_SQL:
    case STEP_STOP_IO:
    case STEP_FOLLOW:
    case STEP_FOLLOW_BASE:
    case STEP_FORGET_MASTER:
    case STEP_END_CATCHUP:
    case STEP_LEAVE:
        apply_replica(w, s);
        break;
    case STEP_FREEZE:
    case STEP_HOOK_CHANGE_STOP:
    case STEP_HOOK_CHANGE_START:
    case STEP_LOCK_TABLES:
    case STEP_UNLOCK_TABLES:
    case STEP_LOCK_MONITOR:
    case STEP_UNLOCK_MONITOR:
    case STEP_SEMISYNC_OFF:
    case STEP_SEMISYNC_ON:
        apply_switch(w, s);
        break;
    case STEP_UNGUARD:
    case STEP_FLUSH_TABLES:
    case STEP_WAIT_NEAR:
    case STEP_READ_FINAL:
    case STEP_WAIT_FINAL:
    case STEP_END_CLIENTS:
    case STEP_DEMOTE:
    case STEP_HOOK_IP_STOP:
    case STEP_WAIT_APPLIED:
    case STEP_WAIT_BASE:
    case STEP_RESCUE:
    case STEP_READ_POSITION:
    case STEP_HOOK_IP_START:
    case STEP_VIP_DEL:
    case STEP_VIP_ANNOUNCE:
    case STEP_WAIT_LEVEL:
    case STEP_KIND_COUNT:
        break;
    }
    return 1;
}

static void undo_switch(struct world *w, const struct step *s)
{
    if (s->kind == STEP_LOCK_MONITOR)
        w->monitor_locked = 0;
    if (s->kind == STEP_SEMISYNC_OFF)
        w->semisync_off = 0;
    if (s->kind == STEP_HOOK_CHANGE_STOP)
        w->hook_stopped = 0;
    if (s->kind == STEP_LOCK_TABLES)
        w->tables_locked = 0;
    if (s->kind == STEP_HOOK_CHANGE_START)
        w->may_write[s->host] = 0;
    if (s->kind == STEP_FREEZE) {
        w->proved = 0;
        w->may_write[s->host] = 1;
    }
    check(w);
}

static void undo(struct world *w, const struct step *s)
{
    int h = s->host;

    if (!step_has_undo(s->kind))
        return;
    undo_switch(w, s);
    if (s->kind == STEP_LOCK)
        w->locked[h] = 0;
    if (s->kind == STEP_STOP_IO)
        w->io_stopped[h] = 0;
    if (s->kind == STEP_START_SQL)
        w->sql_started[h] = 0;
    if (s->kind == STEP_FENCE_AGENT) {
        w->killed = w->supervisor_held = w->proved = 0;
        w->may_write[h] = 1;
    }
}

static enum outcome give_up(struct world *w, const struct plan *p, int at)
{
    if (w->returned)
        return WORLD_STOPPED;
    for (int i = at; i >= 0; i--)
        undo(w, &p->step[i]);
    check(w);
    return WORLD_UNDONE;
}

enum outcome world_run(struct world *w, const struct plan *p, int fail_at, int late)
{
    for (int i = 0; i < p->steps; i++) {
        const struct step *s = &p->step[i];
        int failed = i == fail_at;

        if (w->lost[s->host] && s->kind != STEP_UNLOCK)
            continue;
        if (!failed || late)
            failed |= !apply(w, s);
        check(w);
        if (!failed || s->on_fail == NOTE_ONLY)
            continue;
        if (s->on_fail == STOP_AND_UNDO)
            return give_up(w, p, i);
        w->lost[s->host] = 1;
    }
    return WORLD_DONE;
}
