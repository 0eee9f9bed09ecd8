/* Every t/plan/switch/NAME.topo becomes NAME.plan; each plan is simulated, and simulated again with
 * each step failing in turn. With --print FILE the decision on one snapshot is printed. Plans that
 * were tampered with must be refused. */
#include "manager/decide/switchover.h"
#include "t/plan/fixture.h"
#include "t/plan/world/world.h"

static struct switchover decided;

static int decide(const struct topo *t, struct buf *out)
{
    struct err e = {0};
    int rc = switchover_decide(t, &decided, &e);

    switchover_print(t, &decided, out);
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
    tap_ok(w.may_write[p->new_master] && !w.may_write[p->dead], "%s: one master, the new one",
           name);
    tap_ok(!w.tables_locked && !w.monitor_locked && !w.semisync_off, "%s: nothing is held", name);
    for (int i = 0; i < t->hosts; i++) {
        if (i != p->dead && i != p->new_master)
            tap_ok(w.follows[i] == p->new_master || w.lost[i], "%s: %s follows or is left out",
                   name, t->host[i].host);
        tap_ok(!w.locked[i], "%s: no lock is left on %s", name, t->host[i].host);
    }
    tap_ok(!t->orig_master_is_new_slave || w.follows[p->dead] == p->new_master,
           "%s: the old master follows where it should", name);
}

/* A switch undone leaves what was before: the old master writable, nobody else, nothing held. */
static int is_as_before(const struct world *w, const struct topo *t)
{
    int same = w->may_write[w->dead] && !w->tables_locked && !w->hook_stopped && !w->semisync_off &&
               !w->monitor_locked && w->vip == w->dead;

    for (int i = 0; i < t->hosts; i++)
        same &= !w->locked[i] && (i == w->dead || !w->may_write[i]) &&
                (i == w->dead || w->follows[i] == t->host[i].repl.master);
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
        bad += w.broken || (o == WORLD_STOPPED && !w.returned);
        if (o == WORLD_UNDONE)
            as_before &= is_as_before(&w, t);
        else
            bad += w.may_write[p->dead];
    }
    tap_ok(bad == 0, "%s: %d failing steps, none harms", name, p->steps);
    tap_ok(as_before, "%s: what is undone is as it was", name);
}

/* Without one of its steps a plan must not pass, where the step is what makes it safe. */
static void is_held_by_the_check(const char *name, const struct topo *t, const struct plan *p)
{
    static const enum step_kind needed[] = {STEP_WAIT_NEAR,  STEP_FREEZE,        STEP_READ_FINAL,
                                            STEP_WAIT_FINAL, STEP_READ_POSITION, STEP_NO_RETURN,
                                            STEP_FOLLOW};

    for (size_t n = 0; n < sizeof(needed) / sizeof(needed[0]); n++) {
        static struct plan less;
        struct err e = {0};

        less = *p;
        less.steps = 0;
        for (int i = 0; i < p->steps; i++) {
            if (p->step[i].kind != needed[n])
                less.step[less.steps++] = p->step[i];
        }
        tap_ok(less.steps == p->steps || plan_check(t, &less, &e) < 0, "%s: refused without %s",
               name, step_word(needed[n]));
    }
}

static void go_on(const char *name, const struct topo *t)
{
    ends_well(name, t, &decided.plan);
    survives_failures(name, t, &decided.plan);
    is_held_by_the_check(name, t, &decided.plan);
}

int main(int argc, char **argv)
{
    static const struct fixtures f = {.directory = "t/plan/switch",
                                      .ending = "plan",
                                      .least = 15,
                                      .decide = decide,
                                      .go_on = go_on};

    return fixture_main(&f, argc, argv);
}
