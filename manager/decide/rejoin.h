/* Whether an old master may come back as a replica: whose replica, and what it has that the group
 * has not. Pure. */
#ifndef KAGEMUSHA_REJOIN_H
#define KAGEMUSHA_REJOIN_H

#include "manager/decide/topo.h"

/* The group's master as the others see it, with `host` left out of the picture. NO_HOST with
 * ERR_WORLD when there is none, or more than one. */
int rejoin_master(const struct topo *t, int host, struct err *e);

/* MariaDB: what `mine` has that `theirs` has not, by @@gtid_binlog_state, which names the last
 * transaction of every server in every domain; a sequence number alone would not tell two parted
 * histories apart. ERR_FORMAT. errant is initialised. */
int rejoin_errant_mariadb(const char *mine, const char *theirs, struct gtid_set *errant,
                          struct err *e);

#endif
