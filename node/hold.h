/* Holding who would start an instance again. */
#ifndef KAGEMUSHA_NODE_HOLD_H
#define KAGEMUSHA_NODE_HOLD_H

#include "node/instance.h"

#define NODE_SYSTEMCTL_WORDS 4

/* Tells the supervisor of i to leave it: the unit is stopped without waiting, mysqld_safe killed
 * with its children. 1 held, 0 there is none or none that can be held, -1 e. */
int node_hold(const struct node_instance *i, int64_t deadline_ms, struct err *e);
/* mask --runtime; 1 masked, 0 not: a unit of /etc cannot be masked so. */
int node_hold_mask(const char *unit, int64_t deadline_ms);
/* Runs systemctl with the words up to the first NULL; out, which may be NULL, gets what it prints.
 * 0 it succeeded, -1 e. */
int node_systemctl(const char *const words[NODE_SYSTEMCTL_WORDS], int64_t deadline_ms,
                   struct buf *out, struct err *e);

#endif
