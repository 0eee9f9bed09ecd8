/* All that is known of one column: where it stands, how it got there, what must change with it. */
#ifndef KAGEMUSHA_SCAN_EXPLAIN_H
#define KAGEMUSHA_SCAN_EXPLAIN_H

#include "common/sql_scan.h"
#include "manager/scan/judge.h"

/* A column that holds the ids of another one. */
struct scan_relative {
    const char *schema, *table, *column;
    const char *type;       /* "int(10) unsigned", "" when it cannot be seen */
    const char *constraint; /* of the foreign key; "" when only the name says so */
    int nullable;
    int too_small; /* its type ends before BIGINT does */
};
/* A foreign key that one of these columns is in: it goes before their types change, and comes back
 * behind. */
struct scan_bond {
    const char *schema, *table, *constraint;
    const char *text;  /* what ADD takes; "" when it cannot be seen */
    const char *other; /* "schema.table.column" of a parent that is not of the family, or "" */
};
struct scan_family {
    struct scan_relative *member;
    size_t count, cap;
    struct scan_bond *bond;
    size_t bonds, bond_cap;
    uint64_t bytes; /* of the table itself, with its keys */
    int nullable;
    struct scan_texts texts;
};

/* Reads who refers to the column, and who refers to those. Where a look at keys opens tables only
 * the column's schema is looked at. */
int scan_family_read(struct sql *s, const struct scan_finding *f, struct scan_family *out,
                     int64_t deadline_ms, struct err *e);
/* Adds the columns that the scan found by their names (SCAN_CHILD). */
void scan_family_add_found(struct scan_family *out, const struct scan_finding *f);
void scan_family_release(struct scan_family *f);

/* p: the kept points, oldest first. */
void scan_print_explain(const struct scan_finding *f, const struct scan_family *family,
                        const struct scan_point *p, size_t n, struct buf *out);
/* The points as rows of blocks; nothing for fewer than 2. */
void scan_print_plot(const struct scan_point *p, size_t n, struct buf *out);

#endif
