/* One column in full; see explain.h. */
#include "manager/scan/explain.h"

#include "common/db.h"
#include "manager/scan/output.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define PLOT_COLUMNS 64
#define PLOT_ROWS    8
#define MEMBERS_MAX  512
/* Beyond this a rebuild takes long enough to be done by a tool that copies in the background. */
#define LARGE_BYTES (UINT64_C(1) << 30)

static struct scan_relative *add_member(struct scan_family *f)
{
    struct scan_relative *m;

    if (f->count == f->cap) {
        size_t cap = f->cap ? 2 * f->cap : 16;
        struct scan_relative *more = mem_alloc(cap * sizeof(*more));

        if (f->count)
            memcpy(more, f->member, f->count * sizeof(*more));
        free(f->member);
        f->member = more;
        f->cap = cap;
    }
    m = &f->member[f->count++];
    memset(m, 0, sizeof(*m));
    return m;
}

static int is_member(const struct scan_family *f, const struct sql_scan_key *k)
{
    size_t i;

    for (i = 0; i < f->count; i++)
        if (strcmp(f->member[i].schema, k->schema) == 0 &&
            strcmp(f->member[i].table, k->table) == 0 &&
            strcasecmp(f->member[i].column, k->column) == 0)
            return 1;
    return 0;
}

static int refers_to(const struct sql_scan_key *k, const char *schema, const char *table,
                     const char *column)
{
    return strcmp(k->parent_schema, schema) == 0 && strcmp(k->parent_table, table) == 0 &&
           strcasecmp(k->parent_column, column) == 0;
}

/* A key of several columns comes once. */
static void add_bond(struct scan_family *f, const struct sql_scan_key *k, int is_outside)
{
    struct scan_bond *b;
    struct buf other = BUF_INIT;

    for (size_t i = 0; i < f->bonds; i++)
        if (strcmp(f->bond[i].schema, k->schema) == 0 && strcmp(f->bond[i].table, k->table) == 0 &&
            strcmp(f->bond[i].constraint, k->constraint) == 0)
            return;
    if (f->bonds == f->bond_cap) {
        size_t cap = f->bond_cap ? 2 * f->bond_cap : 16;
        struct scan_bond *more = mem_alloc(cap * sizeof(*more));

        if (f->bonds)
            memcpy(more, f->bond, f->bonds * sizeof(*more));
        free(f->bond);
        f->bond = more;
        f->bond_cap = cap;
    }
    if (is_outside)
        buf_addf(&other, "%s.%s.%s", k->parent_schema, k->parent_table, k->parent_column);
    b = &f->bond[f->bonds++];
    b->schema = scan_text(&f->texts, k->schema);
    b->table = scan_text(&f->texts, k->table);
    b->constraint = scan_text(&f->texts, k->constraint);
    b->other = scan_text(&f->texts, is_outside ? other.data : "");
    b->text = "";
    buf_release(&other);
}

/* Keys by which the family's columns refer to somebody else. */
static void add_outside(struct scan_family *out, const struct db_rows *rows)
{
    struct sql_scan_key k;

    for (size_t i = 0; i < db_rows_count(rows); i++) {
        sql_scan_key_at(rows, i, &k);
        if (is_member(out, &k))
            add_bond(out, &k, 1);
    }
}

static void read_bonds(struct sql *s, struct scan_family *f, int64_t deadline_ms)
{
    struct buf text = BUF_INIT;

    for (size_t i = 0; i < f->bonds; i++) {
        struct scan_bond *b = &f->bond[i];

        buf_clear(&text);
        sql_scan_read_key_text(s, b->schema, b->table, b->constraint, deadline_ms, &text);
        b->text = scan_text(&f->texts, text.len ? text.data : "");
    }
    buf_release(&text);
}

static void add_referring(struct scan_family *out, const struct db_rows *rows, const char *schema,
                          const char *table, const char *column)
{
    struct sql_scan_key k;
    size_t i;

    for (i = 0; i < db_rows_count(rows) && out->count < MEMBERS_MAX; i++) {
        struct scan_relative *m;

        sql_scan_key_at(rows, i, &k);
        if (!refers_to(&k, schema, table, column))
            continue;
        add_bond(out, &k, 0);
        if (is_member(out, &k))
            continue;
        m = add_member(out);
        m->schema = scan_text(&out->texts, k.schema);
        m->table = scan_text(&out->texts, k.table);
        m->column = scan_text(&out->texts, k.column);
        m->constraint = scan_text(&out->texts, k.constraint);
        m->type = "";
    }
}

static int read_types(struct sql *s, struct scan_family *out, int64_t deadline_ms, struct err *e)
{
    struct buf type = BUF_INIT;
    size_t i;
    int rc = 0;

    for (i = 0; rc == 0 && i < out->count; i++) {
        struct scan_relative *m = &out->member[i];
        struct sql_scan_column c = {.schema = m->schema, .table = m->table, .column = m->column};

        buf_clear(&type);
        rc = sql_scan_read_type(s, &c, &type, &m->nullable, deadline_ms, e);
        m->type = scan_text(&out->texts, type.data);
        m->too_small = strncasecmp(type.data, "bigint", 6) != 0;
    }
    buf_release(&type);
    return rc;
}

int scan_family_read(struct sql *s, const struct scan_finding *f, struct scan_family *out,
                     int64_t deadline_ms, struct err *e)
{
    const struct scan_column *c = f->column;
    struct sql_scan_column self = {.schema = c->schema, .table = c->table, .column = c->column};
    struct buf type = BUF_INIT;
    struct db_rows *rows = NULL;
    size_t i;
    int rc;

    memset(out, 0, sizeof(*out));
    rc = sql_scan_read_bytes(s, c->schema, c->table, &out->bytes, deadline_ms, e);
    if (rc == 0)
        rc = sql_scan_read_type(s, &self, &type, &out->nullable, deadline_ms, e);
    if (rc == 0)
        rc = sql_scan_read_foreign_keys(s, c->schema, &rows, deadline_ms, e);
    if (rc == 0) {
        add_referring(out, rows, c->schema, c->table, c->column);
        for (i = 0; i < out->count; i++)
            add_referring(out, rows, out->member[i].schema, out->member[i].table,
                          out->member[i].column);
        add_outside(out, rows);
        rc = read_types(s, out, deadline_ms, e);
    }
    if (rc == 0)
        read_bonds(s, out, deadline_ms);
    db_rows_free(&rows);
    buf_release(&type);
    return rc;
}

void scan_family_add_found(struct scan_family *out, const struct scan_finding *f)
{
    const struct scan_column *c = f->column;
    struct sql_scan_key k = {.schema = c->schema, .table = c->table, .column = c->column};
    struct scan_relative *m;

    if (is_member(out, &k) || out->count >= MEMBERS_MAX)
        return;
    m = add_member(out);
    m->schema = scan_text(&out->texts, c->schema);
    m->table = scan_text(&out->texts, c->table);
    m->column = scan_text(&out->texts, c->column);
    m->type = scan_text(&out->texts, c->type_text);
    m->constraint = "";
    m->nullable = 1;
    m->too_small = 1;
}

void scan_family_release(struct scan_family *f)
{
    free(f->member);
    free(f->bond);
    scan_texts_release(&f->texts);
    memset(f, 0, sizeof(*f));
}

/* The last value at or before each column's time; before the first point there is none (-1). */
static void sample(const struct scan_point *p, size_t n, double *value)
{
    int64_t from = p[0].at_s, span = p[n - 1].at_s - from;
    size_t at = 0, i;

    for (i = 0; i < PLOT_COLUMNS; i++) {
        int64_t t = from + span * (int64_t)i / (PLOT_COLUMNS - 1);

        while (at + 1 < n && p[at + 1].at_s <= t)
            at++;
        value[i] = (double)p[at].value;
    }
}

static void add_scaled(struct buf *out, double v)
{
    static const char *const units[] = {"", "K", "M", "G", "T", "P", "E"};
    size_t unit = 0;

    while (v >= 1000 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        v /= 1000;
        unit++;
    }
    buf_addf(out, unit ? "%.4g%s" : "%.0f%s", v, units[unit]);
}

static void add_label(struct buf *out, double v)
{
    struct buf text = BUF_INIT;

    add_scaled(&text, v);
    buf_addf(out, "  %9s |", text.data);
    buf_release(&text);
}

static void add_date(struct buf *out, int64_t at_s)
{
    char text[32] = "";
    time_t t = (time_t)at_s;
    struct tm tm;

    if (gmtime_r(&t, &tm))
        strftime(text, sizeof(text), "%Y-%m-%d", &tm);
    buf_adds(out, text);
}

void scan_print_plot(const struct scan_point *p, size_t n, struct buf *out)
{
    static const char *const part[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    double value[PLOT_COLUMNS], low, high, cell;
    int row;
    size_t i;

    if (n < 2 || p[n - 1].at_s == p[0].at_s)
        return;
    sample(p, n, value);
    low = high = value[0];
    for (i = 1; i < PLOT_COLUMNS; i++) {
        low = value[i] < low ? value[i] : low;
        high = value[i] > high ? value[i] : high;
    }
    if (high <= low) {
        buf_adds(out, "  unchanged    since ");
        add_date(out, p[0].at_s);
        buf_addc(out, '\n');
        return;
    }
    cell = (high - low) / PLOT_ROWS;
    for (row = PLOT_ROWS - 1; row >= 0; row--) {
        if (row == PLOT_ROWS - 1 || row == 0)
            add_label(out, row ? high : low);
        else
            buf_addf(out, "  %9s |", "");
        for (i = 0; i < PLOT_COLUMNS; i++) {
            double fill = (value[i] - low) / cell - row;
            int eighths = (int)(fill * 8 + 0.5);

            eighths = row == 0 && eighths < 1 ? 1 : eighths;
            buf_adds(out, part[eighths < 0 ? 0 : eighths > 8 ? 8 : eighths]);
        }
        buf_addc(out, '\n');
    }
    buf_addf(out, "  %9s  ", "");
    add_date(out, p[0].at_s);
    buf_addf(out, "%*s", PLOT_COLUMNS - 20, "");
    add_date(out, p[n - 1].at_s);
    buf_addc(out, '\n');
}

static void add_slope(struct buf *out, const char *name, const struct scan_slope *s)
{
    buf_addf(out, "%s ", name);
    if (s->median < 0) {
        buf_adds(out, "not known");
        return;
    }
    add_scaled(out, s->median);
}

static void add_growth(const struct scan_finding *f, size_t n, struct buf *out)
{
    const struct scan_growth *g = &f->growth;

    buf_adds(out, "  a day        ");
    add_slope(out, "last 24 h:", &g->day);
    add_slope(out, ", 7 days:", &g->week);
    add_slope(out, ", 28 days:", &g->month);
    buf_addf(out, "\n  history      %zu value%s\n", n, n == 1 ? "" : "s");
}

static void add_bytes(struct buf *out, uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double v = (double)bytes;
    size_t unit = 0;

    while (v >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        v /= 1024;
        unit++;
    }
    buf_addf(out, unit ? "%.1f %s" : "%.0f %s", v, units[unit]);
}

static void add_family(const struct scan_family *family, struct buf *out)
{
    size_t i;

    if (family->count == 0) {
        buf_adds(out, "\nno column is known that holds its values\n");
        return;
    }
    buf_adds(out, "\ncolumns that hold its values and must be as wide\n");
    for (i = 0; i < family->count; i++) {
        const struct scan_relative *m = &family->member[i];

        buf_addf(out, "  %s.%s.%s  %s", m->schema, m->table, m->column, m->type);
        if (*m->constraint)
            buf_addf(out, ", foreign key %s\n", m->constraint);
        else
            buf_adds(out, ", by its name: no foreign key holds it\n");
    }
}

static void add_table(struct buf *out, const char *schema, const char *table)
{
    buf_adds(out, "  ALTER TABLE ");
    db_quote_name(out, schema);
    buf_addc(out, '.');
    db_quote_name(out, table);
}

static void add_drops(const struct scan_family *family, struct buf *out)
{
    for (size_t i = 0; i < family->bonds; i++) {
        add_table(out, family->bond[i].schema, family->bond[i].table);
        buf_adds(out, " DROP FOREIGN KEY ");
        db_quote_name(out, family->bond[i].constraint);
        buf_adds(out, ";\n");
    }
}

/* A key whose other parent stays narrow would be refused: it is named instead. */
static void add_adds(const struct scan_family *family, struct buf *out)
{
    for (size_t i = 0; i < family->bonds; i++) {
        const struct scan_bond *b = &family->bond[i];

        if (*b->other) {
            buf_addf(out, "  and when %s is as wide, which goes by itself: the key %s of %s.%s\n",
                     b->other, b->constraint, b->schema, b->table);
        } else if (*b->text) {
            add_table(out, b->schema, b->table);
            buf_addf(out, " ADD %s;\n", b->text);
        } else {
            buf_addf(out, "  and the key %s of %s.%s again, which is not seen here\n",
                     b->constraint, b->schema, b->table);
        }
    }
}

/* A key between two types is refused on either side, so keys go first and come back last. */
static void add_plan(const struct scan_finding *f, const struct scan_family *family,
                     struct buf *out)
{
    struct buf alter = BUF_INIT;
    int is_unsigned = f->column->is_unsigned || f->column->type == SCAN_BIGINT;
    size_t i;

    scan_finding_alter(f, &alter);
    if (!alter.len) {
        buf_adds(out,
                 "\nno wider type exists: give the values up that are not used, or begin anew\n");
        buf_release(&alter);
        return;
    }
    buf_adds(out, "\nto make room\n");
    add_drops(family, out);
    buf_addf(out, "  %s;\n", alter.data);
    for (i = 0; i < family->count; i++) {
        add_table(out, family->member[i].schema, family->member[i].table);
        buf_adds(out, " MODIFY ");
        db_quote_name(out, family->member[i].column);
        buf_addf(out, " %s%s;\n", scan_type_sql(SCAN_BIGINT, is_unsigned),
                 family->member[i].nullable ? "" : " NOT NULL");
    }
    add_adds(family, out);
    if (family->count > 0)
        buf_adds(out, "  MODIFY forgets defaults and comments: take them over from SHOW CREATE "
                      "TABLE.\n");
    if (family->bytes >= LARGE_BYTES)
        buf_adds(out,
                 "  The table is large: gh-ost or pt-online-schema-change copy it beside the\n"
                 "  application; on a replica first where the master cannot be kept waiting.\n");
    buf_release(&alter);
}

static void add_next(const struct scan_finding *f, struct buf *out)
{
    buf_addf(out, "  next value   %" PRIu64, f->counter.next);
    if (f->counter.step > 1)
        buf_addf(out, ", then every %" PRIu64 "th", f->counter.step);
    buf_addf(out, ": %" PRIu64 " insert%s left\n", f->left, f->left == 1 ? "" : "s");
}

void scan_print_explain(const struct scan_finding *f, const struct scan_family *family,
                        const struct scan_point *p, size_t n, struct buf *out)
{
    const struct scan_column *c = f->column;

    scan_print_name(c, out);
    buf_addf(out, " on %s", f->server->name);
    if (strcmp(f->server->group, f->server->name) != 0)
        buf_addf(out, " (%s)", f->server->group);
    buf_addf(out, "\n  judgement    %s: ", scan_level_text(f->level));
    scan_finding_text(f, out);
    buf_addf(out, "\n  type         %s (%s), ends at %" PRIu64 "\n", c->type_text,
             scan_column_class(c), f->counter.limit);
    if (c->state == SCAN_MEASURED || c->state == SCAN_UNUSED)
        add_next(f, out);
    buf_addf(out, "  table        %s, ", c->engine);
    add_bytes(out, family->bytes);
    buf_addc(out, '\n');
    if (f->rule && (*f->rule->owner || *f->rule->reason))
        buf_addf(out, "  rule         %s%s%s\n", f->rule->owner,
                 *f->rule->owner && *f->rule->reason ? ": " : "", f->rule->reason);
    if (c->state == SCAN_MEASURED || c->state == SCAN_UNUSED) {
        add_growth(f, n, out);
        scan_print_plot(p, n, out);
    }
    if (c->kind == SCAN_AUTO) {
        add_family(family, out);
        add_plan(f, family, out);
    }
}
