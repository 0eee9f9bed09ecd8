/* Collecting; see collect.h. Definitions first, which opens no table; then the counters of the
 * schemas that have any, merged here by exact bytes. */
#include "manager/scan/collect_internal.h"

#include "common/clock.h"

#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATEMENT_MS    60000
#define PORTION_MIN     100
#define PORTION_DEFAULT 1000
/* Counters of several schemas in one statement, where that opens no table. */
#define BATCH_SCHEMAS 200
#define BATCH_COLUMNS 20000

void collect_partial(struct collect *c, const char *fmt, ...)
{
    va_list ap;

    if (c->out->answer == SCAN_PARTIAL)
        return;
    c->out->answer = SCAN_PARTIAL;
    va_start(ap, fmt);
    vsnprintf(c->out->error, sizeof(c->out->error), fmt, ap);
    va_end(ap);
}

static int is_asked(const struct scan_ask *ask, const char *schema)
{
    size_t i;

    if (!ask->schemas)
        return 1;
    for (i = 0; i < ask->schema_count; i++)
        if (fnmatch(ask->schemas[i], schema, 0) == 0)
            return 1;
    return 0;
}

const char *collect_schema(const struct collect *c, size_t n)
{
    size_t i;

    for (i = 0; i < db_rows_count(c->schemas); i++) {
        const char *name = db_rows_get(c->schemas, i, "s", NULL);

        if (name && is_asked(c->ask, name) && n-- == 0)
            return name;
    }
    return NULL;
}

static int read_grants(struct collect *c, struct err *e)
{
    struct db_rows *r;
    size_t i;

    if (sql_scan_read_grants(c->sql, &r, c->deadline_ms, e) != 0)
        return -1;
    for (i = 0; i < db_rows_count(r); i++) {
        const char *line = db_rows_get(r, i, db_rows_column(r, 0), NULL);

        if (line)
            scan_grants_add(&c->grants, line);
    }
    db_rows_free(&r);
    return 0;
}

/* What a partial revoke of MySQL hides is not even in the list of schemas. */
static void name_revoked(struct collect *c, const char *who)
{
    const struct buf *list = &c->grants.revoked;
    const char *p;

    for (p = list->data; p < list->data + list->len; p += strlen(p) + 1)
        if (is_asked(c->ask, p) && !scan_grants_cover(&c->grants, p))
            collect_partial(c,
                            "schema %s is hidden from us by a revoke: GRANT REFERENCES ON `%s`.*"
                            " TO %s",
                            p, p, who);
}

/* Hidden tables give no error, only fewer rows: so the account must hold a privilege that shows all
 * of them, or of the schemas that were asked for by name. */
static int prove_coverage(struct collect *c, struct err *e)
{
    const char *who = c->grants.grantee[0] ? c->grants.grantee : "CURRENT_USER()", *schema;
    size_t i;

    for (i = 0; (schema = collect_schema(c, i)); i++)
        if (!scan_grants_cover(&c->grants, schema))
            collect_partial(c,
                            "tables of schema %s may be hidden from us:"
                            " GRANT REFERENCES ON *.* TO %s",
                            schema, who);
    c->out->schemas = i;
    name_revoked(c, who);
    if (!c->grants.all && !c->ask->schemas)
        collect_partial(c,
                        "schemas may be hidden from us: GRANT REFERENCES ON *.* TO %s"
                        " (or name the schemas to scan)",
                        who);
    for (i = 0; i < c->ask->schema_count; i++) {
        const char *asked = c->ask->schemas[i];

        if (!strpbrk(asked, "*?[") && !scan_grants_cover(&c->grants, asked))
            collect_partial(c, "schema %s is hidden from us: GRANT REFERENCES ON `%s`.* TO %s",
                            asked, asked, who);
    }
    if (c->out->schemas == 0 && c->ask->schemas)
        return err_set(e, ERR_WORLD, "there is no schema of the names asked for%s%s",
                       c->grants.all ? "" : " that we may see: GRANT REFERENCES ON *.* TO ",
                       c->grants.all ? "" : who);
    return 0;
}

static void fill_column(struct scan_server *to, struct scan_texts *texts,
                        const struct sql_scan_column *from, enum scan_kind kind)
{
    struct scan_column *c = scan_server_add(to);

    c->schema = scan_text(texts, from->schema);
    c->table = scan_text(texts, from->table);
    c->column = scan_text(texts, kind == SCAN_SEQUENCE ? "" : from->column);
    c->type_text = scan_text(texts, from->column_type);
    c->kind = kind;
    c->type = scan_type_parse(from->data_type);
    c->is_unsigned = scan_type_is_unsigned(from->column_type);
    c->counter = (struct scan_counter){.next = 1,
                                       .first = 1,
                                       .step = 1,
                                       .offset = 1,
                                       .limit = scan_limit(c->type, c->is_unsigned)};
    /* The default that calls the sequence; resolved later. */
    if (kind == SCAN_NEXTVAL)
        c->source = scan_text(texts, from->fallback);
}

static void take_column(struct collect *c, const struct sql_scan_column *row)
{
    struct scan_column *last;

    if (!is_asked(c->ask, row->schema))
        return;
    if (strcasestr(row->extra, "auto_increment")) {
        fill_column(c->out, &c->out->texts, row, SCAN_AUTO);
        last = &c->out->column[c->out->columns - 1];
        last->counter.step = c->settings.increment;
        last->counter.offset = c->settings.offset;
        return;
    }
    if (strncasecmp(row->fallback, "nextval(", 8) == 0)
        fill_column(&c->extra, &c->out->texts, row, SCAN_NEXTVAL);
    else if (strcmp(row->column, "next_not_cached_value") == 0 &&
             c->sql->version.family == FAMILY_MARIADB)
        fill_column(&c->extra, &c->out->texts, row, SCAN_SEQUENCE);
    else if (c->ask->children && scan_type_parse(row->data_type) != SCAN_TYPE_UNKNOWN)
        fill_column(&c->extra, &c->out->texts, row, SCAN_CHILD);
}

static int read_columns_of(struct collect *c, const char *schema, const char *table, struct err *e)
{
    struct sql_scan_column row;
    struct db_rows *r;
    size_t i;

    if (sql_scan_read_columns(c->sql, schema, table, c->ask->children, &r, c->deadline_ms, e) != 0)
        return -1;
    for (i = 0; i < db_rows_count(r); i++) {
        sql_scan_column_at(r, i, &row);
        if ((!schema || strcmp(row.schema, schema) == 0) &&
            (!table || strcmp(row.table, table) == 0))
            take_column(c, &row);
    }
    db_rows_free(&r);
    return 0;
}

/* All in one statement; schema by schema where few of many are asked for, or where one result
 * would be too large. */
static int read_columns(struct collect *c, struct err *e)
{
    struct err whole = {0};
    const char *schema;
    size_t i;

    for (i = 0; i < c->ask->only_count; i++)
        if (read_columns_of(c, c->ask->only[i].schema, c->ask->only[i].table, e) != 0)
            return -1;
    if (c->ask->only)
        return 0;
    if (!c->ask->schemas) {
        if (read_columns_of(c, NULL, NULL, &whole) == 0)
            return 0;
        if (whole.code != ERR_SQL || whole.server_errno != 0) {
            *e = whole;
            return -1;
        }
    }
    for (i = 0; (schema = collect_schema(c, i)); i++)
        if (read_columns_of(c, schema, NULL, e) != 0)
            return -1;
    return 0;
}

static int is_grouping_engine(const char *engine)
{
    return strcasecmp(engine, "MyISAM") == 0 || strcasecmp(engine, "Aria") == 0 ||
           strcasecmp(engine, "MRG_MyISAM") == 0;
}

/* A MyISAM or Aria column that leads no key counts per group of the columns before it: the table's
 * own counter says 1 for ever. */
static int check_group(struct collect *c, struct scan_column *column, struct err *e)
{
    struct sql_scan_column row = {
        .schema = column->schema, .table = column->table, .column = column->column};
    int leading;

    if (!is_grouping_engine(column->engine))
        return 0;
    if (sql_scan_is_leading(c->sql, &row, &leading, c->deadline_ms, e) != 0)
        return -1;
    if (!leading)
        column->state = SCAN_PER_GROUP;
    return 0;
}

static int table_cmp(const void *key, const void *item)
{
    const struct sql_scan_table *t = key;
    const struct scan_column *c = item;
    int rc = strcmp(t->schema, c->schema);

    return rc ? rc : strcmp(t->table, c->table);
}

static int take_table(struct collect *c, const struct sql_scan_table *row, struct err *e)
{
    struct scan_column *column =
        bsearch(row, c->out->column, c->out->columns, sizeof(*column), table_cmp);

    if (!column)
        return 0;
    column->engine = scan_text(&c->out->texts, row->engine);
    column->state = row->next ? SCAN_MEASURED : SCAN_UNUSED;
    column->counter.next = row->next ? strtoull(row->next, NULL, 10) : 1;
    if (column->counter.next == 0)
        column->counter.next = 1;
    column->counter.stops_at_limit = c->sql->version.family == FAMILY_MYSQL &&
                                     strcasecmp(row->engine, "InnoDB") == 0 &&
                                     column->counter.limit != UINT64_MAX - 1;
    return check_group(c, column, e);
}

/* Other people's tables were pushed out of the table cache by ours: they get time to come back. */
static int pause_after(struct collect *c, size_t tables, struct err *e)
{
    uint64_t room = PORTION_DEFAULT;

    if (!c->opens_tables)
        return 0;
    c->opened += tables;
    if (c->settings.table_cache > c->settings.open_tables)
        room = (c->settings.table_cache - c->settings.open_tables) / 2;
    if (room < PORTION_MIN)
        room = PORTION_MIN;
    if (c->opened < room)
        return 0;
    c->opened = 0;
    if (clock_left_ms(c->deadline_ms) <= c->ask->pause_ms)
        return err_set(e, ERR_TIMEOUT, "the time for this server is over");
    clock_sleep_ms(c->ask->pause_ms);
    return 0;
}

static int is_named(const char *const *names, size_t count, const char *schema)
{
    size_t i;

    for (i = 0; i < count; i++)
        if (strcmp(names[i], schema) == 0)
            return 1;
    return 0;
}

/* r is given back. */
static int take_tables(struct collect *c, struct db_rows *r, const char *const *names, size_t count,
                       struct err *e)
{
    struct sql_scan_table row;
    size_t i, n = db_rows_count(r);
    int rc = 0;

    for (i = 0; rc == 0 && i < n; i++) {
        sql_scan_table_at(r, i, &row);
        /* Schemas of other spellings come with it, and come again by themselves. */
        if (!is_named(names, count, row.schema))
            continue;
        c->out->tables++;
        rc = take_table(c, &row, e);
    }
    db_rows_free(&r);
    return rc == 0 ? pause_after(c, n, e) : rc;
}

static int read_tables_of(struct collect *c, const char *const *names, size_t count, struct err *e)
{
    struct db_rows *r;

    if (sql_scan_read_tables(c->sql, names, count, &r, c->deadline_ms, e) != 0)
        return -1;
    return take_tables(c, r, names, count, e);
}

/* Table by table: few are asked for. */
static int read_only_tables(struct collect *c, struct err *e)
{
    struct db_rows *r;
    size_t i;

    for (i = 0; i < c->out->columns; i++) {
        const struct scan_column *column = &c->out->column[i];

        if (sql_scan_read_table(c->sql, column->schema, column->table, &r, c->deadline_ms, e) !=
                0 ||
            take_tables(c, r, &column->schema, 1, e) != 0)
            return -1;
    }
    return 0;
}

/* Only schemas that have a column to measure. */
static int read_tables(struct collect *c, struct err *e)
{
    const char *names[BATCH_SCHEMAS];
    size_t max = c->opens_tables ? 1 : BATCH_SCHEMAS, count = 0, held = 0, i;

    if (c->ask->only)
        return read_only_tables(c, e);
    for (i = 0; i < c->out->columns; i++) {
        const char *schema = c->out->column[i].schema;

        held++;
        if (i > 0 && strcmp(schema, c->out->column[i - 1].schema) == 0)
            continue;
        if (count == max || (count > 0 && held > BATCH_COLUMNS)) {
            if (read_tables_of(c, names, count, e) != 0)
                return -1;
            count = held = 0;
        }
        names[count++] = schema;
    }
    return count ? read_tables_of(c, names, count, e) : 0;
}

/* A table whose row is missing was dropped between the two looks, or is hidden. */
static void drop_unseen(struct scan_server *s)
{
    size_t i, kept = 0;

    for (i = 0; i < s->columns; i++)
        if (s->column[i].state != SCAN_UNREADABLE)
            s->column[kept++] = s->column[i];
    s->columns = kept;
}

static int refuse_costly(struct collect *c, struct err *e)
{
    if (!c->settings.stats_on_metadata || c->ask->force)
        return 0;
    return err_set(e, ERR_WORLD,
                   "innodb_stats_on_metadata is ON: each table looked at would have its indexes"
                   " sampled anew, with reads and changed plans. SET GLOBAL"
                   " innodb_stats_on_metadata = OFF, or --force");
}

static int collect_all(struct collect *c, struct err *e)
{
    int limit_ms = c->ask->statement_ms > 0 ? c->ask->statement_ms : STATEMENT_MS;

    if (sql_scan_session(c->sql, limit_ms, c->deadline_ms, e) != 0 ||
        sql_scan_read_settings(c->sql, &c->settings, c->deadline_ms, e) != 0 ||
        refuse_costly(c, e) != 0 || read_grants(c, e) != 0 ||
        sql_scan_read_schemas(c->sql, &c->schemas, c->deadline_ms, e) != 0 ||
        prove_coverage(c, e) != 0 || read_columns(c, e) != 0)
        return -1;
    c->out->increment = c->settings.increment;
    c->out->offset = c->settings.offset;
    if (c->out->columns > 0)
        qsort(c->out->column, c->out->columns, sizeof(*c->out->column), scan_column_cmp);
    if (read_tables(c, e) != 0)
        return -1;
    drop_unseen(c->out);
    if (collect_sequences(c, e) != 0)
        return -1;
    scan_link_children(c->out, c->extra.column, c->extra.columns);
    return 0;
}

/* What was read before a failure stays: a counter that was seen is right. */
void scan_collect(struct sql *s, const struct scan_ask *ask, struct scan_server *out,
                  int64_t deadline_ms)
{
    struct collect c = {
        .sql = s, .ask = ask, .out = out, .deadline_ms = deadline_ms, .grants = SCAN_GRANTS_INIT};
    int64_t begin_ms = clock_mono_ms();
    struct err e = {0};

    c.opens_tables = s->version.family == FAMILY_MARIADB || !version_at_least(&s->version, 8, 0, 0);
    snprintf(out->version, sizeof(out->version), "%s", db_version_text(s->db));
    out->answer = SCAN_COMPLETE;
    if (collect_all(&c, &e) != 0) {
        drop_unseen(out);
        out->answer = out->columns ? SCAN_PARTIAL : SCAN_FAILED;
        snprintf(out->error, sizeof(out->error), "%s", e.text);
    }
    if (out->columns)
        qsort(out->column, out->columns, sizeof(*out->column), scan_column_cmp);
    out->took_ms = clock_mono_ms() - begin_ms;
    db_rows_free(&c.schemas);
    scan_grants_release(&c.grants);
    free(c.extra.column);
}
