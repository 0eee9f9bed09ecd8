/* The statements of the AUTO_INCREMENT scanner: one function per question. They read the dictionary
 * only, in the ways that are cheap for each family, and never join: MariaDB and old MySQL build
 * each information_schema table anew and compare all with all. */
#ifndef KAGEMUSHA_SQL_SCAN_H
#define KAGEMUSHA_SQL_SCAN_H

#include "common/sql_status.h"

/* Exact values (no cached statistics on MySQL 8 and later), generated invisible primary keys shown,
 * a limit on each statement's time where the server has one. */
int sql_scan_session(struct sql *s, int statement_ms, int64_t deadline_ms, struct err *e);

/* What a scan must know of the server beforehand. */
struct sql_scan_settings {
    uint64_t increment, offset;
    int stats_on_metadata; /* each look at a table would sample its indexes anew */
    uint64_t table_cache, open_tables;
};
/* Two round trips; a variable that the server lacks is 0 (the step and offset: 1). */
int sql_scan_read_settings(struct sql *s, struct sql_scan_settings *out, int64_t deadline_ms,
                           struct err *e);

/* The lines of SHOW GRANTS in the first column; never to be shown: some have password hashes. */
int sql_scan_read_grants(struct sql *s, struct db_rows **out, int64_t deadline_ms, struct err *e);

/* Names of all schemas that are not the server's own. */
int sql_scan_read_schemas(struct sql *s, struct db_rows **out, int64_t deadline_ms, struct err *e);

/* Columns that count, by their definitions alone: AUTO_INCREMENT; NEXTVAL defaults; a sequence's
 * own first column; with children, integers called *_id. Of one table, with table NULL of one
 * schema, with both NULL of all but the server's own. */
struct sql_scan_column {
    const char *schema, *table, *column, *data_type, *column_type, *extra;
    const char *fallback; /* COLUMN_DEFAULT, "" for none */
};
int sql_scan_read_columns(struct sql *s, const char *schema, const char *table, int children,
                          struct db_rows **out, int64_t deadline_ms, struct err *e);
void sql_scan_column_at(const struct db_rows *r, size_t row, struct sql_scan_column *out);

/* The counters of the base tables of some schemas. May bring those of other spellings of a name
 * too: compare bytes. */
struct sql_scan_table {
    const char *schema, *table, *engine;
    const char *next; /* AUTO_INCREMENT as text, NULL for none */
};
int sql_scan_read_tables(struct sql *s, const char *const *schemas, size_t count,
                         struct db_rows **out, int64_t deadline_ms, struct err *e);
/* Of one table: on every family it is the only one that is opened. */
int sql_scan_read_table(struct sql *s, const char *schema, const char *table, struct db_rows **out,
                        int64_t deadline_ms, struct err *e);
void sql_scan_table_at(const struct db_rows *r, size_t row, struct sql_scan_table *out);

/* *first: 1 when the column is the first one of some key. */
int sql_scan_is_leading(struct sql *s, const struct sql_scan_column *c, int *first,
                        int64_t deadline_ms, struct err *e);

/* A MariaDB sequence, as texts; needs SELECT on it. Borrowed from *rows, which the caller frees. */
struct sql_scan_sequence {
    const char *next, *minimum, *maximum, *increment;
    int cycles;
};
int sql_scan_read_sequence(struct sql *s, const char *schema, const char *name,
                           struct sql_scan_sequence *out, struct db_rows **rows,
                           int64_t deadline_ms, struct err *e);

/* DATA_LENGTH + INDEX_LENGTH of one table. */
int sql_scan_read_bytes(struct sql *s, const char *schema, const char *table, uint64_t *bytes,
                        int64_t deadline_ms, struct err *e);

/* The type of one column, "" when there is none of that name. */
int sql_scan_read_type(struct sql *s, const struct sql_scan_column *c, struct buf *type,
                       int *nullable, int64_t deadline_ms, struct err *e);

/* Foreign keys to tables of a schema. On MariaDB and old MySQL this opens tables, and only keys
 * within the schema are found: for one table on demand. */
struct sql_scan_key {
    const char *schema, *table, *column, *parent_schema, *parent_table, *parent_column;
    const char *constraint;
};
int sql_scan_read_foreign_keys(struct sql *s, const char *schema, struct db_rows **out,
                               int64_t deadline_ms, struct err *e);
void sql_scan_key_at(const struct db_rows *r, size_t row, struct sql_scan_key *out);
/* "CONSTRAINT `k` FOREIGN KEY (...) ...", as SHOW CREATE TABLE has it, the parent with its schema:
 * what ADD takes. Nothing where the table or the key is not seen. */
void sql_scan_read_key_text(struct sql *s, const char *schema, const char *table,
                            const char *constraint, int64_t deadline_ms, struct buf *out);

#endif
