/* How far every type counts, and what is left: scanner types, limits and counters. */
#include "manager/scan/facts.h"
#include "t/tap.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void limits(void)
{
    static const struct {
        const char *data, *type;
        uint64_t limit;
        const char *class, *sql;
    } rows[] = {
        {"tinyint",   "tinyint(4)",                   127,                   "tinyint_signed",     "TINYINT"           },
        {"tinyint",   "tinyint(1)",                   127,                   "tinyint_signed",     "TINYINT"           },
        {"tinyint",   "tinyint(3) unsigned",          255,                   "tinyint_unsigned",   "TINYINT UNSIGNED"  },
        {"tinyint",   "tinyint(3) unsigned zerofill", 255,                   "tinyint_unsigned",   "TINYINT UNSIGNED"  },
        {"smallint",  "smallint(6)",                  32767,                 "smallint_signed",    "SMALLINT"          },
        {"smallint",  "smallint unsigned",            65535,                 "smallint_unsigned",  "SMALLINT UNSIGNED" },
        {"mediumint", "mediumint(9)",                 8388607,               "mediumint_signed",   "MEDIUMINT"         },
        {"mediumint", "mediumint unsigned",           16777215,              "mediumint_unsigned", "MEDIUMINT UNSIGNED"},
        {"int",       "int(11)",                      2147483647,            "int_signed",         "INT"               },
        {"int",       "int",                          2147483647,            "int_signed",         "INT"               },
        {"INT",       "INT(10) UNSIGNED",             4294967295,            "int_unsigned",       "INT UNSIGNED"      },
        {"int",       "int(5) unsigned zerofill",     4294967295,            "int_unsigned",       "INT UNSIGNED"      },
        {"int",       "int(5) zerofill",              4294967295,            "int_unsigned",       "INT UNSIGNED"      },
        {"bigint",    "bigint(20)",                   9223372036854775807,   "bigint_signed",      "BIGINT"            },
        {"bigint",    "bigint(20) unsigned",          18446744073709551614U, "bigint_unsigned",
         "BIGINT UNSIGNED"                                                                                             },
        {"float",     "float",                        16777216,              "float",              "FLOAT"             },
        {"double",    "double unsigned",              9007199254740992,      "double",             "DOUBLE UNSIGNED"   },
        {"decimal",   "decimal(10,0)",                0,                     "unknown",            "?"                 },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scan_column c = {.kind = SCAN_AUTO, .type = scan_type_parse(rows[i].data)};

        c.is_unsigned = scan_type_is_unsigned(rows[i].type);
        tap_ok(scan_limit(c.type, c.is_unsigned) == rows[i].limit, "%s ends at %" PRIu64,
               rows[i].type, rows[i].limit);
        tap_is(scan_column_class(&c), rows[i].class, "its class");
        tap_is(scan_type_sql(c.type, c.is_unsigned), rows[i].sql, "its name in an ALTER");
    }
}

#define BIG_U 18446744073709551614U
#define BIG_S 9223372036854775807U

/* next, limit, step, offset, stops; full, left, distance. */
static void counters(void)
{
    static const struct {
        const char *name;
        uint64_t next, limit, step, offset;
        int stops;
        int full;
        uint64_t left, distance;
        double usage;
    } rows[] = {
        {"empty tinyint",             1,          127,        1,  1,  0, 0, 127,      127,      0          },
        {"one used",                  2,          127,        1,  1,  0, 0, 126,      126,      1 / 127.0  },
        {"one left on MariaDB",       127,        127,        1,  1,  0, 0, 1,        1,        126 / 127.0},
        {"at the limit on MySQL",     127,        127,        1,  1,  1, 1, 0,        0,        1          },
        {"full on MariaDB",           128,        127,        1,  1,  0, 1, 0,        0,        1          },
        {"set beyond by hand",        300,        127,        1,  1,  0, 1, 0,        0,        299 / 127.0},
        {"int unsigned at its half",  1U << 31,   UINT32_MAX, 1,  1,  0, 0, 1U << 31, 1U << 31, 0.5        },
        {"empty bigint unsigned",     1,          BIG_U,      1,  1,  0, 0, BIG_U,    BIG_U,    0          },
        {"bigint unsigned, last one", BIG_U,      BIG_U,      1,  1,  0, 0, 1,        1,        1          },
        {"bigint unsigned, full",     BIG_U + 1,  BIG_U,      1,  1,  0, 1, 0,        0,        1          },
        {"bigint, one left",          BIG_S,      BIG_S,      1,  1,  0, 0, 1,        1,        1          },
        {"bigint, full",              BIG_S + 1,  BIG_S,      1,  1,  0, 1, 0,        0,        1          },
        {"every tenth",               1,          127,        10, 1,  0, 0, 13,       127,      0          },
        {"every tenth, offset 7",     1,          127,        10, 7,  0, 0, 13,       127,      0          },
        {"every tenth, offset 8",     1,          127,        10, 8,  0, 0, 12,       127,      0          },
        {"an offset above the step",  1,          127,        10, 11, 0, 0, 12,       127,      0          },
        {"a step past the limit",     122,        127,        10, 1,  0, 1, 0,        0,        1          },
        {"a step onto the limit",     122,        127,        10, 7,  0, 0, 1,        6,        121 / 127.0},
        {"a step near 2^64",          BIG_U - 5,  BIG_U,      10, 5,  0, 1, 0,        0,        1          },
        {"step 0 counts as 1",        5,          127,        0,  0,  0, 0, 123,      123,      4 / 127.0  },
        {"Galera of three",           4294967290, 4294967295, 3,  2,  0, 0, 2,        6,        1          },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scan_counter c = {.next = rows[i].next,
                                 .limit = rows[i].limit,
                                 .first = 1,
                                 .step = rows[i].step,
                                 .offset = rows[i].offset,
                                 .stops_at_limit = rows[i].stops};
        double off = scan_counter_usage(&c) - rows[i].usage;

        tap_ok(scan_counter_full(&c) == rows[i].full, "%s: %s", rows[i].name,
               rows[i].full ? "full" : "not full");
        if (!tap_ok(scan_counter_left(&c) == rows[i].left, "%s: %" PRIu64 " left", rows[i].name,
                    rows[i].left))
            printf("#   got %" PRIu64 "\n", scan_counter_left(&c));
        if (!tap_ok(scan_counter_distance(&c) == rows[i].distance, "%s: distance", rows[i].name))
            printf("#   got %" PRIu64 "\n", scan_counter_distance(&c));
        if (!tap_ok(off > -1e-8 && off < 1e-8, "%s: usage", rows[i].name))
            printf("#   got %.12g, want %.12g\n", scan_counter_usage(&c), rows[i].usage);
    }
}

static void usage_orders(void)
{
    struct scan_counter a = {.next = 97, .limit = 127, .first = 1, .step = 1};
    struct scan_counter b = {.next = 97, .limit = 100, .first = 91, .step = 1};

    tap_ok(scan_counter_usage(&b) < scan_counter_usage(&a),
           "a sequence that begins at 91 has used 6 of 10");
    b.limit = 90;
    tap_ok(scan_counter_usage(&b) >= 1, "a limit below the first value is full");
}

static void wider(void)
{
    tap_ok(scan_type_wider(SCAN_TINYINT) == SCAN_SMALLINT, "tinyint -> smallint");
    tap_ok(scan_type_wider(SCAN_INT) == SCAN_BIGINT, "int -> bigint");
    tap_ok(scan_type_wider(SCAN_FLOAT) == SCAN_BIGINT, "float -> bigint");
    tap_ok(scan_type_wider(SCAN_BIGINT) == SCAN_TYPE_UNKNOWN, "nothing is wider than bigint");
}

static void texts(void)
{
    struct scan_server s = {0};
    static char longer[70000];

    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    for (int i = 0; i < 200; i++) {
        char name[32];
        struct scan_column *c = scan_server_add(&s);

        snprintf(name, sizeof(name), "t%03d", 199 - i);
        c->schema = scan_text(&s.texts, i == 100 ? longer : "a");
        c->table = scan_text(&s.texts, name);
    }
    tap_is(s.column[0].table, "t199", "the first text stays through 200 more");
    tap_ok(strlen(s.column[100].schema) == sizeof(longer) - 1, "a text larger than a block");
    tap_is(scan_text(&s.texts, NULL), "", "no text is the empty one");
    tap_ok(scan_column_cmp(&s.column[1], &s.column[0]) < 0, "columns are in order of names");
    scan_server_release(&s);
    tap_ok(s.columns == 0, "all is given back");
}

int main(void)
{
    limits();
    counters();
    usage_orders();
    wider();
    texts();
    return tap_done();
}
