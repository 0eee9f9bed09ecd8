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

int source_has_tail(const struct wanted *w)
{
    const struct topo_host *d = &w->t->host[w->dead];
    struct binpos received;

    if (!source_is_readable(w->t, w->dead) || !d->tail_known || w->base == NO_HOST)
        return 0;
    if (w->mode != MODE_POSITION)
        return d->tail.count > 0;
    received = w->t->host[w->base].repl.read;
    return binpos_cmp(&d->tail_end, &received) > 0;
}

struct binpos source_target(const struct wanted *w)
{
    if (source_has_tail(w))
        return w->t->host[w->dead].tail_end;
    return w->t->host[w->base].repl.read;
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
    if (relay_reaches(w, host) && n == 0) {
        *kind = SOURCE_RELAY;
        return w->base;
    }
    return NO_HOST;
}
