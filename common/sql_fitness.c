/* A server's fitness; see sql_fitness.h. */
#include "common/sql_fitness.h"

#include "common/clock.h"
#include "common/sql_status_text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char show_settings[] =
    "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('sync_binlog', 'innodb_flush_log_at_trx_commit',"
    " 'relay_log_info_repository', 'binlog_encryption', 'encrypt_binlog')";
static const char show_semisync[] =
    "SHOW GLOBAL STATUS WHERE Variable_name IN ('Rpl_semi_sync_master_status',"
    " 'Rpl_semi_sync_source_status', 'Rpl_semi_sync_master_clients',"
    " 'Rpl_semi_sync_source_clients')";
/* In whole milliseconds, since a fraction would depend on the sql_mode's idea of a number. */
static const char read_clock[] = "SELECT CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS UNSIGNED) AS ms,"
                                 " CURRENT_USER() AS account";
static const char show_grants[] = "SHOW GRANTS";

/* What a failover does, and which privileges allow it. The statement names the one that this kind
 * of server has. */
static const struct need {
    const char *any; /* "A|B": one of them is enough */
    const char *mysql, *mysql8, *mariadb;
} needs[] = {
    {"SUPER|SYSTEM_VARIABLES_ADMIN|READ_ONLY ADMIN",                                    "SUPER",              "SYSTEM_VARIABLES_ADMIN",
     "READ_ONLY ADMIN"                                                                                                                                           },
    {"SUPER|REPLICATION_SLAVE_ADMIN|REPLICATION SLAVE ADMIN|REPLICATION REPLICA ADMIN", "SUPER",
     "REPLICATION_SLAVE_ADMIN",                                                                                                         "REPLICATION SLAVE ADMIN"},
    {"SUPER|CONNECTION_ADMIN|CONNECTION ADMIN",                                         "SUPER",              "CONNECTION_ADMIN",       "CONNECTION ADMIN"       },
    {"SUPER|REPLICATION CLIENT|BINLOG MONITOR",                                         "REPLICATION CLIENT", "REPLICATION CLIENT",
     "BINLOG MONITOR"                                                                                                                                            },
    {"SUPER|REPLICATION CLIENT|SLAVE MONITOR|REPLICA MONITOR|REPLICATION SLAVE ADMIN",
     "REPLICATION CLIENT",                                                                                    "REPLICATION CLIENT",     "SLAVE MONITOR"          },
    {"RELOAD",                                                                          "RELOAD",             "RELOAD",                 "RELOAD"                 },
    {"PROCESS",                                                                         "PROCESS",            "PROCESS",                "PROCESS"                },
    {"SELECT",                                                                          "SELECT",             "SELECT",                 "SELECT"                 },
};

static const char *value_of(const struct db_rows *r, const char *name)
{
    for (size_t i = 0; i < db_rows_count(r); i++)
        if (strcasecmp(db_rows_get(r, i, "Variable_name", NULL), name) == 0)
            return db_rows_get(r, i, "Value", NULL);
    return NULL;
}

static int number_of(const struct db_rows *r, const char *a, const char *b, int fallback)
{
    const char *v = value_of(r, a);

    if (!v)
        v = value_of(r, b);
    if (!v)
        return fallback;
    if (strcasecmp(v, "ON") == 0)
        return 1;
    return (int)strtol(v, NULL, 10);
}

static int read_settings(struct sql *s, struct sql_fitness *out, int64_t deadline_ms, struct err *e)
{
    struct db_rows *r;
    const char *repository;

    if (db_query(s->db, show_settings, deadline_ms, &r, e) != 0)
        return -1;
    out->sync_binlog = number_of(r, "sync_binlog", "", 1);
    out->flush_log = number_of(r, "innodb_flush_log_at_trx_commit", "", 1);
    out->binlog_encrypted = number_of(r, "binlog_encryption", "encrypt_binlog", -1);
    repository = value_of(r, "relay_log_info_repository");
    out->info_in_table = !repository || strcasecmp(repository, "TABLE") == 0;
    db_rows_free(&r);
    if (db_query(s->db, show_semisync, deadline_ms, &r, e) != 0)
        return -1;
    out->semisync_on =
        number_of(r, "Rpl_semi_sync_master_status", "Rpl_semi_sync_source_status", -1);
    out->semisync_clients =
        number_of(r, "Rpl_semi_sync_master_clients", "Rpl_semi_sync_source_clients", 0);
    db_rows_free(&r);
    return 0;
}

static int read_clock_and_account(struct sql *s, struct sql_fitness *out, int64_t deadline_ms,
                                  struct err *e)
{
    int64_t began = clock_mono_ms(), wall = clock_wall_ms(), trip;
    struct db_rows *r;
    const char *account, *at;

    if (db_query(s->db, read_clock, deadline_ms, &r, e) != 0)
        return -1;
    trip = clock_mono_ms() - began;
    out->clock_ahead_ms = db_rows_int(r, 0, "ms", wall) - wall - trip / 2;
    account = db_rows_get(r, 0, "account", NULL);
    at = account ? strrchr(account, '@') : NULL;
    if (at && strlen(account) < sizeof(out->account) - 8) {
        struct buf b = BUF_INIT;

        buf_addf(&b, "'%.*s'@'%s'", (int)(at - account), account, at + 1);
        sql_put(out->account, sizeof(out->account), b.data);
        buf_release(&b);
    }
    db_rows_free(&r);
    return 0;
}

/* All privileges on *.* as ",A,B,": blanks only within a name. 0 where roles are granted, whose
 * privileges are not in the list. */
static int global_privileges(const struct db_rows *r, struct buf *out)
{
    buf_addc(out, ',');
    for (size_t i = 0; i < db_rows_count(r); i++) {
        const char *text = db_rows_get(r, i, db_rows_column(r, 0), NULL), *on, *from;

        if (!text || strncasecmp(text, "GRANT ", 6) != 0)
            continue;
        from = text + 6;
        if (!strstr(from, " ON "))
            return 0;
        on = strstr(from, " ON *.* TO ");
        if (!on)
            continue;
        for (; from < on; from++) {
            if (from[0] == ' ' && from > text && from[-1] == ',')
                continue;
            buf_addc(out, (char)toupper((unsigned char)*from));
        }
        buf_addc(out, ',');
    }
    return 1;
}

/* Is one of "A|B" in ",A,B,"? */
static int has_any(const char *list, const char *any)
{
    char word[64];

    while (*any) {
        size_t len = strcspn(any, "|");

        snprintf(word, sizeof(word), ",%.*s,", (int)len, any);
        if (strstr(list, word))
            return 1;
        any += len + (any[len] == '|');
    }
    return 0;
}

static void add_missing(const struct sql *s, const struct need *n, char *out, size_t size)
{
    const char *word = n->mysql;
    size_t used = strlen(out);

    if (s->version.family == FAMILY_MARIADB && version_at_least(&s->version, 10, 5, 2))
        word = n->mariadb;
    else if (s->version.family == FAMILY_MYSQL && version_at_least(&s->version, 8, 0, 0))
        word = n->mysql8;
    if (!strstr(out, word))
        snprintf(out + used, size - used, "%s%s", used ? ", " : "", word);
}

static int read_missing(struct sql *s, struct sql_fitness *out, int64_t deadline_ms, struct err *e)
{
    struct buf have = BUF_INIT;
    struct db_rows *r;

    if (db_query(s->db, show_grants, deadline_ms, &r, e) != 0)
        return -1;
    if (global_privileges(r, &have) && !strstr(have.data, ",ALL PRIVILEGES,"))
        for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
            if (!has_any(have.data, needs[i].any))
                add_missing(s, &needs[i], out->missing, sizeof(out->missing));
    buf_release(&have);
    db_rows_free(&r);
    return 0;
}

int sql_read_fitness(struct sql *s, struct sql_fitness *out, int64_t deadline_ms, struct err *e)
{
    memset(out, 0, sizeof(*out));
    if (read_settings(s, out, deadline_ms, e) != 0 ||
        read_clock_and_account(s, out, deadline_ms, e) != 0 ||
        read_missing(s, out, deadline_ms, e) != 0)
        return err_wrap(e, "read its settings");
    return 0;
}
