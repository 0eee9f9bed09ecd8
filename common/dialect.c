/* The table of dialects; see dialect.h. Texts by the reference manuals of each release. */
#include "common/dialect.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* MySQL to 8.0.21: the old words. */
#define MYSQL_SLAVE_THREADS                                                                        \
    .start_replica = "START SLAVE", .stop_replica = "STOP SLAVE",                                  \
    .start_io = "START SLAVE IO_THREAD", .stop_io = "STOP SLAVE IO_THREAD",                        \
    .start_sql = "START SLAVE SQL_THREAD", .stop_sql = "STOP SLAVE SQL_THREAD",                    \
    .reset_replica = "RESET SLAVE", .reset_replica_all = "RESET SLAVE ALL"
/* From 8.0.22. */
#define MYSQL_REPLICA_THREADS                                                                      \
    .start_replica = "START REPLICA", .stop_replica = "STOP REPLICA",                              \
    .start_io = "START REPLICA IO_THREAD", .stop_io = "STOP REPLICA IO_THREAD",                    \
    .start_sql = "START REPLICA SQL_THREAD", .stop_sql = "STOP REPLICA SQL_THREAD",                \
    .reset_replica = "RESET REPLICA", .reset_replica_all = "RESET REPLICA ALL"
#define CHANGE_MASTER                                                                              \
    .change_source = "CHANGE MASTER TO", .source_prefix = "MASTER_",                               \
    .auto_position = "MASTER_AUTO_POSITION=1", .no_auto_position = "MASTER_AUTO_POSITION=0"
/* From 8.0.23. */
#define CHANGE_SOURCE                                                                              \
    .change_source = "CHANGE REPLICATION SOURCE TO", .source_prefix = "SOURCE_",                   \
    .auto_position = "SOURCE_AUTO_POSITION=1", .no_auto_position = "SOURCE_AUTO_POSITION=0",       \
    .get_public_key = "GET_SOURCE_PUBLIC_KEY=1"
/* From 5.7. */
#define MYSQL_CHANNELS                                                                             \
    .channel_clause = "FOR CHANNEL %s", .super_read_only = "super_read_only",                      \
    .wait_gtid = "WAIT_FOR_EXECUTED_GTID_SET(%s, %s)"
/* A member of a role may write as the role may. */
#define MYSQL8_PRIVILEGES                                                                          \
    .user_privileges =                                                                             \
        "SELECT u.User AS User, u.Host AS Host FROM mysql.user u WHERE u.account_locked = 'N' AND" \
        " (u.Super_priv = 'Y' OR EXISTS (SELECT 1 FROM mysql.global_grants g WHERE"                \
        " g.PRIV = 'CONNECTION_ADMIN' AND g.USER = u.User AND g.HOST = u.Host) OR EXISTS"          \
        " (SELECT 1 FROM mysql.role_edges e JOIN mysql.user r ON r.User = e.FROM_USER AND"         \
        " r.Host = e.FROM_HOST WHERE e.TO_USER = u.User AND e.TO_HOST = u.Host AND"                \
        " (r.Super_priv = 'Y' OR EXISTS (SELECT 1 FROM mysql.global_grants g WHERE"                \
        " g.PRIV = 'CONNECTION_ADMIN' AND g.USER = r.User AND g.HOST = r.Host))))"
#define MARIADB_WORDS                                                                              \
    .show_replica_status = "SHOW ALL SLAVES STATUS", .show_binlog_status = "SHOW MASTER STATUS",   \
    MYSQL_SLAVE_THREADS, .change_source = "CHANGE MASTER TO", .source_prefix = "MASTER_",          \
    .auto_position = "MASTER_USE_GTID=slave_pos", .no_auto_position = "MASTER_USE_GTID=no",        \
    .wait_position = "MASTER_POS_WAIT(%s, %s, %s)", .wait_gtid = "MASTER_GTID_WAIT(%s, %s)",       \
    .parallel_workers = "slave_parallel_threads",                                                  \
    .user_privileges =                                                                             \
        "SELECT DISTINCT p.User AS User, p.Host AS Host FROM mysql.global_priv p"                  \
        " JOIN information_schema.USER_PRIVILEGES u"                                               \
        " ON BINARY u.GRANTEE = CONCAT('''', p.User, '''@''', p.Host, '''')"                       \
        " WHERE u.PRIVILEGE_TYPE IN ('SUPER', 'READ_ONLY ADMIN', 'READ ONLY ADMIN')"               \
        " AND COALESCE(JSON_VALUE(p.Priv, '$.account_locked'), '0') NOT IN ('1', 'true')"

/* clang-format off */
const struct dialect dialect_table[] = {
    /* The first releases for production begin the rows of 5.6, 5.7 and 8.0. */
    {.name = "mysql-5.6", .family = FAMILY_MYSQL, .from_major = 5, .from_minor = 6,
     .from_patch = 10, .tested = 1,
     .show_replica_status = "SHOW SLAVE STATUS", .show_binlog_status = "SHOW MASTER STATUS",
     MYSQL_SLAVE_THREADS, CHANGE_MASTER,
     .wait_position = "MASTER_POS_WAIT(%s, %s, %s)",
     .wait_gtid = "WAIT_UNTIL_SQL_THREAD_AFTER_GTIDS(%s, %s)",
     .parallel_workers = "slave_parallel_workers",
     .user_privileges = "SELECT User, Host FROM mysql.user WHERE Super_priv = 'Y'"},
    {.name = "mysql-5.7", .family = FAMILY_MYSQL, .from_major = 5, .from_minor = 7, .from_patch = 9,
     .show_replica_status = "SHOW SLAVE STATUS", .show_binlog_status = "SHOW MASTER STATUS",
     MYSQL_SLAVE_THREADS, CHANGE_MASTER, MYSQL_CHANNELS,
     .wait_position = "MASTER_POS_WAIT(%s, %s, %s)", .parallel_workers = "slave_parallel_workers",
     .user_privileges = "SELECT User, Host FROM mysql.user WHERE Super_priv = 'Y'"
                        " AND account_locked = 'N'"},
    {.name = "mysql-8.0", .family = FAMILY_MYSQL, .from_major = 8, .from_patch = 11,
     .show_replica_status = "SHOW SLAVE STATUS", .show_binlog_status = "SHOW MASTER STATUS",
     MYSQL_SLAVE_THREADS, CHANGE_MASTER, MYSQL_CHANNELS, MYSQL8_PRIVILEGES,
     .get_public_key = "GET_MASTER_PUBLIC_KEY=1",
     .wait_position = "MASTER_POS_WAIT(%s, %s, %s)", .parallel_workers = "slave_parallel_workers"},
    {.name = "mysql-8.0.22", .family = FAMILY_MYSQL, .from_major = 8, .from_patch = 22,
     .show_replica_status = "SHOW REPLICA STATUS", .show_binlog_status = "SHOW MASTER STATUS",
     MYSQL_REPLICA_THREADS, CHANGE_MASTER, MYSQL_CHANNELS, MYSQL8_PRIVILEGES,
     .get_public_key = "GET_MASTER_PUBLIC_KEY=1",
     .wait_position = "MASTER_POS_WAIT(%s, %s, %s)", .parallel_workers = "slave_parallel_workers"},
    {.name = "mysql-8.0.23", .family = FAMILY_MYSQL, .from_major = 8, .from_patch = 23,
     .show_replica_status = "SHOW REPLICA STATUS", .show_binlog_status = "SHOW MASTER STATUS",
     MYSQL_REPLICA_THREADS, CHANGE_SOURCE, MYSQL_CHANNELS, MYSQL8_PRIVILEGES,
     .wait_position = "MASTER_POS_WAIT(%s, %s, %s)", .parallel_workers = "slave_parallel_workers"},
    {.name = "mysql-8.0.26", .family = FAMILY_MYSQL, .from_major = 8, .from_patch = 26,
     .show_replica_status = "SHOW REPLICA STATUS", .show_binlog_status = "SHOW MASTER STATUS",
     MYSQL_REPLICA_THREADS, CHANGE_SOURCE, MYSQL_CHANNELS, MYSQL8_PRIVILEGES,
     .wait_position = "SOURCE_POS_WAIT(%s, %s, %s)",
     .parallel_workers = "replica_parallel_workers"},
    {.name = "mysql-8.2", .family = FAMILY_MYSQL, .from_major = 8, .from_minor = 2,
     .show_replica_status = "SHOW REPLICA STATUS", .show_binlog_status = "SHOW BINARY LOG STATUS",
     MYSQL_REPLICA_THREADS, CHANGE_SOURCE, MYSQL_CHANNELS, MYSQL8_PRIVILEGES,
     .wait_position = "SOURCE_POS_WAIT(%s, %s, %s)",
     .parallel_workers = "replica_parallel_workers"},
    {.name = "mysql-8.4", .family = FAMILY_MYSQL, .from_major = 8, .from_minor = 4,
     .show_replica_status = "SHOW REPLICA STATUS", .show_binlog_status = "SHOW BINARY LOG STATUS",
     MYSQL_REPLICA_THREADS, CHANGE_SOURCE, MYSQL_CHANNELS, MYSQL8_PRIVILEGES,
     .wait_position = "SOURCE_POS_WAIT(%s, %s, %s)",
     .parallel_workers = "replica_parallel_workers"},
    {.name = "mysql-9", .family = FAMILY_MYSQL, .from_major = 9, .tested = 1,
     .show_replica_status = "SHOW REPLICA STATUS", .show_binlog_status = "SHOW BINARY LOG STATUS",
     MYSQL_REPLICA_THREADS, CHANGE_SOURCE, MYSQL_CHANNELS, MYSQL8_PRIVILEGES,
     .wait_position = "SOURCE_POS_WAIT(%s, %s, %s)",
     .parallel_workers = "replica_parallel_workers"},
    {.name = "mariadb-10.5", .family = FAMILY_MARIADB, .from_major = 10, .from_minor = 5,
     MARIADB_WORDS},
    {.name = "mariadb-10.11", .family = FAMILY_MARIADB, .from_major = 10, .from_minor = 11,
     .tested = 1, MARIADB_WORDS},
    {.name = "mariadb-11", .family = FAMILY_MARIADB, .from_major = 11, .tested = 1, MARIADB_WORDS},
    {.name = "mariadb-12", .family = FAMILY_MARIADB, .from_major = 12, MARIADB_WORDS},
    {.name = NULL},
};
/* clang-format on */

const char *family_text(enum family f)
{
    static const char *const words[] = {
        [FAMILY_UNKNOWN] = "unknown", [FAMILY_MYSQL] = "MySQL", [FAMILY_MARIADB] = "MariaDB"};

    return words[f];
}

/* One number of a version; -1 when there is none. Moves behind it. */
static int take_number(const char **text)
{
    char *end;
    long n;

    if (!isdigit((unsigned char)**text))
        return -1;
    n = strtol(*text, &end, 10);
    *text = end;
    return n > 9999 ? -1 : (int)n;
}

/* The handshake of MariaDB puts 5.5.5- before its version, for old replicas' sake. */
int version_parse(const char *text, struct version *out, struct err *e)
{
    const char *p = text;

    *out = (struct version){.family = FAMILY_MYSQL};
    if (strcasestr(text, "mariadb")) {
        out->family = FAMILY_MARIADB;
        if (strncmp(p, "5.5.5-", 6) == 0)
            p += 6;
    }
    out->major = take_number(&p);
    out->minor = *p == '.' ? (p++, take_number(&p)) : -1;
    if (out->major < 0 || out->minor < 0) {
        *out = (struct version){.family = FAMILY_UNKNOWN};
        return err_set(e, ERR_FORMAT, "'%.100s' is not a server version", text);
    }
    if (*p == '.') {
        p++;
        out->patch = take_number(&p);
        if (out->patch < 0)
            out->patch = 0;
    }
    return 0;
}

int version_cmp(const struct version *a, const struct version *b)
{
    if (a->major != b->major)
        return a->major < b->major ? -1 : 1;
    if (a->minor != b->minor)
        return a->minor < b->minor ? -1 : 1;
    return (a->patch > b->patch) - (a->patch < b->patch);
}

int version_at_least(const struct version *v, int major, int minor, int patch)
{
    struct version bound = {.major = major, .minor = minor, .patch = patch};

    return version_cmp(v, &bound) >= 0;
}

/* Releases of tomorrow may have dropped what the last row says: they are refused, not guessed. */
static int too_new(const struct version *v)
{
    return v->family == FAMILY_MYSQL ? v->major > 9 : v->major > 12;
}

int dialect_find(const struct version *v, const struct dialect **out, struct err *e)
{
    const struct dialect *d;

    *out = NULL;
    for (d = dialect_table; d->name; d++)
        if (d->family == v->family &&
            version_at_least(v, d->from_major, d->from_minor, d->from_patch))
            *out = d;
    if (*out && !too_new(v))
        return 0;
    *out = NULL;
    return err_set(e, ERR_WORLD,
                   "%s %d.%d.%d is not supported: known are MySQL 5.6 to 9.7 and MariaDB 10.5 to"
                   " 12",
                   family_text(v->family), v->major, v->minor, v->patch);
}

void dialect_fill(struct buf *out, const char *shape, const char *const *args)
{
    const char *slot;

    while ((slot = strstr(shape, "%s"))) {
        buf_add(out, shape, (size_t)(slot - shape));
        buf_adds(out, *args++);
        shape = slot + 2;
    }
    buf_adds(out, shape);
}
