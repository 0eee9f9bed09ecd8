/* The ledger of a failover; see loss.h. */
#include "manager/decide/loss.h"

#include "manager/decide/source.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static void say_why(const struct topo *t, int dead, struct loss *l)
{
    const struct topo_host *h = &t->host[dead];

    if (t->skip_save_master_binlog)
        snprintf(l->why, sizeof(l->why), "that was skipped on request");
    else if (h->agent != AGENT_UP)
        snprintf(l->why, sizeof(l->why), "%s",
                 h->agent == AGENT_MISSING ? "kagemusha-node does not run there"
                                           : "its host cannot be reached by SSH");
    else
        snprintf(l->why, sizeof(l->why), "%.*s", TOPO_TEXT - 1,
                 *h->tail_text ? h->tail_text : "nobody looked");
}

/* Without what the host wrote itself, which no master ever acknowledged. */
static void add_received(const struct topo *t, int host, struct gtid_set *all)
{
    struct gtid_set received = GTID_INIT, own = GTID_INIT, rest = GTID_INIT;

    topo_received(t, host, &received);
    gtid_of_uuid(&own, &received, t->host[host].uuid);
    gtid_minus(&rest, &received, &own);
    gtid_union(all, &rest);
    gtid_release(&received);
    gtid_release(&own);
    gtid_release(&rest);
}

static void find_missing(const struct topo *t, int dead, struct loss *l)
{
    struct gtid_set tail = topo_view(t, t->host[dead].tail), all = GTID_INIT;
    struct source_copy copy;

    for (int i = 0; i < t->hosts; i++)
        if (i != dead && is_alive_slave(t, dead, i))
            add_received(t, i, &all);
    for (int n = 0; source_copy(t, n, &copy); n++)
        gtid_union(&all, &copy.held);
    gtid_union(&all, &tail);
    gtid_minus(&l->gtids, &all, &l->reached_set);
    gtid_release(&all);
    l->missing = l->gtids.count > 0;
}

static void find_end(const struct topo *t, int dead, struct loss *l)
{
    struct source_copy copy;

    l->end = l->reached;
    if (l->known && binpos_cmp(&t->host[dead].tail_end, &l->end) > 0)
        l->end = t->host[dead].tail_end;
    for (int n = 0; source_copy(t, n, &copy); n++)
        if (copy.end.file[0] && binpos_cmp(&copy.end, &l->end) > 0)
            l->end = copy.end;
    for (int i = 0; i < t->hosts; i++) {
        const struct binpos *read = &t->host[i].repl.read;

        if (i != dead && is_alive_slave(t, dead, i) && !l->known && binpos_cmp(read, &l->end) > 0)
            l->end = *read;
    }
    l->missing = binpos_cmp(&l->end, &l->reached) > 0;
}

void loss_find(const struct topo *t, int dead, enum mode mode, const struct loss_reached *reached,
               struct loss *out)
{
    *out = (struct loss){.mode = mode, .gtids = GTID_INIT, .reached_set = GTID_INIT};
    out->known = t->host[dead].tail_known && source_is_readable(t, dead);
    out->reached = reached->at;
    gtid_copy(&out->reached_set, reached->set);
    if (out->known)
        out->cut_bytes = t->host[dead].tail_cut_bytes;
    else
        say_why(t, dead, out);
    for (int i = 0; i < t->hosts; i++) {
        if (i != dead && t->host[i].reach != REACH_UP && !t->host[i].retired)
            out->unseen |= UINT32_C(1) << i;
    }
    if (mode == MODE_POSITION)
        find_end(t, dead, out);
    else
        find_missing(t, dead, out);
}

void loss_release(struct loss *l)
{
    gtid_release(&l->gtids);
    gtid_release(&l->reached_set);
}

const char *loss_word(const struct loss *l)
{
    if (l->missing)
        return "lost";
    return l->known ? "none" : "unknown";
}

static void print_missing(const struct loss *l, struct buf *out)
{
    char from[BINPOS_FILE_BYTES + 24], to[BINPOS_FILE_BYTES + 24];

    if (l->mode == MODE_POSITION) {
        buf_addf(out, "LOST: %s to %s of its binlog", binpos_print(&l->reached, from, sizeof(from)),
                 binpos_print(&l->end, to, sizeof(to)));
        return;
    }
    buf_addf(out, "LOST: %" PRIu64 " transactions, ", gtid_count(&l->gtids));
    gtid_print(&l->gtids, out);
}

static void print_unseen(const struct topo *t, const struct loss *l, struct buf *out)
{
    const char *word = " or with ";

    for (int i = 0; i < t->hosts; i++) {
        if (!(l->unseen & UINT32_C(1) << i))
            continue;
        buf_addf(out, "%s%s", word, topo_label(t, i));
        word = ", ";
    }
}

static void print_unknown(const struct topo *t, int dead, const struct loss *l, struct buf *out)
{
    char at[BINPOS_FILE_BYTES + 24];

    buf_addf(out, "%sthe binlog of %s was not read (%s): what it acknowledged behind ",
             l->missing ? "; besides, " : "unknown: ", t->host[dead].host, l->why);
    if (l->mode == MODE_POSITION)
        buf_adds(out, binpos_print(&l->reached, at, sizeof(at)));
    else
        gtid_print(&l->reached_set, out);
    buf_adds(out, " is only there");
    print_unseen(t, l, out);
}

void loss_print(const struct topo *t, int dead, const struct loss *l, struct buf *out)
{
    if (l->missing)
        print_missing(l, out);
    if (!l->known)
        print_unknown(t, dead, l, out);
    else if (!l->missing)
        buf_addf(out, "none: the new master has all that the binlog of %s holds",
                 t->host[dead].host);
    if (l->cut_bytes > 0)
        buf_addf(out, "; %" PRId64 " bytes at its end are of a transaction that was never complete",
                 l->cut_bytes);
}

int loss_master(const struct topo *t)
{
    int followers[TOPO_HOSTS_MAX] = {0}, best = NO_HOST;

    for (int i = 0; i < t->hosts; i++) {
        if (t->host[i].reach == REACH_UP && t->host[i].repl.master != NO_HOST)
            followers[t->host[i].repl.master]++;
    }
    for (int i = 0; i < t->hosts; i++) {
        if (t->host[i].reach == REACH_UP && followers[i] > (best == NO_HOST ? 0 : followers[best]))
            best = i;
    }
    return best;
}

int loss_only_there(const struct topo *t, int master, int host, struct gtid_set *out)
{
    struct gtid_set there = topo_view(t, t->host[host].executed);
    struct gtid_set here = topo_view(t, t->host[master].executed);

    gtid_minus(out, &there, &here);
    return gtid_conflict(&there, &here);
}
