/* What is wrong with a group before anything happens: MHA's checks in MHA's order,
 * as findings. Pure. */
#ifndef KAGEMUSHA_PREFLIGHT_H
#define KAGEMUSHA_PREFLIGHT_H

#include "manager/decide/failover.h"

#define FINDINGS_MAX 256

/* The zero value is the one that ends a program. */
enum finding_level { FINDING_ERROR, FINDING_WARNING, FINDING_INFO };

struct finding {
    enum finding_level level;
    int host; /* NO_HOST: the group */
    char text[512];
};

struct findings {
    struct finding item[FINDINGS_MAX];
    int count;
    int errors, warnings;
};

struct preflight {
    int health;                /* replication must run and be level (masterha_check_repl) */
    int seconds_behind_master; /* the limit with health */
    int ignore_fail_on_start;
    int skip_ssh_check;
};

/* Appends to out. Nothing is skipped after an error, so that one run shows all there is; only a
 * group that is misread (verdict broken) ends it, since no later check would mean anything. */
void preflight(const struct topo *t, const struct preflight *p, struct findings *out);
void findings_add(struct findings *f, enum finding_level level, int host, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
const char *finding_word(enum finding_level l); /* "error", "warning", "info" */

/* The same group with its master dead: for "what would happen if the master died now". The caller
 * frees. An agent that is up would see the process end; without one connections are refused
 * everywhere. */
struct topo *what_if_dead(const struct topo *t, int master);

#endif
