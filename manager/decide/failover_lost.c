/* Why a replica cannot be taken along in a failover; see failover_facts.h. */
#include "manager/decide/failover_facts.h"
#include "manager/decide/left_out.h"

#include <inttypes.h>
#include <stdio.h>

uint64_t failover_lacks(const struct facts *x, int host, int64_t *bytes)
{
    struct gtid_set mine = GTID_INIT, all = GTID_INIT, gap = GTID_INIT;
    uint64_t n;

    *bytes = binpos_gap(&host_of(x, host)->repl.read, &host_of(x, x->base)->repl.read);
    topo_received(x->t, host, &mine);
    topo_received(x->t, x->base, &all);
    gtid_minus(&gap, &all, &mine);
    n = gtid_count(&gap);
    gtid_release(&mine);
    gtid_release(&all);
    gtid_release(&gap);
    return n;
}

/* Why a slave cannot be taken along; 1 and the reason. */
static int has_sql_error(const struct facts *x, int i, char *why)
{
    const struct topo_repl *r = &host_of(x, i)->repl;

    return r->sql_errno ? snprintf(why, TOPO_TEXT, "its SQL thread stopped with error %d: %.180s",
                                   r->sql_errno, r->sql_error)
                        : 0;
}

static int has_source(const struct facts *x, int i)
{
    struct wanted w = wanted(x);
    enum source kind;

    return source_next(&w, i, 0, &kind) != NO_HOST;
}

int failover_is_behind(const struct facts *x, int i, char *why)
{
    char mine[BINPOS_FILE_BYTES + 24], best[BINPOS_FILE_BYTES + 24];
    int64_t bytes;

    if (x->gtid || x->base == NO_HOST || x->f->choice.latest[i] || has_source(x, i))
        return 0;
    failover_lacks(x, i, &bytes);
    binpos_print(&host_of(x, i)->repl.read, mine, sizeof(mine));
    binpos_print(&host_of(x, x->base)->repl.read, best, sizeof(best));
    if (bytes < 0)
        return snprintf(why, TOPO_TEXT, "it has received up to %.60s, %s up to %.60s", mine,
                        topo_name(x->t, x->base), best);
    return snprintf(why, TOPO_TEXT,
                    "it lacks %" PRId64 " bytes: received up to %.60s, %s up to %.60s", bytes, mine,
                    topo_name(x->t, x->base), best);
}

static int is_delayed_by_position(const struct facts *x, int i, char *why)
{
    return !x->gtid && left_out_delayed(x->t, i, why);
}

static int is_past_serving(const struct facts *x, int i, char *why)
{
    return x->gtid && x->next != NO_HOST && left_out_purged(x->t, i, x->next, why);
}

static int has_parted(const struct facts *x, int i, char *why)
{
    return left_out_parted(x->f->choice.parted[i], why);
}

typedef int lost_fn(const struct facts *x, int i, char *why);
static lost_fn *const losses[] = {has_sql_error, has_parted, failover_is_behind,
                                  is_delayed_by_position, is_past_serving};

int failover_is_lost(const struct facts *x, int i, char *why)
{
    if (host_of(x, i)->reach == REACH_UP && !is_slave(x, i))
        return snprintf(why, TOPO_TEXT,
                        "it replicates from nobody: kagemusha rejoin brings it back");
    if (!is_slave(x, i))
        return snprintf(why, TOPO_TEXT, "it cannot be reached%s%.180s",
                        *host_of(x, i)->reach_text ? ": " : "", host_of(x, i)->reach_text);
    for (size_t n = 0; n < sizeof(losses) / sizeof(losses[0]); n++) {
        if (losses[n](x, i, why))
            return 1;
    }
    return 0;
}
