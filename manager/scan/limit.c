/* Types and counters; see limit.h. */
#include "manager/scan/limit.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *word;
    unsigned bits;
    const char *sql_signed, *sql_unsigned;
} types[] = {
    [SCAN_TYPE_UNKNOWN] = {"",          0,  "?",         "?"                 },
    [SCAN_TINYINT] = {"tinyint",   8,  "TINYINT",   "TINYINT UNSIGNED"  },
    [SCAN_SMALLINT] = {"smallint",  16, "SMALLINT",  "SMALLINT UNSIGNED" },
    [SCAN_MEDIUMINT] = {"mediumint", 24, "MEDIUMINT", "MEDIUMINT UNSIGNED"},
    [SCAN_INT] = {"int",       32, "INT",       "INT UNSIGNED"      },
    [SCAN_BIGINT] = {"bigint",    64, "BIGINT",    "BIGINT UNSIGNED"   },
    [SCAN_FLOAT] = {"float",     24, "FLOAT",     "FLOAT UNSIGNED"    },
    [SCAN_DOUBLE] = {"double",    53, "DOUBLE",    "DOUBLE UNSIGNED"   },
};
#define TYPES (sizeof(types) / sizeof(types[0]))

enum scan_type scan_type_parse(const char *data_type)
{
    size_t i;

    for (i = 1; i < TYPES; i++)
        if (strcasecmp(types[i].word, data_type) == 0)
            return (enum scan_type)i;
    return SCAN_TYPE_UNKNOWN;
}

int scan_type_is_unsigned(const char *column_type)
{
    return strcasestr(column_type, "unsigned") || strcasestr(column_type, "zerofill");
}

const char *scan_type_sql(enum scan_type t, int is_unsigned)
{
    return is_unsigned ? types[t].sql_unsigned : types[t].sql_signed;
}

enum scan_type scan_type_wider(enum scan_type t)
{
    if (t == SCAN_TYPE_UNKNOWN || t == SCAN_BIGINT)
        return SCAN_TYPE_UNKNOWN;
    return t >= SCAN_INT ? SCAN_BIGINT : (enum scan_type)(t + 1);
}

uint64_t scan_limit(enum scan_type t, int is_unsigned)
{
    unsigned bits = types[t].bits;

    if (t == SCAN_TYPE_UNKNOWN)
        return 0;
    if (t == SCAN_FLOAT || t == SCAN_DOUBLE)
        return UINT64_C(1) << bits;
    if (bits == 64)
        return is_unsigned ? UINT64_MAX - 1 : (uint64_t)INT64_MAX;
    return (UINT64_C(1) << (is_unsigned ? bits : bits - 1)) - 1;
}

/* Where the server's next value really lies: 0 with *beyond set when that is above the limit. */
static uint64_t landing(const struct scan_counter *c, int *beyond)
{
    uint64_t step = c->step ? c->step : 1;
    uint64_t offset = c->offset > step ? 0 : c->offset % step;
    uint64_t ahead = (offset + step - c->next % step) % step;

    *beyond = c->next > c->limit || ahead > c->limit - c->next;
    return *beyond ? 0 : c->next + ahead;
}

int scan_counter_full(const struct scan_counter *c)
{
    int beyond;

    (void)landing(c, &beyond);
    return beyond || (c->stops_at_limit && c->next == c->limit);
}

uint64_t scan_counter_left(const struct scan_counter *c)
{
    uint64_t step = c->step ? c->step : 1, at, n;
    int beyond;

    if (scan_counter_full(c))
        return 0;
    at = landing(c, &beyond);
    n = (c->limit - at) / step;
    return n == UINT64_MAX ? n : n + 1;
}

uint64_t scan_counter_distance(const struct scan_counter *c)
{
    uint64_t n;

    if (scan_counter_full(c))
        return 0;
    n = c->limit - c->next;
    return n == UINT64_MAX ? n : n + 1;
}

double scan_counter_usage(const struct scan_counter *c)
{
    double range = (double)(c->limit - c->first) + 1.0;
    double used = c->next > c->first ? (double)(c->next - c->first) : 0.0;

    if (c->limit < c->first)
        return 1.0;
    if (used < range && scan_counter_full(c))
        return 1.0;
    return used / range;
}
