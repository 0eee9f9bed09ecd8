/* Waits, writability, and a server that dies in the middle: sql_repl.h. */
#include "t/sql/driver.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

static void follow(const struct pair *p, struct sql *r)
{
    struct sql_change c = {"",     "127.0.0.1",   p->master_port,
                           "repl", REPL_PASSWORD, .follow = SQL_FOLLOW_GTID};

    OK(sql_change_source(r, &c, in_ms(3000), &e_), "CHANGE by GTID");
    OK(sql_start_replica(r, "", in_ms(3000), &e_), "start");
}

/* What the master has now, as position and as set. */
static void master_at(struct sql *m, struct binpos *pos, struct gtid_set *set)
{
    struct sql_gtids g = {GTID_INIT, GTID_INIT, GTID_INIT, GTID_INIT};
    struct sql_binlog b;
    struct err e = {0};

    if (sql_read_binlog(m, &b, in_ms(3000), &e) != 0 ||
        sql_read_gtids(m, &g, in_ms(3000), &e) != 0) {
        tap_ok(0, "the master's position: %s", e.text);
        exit(2);
    }
    *pos = b.at;
    gtid_copy(set, &g.executed);
    sql_gtids_release(&g);
}

/* Both waits against a deadline that comes first; the session must survive. */
static void too_late(struct sql *r, const struct binpos *pos, const struct gtid_set *set, int ms)
{
    int64_t t0 = clock_mono_ms();
    int done = 1;

    OK(sql_wait_position(r, "", pos, in_ms(ms), &done, &e_), "wait %d ms for a position", ms);
    tap_ok(done == 0 && clock_mono_ms() - t0 >= ms && clock_mono_ms() - t0 < ms + 700,
           "the deadline came first (%d ms)", (int)(clock_mono_ms() - t0));
    t0 = clock_mono_ms();
    done = 1;
    OK(sql_wait_gtid(r, "", set, in_ms(ms), &done, &e_), "wait %d ms for a set", ms);
    tap_ok(done == 0 && clock_mono_ms() - t0 >= ms && clock_mono_ms() - t0 < ms + 700,
           "the deadline came first (%d ms)", (int)(clock_mono_ms() - t0));
    OK(sql_ping(r, in_ms(2000), &e_), "the session lives");
}

static void reach(struct sql *r, const struct binpos *pos, const struct gtid_set *set)
{
    int done = 0;

    OK(sql_wait_gtid(r, "", set, in_ms(20000), &done, &e_), "wait for the set");
    tap_ok(done == 1, "it is reached");
    done = 0;
    OK(sql_wait_position(r, "", pos, in_ms(20000), &done, &e_), "wait for the position");
    tap_ok(done == 1, "it is reached");
}

static void stopped(struct sql *r, const struct binpos *pos, const struct gtid_set *set,
                    const char *word)
{
    struct err e = {0};
    int done;

    tap_ok(sql_wait_position(r, "", pos, in_ms(20000), &done, &e) == -1 && e.code == ERR_WORLD &&
               strstr(e.text, word),
           "no wait for a position: %s", e.text);
    tap_ok(sql_wait_gtid(r, "", set, in_ms(20000), &done, &e) == -1 && e.code == ERR_WORLD &&
               strstr(e.text, word),
           "no wait for a set: %s", e.text);
}

void test_waits(const struct pair *p)
{
    struct gtid_set set = GTID_INIT;
    struct sql m, r, other;
    struct binpos pos;
    int done;

    open_or_die(&m, &p->master);
    open_or_die(&r, &p->replica);
    open_or_die(&other, &p->replica);
    follow(p, &r);
    master_at(&m, &pos, &set);
    reach(&r, &pos, &set);
    /* An applier held up by a lock. */
    run_or_die(&other, "LOCK TABLES t.t WRITE");
    run_or_die(&m, "INSERT INTO t.t VALUES (30, 0)");
    master_at(&m, &pos, &set);
    too_late(&r, &pos, &set, 300);
    too_late(&r, &pos, &set, 1700);
    run_or_die(&other, "UNLOCK TABLES");
    reach(&r, &pos, &set);
    /* An applier that was stopped, then one that failed. */
    OK(sql_stop_sql(&r, "", in_ms(5000), &e_), "stop the SQL thread");
    run_or_die(&other, "SET sql_log_bin = 0");
    run_or_die(&other, "INSERT INTO t.t VALUES (40, 1)");
    run_or_die(&m, "INSERT INTO t.t VALUES (40, 0)");
    OK(sql_wait_position(&r, "", &pos, in_ms(2000), &done, &e_), "what is applied is applied");
    tap_ok(done == 1, "with the SQL thread stopped");
    master_at(&m, &pos, &set);
    stopped(&r, &pos, &set, "not running");
    OK(sql_start_sql(&r, "", in_ms(5000), &e_), "start it: it will fail");
    stopped(&r, &pos, &set, "1062");
    run_or_die(&other, "DELETE FROM t.t WHERE id = 40");
    OK(sql_start_sql(&r, "", in_ms(5000), &e_), "start it again");
    reach(&r, &pos, &set);
    gtid_release(&set);
    sql_close(&m);
    sql_close(&r);
    sql_close(&other);
}

static int is_read_only(struct sql *s)
{
    static struct sql_server v;

    return sql_read_server(s, &v, in_ms(2000), NULL) == 0 ? v.read_only : -1;
}

/* Nobody promotes without the lock in this very session. */
static void guarded(const struct pair *p, struct sql *r, struct sql *other)
{
    struct err e = {0};

    tap_ok(sql_open_for_writes(r, in_ms(2000), &e) == -1 && e.code == ERR_WORLD,
           "no opening without the lock: %s", e.text);
    tap_ok(is_read_only(r) == 1, "still read-only");
    OK(sql_lock(other, SQL_LOCK_FAILOVER, in_ms(2000), &e_), "another session takes the lock");
    tap_ok(sql_open_for_writes(r, in_ms(2000), &e) == -1 && e.code == ERR_WORLD &&
               is_read_only(r) == 1,
           "no opening with another's lock: %s", e.text);
    OK(sql_unlock(other, SQL_LOCK_FAILOVER, in_ms(2000), &e_), "it gives it back");
    OK(sql_lock(r, SQL_LOCK_FAILOVER, in_ms(2000), &e_), "we take it");
    if (!strcmp(p->server, "mysql56")) {
        OK(sql_lock(r, SQL_LOCK_MONITOR, in_ms(2000), &e_), "5.6 drops it at the next one");
        tap_ok(sql_open_for_writes(r, in_ms(2000), &e) == -1 && e.code == ERR_WORLD &&
                   is_read_only(r) == 1,
               "no opening with a lost lock: %s", e.text);
        OK(sql_lock(r, SQL_LOCK_FAILOVER, in_ms(2000), &e_), "we take it again");
    }
    OK(sql_open_for_writes(r, in_ms(2000), &e_), "open for writes");
    tap_ok(is_read_only(r) == 0, "writable");
    OK(sql_open_for_writes(r, in_ms(2000), &e_), "open for writes again");
}

void test_writability(const struct pair *p)
{
    static struct sql_server v;
    struct sql r, other;
    struct err e = {0};
    int64_t t0;
    int i;

    open_or_die(&r, &p->replica);
    open_or_die(&other, &p->replica);
    for (i = 0; i < 2; i++)
        OK(sql_set_read_only(&r, 1, in_ms(5000), &e_), "read_only on (%d)", i + 1);
    tap_ok(is_read_only(&r) == 1, "it is");
    if (r.dialect->super_read_only) {
        OK(sql_set_super_read_only(&r, 1, in_ms(5000), &e_), "super_read_only on");
        OK(sql_read_server(&r, &v, in_ms(2000), &e_), "read");
        tap_ok(v.super_read_only == 1, "it is");
    } else {
        tap_ok(sql_set_super_read_only(&r, 1, in_ms(5000), &e) == -1 && e.code == ERR_WORLD,
               "no super_read_only there: %s", e.text);
        OK(sql_set_super_read_only(&r, 0, in_ms(5000), &e_), "so it is off");
    }
    guarded(p, &r, &other);
    for (i = 0; i < 2; i++)
        OK(sql_set_read_only(&r, 0, in_ms(5000), &e_), "read_only off (%d)", i + 1);
    /* Another session's LOCK TABLES holds up read_only for at most lock_wait_timeout. */
    run_or_die(&other, "LOCK TABLES t.t WRITE");
    t0 = clock_mono_ms();
    tap_ok(sql_set_read_only(&r, 1, in_ms(8000), &e) == -1 && e.code == ERR_SQL,
           "read_only gives up behind LOCK TABLES: %s", e.text);
    tap_ok(clock_mono_ms() - t0 < 5000, "in %d ms", (int)(clock_mono_ms() - t0));
    run_or_die(&other, "UNLOCK TABLES");
    OK(sql_set_read_only(&r, 1, in_ms(5000), &e_), "and is set afterwards");
    sql_close(&r);
    sql_close(&other);
}

struct killer {
    const struct pair *p;
    struct sql eye;
};

/* Kills the server once the sleeping statement is seen to run. */
static void *kill_when_asleep(void *arg)
{
    struct killer *k = arg;
    int64_t end = in_ms(10000);
    struct sql_sessions l;
    int seen = 0;
    size_t i;

    while (!seen && clock_mono_ms() < end) {
        if (sql_read_sessions(&k->eye, &l, in_ms(3000), NULL) != 0)
            break;
        for (i = 0; i < l.count; i++)
            seen |= strstr(l.item[i].info, "SLEEP(60)") != NULL;
        sql_sessions_release(&l);
    }
    kill(k->p->replica_pid, SIGKILL);
    return NULL;
}

void test_kill(const struct pair *p)
{
    struct killer k = {.p = p};
    struct err e = {0};
    struct sql s;
    pthread_t t;
    int64_t t0;

    open_or_die(&k.eye, &p->replica);
    open_or_die(&s, &p->replica);
    t0 = clock_mono_ms();
    if (pthread_create(&t, NULL, kill_when_asleep, &k) != 0)
        exit(2);
    tap_ok(db_query(s.db, "SELECT SLEEP(60)", in_ms(30000), NULL, &e) == -1 &&
               e.code == ERR_CONNECT && db_socket(s.db) == -1,
           "kill -9 in the middle of a statement is ERR_CONNECT: %s", e.text);
    tap_ok(clock_mono_ms() - t0 < 20000, "seen by the end of the socket (%d ms)",
           (int)(clock_mono_ms() - t0));
    pthread_join(t, NULL);
    t0 = clock_mono_ms();
    sql_close(&k.eye);
    sql_close(&s);
    tap_ok(clock_mono_ms() - t0 < 1000, "closing does not wait");
    /* Stopped, the other server accepts and says nothing; its idle session hangs. */
    open_or_die(&s, &p->master);
    kill(p->master_pid, SIGSTOP);
    /* The signal takes a moment to reach the thread of our session. */
    for (t0 = clock_mono_ms(); clock_mono_ms() < t0 + 10000;)
        if (sql_ping(&s, in_ms(300), &e) != 0)
            break;
    tap_ok(e.code == ERR_TIMEOUT && db_socket(s.db) == -1, "a stopped server is ERR_TIMEOUT: %s",
           e.text);
    t0 = clock_mono_ms();
    sql_close(&s);
    tap_ok(clock_mono_ms() - t0 < 1000, "closing does not wait");
    tap_ok(sql_open(&s, &p->master, in_ms(300), &e) == -1 && e.code == ERR_TIMEOUT,
           "nor does opening: %s", e.text);
    kill(p->master_pid, SIGCONT);
    OK(sql_open(&s, &p->master, in_ms(10000), &e_), "it goes on");
    sql_close(&s);
}
