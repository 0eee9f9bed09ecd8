/* Runs the SQL layer against a pair of real servers; started by t/sql.t. */
#include "t/sql/driver.h"

#include <stdlib.h>

void open_or_die(struct sql *s, const struct db_target *t)
{
    struct err e = {0};

    if (sql_open(s, t, in_ms(5000), &e) == 0)
        return;
    tap_ok(0, "open %s:%d: %s", t->host, t->port, e.text);
    exit(2);
}

void run_or_die(struct sql *s, const char *text)
{
    struct err e = {0};

    if (db_query(s->db, text, in_ms(5000), NULL, &e) == 0)
        return;
    tap_ok(0, "%s: %s", text, e.text);
    exit(2);
}

static int from_env(const char *name)
{
    const char *v = getenv(name);

    return v ? (int)strtol(v, NULL, 10) : 0;
}

int main(void)
{
    struct pair p = {.server = getenv("SQL_SERVER")};
    struct err e = {0};

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!p.server) {
        puts("1..0 # SKIP started by t/sql.t only");
        return 0;
    }
    p.mariadb = strncmp(p.server, "mariadb", 7) == 0;
    p.master_port = from_env("SQL_MASTER_PORT");
    p.replica_port = from_env("SQL_REPLICA_PORT");
    p.master_pid = from_env("SQL_MASTER_PID");
    p.replica_pid = from_env("SQL_REPLICA_PID");
    p.master = (struct db_target){"127.0.0.1",      p.master_port, "kage", ADMIN_PASSWORD,
                                  DB_SSL_PREFERRED, NULL,          NULL};
    p.replica = p.master;
    p.replica.port = p.replica_port;
    if (!tap_ok(db_library_init(&e) == 0, "the library starts"))
        return 2;
    test_connect(&p);
    test_read(&p);
    test_locks(&p);
    test_replication(&p);
    test_waits(&p);
    test_writability(&p);
    test_kill(&p);
    db_library_end();
    return tap_done();
}
