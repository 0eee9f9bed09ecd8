/* What the parts of collecting share. Private to manager/scan/collect*.c. */
#ifndef KAGEMUSHA_SCAN_COLLECT_INTERNAL_H
#define KAGEMUSHA_SCAN_COLLECT_INTERNAL_H

#include "manager/scan/collect.h"
#include "manager/scan/grants.h"

struct collect {
    struct sql *sql;
    const struct scan_ask *ask;
    struct scan_server *out;
    int64_t deadline_ms;
    struct sql_scan_settings settings;
    struct scan_grants grants;
    struct db_rows *schemas;  /* names */
    struct scan_server extra; /* what is no AUTO_INCREMENT column: candidates; texts are out's */
    int opens_tables;         /* a look at a counter opens the table */
    uint64_t opened;          /* since the last pause */
};

/* The n-th schema that was asked for, NULL behind the last. */
const char *collect_schema(const struct collect *c, size_t n);
/* Notes what is not seen, with the mending; the first note stands. */
void collect_partial(struct collect *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Values of sequences, and of the columns that take theirs from one. */
int collect_sequences(struct collect *c, struct err *e);

#endif
