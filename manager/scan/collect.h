/* One server becomes facts: the cheapest statements of its family, one connection, a deadline, and
 * proof that nothing is hidden from the account. */
#ifndef KAGEMUSHA_SCAN_COLLECT_H
#define KAGEMUSHA_SCAN_COLLECT_H

#include "common/sql_scan.h"
#include "manager/scan/facts.h"

/* A table by its names. */
struct scan_table {
    const char *schema, *table;
};

struct scan_ask {
    const char *const *schemas; /* globs; the scan is of these only. NULL: all */
    size_t schema_count;
    const struct scan_table *only; /* the scan is of these tables only. NULL: all */
    size_t only_count;
    int children;     /* look for columns that hold other tables' ids and are narrower */
    int force;        /* also where each look at a table costs the server reads */
    int statement_ms; /* the server's own limit on each statement; 0: 60 s */
    int pause_ms;     /* between portions where counters are read by opening tables */
};

/* Fills everything of out but name and group, which the caller has set. Never fails: what went
 * wrong is in answer and error. Columns come sorted by scan_column_cmp. */
void scan_collect(struct sql *s, const struct scan_ask *ask, struct scan_server *out,
                  int64_t deadline_ms);

/* Turns candidates (SCAN_CHILD with type and name only) into facts by the names of tables, and adds
 * those to s that are narrower than what they hold: user_id and owner_user_id hold the ids of users
 * or user in the same schema. s is sorted before and after. Pure. */
void scan_link_children(struct scan_server *s, const struct scan_column *candidate, size_t count);

#endif
