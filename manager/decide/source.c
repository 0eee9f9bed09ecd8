/* Sources of missing events; see source.h. */
#include "manager/decide/source.h"

#include <string.h>

int source_is_readable(const struct topo *t, int dead)
{
    const struct topo_host *h = &t->host[dead];

    if (t->skip_save_master_binlog || h->agent != AGENT_UP || *h->tail_text)
        return 0;
    return h->tail_known || !t->fenced;
}

static int binlog_has_tail(const struct wanted *w)
{
    const struct topo_host *d = &w->t->host[w->dead];

    if (!source_is_readable(w->t, w->dead) || !d->tail_known)
        return 0;
    if (w->mode != MODE_POSITION)
        return d->tail.count > 0;
    return binpos_cmp(&d->tail_end, &w->t->host[w->base].repl.read) > 0;
}

/* It holds what neither anybody has received nor the dead master's log is known to hold. */
static int vault_has_more(const struct wanted *w, int host)
{
    const struct topo_host *h = &w->t->host[host], *d = &w->t->host[w->dead];
    struct gtid_set held = topo_view(w->t, h->vault), tail = topo_view(w->t, d->tail);
    int also = binlog_has_tail(w);

    if (host == w->dead || h->agent != AGENT_UP)
        return 0;
    if (w->mode != MODE_POSITION)
        return held.count > 0 && !(also && gtid_contains(&tail, &held));
    return binpos_cmp(&h->vault_end, &w->t->host[w->base].repl.read) > 0 &&
           !(also && binpos_cmp(&h->vault_end, &d->tail_end) <= 0);
}

int source_has_tail(const struct wanted *w)
{
    int has = w->base != NO_HOST && binlog_has_tail(w);

    for (int i = 0; w->base != NO_HOST && i < w->t->hosts; i++)
        has |= vault_has_more(w, i);
    return has;
}

struct binpos source_target(const struct wanted *w)
{
    struct binpos best = w->t->host[w->base].repl.read;

    if (binlog_has_tail(w))
        best = w->t->host[w->dead].tail_end;
    for (int i = 0; i < w->t->hosts; i++)
        if (vault_has_more(w, i) && binpos_cmp(&w->t->host[i].vault_end, &best) > 0)
            best = w->t->host[i].vault_end;
    return best;
}

/* A vault serves from its first event on; by GTID, what lacks there is a gap that its reader
 * sees. */
static int vault_reaches(const struct wanted *w, int vault, int host)
{
    return vault_has_more(w, vault) &&
           (w->mode != MODE_POSITION ||
            binpos_cmp(&w->t->host[vault].vault_first, &w->t->host[host].repl.read) <= 0);
}

/* Relay logs serve by the master's coordinates; before anybody has looked, they are taken to reach
 * back. */
static int relay_reaches(const struct wanted *w, int host)
{
    const struct topo_host *b = &w->t->host[w->base];

    if (w->mode != MODE_POSITION || w->base == host || b->agent != AGENT_UP)
        return 0;
    if (!*b->relay_first.file)
        return !w->t->fenced;
    return binpos_cmp(&b->relay_first, &w->t->host[host].repl.read) <= 0;
}

int source_next(const struct wanted *w, int host, int n, enum source *kind)
{
    if (w->base == NO_HOST)
        return NO_HOST;
    if (source_is_readable(w->t, w->dead) && n-- == 0) {
        *kind = SOURCE_BINLOG;
        return w->dead;
    }
    for (int i = 0; i < w->t->hosts; i++) {
        if (vault_reaches(w, i, host) && n-- == 0) {
            *kind = SOURCE_VAULT;
            return i;
        }
    }
    if (relay_reaches(w, host) && n == 0) {
        *kind = SOURCE_RELAY;
        return w->base;
    }
    return NO_HOST;
}
