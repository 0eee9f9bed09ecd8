/* Masters that were replaced here and have not come back (decision 14): a file beside the journals,
 * so that a restart of the manager forgets nothing. Knows nothing of how they come back. */
#ifndef KAGEMUSHA_RETIRED_H
#define KAGEMUSHA_RETIRED_H

#include "manager/act/group.h"

/* Sets retired of every host of g by the file; without one nobody is. */
void retired_load(struct group *g);

/* host was replaced by next; proved: with a proof of the fence that was one. ERR_IO. */
int retired_add(struct group *g, int host, int next, int proved, struct err *e);
/* It is a member of the group again, whoever brought it back. "Was none" is success. */
int retired_remove(struct group *g, int host, struct err *e);

/* The last replacement. 1 there was one, 0 none. next: host index, NO_HOST when the configuration
 * has it no more. */
struct retired_last {
    int64_t at_ms; /* wall */
    int next, proved;
};
int retired_last(const struct group *g, struct retired_last *out);

#endif
