/* Every t/plan/NAME.topo becomes NAME.plan, text in and text out; each plan is checked, simulated,
 * and simulated again with each step failing in turn. With --print FILE the decision on one
 * snapshot is printed. */
#include "common/file.h"
#include "manager/decide/failover.h"
#include "t/plan/world/world.h"
#include "t/tap.h"

#include <glob.h>

#define SNAPSHOT_MAX (1 << 20)

static int load(const char *path, struct topo **t, struct err *e)
{
    struct buf text = BUF_INIT;
    int rc = file_read(path, &text, SNAPSHOT_MAX, e);

    if (rc == 0)
        rc = topo_parse(text.data, t, e);
    buf_release(&text);
    return rc;
}

static int decide(const struct topo *t, struct failover *f, struct buf *out)
{
    struct err e = {0};
    int rc = failover_decide(t, f, &e);

    failover_print(t, f, out);
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

/* Printing and reading again must give the same text: that is what incidents are saved as. */
static void round_trip(const char *name, const struct topo *t)
{
    struct buf once = BUF_INIT, twice = BUF_INIT;
    struct topo *again = NULL;
    struct err e = {0};

    topo_print(t, &once);
    if (topo_parse(once.data, &again, &e) == 0)
        topo_print(again, &twice);
    tap_is(twice.data, once.data, name);
    topo_free(&again);
    buf_release(&once);
    buf_release(&twice);
}

static void one(const char *path)
{
    static struct failover f;
    struct buf want = BUF_INIT, got = BUF_INIT;
    struct topo *t = NULL;
    struct err e = {0};
    char plan[512], name[256];

    file_app_name(path, name, sizeof(name));
    snprintf(plan, sizeof(plan), "%.*s.plan", (int)(strlen(path) - strlen(".topo")), path);
    if (!tap_ok(load(path, &t, &e) == 0, "%s is read %s", name, e.text))
        return;
    round_trip(name, t);
    file_read(plan, &want, SNAPSHOT_MAX, &e);
    if (decide(t, &f, &got) == 0) {
        if (f.fence.steps)
            run_plan(name, t, &f.fence);
        run_plan(name, t, &f.promote);
    }
    tap_is(got.data, want.data, plan);
    topo_free(&t);
    buf_release(&want);
    buf_release(&got);
}

static int print_one(const char *path)
{
    static struct failover f;
    struct buf out = BUF_INIT;
    struct topo *t = NULL;
    struct err e = {0};

    if (load(path, &t, &e))
        return fprintf(stderr, "%s\n", e.text), 1;
    decide(t, &f, &out);
    fputs(out.data, stdout);
    buf_release(&out);
    topo_free(&t);
    return 0;
}

int main(int argc, char **argv)
{
    glob_t g;

    if (argc == 3 && strcmp(argv[1], "--print") == 0)
        return print_one(argv[2]);
    tap_ok(glob("t/plan/*.topo", 0, NULL, &g) == 0 && g.gl_pathc >= 25, "at least 25 fixtures");
    for (size_t i = 0; i < g.gl_pathc; i++)
        one(g.gl_pathv[i]);
    globfree(&g);
    return tap_done();
}
