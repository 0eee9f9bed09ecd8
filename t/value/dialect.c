/* The dialect table against the manuals: what each release removed must not be said to it, and what
 * came later not yet. */
#include "common/dialect.h"
#include "t/tap.h"

#define V(f, a, b, c) ((struct version){FAMILY_##f, a, b, c})

static void versions(void)
{
    static const struct {
        const char *text;
        struct version want;
    } rows[] = {
        {"8.0.35-0ubuntu0.22.04.1",          {FAMILY_MYSQL, 8, 0, 35}    },
        {"10.11.19-MariaDB-0+deb12u1",       {FAMILY_MARIADB, 10, 11, 19}},
        {"5.5.5-10.11.6-MariaDB-log",        {FAMILY_MARIADB, 10, 11, 6} },
        {"11.8.9-MariaDB-4 from Debian-log", {FAMILY_MARIADB, 11, 8, 9}  },
        {"5.6.24-log",                       {FAMILY_MYSQL, 5, 6, 24}    },
        {"9.7.4-2",                          {FAMILY_MYSQL, 9, 7, 4}     },
        {"8.0.33-25",                        {FAMILY_MYSQL, 8, 0, 33}    },
        {"8.4",                              {FAMILY_MYSQL, 8, 4, 0}     },
    };
    static const char *const wrong[] = {"", "mysql", "8", "8.", ".8", "99999.1.1", "-8.0.1"};
    struct version v;
    struct err e = {0};
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int rc = version_parse(rows[i].text, &v, &e);

        tap_ok(rc == 0 && v.family == rows[i].want.family && version_cmp(&v, &rows[i].want) == 0,
               "%s is %s %d.%d.%d", rows[i].text, family_text(v.family), v.major, v.minor, v.patch);
    }
    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        tap_ok(version_parse(wrong[i], &v, &e) == -1 && e.code == ERR_FORMAT &&
                   v.family == FAMILY_UNKNOWN,
               "no version: %s", e.text);
    v = V(MYSQL, 8, 0, 22);
    tap_ok(version_at_least(&v, 8, 0, 22) && !version_at_least(&v, 8, 0, 23) &&
               version_at_least(&v, 5, 7, 99) && !version_at_least(&v, 8, 1, 0),
           "comparing versions");
}

static void rows_chosen(void)
{
    static const struct {
        struct version v;
        const char *name; /* NULL: refused */
    } rows[] = {
        {{FAMILY_MYSQL, 5, 5, 62},     NULL           },
        {{FAMILY_MYSQL, 5, 6, 9},      NULL           },
        {{FAMILY_MYSQL, 5, 6, 10},     "mysql-5.6"    },
        {{FAMILY_MYSQL, 5, 6, 51},     "mysql-5.6"    },
        {{FAMILY_MYSQL, 5, 7, 44},     "mysql-5.7"    },
        {{FAMILY_MYSQL, 8, 0, 21},     "mysql-8.0"    },
        {{FAMILY_MYSQL, 8, 0, 22},     "mysql-8.0.22" },
        {{FAMILY_MYSQL, 8, 0, 23},     "mysql-8.0.23" },
        {{FAMILY_MYSQL, 8, 0, 25},     "mysql-8.0.23" },
        {{FAMILY_MYSQL, 8, 0, 26},     "mysql-8.0.26" },
        {{FAMILY_MYSQL, 8, 1, 0},      "mysql-8.0.26" },
        {{FAMILY_MYSQL, 8, 2, 0},      "mysql-8.2"    },
        {{FAMILY_MYSQL, 8, 3, 0},      "mysql-8.2"    },
        {{FAMILY_MYSQL, 8, 4, 6},      "mysql-8.4"    },
        {{FAMILY_MYSQL, 9, 7, 4},      "mysql-9"      },
        {{FAMILY_MYSQL, 10, 0, 0},     NULL           },
        {{FAMILY_MARIADB, 10, 4, 34},  NULL           },
        {{FAMILY_MARIADB, 10, 5, 0},   "mariadb-10.5" },
        {{FAMILY_MARIADB, 10, 6, 20},  "mariadb-10.5" },
        {{FAMILY_MARIADB, 10, 11, 19}, "mariadb-10.11"},
        {{FAMILY_MARIADB, 11, 8, 9},   "mariadb-11"   },
        {{FAMILY_MARIADB, 12, 1, 2},   "mariadb-12"   },
        {{FAMILY_MARIADB, 13, 0, 0},   NULL           },
        {{FAMILY_UNKNOWN, 8, 0, 0},    NULL           },
    };
    const struct dialect *d;
    struct err e = {0};
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int rc = dialect_find(&rows[i].v, &d, &e);

        if (rows[i].name)
            tap_ok(rc == 0 && !strcmp(d->name, rows[i].name), "%s", rows[i].name);
        else
            tap_ok(rc == -1 && e.code == ERR_WORLD && !d, "%s", e.text);
    }
}

/* All statement texts of a row, one a line. */
static const char *all_texts(const struct dialect *d)
{
    static char all[8192];
    const char *const texts[] = {d->show_replica_status, d->show_binlog_status, d->start_replica,
                                 d->stop_replica,        d->start_io,           d->stop_io,
                                 d->start_sql,           d->stop_sql,           d->reset_replica,
                                 d->reset_replica_all,   d->change_source,      d->source_prefix,
                                 d->auto_position,       d->no_auto_position,   d->get_public_key,
                                 d->channel_clause,      d->wait_position,      d->wait_gtid,
                                 d->super_read_only,     d->parallel_workers,   d->user_privileges};
    size_t i, len = 0;

    all[0] = '\0';
    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (texts[i])
            len += (size_t)snprintf(all + len, sizeof(all) - len, "%s\n", texts[i]);
    return all;
}

/* A text of the manual and the releases [from, to) of a family that have it; to NULL: for good. */
struct spell {
    const char *text;
    enum family family;
    int from[3], to[3];
};

#define NEVER                                                                                      \
    {                                                                                              \
        0, 0, 0                                                                                    \
    }
#define ALWAYS                                                                                     \
    {                                                                                              \
        99, 0, 0                                                                                   \
    }

/* clang-format off */
static const struct spell spells[] = {
    /* "Features removed in MySQL 8.4" */
    {"SHOW SLAVE STATUS", FAMILY_MYSQL, NEVER, {8, 4, 0}},
    {"SHOW MASTER STATUS", FAMILY_MYSQL, NEVER, {8, 4, 0}},
    {"CHANGE MASTER", FAMILY_MYSQL, NEVER, {8, 4, 0}},
    {"START SLAVE", FAMILY_MYSQL, NEVER, {8, 4, 0}},
    {"STOP SLAVE", FAMILY_MYSQL, NEVER, {8, 4, 0}},
    {"RESET SLAVE", FAMILY_MYSQL, NEVER, {8, 4, 0}},
    {"MASTER_", FAMILY_MYSQL, NEVER, {8, 4, 0}},
    {"GET_MASTER_PUBLIC_KEY", FAMILY_MYSQL, {8, 0, 4}, {8, 4, 0}},
    {"WAIT_UNTIL_SQL_THREAD_AFTER_GTIDS", FAMILY_MYSQL, {5, 6, 5}, {8, 4, 0}},
    {"slave_parallel_workers", FAMILY_MYSQL, NEVER, {8, 4, 0}},
    /* What came, and with which release. */
    {"SHOW REPLICA STATUS", FAMILY_MYSQL, {8, 0, 22}, ALWAYS},
    {"START REPLICA", FAMILY_MYSQL, {8, 0, 22}, ALWAYS},
    {"STOP REPLICA", FAMILY_MYSQL, {8, 0, 22}, ALWAYS},
    {"RESET REPLICA", FAMILY_MYSQL, {8, 0, 22}, ALWAYS},
    {"CHANGE REPLICATION SOURCE TO", FAMILY_MYSQL, {8, 0, 23}, ALWAYS},
    {"SOURCE_AUTO_POSITION", FAMILY_MYSQL, {8, 0, 23}, ALWAYS},
    {"GET_SOURCE_PUBLIC_KEY", FAMILY_MYSQL, {8, 0, 23}, ALWAYS},
    {"SOURCE_POS_WAIT", FAMILY_MYSQL, {8, 0, 26}, ALWAYS},
    {"replica_parallel_workers", FAMILY_MYSQL, {8, 0, 26}, ALWAYS},
    {"SHOW BINARY LOG STATUS", FAMILY_MYSQL, {8, 2, 0}, ALWAYS},
    {"FOR CHANNEL", FAMILY_MYSQL, {5, 7, 6}, ALWAYS},
    {"super_read_only", FAMILY_MYSQL, {5, 7, 8}, ALWAYS},
    {"WAIT_FOR_EXECUTED_GTID_SET", FAMILY_MYSQL, {5, 7, 5}, ALWAYS},
    {"account_locked = 'N'", FAMILY_MYSQL, {5, 7, 6}, ALWAYS},
    {"global_grants", FAMILY_MYSQL, {8, 0, 2}, ALWAYS},
    {"role_edges", FAMILY_MYSQL, {8, 0, 0}, ALWAYS},
    {"global_priv ", FAMILY_MARIADB, {10, 4, 0}, ALWAYS},
    /* One family's words only. */
    {"MASTER_USE_GTID", FAMILY_MARIADB, {10, 0, 2}, ALWAYS},
    {"MASTER_GTID_WAIT", FAMILY_MARIADB, {10, 0, 9}, ALWAYS},
    {"SHOW ALL SLAVES STATUS", FAMILY_MARIADB, {10, 0, 0}, ALWAYS},
    {"slave_parallel_threads", FAMILY_MARIADB, {10, 0, 5}, ALWAYS},
};
/* clang-format on */

static int within(const struct spell *s, const struct dialect *d, const struct dialect *next)
{
    struct version from = {d->family, d->from_major, d->from_minor, d->from_patch};
    /* The last release the row serves lies below the first of the next row. */
    struct version to = {d->family, 98, 0, 0};
    struct version gone = {s->family, s->to[0], s->to[1], s->to[2]};

    if (next->name && next->family == d->family)
        to = (struct version){d->family, next->from_major, next->from_minor, next->from_patch};
    return d->family == s->family && version_at_least(&from, s->from[0], s->from[1], s->from[2]) &&
           version_cmp(&to, &gone) <= 0;
}

static void removal_lists(void)
{
    const struct dialect *d;
    size_t i;

    for (d = dialect_table; d->name; d++) {
        const char *all = all_texts(d);
        int bad = 0;

        for (i = 0; i < sizeof(spells) / sizeof(spells[0]); i++) {
            /* "MASTER_" is in the names of MariaDB's functions, and of these two of MySQL's. */
            if (strstr(all, spells[i].text) && !within(&spells[i], d, d + 1) &&
                !(d->family == FAMILY_MARIADB && strstr("SHOW MASTER STATUS|CHANGE MASTER|MASTER_"
                                                        "|START SLAVE|STOP SLAVE|RESET SLAVE",
                                                        spells[i].text))) {
                bad++;
                printf("# %s says %s\n", d->name, spells[i].text);
            }
        }
        tap_ok(bad == 0, "%s says nothing that its releases lack", d->name);
        tap_ok(d->show_replica_status && d->show_binlog_status && d->start_replica &&
                   d->stop_replica && d->start_io && d->stop_io && d->start_sql && d->stop_sql &&
                   d->reset_replica && d->reset_replica_all && d->change_source &&
                   d->source_prefix && d->auto_position && d->no_auto_position &&
                   d->wait_position && d->wait_gtid && d->parallel_workers && d->user_privileges,
               "%s has every statement that all servers have", d->name);
        tap_ok(!strncmp(d->auto_position, d->source_prefix, strlen(d->source_prefix)),
               "%s uses one prefix", d->name);
    }
}

static void filling(void)
{
    struct buf b = BUF_INIT;

    dialect_fill(&b, "F(%s, %s, %s)", (const char *const[]){"'a%s'", "4", "1"});
    tap_is(b.data, "F('a%s', 4, 1)", "a shape is filled once");
    buf_clear(&b);
    dialect_fill(&b, "FOR CHANNEL %s", (const char *const[]){"''"});
    tap_is(b.data, "FOR CHANNEL ''", "one argument");
    buf_release(&b);
}

int main(void)
{
    versions();
    rows_chosen();
    removal_lists();
    filling();
    return tap_done();
}
