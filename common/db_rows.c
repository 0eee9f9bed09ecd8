/* Rows in memory; see db.h and db_rows.h. */
#include "common/db_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct db_rows *db_rows_new(size_t columns)
{
    struct db_rows *r = mem_zalloc(sizeof(*r));

    r->columns = columns;
    r->name = mem_zalloc(columns * sizeof(*r->name));
    buf_init(&r->cells);
    buf_init(&r->data);
    return r;
}

void db_rows_name(struct db_rows *r, size_t column, const char *name)
{
    r->name[column] = mem_strdup(name);
}

int db_rows_add(struct db_rows *r, const char *bytes, size_t len)
{
    struct db_cell cell = {SIZE_MAX, 0};

    if (r->data.len + r->cells.len + len > DB_ROWS_MAX_BYTES)
        return -1;
    if (bytes) {
        cell.offset = r->data.len;
        cell.len = len;
        buf_add(&r->data, bytes, len);
        buf_addc(&r->data, '\0');
    }
    buf_add(&r->cells, &cell, sizeof(cell));
    return 0;
}

size_t db_rows_count(const struct db_rows *r)
{
    return r->rows;
}

size_t db_rows_columns(const struct db_rows *r)
{
    return r->columns;
}

const char *db_rows_column(const struct db_rows *r, size_t i)
{
    return i < r->columns ? r->name[i] : NULL;
}

static int find_column(const struct db_rows *r, const char *column, size_t *at)
{
    for (*at = 0; *at < r->columns; ++*at)
        if (strcasecmp(r->name[*at], column) == 0)
            return 1;
    return 0;
}

int db_rows_has(const struct db_rows *r, const char *column)
{
    size_t at;

    return find_column(r, column, &at);
}

const char *db_rows_get(const struct db_rows *r, size_t row, const char *column, size_t *len)
{
    struct db_cell cell;
    size_t at;

    if (len)
        *len = 0;
    if (row >= r->rows || !find_column(r, column, &at))
        return NULL;
    memcpy(&cell, r->cells.data + (row * r->columns + at) * sizeof(cell), sizeof(cell));
    if (cell.offset == SIZE_MAX)
        return NULL;
    if (len)
        *len = cell.len;
    return r->data.data + cell.offset;
}

const char *db_rows_any(const struct db_rows *r, size_t row, const char *const *names)
{
    for (; *names; names++)
        if (db_rows_has(r, *names))
            return db_rows_get(r, row, *names, NULL);
    return NULL;
}

int64_t db_rows_int(const struct db_rows *r, size_t row, const char *column, int64_t fallback)
{
    const char *text = db_rows_get(r, row, column, NULL);
    char *end;
    long long v;

    if (!text)
        return fallback;
    errno = 0;
    v = strtoll(text, &end, 10);
    return end == text || errno != 0 ? fallback : v;
}

uint64_t db_rows_u64(const struct db_rows *r, size_t row, const char *column, uint64_t fallback)
{
    const char *text = db_rows_get(r, row, column, NULL);
    char *end;
    unsigned long long v;

    if (!text || *text == '-')
        return fallback;
    errno = 0;
    v = strtoull(text, &end, 10);
    return end == text || errno != 0 ? fallback : v;
}

void db_rows_free(struct db_rows **r)
{
    size_t i;

    if (!*r)
        return;
    for (i = 0; i < (*r)->columns; i++)
        free((*r)->name[i]);
    free((*r)->name);
    buf_release(&(*r)->cells);
    buf_release(&(*r)->data);
    free(*r);
    *r = NULL;
}
