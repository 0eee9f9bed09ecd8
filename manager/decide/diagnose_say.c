/* The sentence that goes with a verdict: host, fact, fix. */
#include "manager/decide/diagnose_facts.h"

#include <stdio.h>
#include <string.h>

static const char *host_or(const struct facts *f, int host)
{
    return topo_label(f->t, host);
}

static void say_structure(const struct facts *f, enum verdict_kind k, char *out, size_t size);
static void say_answering(const struct facts *f, enum verdict_kind k, char *out, size_t size);
static void say_master(const struct facts *f, enum verdict_kind k, char *out, size_t size);

void diagnose_say(const struct facts *f, enum verdict_kind k, char *out, size_t size)
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
    else if (k == VERDICT_STALLED && is_heard(f))
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
