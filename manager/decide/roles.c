/* Who may write; see roles.h. */
#include "manager/decide/roles.h"

#include <stdio.h>

int roles_is_intruder(const struct topo *t, int master, int host)
{
    const struct topo_host *h = &t->host[host];

    return host != master && h->retired && h->reach == REACH_UP && !h->read_only &&
           h->channels == 0;
}

/* A replica that is not set read-only takes no writes as a master. */
static int may_take_writes(const struct topo *t, int master, int host, char why[TOPO_TEXT])
{
    const struct topo_host *h = &t->host[host];
    const char *fact = NULL;

    if (h->reach != REACH_UP)
        fact = h->retired ? NULL : "does not answer";
    else if (!h->read_only && (h->channels == 0 || h->repl.master != master))
        fact = "takes writes";
    if (fact)
        snprintf(why, TOPO_TEXT, "%.180s %s", topo_label(t, host), fact);
    return fact != NULL;
}

int roles_may_reopen(const struct topo *t, int master, char why[TOPO_TEXT])
{
    const struct topo_host *m = &t->host[master];

    why[0] = '\0';
    if (m->reach != REACH_UP || !m->read_only || m->channels != 0)
        return 0;
    for (int i = 0; i < t->hosts; i++)
        if (i != master && may_take_writes(t, master, i, why))
            return 0;
    return 1;
}
