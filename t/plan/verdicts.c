/* The table of verdicts against the product of everything the witnesses can say about a master with
 * two replicas. */
#include "manager/decide/diagnose.h"
#include "t/tap.h"

struct seen {
    int count[VERDICT_COUNT];
    int total, killed_the_living, dead_without_witness, acted_on_nothing;
};

static struct topo *group(void)
{
    static const char text[] = "group master=a\n"
                               "host a version=10.11.19-MariaDB\n"
                               "host b reach=up version=10.11.19-MariaDB\n  repl master_host=a\n"
                               "host c reach=up version=10.11.19-MariaDB\n  repl master_host=a\n";
    struct topo *t = NULL;
    struct err e;

    return topo_parse(text, &t, &e) ? NULL : t;
}

/* Any of these proves that the master lives, unless its own agent saw the process end, or a fence
 * was proved. */
static int somebody_knows_it_lives(const struct topo *t)
{
    int lives =
        t->host[0].reach == REACH_UP || t->host[0].reach == REACH_DENIED || t->secondary == 1;

    for (int i = 1; i < 3; i++)
        lives |= t->host[i].sight == SIGHT_GREETING ||
                 (t->host[i].repl.io == THREAD_YES && t->host[i].repl.heard);
    return lives;
}

static void judge(struct seen *s, const struct topo *t)
{
    const struct topo_host *m = &t->host[0];
    struct verdict v;

    diagnose(t, &v);
    s->total++;
    s->count[v.kind]++;
    if (v.dead && somebody_knows_it_lives(t) &&
        ((m->life != LIFE_GONE && !t->fenced) || m->reach == REACH_UP || m->reach == REACH_DENIED))
        s->killed_the_living++;
    if (v.dead && !t->fenced && m->life != LIFE_GONE && m->reach != REACH_REFUSED &&
        t->misses < t->misses_needed)
        s->dead_without_witness++;
    if (v.dead && (v.answers || t->stood_still))
        s->acted_on_nothing++;
    if (v.dead && !t->fenced && t->ride && m->life == LIFE_GONE && m->ending != ENDING_CLEAN)
        s->acted_on_nothing++;
    if (v.dead && !t->fenced && m->storage == STORAGE_FULL && m->life == LIFE_RUNNING &&
        m->agent == AGENT_UP)
        s->acted_on_nothing++;
}

/* The witnesses as digits of one number, so that the product is one loop. */
static unsigned digit(unsigned *rest, unsigned base)
{
    unsigned d = *rest % base;

    *rest /= base;
    return d;
}

static int set(struct topo *t, unsigned rest)
{
    struct topo_host *m = &t->host[0];

    m->reach = digit(&rest, 5);
    m->life = digit(&rest, 5);
    m->ending = digit(&rest, 3);
    for (int i = 1; i < 3; i++) {
        t->host[i].sight = digit(&rest, 5);
        t->host[i].repl.io = digit(&rest, 3);
        t->host[i].repl.heard = (int)digit(&rest, 2);
    }
    t->misses = (int)digit(&rest, 5);
    t->secondary = (int)digit(&rest, 3) - 1;
    t->fenced = (int)digit(&rest, 2);
    return rest == 0;
}

/* The second product: the agent's witness, the policy, and troubles of a master that answers. */
static int set_more(struct topo *t, unsigned rest)
{
    static const enum sight sights[] = {SIGHT_UNKNOWN, SIGHT_GREETING, SIGHT_REFUSED, SIGHT_SILENT};
    struct topo_host *m = &t->host[0];
    unsigned link, trouble, sight;

    m->reach = digit(&rest, 5);
    m->life = digit(&rest, 5);
    m->ending = digit(&rest, 3);
    m->agent = digit(&rest, 2) ? AGENT_UP : AGENT_UNREACHABLE;
    m->storage = digit(&rest, 7);
    m->came_back = (int)digit(&rest, 2);
    t->ride = (int)digit(&rest, 2);
    t->stood_still = (int)digit(&rest, 2);
    t->misses = digit(&rest, 2) ? t->misses_needed : 0;
    sight = digit(&rest, 4);
    link = digit(&rest, 4);
    trouble = digit(&rest, 3);
    m->read_only = trouble == 1;
    m->semisync_waiting = trouble == 2;
    t->secondary = digit(&rest, 2) ? 1 : -1;
    t->fenced = (int)digit(&rest, 2);
    for (int i = 1; i < 3; i++) {
        t->host[i].reach = link == 3 ? REACH_SILENT : REACH_UP;
        t->host[i].sight = sights[sight];
        t->host[i].repl.io = link == 2 ? THREAD_CONNECTING : THREAD_YES;
        t->host[i].repl.heard = link == 1;
    }
    return rest == 0;
}

int main(void)
{
    struct topo *t = group(), *u = group();
    struct seen s = {0};

    tap_ok(t != NULL && u != NULL, "a group of three");
    if (!t || !u)
        return tap_done();
    for (unsigned n = 0; set(t, n); n++)
        judge(&s, t);
    tap_ok(s.total == 5 * 5 * 3 * (5 * 3 * 2) * (5 * 3 * 2) * 5 * 3 * 2, "%d combinations",
           s.total);
    for (unsigned n = 0; set_more(u, n); n++)
        judge(&s, u);
    tap_ok(s.total == 5 * 5 * 3 * (5 * 3 * 2) * (5 * 3 * 2) * 5 * 3 * 2 +
                          5 * 5 * 3 * 2 * 7 * 2 * 2 * 2 * 2 * 4 * 4 * 3 * 2 * 2,
           "%d with what the agent, the policy and a living master add", s.total);
    tap_ok(s.killed_the_living == 0, "no verdict of death while somebody knows that it lives");
    tap_ok(s.dead_without_witness == 0, "no verdict of death by silence before the misses");
    tap_ok(s.acted_on_nothing == 0, "no death of a master that answers, that waits for its disk, "
                                    "that is ridden through, or after we stood still");
    for (int k = VERDICT_SELF; k < VERDICT_COUNT; k++)
        tap_ok(s.count[k] > 0, "\"%s\" is reached (%d times)", verdict_word((enum verdict_kind)k),
               s.count[k]);
    topo_free(&t);
    topo_free(&u);
    return tap_done();
}
