/* Who may write; see roles.h. */
#include "manager/decide/roles.h"

int roles_is_intruder(const struct topo *t, int master, int host)
{
    const struct topo_host *h = &t->host[host];

    return host != master && h->retired && h->reach == REACH_UP && !h->read_only &&
           h->channels == 0;
}
