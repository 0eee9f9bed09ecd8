/* From a snapshot to one verdict: facts first, then a table read from top to bottom; the first
 * predicate that holds. */
#include "manager/decide/diagnose_facts.h"

/* One line per predicate; each fact has one home, diagnose_facts.c. */
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
    return is_heard(f);
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
    diagnose_say(&f, row->kind, out->reason, sizeof(out->reason));
}
