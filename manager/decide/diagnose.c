/* From a snapshot to one verdict: facts first, then a table read from top to bottom; the first
 * predicate that holds. */
#include "manager/decide/diagnose.h"

#include <stdio.h>
#include <string.h>

/* What the predicates look at. Hosts are indices, NO_HOST where there is none. */
struct facts {
    const struct topo *t;
    int up, silent, denied_replica;
    int galera, group_replication, multi_source; /* a host that is one */
    int replicas;                                /* answering servers that have a master */
    int ring;                                    /* a host inside a ring of answering servers */
    int ring_master, ring_second;                /* those in it that take writes */
    int head, second_head;                       /* answering servers that replicate from nobody */
    int foreign, low; /* a replica of an unknown server; of another replica */
    int master;       /* the one that the replicas agree on */
    int second_master;
    const struct topo_host *m; /* &host[master], or NULL */
    int hears, sees_greeting;  /* a replica for which the master lives */
    int sights, refused_sights;
    int followers, parted; /* replicas of the master, and those of them that cannot reach it */
};

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

static void facts_fill(struct facts *f, const struct topo *t)
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

/* One line per predicate; each fact has one home above. */
static int nobody(const struct facts *f)
{
    return f->up == 0;
}
static int ourselves(const struct facts *f)
{
    return f->up == 0 && f->t->hosts > 1 && f->silent == f->t->hosts;
}
static int stood_still(const struct facts *f)
{
    return f->t->stood_still;
}
static int galera(const struct facts *f)
{
    return f->galera != NO_HOST;
}
static int group_replication(const struct facts *f)
{
    return f->group_replication != NO_HOST;
}
static int multi_source(const struct facts *f)
{
    return f->multi_source != NO_HOST;
}
static int ring(const struct facts *f)
{
    return f->ring != NO_HOST && (f->ring_master == NO_HOST || f->ring_second != NO_HOST);
}
static int two_masters(const struct facts *f)
{
    return f->second_head != NO_HOST;
}
static int no_replica(const struct facts *f)
{
    return f->replicas == 0;
}
static int foreign_master(const struct facts *f)
{
    return f->foreign != NO_HOST;
}
static int multi_tier(const struct facts *f)
{
    return f->low != NO_HOST;
}
static int several_masters(const struct facts *f)
{
    return f->second_master != NO_HOST;
}
static int stray(const struct facts *f)
{
    return f->head != NO_HOST && f->head != f->master;
}
static int wrong_master(const struct facts *f)
{
    return f->t->master != NO_HOST && f->t->master != f->master;
}
static int denied(const struct facts *f)
{
    return f->denied_replica != NO_HOST;
}
static int alive(const struct facts *f)
{
    return f->m && f->m->reach == REACH_UP;
}
static int read_only(const struct facts *f)
{
    return alive(f) && f->m->read_only;
}
static int unattached(const struct facts *f)
{
    return alive(f) && f->followers > 0 && f->parted == f->followers;
}
/* The master counts a replica as attached until its own side of the connection times out. */
static int semisync_blocked(const struct facts *f)
{
    return alive(f) && f->m->semisync_waiting > 0 && (f->m->semisync_clients == 0 || unattached(f));
}
/* A server on a full disk waits for space, and goes on as soon as there is some: as long as its
 * process is there this is no death, and its replicas' disks may be as full. */
static int disk_full(const struct facts *f)
{
    return f->m && f->m->storage == STORAGE_FULL && f->m->agent == AGENT_UP &&
           (alive(f) || f->m->life == LIFE_RUNNING);
}
static int stalled(const struct facts *f)
{
    return alive(f) && f->m->storage == STORAGE_STALLED;
}
/* Commits hang and pings too: that its disk may take writes again is nothing to wait for. */
static int stalled_silent(const struct facts *f)
{
    return f->t->misses >= f->t->misses_needed && f->m->storage == STORAGE_STALLED &&
           f->m->agent == AGENT_UP && f->m->life == LIFE_RUNNING;
}
static int refusing(const struct facts *f)
{
    return f->m && f->m->reach == REACH_DENIED;
}
static int fenced(const struct facts *f)
{
    return f->t->fenced;
}
static int gone(const struct facts *f)
{
    return f->m->life == LIFE_GONE;
}
static int crashed(const struct facts *f)
{
    return gone(f) && f->m->ending != ENDING_CLEAN;
}
static int missed_enough(const struct facts *f)
{
    return f->t->misses >= f->t->misses_needed;
}
/* By policy, or because its supervisor was faster than we: a server that is being started again
 * refuses connections until it has recovered. */
static int returning(const struct facts *f)
{
    return f->t->ride && (crashed(f) || (f->m->came_back && f->m->life == LIFE_RUNNING));
}
static int recovering(const struct facts *f)
{
    return f->m->came_back && f->m->life == LIFE_RUNNING && !missed_enough(f);
}
static int not_back(const struct facts *f)
{
    return f->m->came_back && f->m->life == LIFE_RUNNING && f->m->reach == REACH_REFUSED &&
           missed_enough(f);
}
static int stopped(const struct facts *f)
{
    return gone(f) && f->m->ending == ENDING_CLEAN;
}
static int hidden(const struct facts *f)
{
    return f->hears != NO_HOST || f->sees_greeting != NO_HOST;
}
/* Its host answers us and its process runs: what is missing is an answer to us in time. */
static int saturated(const struct facts *f)
{
    return hidden(f) && f->m->agent == AGENT_UP && f->m->life == LIFE_RUNNING;
}
/* The same while its disk takes no writes: that is why. Replicas hear what needs no disk. */
static int stalled_hidden(const struct facts *f)
{
    return saturated(f) && f->m->storage == STORAGE_STALLED;
}
static int contradicted(const struct facts *f)
{
    return f->t->secondary == 1;
}
/* A process that is there and refuses is starting or stopping: not dead yet. */
static int refused_everywhere(const struct facts *f)
{
    return f->m->reach == REACH_REFUSED && f->sights > 0 && f->refused_sights == f->sights &&
           f->m->life == LIFE_UNKNOWN;
}
static int hung(const struct facts *f)
{
    return missed_enough(f) && (f->m->life == LIFE_RUNNING || f->m->life == LIFE_FROZEN);
}
static int host_silent(const struct facts *f)
{
    return missed_enough(f) && f->m->reach == REACH_SILENT && f->m->agent == AGENT_UNREACHABLE;
}
static int silent(const struct facts *f)
{
    return missed_enough(f) && f->m->reach != REACH_UNKNOWN;
}
static int otherwise(const struct facts *f)
{
    return f != NULL;
}

/* What the verdict means for the pipeline. */
enum weight { BROKEN, WATCH, DEAD };

static const char *host_or(const struct facts *f, int host)
{
    return topo_label(f->t, host);
}

/* Sentences: host, fact, fix. */
static void say(const struct facts *f, enum verdict_kind k, char *out, size_t size);

struct row {
    int (*holds)(const struct facts *f);
    enum verdict_kind kind;
    enum weight weight;
};

/* Structure first, since no witness means anything in a group that we misread; then the master:
 * what proves life before what suggests death, and proof of death before mere silence. */
static const struct row rows[] = {
    {denied,             VERDICT_DENIED,            BROKEN},
    {ourselves,          VERDICT_SELF,              BROKEN},
    {nobody,             VERDICT_NOBODY,            BROKEN},
    {galera,             VERDICT_GALERA,            BROKEN},
    {group_replication,  VERDICT_GROUP_REPLICATION, BROKEN},
    {multi_source,       VERDICT_MULTI_SOURCE,      BROKEN},
    {ring,               VERDICT_RING,              BROKEN},
    {two_masters,        VERDICT_TWO_MASTERS,       BROKEN},
    {no_replica,         VERDICT_NO_REPLICA,        BROKEN},
    {foreign_master,     VERDICT_FOREIGN_MASTER,    BROKEN},
    {multi_tier,         VERDICT_MULTI_TIER,        BROKEN},
    {several_masters,    VERDICT_TWO_MASTERS,       BROKEN},
    {stray,              VERDICT_STRAY,             BROKEN},
    {wrong_master,       VERDICT_WRONG_MASTER,      BROKEN},
    {stood_still,        VERDICT_STOOD_STILL,       WATCH },
    {disk_full,          VERDICT_FULL,              WATCH },
    {stalled,            VERDICT_STALLED,           WATCH },
    {semisync_blocked,   VERDICT_SEMISYNC,          WATCH },
    {unattached,         VERDICT_UNATTACHED,        WATCH },
    {read_only,          VERDICT_READ_ONLY,         WATCH },
    {alive,              VERDICT_ALIVE,             WATCH },
    {refusing,           VERDICT_REFUSING,          WATCH },
    {fenced,             VERDICT_FENCED,            DEAD  },
    {returning,          VERDICT_RETURNING,         WATCH },
    {crashed,            VERDICT_CRASHED,           DEAD  },
    {stopped,            VERDICT_STOPPED,           DEAD  },
    {stalled_hidden,     VERDICT_STALLED,           WATCH },
    {saturated,          VERDICT_SATURATED,         WATCH },
    {hidden,             VERDICT_HIDDEN,            WATCH },
    {contradicted,       VERDICT_CONTRADICTED,      WATCH },
    {refused_everywhere, VERDICT_CRASHED,           DEAD  },
    {recovering,         VERDICT_RETURNING,         WATCH },
    {not_back,           VERDICT_CRASHED,           DEAD  },
    {stalled_silent,     VERDICT_STALLED,           DEAD  },
    {hung,               VERDICT_HUNG,              DEAD  },
    {host_silent,        VERDICT_HOST_SILENT,       DEAD  },
    {silent,             VERDICT_SILENT,            DEAD  },
    {otherwise,          VERDICT_DOUBTED,           WATCH },
};

const char *verdict_word(enum verdict_kind k)
{
#define X(word, text) text,
    static const char *const words[] = {VERDICTS(X)};
#undef X

    return words[k];
}

static void say_structure(const struct facts *f, enum verdict_kind k, char *out, size_t size);
static void say_answering(const struct facts *f, enum verdict_kind k, char *out, size_t size);
static void say_master(const struct facts *f, enum verdict_kind k, char *out, size_t size);

static void say(const struct facts *f, enum verdict_kind k, char *out, size_t size)
{
    if (k < VERDICT_STOOD_STILL)
        say_structure(f, k, out, size);
    else if (k == VERDICT_STOOD_STILL)
        snprintf(out, size,
                 "we did not run for a while, or our clock jumped: what was missed meanwhile does "
                 "not count; looking again");
    else if (f->m && f->m->reach == REACH_UP)
        say_answering(f, k, out, size);
    else
        say_master(f, k, out, size);
}

/* The sentence for one offending host, with the fix. */
static void say_host(const struct facts *f, int host, const char *fact, char *out, size_t size)
{
    snprintf(out, size, "%s %s", host_or(f, host), fact);
}

static void say_masters(const struct facts *f, char *out, size_t size)
{
    int a = f->second_head != NO_HOST ? f->head : f->master;
    int b = f->second_head != NO_HOST ? f->second_head : f->second_master;

    snprintf(out, size,
             "%s and %s are both masters: one group has one; make one of them a replica of the "
             "other, or "
             "move it into a configuration of its own",
             host_or(f, a), host_or(f, b));
}

static void say_low(const struct facts *f, char *out, size_t size)
{
    snprintf(out, size,
             "%s replicates from %s, which is a replica itself: set multi_tier_slave=1 for it to "
             "leave it "
             "untouched, or let it replicate from the master",
             host_or(f, f->low), host_or(f, f->t->host[f->low].repl.master));
}

static void say_ring(const struct facts *f, char *out, size_t size)
{
    if (f->ring_second != NO_HOST)
        snprintf(out, size,
                 "%s and %s replicate from each other and both take writes: SET GLOBAL read_only=1 "
                 "on all of them but one",
                 host_or(f, f->ring_master), host_or(f, f->ring_second));
    else
        snprintf(out, size,
                 "%s is part of a ring of masters, and all of them are read-only: SET GLOBAL "
                 "read_only=0 on the one that takes the writes",
                 host_or(f, f->ring));
}

static void say_foreign(const struct facts *f, char *out, size_t size)
{
    const struct topo_repl *r = &f->t->host[f->foreign].repl;

    snprintf(out, size,
             "%s replicates from %s:%d, which is not in the configuration: add a [server] section "
             "for it",
             host_or(f, f->foreign), r->master_host, r->master_port);
}

static void say_structure(const struct facts *f, enum verdict_kind k, char *out, size_t size)
{
    const struct topo *t = f->t;

    if (k == VERDICT_SELF)
        snprintf(out, size,
                 "all %d servers fell silent at once: that is our own network, not a dead master; "
                 "nothing is done",
                 t->hosts);
    else if (k == VERDICT_NOBODY)
        snprintf(
            out, size,
            "none of the %d servers answers: that is our own network or their accounts, not a dead "
            "master; nothing is done",
            t->hosts);
    else if (k == VERDICT_GALERA)
        say_host(f, f->galera,
                 "runs Galera (wsrep_on=ON): it chooses its own primary; do not manage it here",
                 out, size);
    else if (k == VERDICT_GROUP_REPLICATION)
        say_host(
            f, f->group_replication,
            "is a member of Group Replication: it chooses its own primary; do not manage it here",
            out, size);
    else if (k == VERDICT_MULTI_SOURCE)
        say_host(
            f, f->multi_source,
            "replicates from several servers of the group by channels of its own: keep one of them",
            out, size);
    else if (k == VERDICT_RING)
        say_ring(f, out, size);
    else if (k == VERDICT_TWO_MASTERS)
        say_masters(f, out, size);
    else if (k == VERDICT_NO_REPLICA)
        snprintf(
            out, size,
            "no server that answers is a replica: there is nobody to promote; check the [server] "
            "sections and the replicas' status");
    else if (k == VERDICT_FOREIGN_MASTER)
        say_foreign(f, out, size);
    else if (k == VERDICT_MULTI_TIER)
        say_low(f, out, size);
    else if (k == VERDICT_STRAY)
        say_host(f, f->head,
                 "replicates from nobody while the replicas follow another master: make it a "
                 "replica, or "
                 "remove its section",
                 out, size);
    else if (k == VERDICT_WRONG_MASTER)
        snprintf(out, size, "the replicas follow %s, not %s: name that one, or repoint them",
                 host_or(f, f->master), host_or(f, t->master));
    else
        snprintf(out, size, "%s lives but refuses us: %s; check user and password, or its limits",
                 host_or(f, f->denied_replica), t->host[f->denied_replica].reach_text);
}

/* The master answers, and something else may be wrong with it. */
static void say_answering(const struct facts *f, enum verdict_kind k, char *out, size_t size)
{
    const char *m = host_or(f, f->master);

    if (k == VERDICT_READ_ONLY)
        snprintf(out, size,
                 "%s answers, but is read-only: SET GLOBAL read_only=0 if that is not meant", m);
    else if (k == VERDICT_SEMISYNC)
        snprintf(out, size,
                 "%s answers, but %d sessions wait for a semi-synchronous replica and none is "
                 "attached: bring a replica back",
                 m, f->m->semisync_waiting);
    else if (k == VERDICT_UNATTACHED)
        snprintf(out, size,
                 "%s answers us, but none of its %d replicas reaches it: look at the links between "
                 "them",
                 m, f->followers);
    else if (k == VERDICT_FULL)
        snprintf(out, size, "%s answers, but the disk of its binlogs is full: make room", m);
    else if (k == VERDICT_STALLED)
        snprintf(out, size,
                 "%s answers, but its disk takes no writes: commits hang; look at its storage", m);
    else
        snprintf(out, size, "%s answers", m);
}

static void say_living(const struct facts *f, enum verdict_kind k, char *out, size_t size)
{
    const char *m = host_or(f, f->master);
    const char *who = host_or(f, f->hears != NO_HOST ? f->hears : f->sees_greeting);
    const char *how = f->hears != NO_HOST ? "receives from" : "reaches";

    if (k == VERDICT_REFUSING)
        snprintf(out, size, "%s lives but refuses us: %s", m, f->m->reach_text);
    else if (k == VERDICT_FULL)
        snprintf(out, size, "%s waits: the disk of its binlogs is full; make room", m);
    else if (k == VERDICT_STALLED && hidden(f))
        snprintf(out, size, "%s lives and does not answer us in time: its disk takes no writes", m);
    else if (k == VERDICT_STALLED)
        snprintf(out, size, "%s hangs: its disk takes no writes, and it did not answer %d pings", m,
                 f->t->misses);
    else if (k == VERDICT_SATURATED)
        snprintf(out, size,
                 "%s lives, %s still %s it, but it does not answer us in time: overloaded, or its "
                 "port is closed to us",
                 m, who, how);
    else if (k == VERDICT_HIDDEN)
        snprintf(out, size, "%s is cut off from us only: %s still %s it", m, who, how);
    else if (k == VERDICT_RETURNING)
        snprintf(out, size, "%s crashed and %s", m,
                 f->m && f->m->came_back ? "was started again: it recovers"
                                         : "gets time to come back (on_crash_restart=ride)");
    else
        snprintf(out, size, "secondary_check_script reaches %s: not dead", m);
}

static void say_dead(const struct facts *f, enum verdict_kind k, char *out, size_t size);

static void say_master(const struct facts *f, enum verdict_kind k, char *out, size_t size)
{
    if (k < VERDICT_FENCED || k == VERDICT_RETURNING)
        say_living(f, k, out, size);
    else
        say_dead(f, k, out, size);
}

static void say_dead(const struct facts *f, enum verdict_kind k, char *out, size_t size)
{
    const char *m = host_or(f, f->master);
    const struct topo *t = f->t;

    if (k == VERDICT_FENCED)
        snprintf(out, size, "%s cannot write any more: that is proved", m);
    else if (k == VERDICT_CRASHED)
        snprintf(out, size, "%s is dead: %s", m,
                 !f->m || f->m->life == LIFE_GONE ? "its agent saw the process end"
                 : f->m->came_back ? "it crashed, was started again, and has not come back"
                                   : "connections are refused, from here and from the replicas");
    else if (k == VERDICT_STOPPED)
        snprintf(out, size, "%s was stopped cleanly and has not come back", m);
    else if (k == VERDICT_HUNG)
        snprintf(out, size, "%s hangs: its process is there, but did not answer %d pings", m,
                 t->misses);
    else if (k == VERDICT_HOST_SILENT)
        snprintf(out, size,
                 "the host of %s is silent: %d pings missed, its agent does not answer, no witness "
                 "contradicts",
                 m, t->misses);
    else if (k == VERDICT_SILENT)
        snprintf(out, size, "%s is silent: %d pings missed, no witness contradicts", m, t->misses);
    else
        snprintf(out, size, "%s does not answer, %d of %d misses: not enough evidence yet", m,
                 t->misses, t->misses_needed);
}

void diagnose(const struct topo *t, struct verdict *out)
{
    struct facts f;
    const struct row *row = rows;

    facts_fill(&f, t);
    /* Without a master the rows that look at it are not reached: structure rows above catch every
     * such group. */
    while (!row->holds(&f))
        row++;
    *out = (struct verdict){.kind = row->kind,
                            .master = f.master,
                            .dead = row->weight == DEAD,
                            .answers = row->weight == WATCH && alive(&f),
                            .broken = row->weight == BROKEN};
    say(&f, row->kind, out->reason, sizeof(out->reason));
}

int is_alive_slave(const struct topo *t, int master, int host)
{
    const struct topo_host *h = &t->host[host];

    return host != master && is_replica(h) && h->repl.master == master;
}
