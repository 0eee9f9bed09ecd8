/* The start checks for real: sessions, agents and hook scripts are tried, and everything becomes
 * findings. Shared by the monitor and masterha_check_repl. Changes nothing on any server. */
#ifndef KAGEMUSHA_CHECK_H
#define KAGEMUSHA_CHECK_H

#include "manager/act/group.h"
#include "manager/decide/preflight.h"

struct check {
    struct preflight rules;
    int manager; /* the manager's own remarks too */
    int64_t deadline_ms;
    struct topo *seen; /* filled: the snapshot that was judged; the caller frees */
    struct findings findings;
};

/* Opens what is not open, observes, judges, asks the hooks for their status, logs every finding. 0
 * when no finding is an error; -1 and the first error's sentence. */
int check_group(struct group *g, struct check *c, struct err *e);

/* What the group looks like, in MHA's words, to the log: servers dead and alive, who replicates
 * from whom. */
void check_log_group(const struct topo *t, const struct verdict *v);

#endif
