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

/* Binlog servers first: they hold a copy of the log itself, from far back. */
int source_copy(const struct topo *t, int n, struct source_copy *out)
{
    const struct topo_server *s = t->server + n;
    const struct topo_host *h = t->host + (n - t->servers);

    if (n >= t->servers + t->hosts)
        return 0;
    if (n < t->servers)
        *out = (struct source_copy){.peer = TOPO_SERVER(n),
                                    .kind = SOURCE_SERVER,
                                    .readable = s->agent == AGENT_UP && !*s->text,
                                    .first = s->first,
                                    .end = s->end,
                                    .held = topo_view(t, s->held)};
    else
        *out = (struct source_copy){.peer = n - t->servers,
                                    .kind = SOURCE_VAULT,
                                    .readable = h->agent == AGENT_UP,
                                    .first = h->vault_first,
                                    .end = h->vault_end,
                                    .held = topo_view(t, h->vault)};
    return 1;
}

/* It holds what neither anybody has received nor the dead master's log is known to hold. */
static int has_more(const struct wanted *w, const struct source_copy *c)
{
    const struct topo_host *d = &w->t->host[w->dead];
    struct gtid_set tail = topo_view(w->t, d->tail);
    int also = binlog_has_tail(w);

    if (c->peer == w->dead || !c->readable)
        return 0;
    if (w->mode != MODE_POSITION)
        return c->held.count > 0 && !(also && gtid_contains(&tail, &c->held));
    return binpos_cmp(&c->end, &w->t->host[w->base].repl.read) > 0 &&
           !(also && binpos_cmp(&c->end, &d->tail_end) <= 0);
}

int source_has_tail(const struct wanted *w)
{
    struct source_copy c;
    int has = w->base != NO_HOST && binlog_has_tail(w);

    for (int n = 0; w->base != NO_HOST && source_copy(w->t, n, &c); n++)
        has |= has_more(w, &c);
    return has;
}

struct binpos source_target(const struct wanted *w)
{
    struct binpos best = w->t->host[w->base].repl.read;
    struct source_copy c;

    if (binlog_has_tail(w))
        best = w->t->host[w->dead].tail_end;
    for (int n = 0; source_copy(w->t, n, &c); n++)
        if (has_more(w, &c) && binpos_cmp(&c.end, &best) > 0)
            best = c.end;
    return best;
}

/* A copy serves from its first event on; by GTID, what lacks there is a gap that its reader sees.
 */
static int copy_reaches(const struct wanted *w, const struct source_copy *c, int host)
{
    return has_more(w, c) &&
           (w->mode != MODE_POSITION || binpos_cmp(&c->first, &w->t->host[host].repl.read) <= 0);
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
    struct source_copy c;

    if (w->base == NO_HOST)
        return NO_HOST;
    if (source_is_readable(w->t, w->dead) && n-- == 0) {
        *kind = SOURCE_BINLOG;
        return w->dead;
    }
    for (int i = 0; source_copy(w->t, i, &c); i++) {
        if (copy_reaches(w, &c, host) && n-- == 0) {
            *kind = c.kind;
            return c.peer;
        }
    }
    if (relay_reaches(w, host) && n == 0) {
        *kind = SOURCE_RELAY;
        return w->base;
    }
    return NO_HOST;
}
