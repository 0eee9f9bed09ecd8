/* Every t/plan/switch/NAME.topo becomes NAME.plan; each plan is simulated, and simulated again with
 * each step failing in turn. With --print FILE the decision on one snapshot is printed. Plans that
 * were tampered with must be refused. */
#include "common/file.h"
#include "manager/decide/switchover.h"
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

static int decide(const struct topo *t, struct switchover *s, struct buf *out)
{
    struct err e = {0};
    int rc = switchover_decide(t, s, &e);

    switchover_print(t, s, out);
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

static void one(const char *path)
{
    static struct switchover s;
    struct buf want = BUF_INIT, got = BUF_INIT, again = BUF_INIT;
    struct topo *t = NULL, *copy = NULL;
    struct err e = {0};
    char plan[512], name[256];

    file_app_name(path, name, sizeof(name));
    snprintf(plan, sizeof(plan), "%.*s.plan", (int)(strlen(path) - strlen(".topo")), path);
    tap_ok(load(path, &t, &e) == 0, "%s is read %s", name, e.text);
    if (!t)
        return;
    topo_print(t, &again);
    tap_ok(topo_parse(again.data, &copy, &e) == 0, "%s is read back %s", name, e.text);
    file_read(plan, &want, SNAPSHOT_MAX, &e);
    if (decide(copy ? copy : t, &s, &got) == 0) {
        ends_well(name, t, &s.plan);
        survives_failures(name, t, &s.plan);
        is_held_by_the_check(name, t, &s.plan);
    }
    tap_is(got.data, want.data, plan);
    topo_free(&t);
    topo_free(&copy);
    buf_release(&want);
    buf_release(&got);
    buf_release(&again);
}

static int print_one(const char *path)
{
    static struct switchover s;
    struct buf out = BUF_INIT;
    struct topo *t = NULL;
    struct err e = {0};

    if (load(path, &t, &e))
        return fprintf(stderr, "%s\n", e.text), 1;
    decide(t, &s, &out);
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
    tap_ok(glob("t/plan/switch/*.topo", 0, NULL, &g) == 0 && g.gl_pathc >= 15,
           "at least 15 fixtures");
    for (size_t i = 0; i < g.gl_pathc; i++)
        one(g.gl_pathv[i]);
    globfree(&g);
    return tap_done();
}
