/* What another replica lacks, out of the relay logs of this host: apply_diff_relay_logs find and
 * generate. */
#ifndef KAGEMUSHA_NODE_SQL_DIFF_H
#define KAGEMUSHA_NODE_SQL_DIFF_H

#include "node/extract/files.h"

struct diff {
    struct extract_files logs; /* the relay logs of this host */
    struct binpos latest;      /* what this host has received, in the master's log; "" not known */
    struct binpos target;      /* what the other one has */
    const char *output;        /* generate: the file */
};

/* 1: the relay logs reach back to the target, and something follows; 0: they do, and nothing does;
 * -1 with e: ERR_WORLD where they do not reach back so far. */
int diff_find(const struct diff *d, struct err *e);
/* Writes it, an open transaction at the end too. Results as of diff_find; with 0 there is no file.
 */
int diff_generate(const struct diff *d, struct err *e);

/* The file goes to the same path on another host, by the programs ssh and scp: MHA's managers name
 * them an account of their own. */
struct diff_to {
    const char *user, *host, *ssh_options; /* the last is a piece of shell; NULL: none */
    int port;
};
int diff_send(const char *path, const struct diff_to *to, struct err *e);

#endif
