/* Sequences of MariaDB and the columns that take their values from one; see collect.h. */
#include "manager/scan/collect_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DENIED_TABLE = 1142, DENIED_COLUMN = 1143, NO_SUCH_COLUMN = 1054 };

/* A signed or unsigned 64-bit number as the distance from the least signed one: all of a sequence's
 * numbers are in one order then, without a sign. */
static uint64_t ordered(const char *text)
{
    unsigned long long v;

    if (*text == '-')
        return (uint64_t)strtoll(text, NULL, 10) ^ (UINT64_C(1) << 63);
    v = strtoull(text, NULL, 10);
    return v > (uint64_t)INT64_MAX ? UINT64_MAX : v ^ (UINT64_C(1) << 63);
}

/* A sequence that counts downwards is turned over. One with a minimum below 1 is moved up, so that
 * its first value is 1: what is shown is then the count, not the value. */
static void take_sequence(struct scan_column *column, const struct sql_scan_sequence *s)
{
    uint64_t next = ordered(s->next), lo = ordered(s->minimum), hi = ordered(s->maximum);
    int down = *s->increment == '-';
    uint64_t step = strtoull(s->increment + down, NULL, 10), zero = UINT64_C(1) << 63;
    struct scan_counter *k = &column->counter;

    if (down) {
        uint64_t turned = ~lo;

        next = ~next;
        lo = ~hi;
        hi = turned;
    }
    k->step = step ? step : 1;
    if (!down && lo > zero) {
        k->next = next > zero ? next - zero : 1;
        k->first = lo - zero;
        k->limit = hi - zero;
    } else {
        k->next = next >= lo ? next - lo + 1 : 1;
        k->first = 1;
        k->limit = hi - lo == UINT64_MAX ? UINT64_MAX : hi - lo + 1;
    }
    k->offset = k->next % k->step;
    column->state = s->cycles ? SCAN_CYCLES : SCAN_MEASURED;
}

static int read_one(struct collect *c, struct scan_column *column, struct err *e)
{
    struct sql_scan_sequence seen;
    struct db_rows *r = NULL;
    struct err failed = {0};

    if (sql_scan_read_sequence(c->sql, column->schema, column->table, &seen, &r, c->deadline_ms,
                               &failed) == 0) {
        take_sequence(column, &seen);
        db_rows_free(&r);
        return 0;
    }
    db_rows_free(&r);
    if (failed.server_errno == DENIED_TABLE || failed.server_errno == DENIED_COLUMN) {
        collect_partial(c, "the sequence %s.%s cannot be read: GRANT SELECT ON `%s`.`%s` TO %s",
                        column->schema, column->table, column->schema, column->table,
                        c->grants.grantee);
        return 0;
    }
    /* A table that only looks like one, or was dropped meanwhile. */
    if (failed.code == ERR_SQL && failed.server_errno == NO_SUCH_COLUMN) {
        column->kind = SCAN_CHILD;
        column->type = SCAN_TYPE_UNKNOWN;
        return 0;
    }
    if (failed.code == ERR_SQL)
        return 0;
    if (e)
        *e = failed;
    return -1;
}

/* One quoted name of nextval(`a`.`b`); the value is what follows. */
static const char *take_name(const char *p, char *out, size_t size)
{
    size_t n = 0;

    if (*p != '`')
        return NULL;
    for (p++; *p && n + 1 < size; p++) {
        if (*p == '`' && *++p != '`') {
            out[n] = '\0';
            return p;
        }
        out[n++] = *p;
    }
    return NULL;
}

static const struct scan_column *find_sequence(const struct collect *c, const char *schema,
                                               const char *name)
{
    size_t i;

    for (i = 0; i < c->extra.columns; i++) {
        const struct scan_column *s = &c->extra.column[i];

        if (s->kind == SCAN_SEQUENCE && strcmp(s->schema, schema) == 0 &&
            strcmp(s->table, name) == 0)
            return s;
    }
    return NULL;
}

/* The column ends where its own type ends, which may be long before its sequence does. */
static void link_column(struct collect *c, struct scan_column *column)
{
    char schema[SQL_NAME_BYTES], name[SQL_NAME_BYTES], both[2 * SQL_NAME_BYTES];
    const struct scan_column *sequence;
    const char *p = take_name(column->source + strlen("nextval("), schema, sizeof(schema));

    column->state = SCAN_UNREADABLE;
    if (!p || *p != '.' || !take_name(p + 1, name, sizeof(name)))
        return;
    snprintf(both, sizeof(both), "%s.%s", schema, name);
    column->source = scan_text(&c->out->texts, both);
    sequence = find_sequence(c, schema, name);
    if (!sequence || sequence->state == SCAN_UNREADABLE)
        return;
    column->counter.next = sequence->counter.next;
    column->counter.step = sequence->counter.step;
    column->counter.offset = sequence->counter.offset;
    column->state = SCAN_MEASURED;
}

int collect_sequences(struct collect *c, struct err *e)
{
    size_t i;

    for (i = 0; i < c->extra.columns; i++)
        if (c->extra.column[i].kind == SCAN_SEQUENCE && read_one(c, &c->extra.column[i], e) != 0)
            return -1;
    for (i = 0; i < c->extra.columns; i++)
        if (c->extra.column[i].kind == SCAN_NEXTVAL)
            link_column(c, &c->extra.column[i]);
    for (i = 0; i < c->extra.columns; i++)
        if (c->extra.column[i].kind == SCAN_SEQUENCE || c->extra.column[i].kind == SCAN_NEXTVAL)
            *scan_server_add(c->out) = c->extra.column[i];
    if (c->out->columns)
        qsort(c->out->column, c->out->columns, sizeof(*c->out->column), scan_column_cmp);
    return 0;
}
