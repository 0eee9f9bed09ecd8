/* Which channel is the group's; see channel.h. */
#include "manager/act/channel.h"

#include "common/sql_catchup.h"

#include <string.h>
#include <strings.h>

/* By the names that topo_find() takes too. */
static int follows_group(const struct group *g, const struct sql_channel *c)
{
    for (int i = 0; i < g->hosts; i++) {
        const struct conf_server *s = g->host[i].conf;

        if (c->master_port == s->port &&
            (!strcmp(c->master_host, s->hostname) || !strcmp(c->master_host, s->ip) ||
             !strcmp(c->master_host, s->id)))
            return 1;
    }
    return 0;
}

const struct sql_channel *channel_named(const struct sql_channels *all, const char *name)
{
    for (size_t i = 0; i < all->count; i++)
        if (strcasecmp(all->item[i].name, name) == 0 && all->item[i].master_host[0])
            return &all->item[i];
    return NULL;
}

/* Decision 18: a catch-up replaces the master by the agent's replay server on the same host. */
static const struct sql_channel *catching_up(const struct sql_channels *all)
{
    const struct sql_channel *found = NULL;

    for (size_t i = 0; i < all->count; i++) {
        const struct sql_channel *c = &all->item[i];

        if (strcmp(c->master_host, SQL_CATCHUP_HOST) == 0 && (!found || !*c->name))
            found = c;
    }
    return found;
}

const struct sql_channel *channel_of_group(const struct group *g, const struct sql_channels *all,
                                           int *count)
{
    const struct sql_channel *found = NULL;
    int n = 0;

    for (size_t i = 0; i < all->count; i++) {
        if (!all->item[i].master_host[0] || !follows_group(g, &all->item[i]))
            continue;
        found = found ? found : &all->item[i];
        n++;
    }
    if (!found && (found = catching_up(all)))
        n = 1;
    if (count)
        *count = n;
    return found;
}
