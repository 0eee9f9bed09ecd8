/* The rows of one result, as db.c fills them. Private to common/db; readers use db.h. */
#ifndef KAGEMUSHA_DB_ROWS_H
#define KAGEMUSHA_DB_ROWS_H

#include "common/buf.h"
#include "common/db.h"

#define DB_ROWS_MAX_BYTES ((size_t)16 << 20)

struct db_cell {
    size_t offset, len; /* in data; offset SIZE_MAX is SQL NULL */
};
struct db_rows {
    size_t rows, columns;
    char **name;      /* columns texts */
    struct buf cells; /* rows * columns of struct db_cell */
    struct buf data;  /* the values, a NUL behind each */
};

/* An empty result with so many columns; then each gets its name. */
struct db_rows *db_rows_new(size_t columns);
void db_rows_name(struct db_rows *r, size_t column, const char *name);
/* Adds one value, row by row from the left; bytes NULL is SQL NULL. -1 at the cap. */
int db_rows_add(struct db_rows *r, const char *bytes, size_t len);

#endif
