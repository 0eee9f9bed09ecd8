/* Reading functions against known state, and locks: sql_status.h, sql_repl.h. */
#include "t/sql/driver.h"

#include <stdlib.h>

static void server(const struct pair *p, struct sql *s)
{
    static struct sql_server v;

    OK(sql_read_server(s, &v, in_ms(2000), &e_), "read the server's variables");
    tap_ok(v.server_id == 1 && v.log_bin == 1 && v.log_slave_updates == 1 && v.read_only == 0,
           "server_id, log_bin, log_slave_updates, read_only");
    tap_is(v.binlog_format, "ROW", "binlog_format");
    tap_is(v.gtid_mode, p->mariadb ? "" : "ON", "gtid_mode");
    tap_ok((strlen(v.uuid) == 36) == !p->mariadb, "server_uuid '%s'", v.uuid);
    tap_ok(v.super_read_only == (s->dialect->super_read_only ? 0 : -1), "super_read_only %d",
           v.super_read_only);
    tap_ok(v.datadir[0] == '/' && strstr(v.pid_file, "master") && v.hostname[0] &&
               strstr(v.version_text, "."),
           "datadir %s, pid file %s, host %s, %s", v.datadir, v.pid_file, v.hostname,
           v.version_text);
    tap_ok(v.relay_log_purge == 1 && v.wsrep_on == 0 && v.group_replication == 0 &&
               v.skip_name_resolve == 1 && v.slave_net_timeout > 0 &&
               v.gtid_strict_mode == p->mariadb,
           "further switches; net timeout %d, workers %d", v.slave_net_timeout, v.workers);
    run_or_die(s, "SET GLOBAL read_only = 1");
    OK(sql_read_server(s, &v, in_ms(2000), &e_), "read again");
    tap_ok(v.read_only == 1, "read_only seen");
    run_or_die(s, "SET GLOBAL read_only = 0");
}

static void binlog(struct sql *s)
{
    static struct sql_binlog_file files[8];
    struct sql_binlog b;
    size_t n;
    struct err e = {0};

    run_or_die(s, "CREATE DATABASE IF NOT EXISTS t");
    run_or_die(s, "CREATE TABLE IF NOT EXISTS t.t (id int primary key, v int) ENGINE=InnoDB");
    OK(sql_read_binlog(s, &b, in_ms(2000), &e_), "read the binlog position");
    tap_ok(strncmp(b.at.file, "mysql-bin.0", 11) == 0 && b.at.pos > 100 && !b.do_db[0],
           "at %s:%llu", b.at.file, (unsigned long long)b.at.pos);
    OK(sql_read_binlog_files(s, files, 8, &n, in_ms(2000), &e_), "list the binlogs");
    tap_ok(n >= 1 && strcmp(files[n - 1].name, b.at.file) == 0 && files[n - 1].bytes == b.at.pos,
           "the last of %zu is that one, with its size", n);
    run_or_die(s, "FLUSH BINARY LOGS");
    tap_ok(sql_read_binlog_files(s, files, 1, &n, in_ms(2000), &e) == -1 && e.code == ERR_WORLD,
           "more files than fit are an error: %s", e.text);
}

static void gtids(const struct pair *p, struct sql *s)
{
    struct sql_gtids a = {GTID_INIT, GTID_INIT, GTID_INIT, GTID_INIT},
                     b = {GTID_INIT, GTID_INIT, GTID_INIT, GTID_INIT};
    struct gtid_set diff = GTID_INIT;

    OK(sql_read_gtids(s, &a, in_ms(2000), &e_), "read GTID sets");
    run_or_die(s, "INSERT INTO t.t VALUES (1, 1)");
    OK(sql_read_gtids(s, &b, in_ms(2000), &e_), "read them after one transaction");
    gtid_minus(&diff, &b.executed, &a.executed);
    tap_ok(gtid_count(&diff) == 1 && gtid_contains(&b.executed, &a.executed),
           "it is the one transaction more");
    tap_ok(b.purged.count == 0 && (b.binlog_pos.count == 1) == p->mariadb && b.slave_pos.count == 0,
           "purged, binlog_pos and slave_pos");
    gtid_release(&diff);
    sql_gtids_release(&a);
    sql_gtids_release(&b);
}

static void sessions(const struct pair *p, struct sql *s)
{
    struct sql_sessions l;
    struct sql other;
    struct err e = {0};
    uint64_t id;
    size_t i;
    int found = 0;

    open_or_die(&other, &p->master);
    id = db_connection_id(other.db);
    OK(sql_read_sessions(s, &l, in_ms(2000), &e_), "read sessions");
    for (i = 0; i < l.count; i++)
        found += l.item[i].id == id && !strcmp(l.item[i].user, "kage") &&
                 !strncmp(l.item[i].host, "127.0.0.1", 9) && l.item[i].command[0];
    tap_ok(found == 1, "the other session is among the %zu", l.count);
    sql_sessions_release(&l);
    OK(sql_kill_session(s, id, in_ms(2000), &e_), "kill it");
    tap_ok(sql_ping(&other, in_ms(2000), &e) == -1 && e.code == ERR_CONNECT, "it is gone: %s",
           e.text);
    OK(sql_kill_session(s, id, in_ms(2000), &e_), "killing it again is success");
    sql_close(&other);
}

static void privileges(const struct pair *p, struct sql *s)
{
    static const struct {
        const char *user;
        int want;
    } rows[] = {
        {"repl",        1},
        {"plain",       0},
        {"nobody",      0},
        {"o'b\"rien\\", 1},
        {"REPL",        0}
    };
    struct db_rows *r = NULL;
    size_t i, n = 0;
    int yes;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        OK(sql_has_repl_privilege(s, rows[i].user, &yes, in_ms(2000), &e_), "privileges of %s",
           rows[i].user);
        tap_ok(yes == rows[i].want, "%s: %d", rows[i].user, yes);
    }
    if (strcmp(p->server, "mysql56") != 0) {
        OK(sql_has_repl_privilege(s, "byrole", &yes, in_ms(2000), &e_), "privileges by a role");
        tap_ok(yes == 1, "are found");
    }
    OK(db_query(s->db, s->dialect->user_privileges, in_ms(2000), &r, &e_),
       "accounts that write through read_only");
    for (i = 0; r && i < db_rows_count(r); i++)
        n += !strcmp(db_rows_get(r, i, "User", NULL), "kage") ||
             !strcmp(db_rows_get(r, i, "User", NULL), "root");
    tap_ok(r && n == 2 && db_rows_count(r) == 2, "are the two administrators (%zu)",
           r ? db_rows_count(r) : 0);
    db_rows_free(&r);
}

static void pings(struct sql *s)
{
    struct db_rows *r = NULL;

    OK(sql_ping(s, in_ms(2000), &e_), "ping");
    OK(sql_ping_insert(s, in_ms(2000), &e_), "insert ping makes its table");
    OK(sql_ping_insert(s, in_ms(2000), &e_), "insert ping again");
    OK(db_query(s->db, "SELECT COUNT(*) AS n FROM infra.chk_masterha WHERE `key` = 1 AND val > 0",
                in_ms(2000), &r, &e_),
       "look for its row");
    tap_ok(r && db_rows_int(r, 0, "n", 0) == 1, "one row");
    db_rows_free(&r);
}

void test_read(const struct pair *p)
{
    static struct sql_channels c;
    struct sql s;

    open_or_die(&s, &p->master);
    server(p, &s);
    binlog(&s);
    gtids(p, &s);
    sessions(p, &s);
    privileges(p, &s);
    pings(&s);
    OK(sql_read_channels(&s, &c, in_ms(2000), &e_), "channels of a server that is no replica");
    tap_ok(c.count == 0, "are none");
    sql_channels_release(&c);
    sql_close(&s);
}

/* KILL returns before the session has ended. */
static int lock_when_free(struct sql *s, struct err *e)
{
    int64_t until = in_ms(30000);

    while (sql_lock(s, SQL_LOCK_FAILOVER, in_ms(2000), e) < 0) {
        if (e->code != ERR_WORLD || clock_mono_ms() >= until)
            return -1;
        clock_sleep_ms(20);
    }
    return 0;
}

void test_locks(const struct pair *p)
{
    struct sql a, b, c;
    struct err e = {0};
    char id[32];
    int held;

    open_or_die(&a, &p->master);
    open_or_die(&b, &p->master);
    open_or_die(&c, &p->master);
    OK(sql_lock(&a, SQL_LOCK_FAILOVER, in_ms(2000), &e_), "take the failover lock");
    OK(sql_lock(&a, SQL_LOCK_FAILOVER, in_ms(2000), &e_), "take it again");
    snprintf(id, sizeof(id), "connection %llu (kage", (unsigned long long)db_connection_id(a.db));
    tap_ok(sql_lock(&b, SQL_LOCK_FAILOVER, in_ms(2000), &e) == -1 && e.code == ERR_WORLD &&
               strstr(e.text, id),
           "another session is told who has it: %s", e.text);
    OK(sql_lock_held(&a, SQL_LOCK_FAILOVER, &held, in_ms(2000), &e_), "ask who holds");
    tap_ok(held == 1, "the first holds it");
    OK(sql_lock_held(&b, SQL_LOCK_FAILOVER, &held, in_ms(2000), &e_), "ask the second");
    tap_ok(held == 0, "the second does not");
    OK(sql_unlock(&b, SQL_LOCK_FAILOVER, in_ms(2000), &e_), "giving back what one has not");
    OK(sql_lock(&b, SQL_LOCK_MONITOR, in_ms(2000), &e_), "the monitor lock is another");
    OK(sql_unlock(&a, SQL_LOCK_FAILOVER, in_ms(2000), &e_), "give back");
    OK(sql_unlock(&a, SQL_LOCK_FAILOVER, in_ms(2000), &e_), "give back again");
    OK(sql_lock(&c, SQL_LOCK_FAILOVER, in_ms(2000), &e_), "then another may take it");
    OK(sql_kill_session(&a, db_connection_id(c.db), in_ms(2000), &e_), "kill the holder");
    tap_ok(sql_lock_held(&c, SQL_LOCK_FAILOVER, &held, in_ms(2000), &e) == -1 &&
               e.code == ERR_CONNECT && held == 0,
           "its lock is lost with the session: %s", e.text);
    OK(lock_when_free(&a, &e_), "and free");
    sql_close(&a);
    sql_close(&b);
    sql_close(&c);
}
