/* Statements of the scanner; see sql_scan.h. Costs were measured on 20,000 tables: the definitions
 * of all columns open no table; the counters of a schema open its tables on MariaDB and before
 * MySQL 8. */
#include "common/sql_scan.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define OWN_SCHEMAS                                                                                \
    "('mysql', 'sys', 'performance_schema', 'information_schema', 'ndbinfo',"                      \
    " 'mysql_innodb_cluster_metadata', 'mysql_rest_service_metadata')"

static const char set_exact[] = "SET SESSION information_schema_stats_expiry = 0";
static const char set_invisible_keys[] =
    "SET SESSION show_gipk_in_create_table_and_information_schema = ON";

static const char read_settings[] =
    "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('auto_increment_increment',"
    " 'auto_increment_offset', 'innodb_stats_on_metadata', 'table_open_cache')";
static const char read_open_tables[] = "SHOW GLOBAL STATUS LIKE 'Open_tables'";
static const char read_grants[] = "SHOW GRANTS";

static const char read_schemas[] =
    "SELECT SCHEMA_NAME AS s FROM information_schema.SCHEMATA"
    " WHERE SCHEMA_NAME NOT IN " OWN_SCHEMAS " AND SCHEMA_NAME NOT LIKE '#mysql50#%'"
    " ORDER BY SCHEMA_NAME";

static const char read_columns[] =
    "SELECT TABLE_SCHEMA AS s, TABLE_NAME AS t, COLUMN_NAME AS c, DATA_TYPE AS d,"
    " COLUMN_TYPE AS ct, EXTRA AS x, COLUMN_DEFAULT AS f FROM information_schema.COLUMNS WHERE ";
static const char in_all_schemas[] =
    "TABLE_SCHEMA NOT IN " OWN_SCHEMAS " AND TABLE_SCHEMA NOT LIKE '#mysql50#%'";
static const char is_automatic[] = " AND (EXTRA LIKE '%auto_increment%'";
static const char is_of_sequence[] =
    " OR COLUMN_DEFAULT LIKE 'nextval(%' OR COLUMN_NAME = 'next_not_cached_value'";
static const char is_child[] = " OR (COLUMN_NAME LIKE '%|_id' ESCAPE '|' AND DATA_TYPE IN"
                               " ('tinyint', 'smallint', 'mediumint', 'int', 'bigint'))";

static const char read_tables[] = "SELECT TABLE_SCHEMA AS s, TABLE_NAME AS t, ENGINE AS e,"
                                  " AUTO_INCREMENT AS n FROM information_schema.TABLES"
                                  " WHERE TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')"
                                  " AND TABLE_SCHEMA ";

static const char read_leading[] =
    "SELECT TABLE_SCHEMA AS s, TABLE_NAME AS t, COLUMN_NAME AS c"
    " FROM information_schema.STATISTICS WHERE SEQ_IN_INDEX = 1 AND TABLE_SCHEMA = ";

static const char read_sequence[] = "SELECT next_not_cached_value AS n, minimum_value AS lo,"
                                    " maximum_value AS hi, increment AS i, cycle_option AS c FROM ";

static const char read_bytes[] =
    "SELECT TABLE_SCHEMA AS s, TABLE_NAME AS t, DATA_LENGTH + INDEX_LENGTH AS b"
    " FROM information_schema.TABLES WHERE TABLE_SCHEMA = ";

static const char read_foreign_keys[] =
    "SELECT TABLE_SCHEMA AS s, TABLE_NAME AS t, COLUMN_NAME AS c, REFERENCED_TABLE_SCHEMA AS ps,"
    " REFERENCED_TABLE_NAME AS pt, REFERENCED_COLUMN_NAME AS pc, CONSTRAINT_NAME AS k"
    " FROM information_schema.KEY_COLUMN_USAGE WHERE REFERENCED_TABLE_NAME IS NOT NULL AND ";

static const char read_type[] =
    "SELECT TABLE_SCHEMA AS s, TABLE_NAME AS t, COLUMN_NAME AS c, COLUMN_TYPE AS ct,"
    " IS_NULLABLE AS y FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ";

static const char *text_of(const struct db_rows *r, size_t row, const char *column)
{
    const char *v = db_rows_get(r, row, column, NULL);

    return v ? v : "";
}

int sql_scan_session(struct sql *s, int statement_ms, int64_t deadline_ms, struct err *e)
{
    struct buf text = BUF_INIT;
    int mysql = s->version.family == FAMILY_MYSQL, rc = 0;

    if (mysql && version_at_least(&s->version, 8, 0, 0))
        rc = db_query(s->db, set_exact, deadline_ms, NULL, e);
    if (rc == 0 && mysql && version_at_least(&s->version, 8, 0, 30))
        rc = db_query(s->db, set_invisible_keys, deadline_ms, NULL, e);
    if (!mysql)
        buf_addf(&text, "SET SESSION max_statement_time = %d.%03d", statement_ms / 1000,
                 statement_ms % 1000);
    else if (version_at_least(&s->version, 5, 7, 8))
        buf_addf(&text, "SET SESSION max_execution_time = %d", statement_ms);
    if (rc == 0 && text.len)
        rc = db_query(s->db, text.data, deadline_ms, NULL, e);
    buf_release(&text);
    return rc == 0 ? 0 : err_wrap(e, "session settings for a scan");
}

/* A row of SHOW VARIABLES or SHOW STATUS. */
static const char *setting(const struct db_rows *r, const char *name)
{
    size_t i;

    for (i = 0; i < db_rows_count(r); i++)
        if (strcasecmp(text_of(r, i, "Variable_name"), name) == 0)
            return db_rows_get(r, i, "Value", NULL);
    return NULL;
}

static uint64_t number(const struct db_rows *r, const char *name, uint64_t fallback)
{
    const char *v = setting(r, name);

    return v ? strtoull(v, NULL, 10) : fallback;
}

int sql_scan_read_settings(struct sql *s, struct sql_scan_settings *out, int64_t deadline_ms,
                           struct err *e)
{
    struct db_rows *r;
    const char *v;

    memset(out, 0, sizeof(*out));
    if (db_query(s->db, read_settings, deadline_ms, &r, e) != 0)
        return err_wrap(e, "read the scan's settings");
    out->increment = number(r, "auto_increment_increment", 1);
    out->offset = number(r, "auto_increment_offset", 1);
    out->table_cache = number(r, "table_open_cache", 0);
    v = setting(r, "innodb_stats_on_metadata");
    out->stats_on_metadata = v && (strcasecmp(v, "ON") == 0 || strcmp(v, "1") == 0);
    db_rows_free(&r);
    if (db_query(s->db, read_open_tables, deadline_ms, &r, e) != 0)
        return err_wrap(e, "read the number of open tables");
    out->open_tables = number(r, "Open_tables", 0);
    db_rows_free(&r);
    return 0;
}

int sql_scan_read_grants(struct sql *s, struct db_rows **out, int64_t deadline_ms, struct err *e)
{
    return db_query(s->db, read_grants, deadline_ms, out, e) == 0
               ? 0
               : err_wrap(e, "read our own privileges");
}

int sql_scan_read_schemas(struct sql *s, struct db_rows **out, int64_t deadline_ms, struct err *e)
{
    return db_query(s->db, read_schemas, deadline_ms, out, e) == 0 ? 0
                                                                   : err_wrap(e, "list schemas");
}

static void add_table(struct buf *text, const char *schema, const char *table)
{
    db_quote(text, schema);
    buf_adds(text, " AND TABLE_NAME = ");
    db_quote(text, table);
}

int sql_scan_read_columns(struct sql *s, const char *schema, const char *table, int children,
                          struct db_rows **out, int64_t deadline_ms, struct err *e)
{
    struct buf text = BUF_INIT;
    int rc;

    buf_adds(&text, read_columns);
    if (schema) {
        buf_adds(&text, "TABLE_SCHEMA = ");
        if (table)
            add_table(&text, schema, table);
        else
            db_quote(&text, schema);
    } else {
        buf_adds(&text, in_all_schemas);
    }
    buf_adds(&text, is_automatic);
    if (s->version.family == FAMILY_MARIADB)
        buf_adds(&text, is_of_sequence);
    if (children)
        buf_adds(&text, is_child);
    buf_addc(&text, ')');
    rc = db_query(s->db, text.data, deadline_ms, out, e);
    buf_release(&text);
    return rc == 0 ? 0 : err_wrap(e, "read column definitions");
}

void sql_scan_column_at(const struct db_rows *r, size_t row, struct sql_scan_column *out)
{
    out->schema = text_of(r, row, "s");
    out->table = text_of(r, row, "t");
    out->column = text_of(r, row, "c");
    out->data_type = text_of(r, row, "d");
    out->column_type = text_of(r, row, "ct");
    out->extra = text_of(r, row, "x");
    out->fallback = text_of(r, row, "f");
}

/* One schema as an equality: MariaDB reads only that directory then. */
int sql_scan_read_tables(struct sql *s, const char *const *schemas, size_t count,
                         struct db_rows **out, int64_t deadline_ms, struct err *e)
{
    struct buf text = BUF_INIT;
    size_t i;
    int rc;

    buf_adds(&text, read_tables);
    buf_adds(&text, count == 1 ? "= " : "IN (");
    for (i = 0; i < count; i++) {
        if (i)
            buf_adds(&text, ", ");
        db_quote(&text, schemas[i]);
    }
    if (count != 1)
        buf_addc(&text, ')');
    rc = db_query(s->db, text.data, deadline_ms, out, e);
    buf_release(&text);
    return rc == 0 ? 0 : err_wrap(e, "read the counters of %s", count ? schemas[0] : "no schema");
}

int sql_scan_read_table(struct sql *s, const char *schema, const char *table, struct db_rows **out,
                        int64_t deadline_ms, struct err *e)
{
    struct buf text = BUF_INIT;
    int rc;

    buf_adds(&text, read_tables);
    buf_adds(&text, "= ");
    add_table(&text, schema, table);
    rc = db_query(s->db, text.data, deadline_ms, out, e);
    buf_release(&text);
    return rc == 0 ? 0 : err_wrap(e, "read the counter of %s.%s", schema, table);
}

void sql_scan_table_at(const struct db_rows *r, size_t row, struct sql_scan_table *out)
{
    out->schema = text_of(r, row, "s");
    out->table = text_of(r, row, "t");
    out->engine = text_of(r, row, "e");
    out->next = db_rows_get(r, row, "n", NULL);
}

int sql_scan_is_leading(struct sql *s, const struct sql_scan_column *c, int *first,
                        int64_t deadline_ms, struct err *e)
{
    struct buf text = BUF_INIT;
    struct db_rows *r = NULL;
    size_t i;
    int rc;

    *first = 0;
    buf_adds(&text, read_leading);
    add_table(&text, c->schema, c->table);
    rc = db_query(s->db, text.data, deadline_ms, &r, e);
    for (i = 0; rc == 0 && i < db_rows_count(r); i++)
        if (strcmp(text_of(r, i, "s"), c->schema) == 0 &&
            strcmp(text_of(r, i, "t"), c->table) == 0 && strcmp(text_of(r, i, "c"), c->column) == 0)
            *first = 1;
    db_rows_free(&r);
    buf_release(&text);
    return rc == 0 ? 0 : err_wrap(e, "read the keys of %s.%s", c->schema, c->table);
}

int sql_scan_read_sequence(struct sql *s, const char *schema, const char *name,
                           struct sql_scan_sequence *out, struct db_rows **rows,
                           int64_t deadline_ms, struct err *e)
{
    struct buf text = BUF_INIT;
    int rc;

    buf_adds(&text, read_sequence);
    db_quote_name(&text, schema);
    buf_addc(&text, '.');
    db_quote_name(&text, name);
    rc = db_query(s->db, text.data, deadline_ms, rows, e);
    buf_release(&text);
    if (rc != 0)
        return err_wrap(e, "read the sequence %s.%s", schema, name);
    if (db_rows_count(*rows) != 1)
        return err_set(e, ERR_SQL, "%s.%s has %zu rows, which no sequence has", schema, name,
                       db_rows_count(*rows));
    out->next = text_of(*rows, 0, "n");
    out->minimum = text_of(*rows, 0, "lo");
    out->maximum = text_of(*rows, 0, "hi");
    out->increment = text_of(*rows, 0, "i");
    out->cycles = db_rows_int(*rows, 0, "c", 0) != 0;
    return 0;
}

int sql_scan_read_bytes(struct sql *s, const char *schema, const char *table, uint64_t *bytes,
                        int64_t deadline_ms, struct err *e)
{
    struct buf text = BUF_INIT;
    struct db_rows *r = NULL;
    size_t i;
    int rc;

    *bytes = 0;
    buf_adds(&text, read_bytes);
    add_table(&text, schema, table);
    rc = db_query(s->db, text.data, deadline_ms, &r, e);
    for (i = 0; rc == 0 && i < db_rows_count(r); i++)
        if (strcmp(text_of(r, i, "s"), schema) == 0 && strcmp(text_of(r, i, "t"), table) == 0)
            *bytes = db_rows_u64(r, i, "b", 0);
    db_rows_free(&r);
    buf_release(&text);
    return rc == 0 ? 0 : err_wrap(e, "read the size of %s.%s", schema, table);
}

int sql_scan_read_type(struct sql *s, const struct sql_scan_column *c, struct buf *type,
                       int *nullable, int64_t deadline_ms, struct err *e)
{
    struct buf text = BUF_INIT;
    struct db_rows *r = NULL;
    size_t i;
    int rc;

    buf_adds(&text, read_type);
    add_table(&text, c->schema, c->table);
    rc = db_query(s->db, text.data, deadline_ms, &r, e);
    for (i = 0; rc == 0 && i < db_rows_count(r); i++)
        if (strcmp(text_of(r, i, "s"), c->schema) == 0 &&
            strcmp(text_of(r, i, "t"), c->table) == 0 &&
            strcasecmp(text_of(r, i, "c"), c->column) == 0) {
            buf_clear(type);
            buf_adds(type, text_of(r, i, "ct"));
            *nullable = strcasecmp(text_of(r, i, "y"), "YES") == 0;
        }
    db_rows_free(&r);
    buf_release(&text);
    return rc == 0 ? 0 : err_wrap(e, "read the columns of %s.%s", c->schema, c->table);
}

int sql_scan_read_foreign_keys(struct sql *s, const char *schema, struct db_rows **out,
                               int64_t deadline_ms, struct err *e)
{
    struct buf text = BUF_INIT;
    int rc;

    buf_adds(&text, read_foreign_keys);
    if (s->version.family == FAMILY_MYSQL && version_at_least(&s->version, 8, 0, 0))
        buf_adds(&text, "REFERENCED_TABLE_SCHEMA = ");
    else
        buf_adds(&text, "TABLE_SCHEMA = ");
    db_quote(&text, schema);
    rc = db_query(s->db, text.data, deadline_ms, out, e);
    buf_release(&text);
    return rc == 0 ? 0 : err_wrap(e, "read the foreign keys of %s", schema);
}

void sql_scan_key_at(const struct db_rows *r, size_t row, struct sql_scan_key *out)
{
    out->schema = text_of(r, row, "s");
    out->table = text_of(r, row, "t");
    out->column = text_of(r, row, "c");
    out->parent_schema = text_of(r, row, "ps");
    out->parent_table = text_of(r, row, "pt");
    out->parent_column = text_of(r, row, "pc");
    out->constraint = text_of(r, row, "k");
}

/* The first place outside of quoted names where word stands; NULL. */
static const char *find_unquoted(const char *text, const char *end, const char *word)
{
    int quoted = 0;

    for (; text < end; text++) {
        if (*text == '`')
            quoted = !quoted;
        else if (!quoted && strncmp(text, word, strlen(word)) == 0)
            return text;
    }
    return NULL;
}

/* A parent in the child's own schema stands there without it, which before MySQL 8 needs a current
 * database. */
static void add_key_text(struct buf *out, const char *line, const char *schema)
{
    const char *end = line + strcspn(line, "\n"), *parent, *behind;

    end -= end > line && end[-1] == ',';
    parent = find_unquoted(line, end, " REFERENCES ");
    behind = parent ? find_unquoted(parent + 12, end, " ") : NULL;
    if (!behind) {
        buf_add(out, line, (size_t)(end - line));
        return;
    }
    parent += 12;
    buf_add(out, line, (size_t)(parent - line));
    if (!find_unquoted(parent, behind, ".")) {
        db_quote_name(out, schema);
        buf_addc(out, '.');
    }
    buf_add(out, parent, (size_t)(end - parent));
}

void sql_scan_read_key_text(struct sql *s, const char *schema, const char *table,
                            const char *constraint, int64_t deadline_ms, struct buf *out)
{
    struct buf text = BUF_INIT, key = BUF_INIT;
    struct db_rows *r = NULL;
    const char *line = NULL;

    buf_adds(&text, "SHOW CREATE TABLE ");
    db_quote_name(&text, schema);
    buf_addc(&text, '.');
    db_quote_name(&text, table);
    /* At the beginning of a line, which no comment of a column can have. */
    buf_adds(&key, "\n  CONSTRAINT ");
    db_quote_name(&key, constraint);
    buf_adds(&key, " FOREIGN KEY ");
    if (db_query(s->db, text.data, deadline_ms, &r, NULL) == 0 && db_rows_count(r) > 0)
        line = strstr(text_of(r, 0, "Create Table"), key.data);
    if (line)
        add_key_text(out, line + strspn(line, "\n "), schema);
    db_rows_free(&r);
    buf_release(&text);
    buf_release(&key);
}
