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

static void go_on(const char *name, const struct topo *t)
{
    if (decided.fence.steps)
        run_plan(name, t, &decided.fence);
    run_plan(name, t, &decided.promote);
}

int main(int argc, char **argv)
{
    static const struct fixtures f = {
        .directory = "t/plan", .ending = "plan", .least = 25, .decide = decide, .go_on = go_on};

    return fixture_main(&f, argc, argv);
}
