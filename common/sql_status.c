/* Reading a server; see sql_status.h. Channels are in sql_status_channels.c. */
#include "common/sql_status.h"

#include "common/sql_status_text.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* sql_mode '' makes a backslash in a string literal mean the same everywhere: CHANGE takes no hex
 * literal. An idle session lives a day, as MHA's do. */
static const char set_session[] =
    "SET NAMES utf8mb4, SESSION sql_mode = '', SESSION wait_timeout = 86400,"
    " SESSION lock_wait_timeout = 2, SESSION innodb_lock_wait_timeout = 2, SESSION autocommit = 1";
/* A limit on statements must not cut a wait for a position. */
static const char no_limit_mysql[] = ", SESSION max_execution_time = 0";
static const char no_limit_mariadb[] = ", SESSION max_statement_time = 0";

static const char show_variables[] =
    "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('server_id', 'server_uuid', 'hostname',"
    " 'datadir', 'pid_file', 'read_only', 'super_read_only', 'log_bin', 'log_slave_updates',"
    " 'log_replica_updates', 'relay_log_purge', 'relay_log_recovery', 'binlog_format',"
    " 'gtid_mode', 'gtid_strict_mode', 'gtid_domain_id', 'slave_parallel_workers',"
    " 'replica_parallel_workers', 'slave_parallel_threads', 'slave_net_timeout',"
    " 'replica_net_timeout', 'wsrep_on', 'group_replication_group_name', 'event_scheduler',"
    " 'rpl_semi_sync_master_enabled', 'rpl_semi_sync_source_enabled',"
    " 'rpl_semi_sync_slave_enabled', 'rpl_semi_sync_replica_enabled', 'skip_name_resolve')";

static const char read_gtids_mysql[] =
    "SELECT @@GLOBAL.gtid_executed AS executed, @@GLOBAL.gtid_purged AS purged";
static const char read_gtids_mariadb[] =
    "SELECT @@GLOBAL.gtid_current_pos AS current_pos, @@GLOBAL.gtid_binlog_pos AS binlog_pos,"
    " @@GLOBAL.gtid_slave_pos AS slave_pos";

static const char ping_upsert[] = "INSERT INTO infra.chk_masterha VALUES (1, UNIX_TIMESTAMP())"
                                  " ON DUPLICATE KEY UPDATE val = UNIX_TIMESTAMP()";
static const char ping_schema[] = "CREATE DATABASE IF NOT EXISTS infra";
static const char ping_table[] =
    "CREATE TABLE IF NOT EXISTS infra.chk_masterha (`key` tinyint NOT NULL PRIMARY KEY,"
    " `val` int(10) unsigned NOT NULL DEFAULT '0')";

static const char show_semisync[] =
    "SHOW GLOBAL STATUS WHERE Variable_name IN ('Rpl_semi_sync_master_wait_sessions',"
    " 'Rpl_semi_sync_source_wait_sessions', 'Rpl_semi_sync_master_clients',"
    " 'Rpl_semi_sync_source_clients')";

static const char show_uptime[] = "SHOW GLOBAL STATUS LIKE 'Uptime'";

static const char show_sessions[] = "SHOW PROCESSLIST";
static const char show_binlog_files[] = "SHOW BINARY LOGS";

enum { NO_SUCH_DATABASE = 1049, NO_SUCH_TABLE = 1146, NO_BINARY_LOG = 1381 };

void sql_put(char *out, size_t size, const char *text)
{
    size_t len = text ? strlen(text) : 0;

    if (len >= size)
        len = size - 1;
    if (len)
        memcpy(out, text, len);
    out[len] = '\0';
}

static int set_up_session(struct sql *s, int64_t deadline_ms, struct err *e)
{
    struct buf text = BUF_INIT;
    int rc;

    buf_adds(&text, set_session);
    if (s->version.family == FAMILY_MARIADB)
        buf_adds(&text, no_limit_mariadb);
    else if (version_at_least(&s->version, 5, 7, 8))
        buf_adds(&text, no_limit_mysql);
    rc = db_query(s->db, text.data, deadline_ms, NULL, e);
    buf_release(&text);
    return rc == 0 ? 0 : err_wrap(e, "session settings");
}

int sql_open(struct sql *s, const struct db_target *t, int64_t deadline_ms, struct err *e)
{
    memset(s, 0, sizeof(*s));
    if (db_open(&s->db, t, deadline_ms, e) != 0)
        return -1;
    if (version_parse(db_version_text(s->db), &s->version, e) == 0 &&
        dialect_find(&s->version, &s->dialect, e) == 0 && set_up_session(s, deadline_ms, e) == 0)
        return 0;
    err_wrap(e, "%s:%d", t->host, t->port);
    sql_close(s);
    return -1;
}

void sql_close(struct sql *s)
{
    db_close(&s->db);
}

/* The value of one variable of a SHOW VARIABLES result, or NULL. */
static const char *variable(const struct db_rows *r, const char *name)
{
    size_t i;

    for (i = 0; i < db_rows_count(r); i++) {
        const char *found = db_rows_get(r, i, "Variable_name", NULL);

        if (found && strcasecmp(found, name) == 0)
            return db_rows_get(r, i, "Value", NULL);
    }
    return NULL;
}

/* The old name's value or the new name's. */
static const char *renamed(const struct db_rows *r, const char *old, const char *new)
{
    const char *v = variable(r, old);

    return v ? v : variable(r, new);
}

/* A switch: 0, 1, or absent. Words other than OFF and NO count as on (MariaDB 12's read_only has
 * four). */
static int on_off(const char *v, int absent)
{
    if (!v)
        return absent;
    return *v != '\0' && strcasecmp(v, "OFF") != 0 && strcasecmp(v, "NO") != 0 &&
           strcmp(v, "0") != 0 && strcasecmp(v, "DISABLED") != 0;
}

static unsigned long number(const char *v)
{
    return v ? strtoul(v, NULL, 10) : 0;
}

static void take_texts(struct sql_server *out, const struct db_rows *r)
{
    sql_put(out->hostname, sizeof(out->hostname), variable(r, "hostname"));
    sql_put(out->datadir, sizeof(out->datadir), variable(r, "datadir"));
    sql_put(out->pid_file, sizeof(out->pid_file), variable(r, "pid_file"));
    sql_put(out->binlog_format, sizeof(out->binlog_format), variable(r, "binlog_format"));
}

static void take_switches(struct sql_server *out, const struct db_rows *r)
{
    out->read_only = on_off(variable(r, "read_only"), 0);
    out->super_read_only = on_off(variable(r, "super_read_only"), -1);
    out->log_bin = on_off(variable(r, "log_bin"), 0);
    out->log_slave_updates = on_off(renamed(r, "log_slave_updates", "log_replica_updates"), 0);
    out->relay_log_purge = on_off(variable(r, "relay_log_purge"), 0);
    out->relay_log_recovery = on_off(variable(r, "relay_log_recovery"), 0);
    out->gtid_strict_mode = on_off(variable(r, "gtid_strict_mode"), 0);
    out->wsrep_on = on_off(variable(r, "wsrep_on"), 0);
    out->event_scheduler = on_off(variable(r, "event_scheduler"), 0);
    out->semisync_master =
        on_off(renamed(r, "rpl_semi_sync_master_enabled", "rpl_semi_sync_source_enabled"), -1);
    out->semisync_slave =
        on_off(renamed(r, "rpl_semi_sync_slave_enabled", "rpl_semi_sync_replica_enabled"), -1);
    out->skip_name_resolve = on_off(variable(r, "skip_name_resolve"), 0);
}

int sql_read_semisync(struct sql *s, int *waiting, int *clients, int64_t deadline_ms, struct err *e)
{
    struct db_rows *r;

    *waiting = *clients = 0;
    if (db_query(s->db, show_semisync, deadline_ms, &r, e) != 0)
        return err_wrap(e, "read the state of semi-synchronous replication");
    *waiting = (int)number(
        renamed(r, "Rpl_semi_sync_master_wait_sessions", "Rpl_semi_sync_source_wait_sessions"));
    *clients =
        (int)number(renamed(r, "Rpl_semi_sync_master_clients", "Rpl_semi_sync_source_clients"));
    db_rows_free(&r);
    return 0;
}

int sql_read_uptime(struct sql *s, int64_t *seconds, int64_t deadline_ms, struct err *e)
{
    struct db_rows *r;

    if (db_query(s->db, show_uptime, deadline_ms, &r, e) != 0)
        return err_wrap(e, "read how long the server runs");
    *seconds = (int64_t)number(variable(r, "Uptime"));
    db_rows_free(&r);
    return 0;
}

int sql_read_server(struct sql *s, struct sql_server *out, int64_t deadline_ms, struct err *e)
{
    struct db_rows *r;
    const char *group, *workers;

    memset(out, 0, sizeof(*out));
    if (db_query(s->db, show_variables, deadline_ms, &r, e) != 0)
        return err_wrap(e, "read variables");
    sql_put(out->version_text, sizeof(out->version_text), db_version_text(s->db));
    take_texts(out, r);
    take_switches(out, r);
    out->server_id = (uint32_t)number(variable(r, "server_id"));
    out->gtid_domain_id = (uint32_t)number(variable(r, "gtid_domain_id"));
    out->slave_net_timeout = (int)number(renamed(r, "slave_net_timeout", "replica_net_timeout"));
    workers = variable(r, s->dialect->parallel_workers);
    out->workers = (int)number(workers);
    if (s->version.family == FAMILY_MYSQL) {
        sql_put(out->uuid, sizeof(out->uuid), variable(r, "server_uuid"));
        sql_put(out->gtid_mode, sizeof(out->gtid_mode), variable(r, "gtid_mode"));
    }
    group = variable(r, "group_replication_group_name");
    out->group_replication = group && *group;
    db_rows_free(&r);
    return 0;
}

int sql_read_binlog(struct sql *s, struct sql_binlog *out, int64_t deadline_ms, struct err *e)
{
    struct db_rows *r;

    memset(out, 0, sizeof(*out));
    if (db_query(s->db, s->dialect->show_binlog_status, deadline_ms, &r, e) != 0)
        return err_wrap(e, "read the binlog position");
    if (db_rows_count(r) > 0) {
        sql_put(out->at.file, sizeof(out->at.file), db_rows_get(r, 0, "File", NULL));
        out->at.pos = db_rows_u64(r, 0, "Position", 0);
        sql_put(out->do_db, sizeof(out->do_db), db_rows_get(r, 0, "Binlog_Do_DB", NULL));
        sql_put(out->ignore_db, sizeof(out->ignore_db),
                db_rows_get(r, 0, "Binlog_Ignore_DB", NULL));
    }
    db_rows_free(&r);
    return 0;
}

static int take_set(struct gtid_set *to, const struct db_rows *r, const char *column, struct err *e)
{
    const char *text = db_rows_get(r, 0, column, NULL);

    return gtid_parse(to, text ? text : "", e);
}

/* A server that writes binlogs without log_slave_updates knows its own transactions from one
 * variable and the replicated ones from another: only both together are what it has. */
static int take_gtids_mariadb(struct sql_gtids *out, const struct db_rows *r, struct err *e)
{
    if (take_set(&out->executed, r, "current_pos", e) != 0 ||
        take_set(&out->binlog_pos, r, "binlog_pos", e) != 0 ||
        take_set(&out->slave_pos, r, "slave_pos", e) != 0)
        return -1;
    gtid_union(&out->executed, &out->binlog_pos);
    return 0;
}

int sql_read_gtids(struct sql *s, struct sql_gtids *out, int64_t deadline_ms, struct err *e)
{
    int mariadb = s->version.family == FAMILY_MARIADB, rc;
    struct db_rows *r;

    if (db_query(s->db, mariadb ? read_gtids_mariadb : read_gtids_mysql, deadline_ms, &r, e) != 0)
        return err_wrap(e, "read GTID sets");
    if (mariadb)
        rc = take_gtids_mariadb(out, r, e);
    else
        rc = take_set(&out->executed, r, "executed", e) == 0
                 ? take_set(&out->purged, r, "purged", e)
                 : -1;
    db_rows_free(&r);
    return rc == 0 ? 0 : err_wrap(e, "read GTID sets");
}

void sql_gtids_release(struct sql_gtids *g)
{
    gtid_release(&g->executed);
    gtid_release(&g->purged);
    gtid_release(&g->slave_pos);
    gtid_release(&g->binlog_pos);
}

int sql_ping(struct sql *s, int64_t deadline_ms, struct err *e)
{
    return db_query(s->db, "SELECT 1", deadline_ms, NULL, e) == 0 ? 0 : err_wrap(e, "ping");
}

/* The schema is made on the first ping only: each attempt would be written to the binlog. */
int sql_ping_insert(struct sql *s, int64_t deadline_ms, struct err *e)
{
    struct err first = {0};

    if (db_query(s->db, ping_upsert, deadline_ms, NULL, &first) == 0)
        return 0;
    if (first.server_errno != NO_SUCH_DATABASE && first.server_errno != NO_SUCH_TABLE) {
        if (e)
            *e = first;
        return err_wrap(e, "insert ping");
    }
    if (db_query(s->db, ping_schema, deadline_ms, NULL, e) == 0 &&
        db_query(s->db, ping_table, deadline_ms, NULL, e) == 0 &&
        db_query(s->db, ping_upsert, deadline_ms, NULL, e) == 0)
        return 0;
    return err_wrap(e, "insert ping: create infra.chk_masterha");
}

static void take_session(struct sql_session *one, const struct db_rows *r, size_t i)
{
    one->id = db_rows_u64(r, i, "Id", 0);
    sql_put(one->user, sizeof(one->user), db_rows_get(r, i, "User", NULL));
    sql_put(one->host, sizeof(one->host), db_rows_get(r, i, "Host", NULL));
    sql_put(one->command, sizeof(one->command), db_rows_get(r, i, "Command", NULL));
    sql_put(one->state, sizeof(one->state), db_rows_get(r, i, "State", NULL));
    sql_put(one->info, sizeof(one->info), db_rows_get(r, i, "Info", NULL));
    one->time_s = db_rows_int(r, i, "Time", 0);
}

int sql_read_sessions(struct sql *s, struct sql_sessions *out, int64_t deadline_ms, struct err *e)
{
    struct db_rows *r;
    size_t i;

    memset(out, 0, sizeof(*out));
    if (db_query(s->db, show_sessions, deadline_ms, &r, e) != 0)
        return err_wrap(e, "read sessions");
    out->count = db_rows_count(r);
    out->item = mem_zalloc(out->count * sizeof(*out->item));
    for (i = 0; i < out->count; i++)
        take_session(&out->item[i], r, i);
    db_rows_free(&r);
    return 0;
}

void sql_sessions_release(struct sql_sessions *l)
{
    free(l->item);
    memset(l, 0, sizeof(*l));
}

/* Own rows, then the roles given to the account, roles of roles included. */
static const char privilege_by_role_mysql[] =
    "WITH RECURSIVE r (u, h) AS (SELECT FROM_USER, FROM_HOST FROM mysql.role_edges"
    " WHERE TO_USER = @who UNION SELECT FROM_USER, FROM_HOST FROM mysql.role_edges"
    " JOIN r ON TO_USER = u AND TO_HOST = h)"
    " SELECT COUNT(*) AS n FROM mysql.user JOIN r ON User = u AND Host = h"
    " WHERE Repl_slave_priv = 'Y'";
static const char privilege_by_role_mariadb[] =
    "WITH RECURSIVE r (u) AS (SELECT Role FROM mysql.roles_mapping WHERE User = @who"
    " UNION SELECT Role FROM mysql.roles_mapping JOIN r ON User = u AND Host = '')"
    " SELECT COUNT(*) AS n FROM mysql.user JOIN r ON User = u WHERE Repl_slave_priv = 'Y'";

static int count_of(struct sql *s, const char *text, int64_t *n, int64_t deadline_ms, struct err *e)
{
    struct db_rows *r;

    if (db_query(s->db, text, deadline_ms, &r, e) != 0)
        return -1;
    *n = db_rows_int(r, 0, "n", 0);
    db_rows_free(&r);
    return 0;
}

/* mysql.user is compared by bytes, as the server itself compares user names. A server whose role
 * tables cannot be read is taken by its plain rows alone. */
int sql_has_repl_privilege(struct sql *s, const char *user, int *yes, int64_t deadline_ms,
                           struct err *e)
{
    const char *by_role = NULL;
    struct buf who = BUF_INIT, text = BUF_INIT;
    struct err ignored;
    int64_t n = 0;
    int rc;

    db_quote(&who, user);
    buf_addf(&text,
             "SELECT COUNT(*) AS n FROM mysql.user WHERE BINARY User = BINARY %s"
             " AND Repl_slave_priv = 'Y'",
             who.data);
    rc = count_of(s, text.data, &n, deadline_ms, e);
    if (s->version.family == FAMILY_MARIADB)
        by_role = privilege_by_role_mariadb;
    else if (version_at_least(&s->version, 8, 0, 11))
        by_role = privilege_by_role_mysql;
    if (rc == 0 && n == 0 && by_role) {
        const char *at = strstr(by_role, "@who");

        buf_clear(&text);
        buf_add(&text, by_role, (size_t)(at - by_role));
        buf_adds(&text, who.data);
        buf_adds(&text, at + 4);
        (void)count_of(s, text.data, &n, deadline_ms, &ignored);
    }
    *yes = n > 0;
    buf_release(&who);
    buf_release(&text);
    return rc == 0 ? 0 : err_wrap(e, "read the privileges of %s", user);
}

int sql_read_binlog_files(struct sql *s, struct sql_binlog_file *out, size_t max, size_t *count,
                          int64_t deadline_ms, struct err *e)
{
    struct err failed = {0};
    struct db_rows *r;
    size_t i;
    int rc = 0;

    *count = 0;
    if (db_query(s->db, show_binlog_files, deadline_ms, &r, &failed) != 0) {
        if (failed.server_errno == NO_BINARY_LOG)
            return 0;
        if (e)
            *e = failed;
        return err_wrap(e, "list the binlogs");
    }
    if (db_rows_count(r) > max)
        rc = err_set(e, ERR_WORLD, "%zu binlogs are more than the %zu that can be handled",
                     db_rows_count(r), max);
    for (i = 0; rc == 0 && i < db_rows_count(r); i++) {
        sql_put(out[i].name, sizeof(out[i].name), db_rows_get(r, i, "Log_name", NULL));
        out[i].bytes = db_rows_u64(r, i, "File_size", 0);
        *count = i + 1;
    }
    db_rows_free(&r);
    return rc;
}
