/* What becomes of an operation whose manager ended: a table of predicates read from top to bottom,
 * and the snapshot as the planner may see it. */
#include "manager/decide/resume.h"

#include <stdio.h>
#include <string.h>

struct facts {
    const struct topo *t;
    int dead, heir;
    int up; /* other servers than the dead master that answer */
    char *why;
};

static const struct topo_host *host_of(const struct facts *f, int i)
{
    return &f->t->host[i];
}

static int is_up(const struct facts *f, int i)
{
    return i != NO_HOST && host_of(f, i)->reach == REACH_UP;
}

/* From a note, nothing is known of the steps: each may have been begun. */
static int may_have_begun(const struct facts *f, int i, enum step_kind kind)
{
    return f->t->interrupted == INTERRUPTED_NOTE || step_in_words(host_of(f, i)->begun, kind);
}

static int begun_anywhere(const struct facts *f, enum step_kind kind)
{
    for (int i = 0; i < f->t->hosts; i++)
        if (step_in_words(host_of(f, i)->begun, kind))
            return 1;
    return 0;
}

static int takes_writes(const struct facts *f, int i)
{
    return i != f->dead && is_up(f, i) && !host_of(f, i)->read_only && host_of(f, i)->was_read_only;
}

/* By the journal it is the host of the steps behind the point of no return; where only a note is
 * left, the one that takes writes now and did not before. */
static int find_heir(const struct facts *f)
{
    static const enum step_kind behind[] = {STEP_HOOK_IP_START, STEP_OPEN, STEP_VIP_ADD};

    for (int i = 0; i < f->t->hosts; i++)
        for (size_t n = 0; n < sizeof(behind) / sizeof(behind[0]); n++)
            if (i != f->dead && step_in_words(host_of(f, i)->begun, behind[n]))
                return i;
    for (int i = 0; f->t->interrupted == INTERRUPTED_NOTE && i < f->t->hosts; i++)
        if (takes_writes(f, i))
            return i;
    return NO_HOST;
}

static int is_loopback(const char *host)
{
    return strncmp(host, "127.", 4) == 0 || strcmp(host, "localhost") == 0 ||
           strcmp(host, "::1") == 0;
}

/* 1 when a replica of the dead master is where the operation may have left it. */
static int is_explained(const struct facts *f, int i, enum moved *moved)
{
    const struct topo_host *h = host_of(f, i);
    int master = h->repl.master;

    *moved = MOVED_NO;
    if (h->channels > 0 && master == f->dead)
        return 1;
    *moved = MOVED_TO_HEIR;
    if (h->channels == 0)
        return i == f->heir && may_have_begun(f, i, STEP_FORGET_MASTER);
    if (f->heir != NO_HOST && master == f->heir)
        return may_have_begun(f, i, STEP_FOLLOW);
    *moved = MOVED_ASIDE;
    if (is_loopback(h->repl.master_host))
        return may_have_begun(f, i, STEP_RESCUE);
    return master != NO_HOST && host_of(f, master)->was_replica &&
           may_have_begun(f, i, STEP_FOLLOW_BASE);
}

/* Predicates: 1 when the row holds; why: its sentence. */
static int nobody_answers(const struct facts *f)
{
    if (f->up)
        return 0;
    return snprintf(f->why, 512,
                    "none of the other servers answers: what became of the operation cannot be "
                    "told");
}

static int is_old(const struct facts *f)
{
    if (f->t->interrupted_s <= f->t->resume_window_s)
        return 0;
    return snprintf(f->why, 512,
                    "its last line is %d s old, and after %d s (resume_window) nothing is resumed",
                    f->t->interrupted_s, f->t->resume_window_s);
}

static int has_begun_nothing(const struct facts *f)
{
    for (int i = 0; i < f->t->hosts; i++)
        if (*host_of(f, i)->begun || f->t->interrupted == INTERRUPTED_NOTE)
            return 0;
    return snprintf(f->why, 512, "no step of it had begun");
}

/* The old master of an online switch, which follows the new one by its plan. */
static int is_demoted(const struct facts *f)
{
    return f->t->interrupted == INTERRUPTED_SWITCH && f->heir != NO_HOST &&
           host_of(f, f->dead)->repl.master == f->heir;
}

/* Somebody has pointed a host where this operation never does. */
static int is_strange(const struct facts *f)
{
    enum moved unused;

    for (int i = 0; i < f->t->hosts; i++) {
        const struct topo_host *h = host_of(f, i);

        if (!is_up(f, i) || (i != f->dead && !h->was_replica))
            continue;
        if (i == f->dead && h->channels > 0 && !is_demoted(f))
            return snprintf(f->why, 512, "%s is a replica of %s:%d by now", topo_label(f->t, i),
                            h->repl.master_host, h->repl.master_port);
        if (i == f->dead || is_explained(f, i, &unused))
            continue;
        if (h->channels == 0)
            return snprintf(f->why, 512,
                            "%s replicates from nobody, and no step of it explains that",
                            topo_label(f->t, i));
        return snprintf(f->why, 512, "%s replicates from %s:%d, and no step of it explains that",
                        topo_label(f->t, i), h->repl.master_host, h->repl.master_port);
    }
    return 0;
}

static int has_another_master(const struct facts *f)
{
    for (int i = 0; i < f->t->hosts; i++)
        if (takes_writes(f, i) && i != f->heir)
            return snprintf(f->why, 512,
                            "%s takes writes, and is neither its old nor its new master",
                            topo_label(f->t, i));
    return 0;
}

/* Nothing is killed for a switch that was to hurt nobody. */
static int has_both(const struct facts *f)
{
    if (f->t->interrupted != INTERRUPTED_SWITCH || !is_up(f, f->dead) ||
        host_of(f, f->dead)->read_only || f->heir == NO_HOST || !takes_writes(f, f->heir))
        return 0;
    return snprintf(f->why, 512, "%s and %s both take writes: make one of them read-only",
                    topo_label(f->t, f->dead), topo_label(f->t, f->heir));
}

static int has_lost_its_heir(const struct facts *f)
{
    if (f->heir == NO_HOST || is_up(f, f->heir))
        return 0;
    if (!step_in_words(host_of(f, f->heir)->begun, STEP_OPEN))
        return 0;
    return snprintf(f->why, 512,
                    "%s may have been opened and does not answer: bring it back, or decide by hand "
                    "who has the data",
                    topo_label(f->t, f->heir));
}

static int has_passed(const struct facts *f)
{
    if (!is_up(f, f->heir))
        return 0;
    return snprintf(f->why, 512, "its point of no return was passed, with %s as the new master",
                    topo_label(f->t, f->heir));
}

static int has_a_living_master(const struct facts *f)
{
    enum reach r = host_of(f, f->dead)->reach;

    if (r != REACH_UP && r != REACH_DENIED)
        return 0;
    return snprintf(f->why, 512, "%s lives, and nobody was promoted", topo_label(f->t, f->dead));
}

static int otherwise(const struct facts *f)
{
    return snprintf(f->why, 512, "%s is dead%s, and nobody was promoted", topo_label(f->t, f->dead),
                    begun_anywhere(f, STEP_FENCE_AGENT) || begun_anywhere(f, STEP_HOOK_SHUTDOWN)
                        ? " and perhaps fenced"
                        : "");
}

typedef int holds_fn(const struct facts *f);
static const struct row {
    holds_fn *holds;
    enum resume_way way;
} rows[] = {
    {is_old,              RESUME_CLOSE  },
    {has_begun_nothing,   RESUME_CLOSE  },
    {nobody_answers,      RESUME_REFUSED},
    {is_strange,          RESUME_CLOSE  },
    {has_another_master,  RESUME_CLOSE  },
    {has_both,            RESUME_REFUSED},
    {has_lost_its_heir,   RESUME_REFUSED},
    {has_passed,          RESUME_FINISH },
    {has_a_living_master, RESUME_UNDO   },
    {otherwise,           RESUME_AGAIN  },
};

/* Where the replicas of the dead master had come in its log at most. */
static struct binpos furthest(const struct topo *v)
{
    struct binpos best = {0};

    for (int i = 0; i < v->hosts; i++) {
        const struct topo_host *h = &v->host[i];

        if (i != v->master && h->reach == REACH_UP && h->was_replica && !h->moved &&
            binpos_cmp(&h->repl.read, &best) > 0)
            best = h->repl.read;
    }
    return best;
}

/* A new master that forgot its master no longer says how it found its place; the others do. Without
 * it one such host would make a GTID group of MariaDB one of file and position. */
static void follow_as_others(const struct topo *v, struct topo_host *h)
{
    h->repl.sql = THREAD_YES;
    for (int i = 0; i < v->hosts; i++) {
        if (v->host[i].was_replica && v->host[i].reach == REACH_UP && v->host[i].channels > 0)
            h->repl.follow = v->host[i].repl.follow;
    }
}

/* A host that was pointed elsewhere, as a replica of the dead master again: by the coordinates of
 * its catch-up, which are the dead master's own (decision 18); else level with the best, since
 * nobody is pointed at the new master who was not. */
static void see_as_replica(struct topo *v, struct topo_host *h, const struct binpos *level)
{
    if (h->channels == 0)
        follow_as_others(v, h);
    if (h->moved == MOVED_ASIDE && is_loopback(h->repl.master_host))
        h->repl.read = h->repl.exec;
    else
        h->repl.read = h->repl.exec = *level;
    h->channels = 1;
    h->repl.master = v->master;
}

static int is_open(const struct facts *f, int i)
{
    return is_up(f, i) && !host_of(f, i)->read_only &&
           (host_of(f, i)->was_read_only || step_in_words(host_of(f, i)->begun, STEP_OPEN));
}

static void make_view(const struct facts *f, struct topo *v)
{
    struct binpos level;

    v->heir = f->heir;
    v->opened = is_open(f, f->heir) ? f->heir : NO_HOST;
    v->misses = v->misses_needed;
    for (int i = 0; i < v->hosts; i++)
        if (i != f->dead && is_up(f, i) && v->host[i].was_replica)
            is_explained(f, i, &v->host[i].moved);
    level = furthest(v);
    for (int i = 0; i < v->hosts; i++)
        if (v->host[i].moved)
            see_as_replica(v, &v->host[i], &level);
}

static void facts_fill(struct facts *f, const struct topo *t, char *why)
{
    *f = (struct facts){.t = t, .dead = t->master, .why = why};
    f->heir = find_heir(f);
    for (int i = 0; i < t->hosts; i++)
        f->up += i != f->dead && is_up(f, i);
}

struct topo *resume_view(const struct topo *t)
{
    struct topo *v = topo_copy(t);
    struct facts f;

    facts_fill(&f, t, NULL);
    make_view(&f, v);
    return v;
}

static void make_plan(struct resume *r)
{
    struct err e = {0};
    int rc = 0;

    if (r->way == RESUME_FINISH) {
        r->view->fenced = 0;
        rc = failover_finish(r->view, &r->plan, &e);
    } else if (r->way == RESUME_AGAIN) {
        rc = failover_decide(r->view, &r->plan, &e);
    }
    if (rc == 0)
        return;
    r->way = r->way == RESUME_AGAIN ? RESUME_UNDO : RESUME_REFUSED;
    snprintf(r->reason, sizeof(r->reason), "no failover is possible now: %.*s", 440, e.text);
}

void resume_decide(const struct topo *t, struct resume *r)
{
    const struct row *row = rows;
    struct facts f;

    memset(r, 0, sizeof(*r));
    facts_fill(&f, t, r->reason);
    while (!row->holds(&f))
        row++;
    r->way = row->way;
    r->view = resume_view(t);
    make_plan(r);
}

void resume_release(struct resume *r)
{
    topo_free(&r->view);
}

const char *resume_word(enum resume_way w)
{
    static const char *const words[] = {"refused", "close", "undo", "again", "finish"};

    return words[w];
}

void resume_print(const struct resume *r, struct buf *out)
{
    buf_addf(out, "resume: %s: %s\n", resume_word(r->way), r->reason);
    if (r->way == RESUME_AGAIN || r->way == RESUME_FINISH)
        failover_print(r->view, &r->plan, out);
}
