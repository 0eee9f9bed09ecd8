/* Which of a host's replication channels is the group's. The others belong to somebody else: they
 * are read, and never touched. */
#ifndef KAGEMUSHA_CHANNEL_H
#define KAGEMUSHA_CHANNEL_H

#include "manager/act/group.h"

/* The channel that follows a server of the group, else one amid a catch-up on its own host, the
 * unnamed one first. NULL: there is none. count (or NULL): how many follow servers of the group. */
const struct sql_channel *channel_of_group(const struct group *g, const struct sql_channels *all,
                                           int *count);
/* The one of that name, if it has a master; NULL. */
const struct sql_channel *channel_named(const struct sql_channels *all, const char *name);

#endif
