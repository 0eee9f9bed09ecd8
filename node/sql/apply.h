/* Differences given to the replica of this host: apply_diff_relay_logs apply. */
#ifndef KAGEMUSHA_NODE_SQL_APPLY_H
#define KAGEMUSHA_NODE_SQL_APPLY_H

#include "common/db.h"
#include "node/extract/files.h"

struct apply {
    struct db_target server;
    struct extract_files parts; /* in their order: each goes on where the one before ended */
    const char *workdir;        /* for a file as large as they are together */
    int only_look;              /* nothing is changed */
};

/* The replica is served what the parts hold behind what it has executed, by a replay server of this
 * process; its settings are as before then, but that its coordinates lie behind the parts. What the
 * parts hold of a transaction without an end is left out.
 * 0; -1 with e: ERR_SQL where the replica's SQL thread stopped with an error, ERR_WORLD where parts
 * do not join the replica or each other: nothing is changed then. */
int apply_parts(const struct apply *a, struct err *e);

#endif
