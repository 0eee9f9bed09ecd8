/* Every t/plan/NAME.topo becomes NAME.plan, text in and text out; each plan is checked, simulated,
 * and simulated again with each step failing in turn. With --print FILE the decision on one
 * snapshot is printed. */
#include "manager/decide/failover.h"
#include "t/plan/fixture.h"
#include "t/plan/world/world.h"

static struct failover decided;

static int decide(const struct topo *t, struct buf *out)
{
    struct err e = {0};
    int rc = failover_decide(t, &decided, &e);

    failover_print(t, &decided, out);
    if (rc)
        buf_addf(out, "refused: %s\n", e.text);
    return rc;
}

static void ends_well(const char *name, const struct topo *t, const struct plan *p)
{
    struct world w;

    world_init(&w, t, p->dead);
    tap_ok(world_run(&w, p, NO_HOST, 0) == WORLD_DONE && !w.broken, "%s: runs to the end %s", name,
           w.why);
    for (int i = 0; i < t->hosts; i++) {
        if (p->part == PLAN_PROMOTE && i != p->dead && i != p->new_master)
            tap_ok(w.follows[i] == p->new_master || w.lost[i], "%s: %s follows or is left out",
                   name, t->host[i].host);
        if (p->part == PLAN_PROMOTE)
            tap_ok(!w.locked[i], "%s: no lock is left on %s", name, t->host[i].host);
    }
}

/* Plan A undone must leave what was before: no lock, IO threads running, the old master as it was.
 */
static int is_as_before(const struct world *w, const struct topo *t)
{
    int same = w->may_write[w->dead] || w->powered_off || t->host[w->dead].life == LIFE_GONE;

    for (int i = 0; i < t->hosts; i++)
        same &= !w->locked[i] && !w->io_stopped[i];
    return same;
}

static void survives_failures(const char *name, const struct topo *t, const struct plan *p)
{
    int bad = 0, as_before = 1;

    for (int k = 0; k < 2 * p->steps; k++) {
        struct world w;
        enum outcome o;

        world_init(&w, t, p->dead);
        o = world_run(&w, p, k / 2, k % 2);
        bad += w.broken;
        if (o == WORLD_UNDONE && p->part == PLAN_FENCE)
            as_before &= is_as_before(&w, t);
        if (o == WORLD_STOPPED && !w.returned)
            bad++;
    }
    tap_ok(bad == 0 && as_before, "%s: %d failing steps, none harms", name, p->steps);
}

static void run_plan(const char *name, const struct topo *t, const struct plan *p)
{
    struct topo *world = topo_copy(t);

    if (p->part == PLAN_PROMOTE)
        world->fenced = 1, world->host[p->dead].life = LIFE_GONE;
    ends_well(name, world, p);
    survives_failures(name, world, p);
    topo_free(&world);
}

enum spoilt { NO_SOURCE, WRONG_LOG, TO_THE_DEAD, TOO_LATE, SPOILT_COUNT };

/* Moves step i behind the point of no return. */
static void put_behind_opening(struct plan *p, int i)
{
    struct step moved = p->step[i];

    for (; i + 1 < p->steps && p->step[i].kind != STEP_NO_RETURN; i++)
        p->step[i] = p->step[i + 1];
    p->step[i] = moved;
}

static void spoil(struct plan *p, int i, enum spoilt how)
{
    struct step *s = &p->step[i];

    if (how == NO_SOURCE)
        s->peer = NO_HOST;
    else if (how == WRONG_LOG)
        s->source = s->source == SOURCE_BINLOG ? SOURCE_RELAY : SOURCE_BINLOG;
    else if (how == TO_THE_DEAD)
        s->host = p->dead;
    else
        put_behind_opening(p, i);
}

/* A rescue of the new master that is not what it must be does not pass. */
static void rescue_is_held_by_the_check(const char *name, const struct topo *t,
                                        const struct plan *p)
{
    static struct plan bad;
    int i = 0, passed = 0;

    while (i < p->steps && (p->step[i].kind != STEP_RESCUE || p->step[i].host != p->new_master))
        i++;
    for (int how = 0; i < p->steps && how < SPOILT_COUNT; how++) {
        struct err e = {0};

        bad = *p;
        spoil(&bad, i, (enum spoilt)how);
        passed += plan_check(t, &bad, &e) == 0;
    }
    if (i < p->steps)
        tap_ok(passed == 0, "%s: a spoilt rescue is refused", name);
}

/* Nor one whose relay logs are deleted beside it. */
static void relay_logs_are_held_by_the_check(const char *name, const struct topo *t,
                                             const struct plan *p)
{
    static struct plan bad;
    uint32_t serves = 0, follows = 0;
    struct err e = {0};

    bad = *p;
    for (int i = 0; i < p->steps; i++) {
        const struct step *s = &p->step[i];

        if (s->phase == PHASE_SLAVES)
            bad.step[i].beside = 1;
        if (s->phase == PHASE_SLAVES && s->kind == STEP_RESCUE && s->source == SOURCE_RELAY)
            serves |= UINT32_C(1) << s->peer;
        if (s->kind == STEP_FOLLOW)
            follows |= UINT32_C(1) << s->host;
    }
    if (serves & follows)
        tap_ok(plan_check(t, &bad, &e) < 0, "%s: relay logs are not deleted while they are read",
               name);
}

static void go_on(const char *name, const struct topo *t)
{
    if (decided.fence.steps)
        run_plan(name, t, &decided.fence);
    run_plan(name, t, &decided.promote);
    if (t->fenced)
        rescue_is_held_by_the_check(name, t, &decided.promote);
    if (t->fenced)
        relay_logs_are_held_by_the_check(name, t, &decided.promote);
}

int main(int argc, char **argv)
{
    static const struct fixtures f = {
        .directory = "t/plan", .ending = "plan", .least = 25, .decide = decide, .go_on = go_on};

    return fixture_main(&f, argc, argv);
}
