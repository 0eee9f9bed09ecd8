/* What a verdict is found by, counted once from the snapshot; see diagnose_facts.h. */
#include "manager/decide/diagnose_facts.h"

static int is_up(const struct topo_host *h)
{
    return h->reach == REACH_UP;
}

static int is_replica(const struct topo_host *h)
{
    return is_up(h) && h->channels > 0;
}

/* Follows the masters upwards through answering replicas, until it is back. */
static int in_ring(const struct topo *t, int host)
{
    int at = host;

    for (int steps = 0; steps < t->hosts; steps++) {
        if (at == NO_HOST || !is_replica(&t->host[at]))
            return 0;
        at = t->host[at].repl.master;
        if (at == host)
            return 1;
    }
    return 0;
}

/* The one of a ring that takes writes is the master, and its own channel goes to a replica: no
 * reason to call it one. */
static int follows(const struct facts *f, int host)
{
    return is_replica(&f->t->host[host]) && host != f->ring_master;
}

static int tolerated_tier(const struct facts *f, int host)
{
    const struct topo_host *h = &f->t->host[host];

    return h->multi_tier_slave && h->repl.master != NO_HOST && follows(f, h->repl.master);
}

static void note(int *slot, int host)
{
    if (*slot == NO_HOST)
        *slot = host;
}

static void find_ring(struct facts *f)
{
    for (int i = 0; i < f->t->hosts; i++) {
        if (!in_ring(f->t, i))
            continue;
        note(&f->ring, i);
        if (f->t->host[i].read_only)
            continue;
        if (f->ring_master == NO_HOST)
            f->ring_master = i;
        else
            note(&f->ring_second, i);
    }
}

/* Replaced here, and nobody has gone back to it: who is the master does not depend on it (decision
 * 14). MHA refuses the group. */
static int is_aside(const struct facts *f, int host)
{
    if (f->t->fence == FENCE_MHA)
        return 0;
    for (int i = 0; i < f->t->hosts; i++)
        if (follows(f, i) && f->t->host[i].repl.master == host)
            return 0;
    return f->t->host[host].retired;
}

static void find_kinds(struct facts *f)
{
    const struct topo *t = f->t;

    for (int i = 0; i < t->hosts; i++) {
        const struct topo_host *h = &t->host[i];

        if (h->reach == REACH_DENIED && i != t->master && !h->ignore_fail && !h->retired)
            note(&f->denied_replica, i);
        f->silent += h->reach == REACH_SILENT;
        if (!is_up(h))
            continue;
        f->up++;
        if (h->galera)
            note(&f->galera, i);
        if (h->group_replication)
            note(&f->group_replication, i);
        if (h->channels > 1)
            note(&f->multi_source, i);
        if (follows(f, i))
            f->replicas++;
        else if (is_aside(f, i))
            continue;
        else if (f->head == NO_HOST)
            f->head = i;
        else
            note(&f->second_head, i);
    }
}

static void find_masters(struct facts *f)
{
    const struct topo *t = f->t;

    for (int i = 0; i < t->hosts; i++) {
        const struct topo_host *h = &t->host[i];
        int up = h->repl.master;

        if (!follows(f, i))
            continue;
        if (up == NO_HOST) {
            note(&f->foreign, i);
        } else if (follows(f, up)) {
            if (!tolerated_tier(f, i))
                note(&f->low, i);
        } else if (f->master == NO_HOST) {
            f->master = up;
        } else if (f->master != up) {
            note(&f->second_master, up);
        }
    }
    if (f->master != NO_HOST)
        f->m = &t->host[f->master];
}

/* A thread that somebody stopped has no error, and says nothing of the link. */
static int cannot_reach(const struct topo_repl *r)
{
    return r->io == THREAD_CONNECTING || (r->io == THREAD_NO && r->io_errno != 0);
}

static void find_witnesses(struct facts *f)
{
    for (int i = 0; i < f->t->hosts; i++) {
        const struct topo_host *h = &f->t->host[i];

        if (i == f->master)
            continue;
        if (is_replica(h) && h->repl.master == f->master && h->repl.io == THREAD_YES &&
            h->repl.heard)
            note(&f->hears, i);
        if (h->sight == SIGHT_GREETING)
            note(&f->sees_greeting, i);
        f->sights += h->sight != SIGHT_UNKNOWN;
        f->refused_sights += h->sight == SIGHT_REFUSED;
        if (!is_replica(h) || h->repl.master != f->master)
            continue;
        f->followers++;
        f->parted += cannot_reach(&h->repl);
    }
}

void facts_fill(struct facts *f, const struct topo *t)
{
    *f = (struct facts){
        .t = t,
        .denied_replica = NO_HOST,
        .galera = NO_HOST,
        .group_replication = NO_HOST,
        .multi_source = NO_HOST,
        .ring = NO_HOST,
        .ring_master = NO_HOST,
        .ring_second = NO_HOST,
        .head = NO_HOST,
        .second_head = NO_HOST,
        .foreign = NO_HOST,
        .low = NO_HOST,
        .master = NO_HOST,
        .second_master = NO_HOST,
        .hears = NO_HOST,
        .sees_greeting = NO_HOST,
    };
    find_ring(f);
    find_kinds(f);
    find_masters(f);
    find_witnesses(f);
}

int is_heard(const struct facts *f)
{
    return f->hears != NO_HOST || f->sees_greeting != NO_HOST;
}

int is_alive_slave(const struct topo *t, int master, int host)
{
    const struct topo_host *h = &t->host[host];

    return host != master && is_replica(h) && h->repl.master == master;
}
