/* One rejoin while it runs: what its parts (rejoin*.c) hand to each other. */
#ifndef KAGEMUSHA_REJOIN_RUN_H
#define KAGEMUSHA_REJOIN_RUN_H

#include "common/sql_repl.h"
#include "manager/act/rejoin.h"
#include "manager/decide/diagnose.h"

struct rejoin_run {
    struct group *g;
    const struct rejoin_call *call;
    struct topo *seen;
    int host, master;
    enum mode mode;
    struct gtid_set errant; /* GTID modes: what only the host has */
    struct gtid_set common; /* and the rest of what it has */
    struct gtid_set target; /* what the master has */
    /* Position mode: the end in the host's binlog up to which the group has it, and where the new
     * master's began behind that. */
    struct binpos end, begin;
    uint64_t errant_transactions;
    char saved[1024]; /* path of the copy */
};

/* rejoin_compare.c: fills errant and common, or end, begin and errant_transactions. ERR_WORLD when
 * that cannot be told. */
int rejoin_compare(struct rejoin_run *r, struct err *e);

/* rejoin_save.c: writes what only the host has as a binlog file, and beside it in a form for people
 * where a program for that is at hand. r->saved. */
int rejoin_save(struct rejoin_run *r, struct err *e);
/* The request for the host's own binlogs behind what the group has; the caller puts it. NULL with
 * e.
 */
struct json_object *rejoin_ask(struct rejoin_run *r, struct err *e);

#endif
