/* Statements that change replication: sql_repl.h. */
#include "t/sql/driver.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct sql_channels channels;

/* The channel of that name, or NULL; valid until the next call. */
static const struct sql_channel *channel_of(struct sql *s, const char *name)
{
    struct err e = {0};
    size_t i;

    sql_channels_release(&channels);
    if (sql_read_channels(s, &channels, in_ms(3000), &e) != 0) {
        tap_ok(0, "read channels: %s", e.text);
        return NULL;
    }
    for (i = 0; i < channels.count; i++)
        if (strcmp(channels.item[i].name, name) == 0)
            return &channels.item[i];
    return NULL;
}

/* Waits until the IO thread is in a state; 0 after 20 s. */
static int await_io(struct sql *s, const char *name, int state)
{
    int64_t end = in_ms(20000);
    const struct sql_channel *c;

    while ((c = channel_of(s, name)) && c->io_running != state && clock_mono_ms() < end)
        clock_sleep_ms(20);
    if (c && c->io_running != state)
        printf("# IO %d, error %d %s\n", c->io_running, c->io_errno, c->io_error);
    return c && c->io_running == state;
}

static int count_rows(struct sql *s, int id)
{
    struct db_rows *r;
    char text[100];
    int n = -1;

    snprintf(text, sizeof(text), "SELECT COUNT(*) AS n FROM t.t WHERE id = %d", id);
    if (db_query(s->db, text, in_ms(3000), &r, NULL) == 0) {
        n = (int)db_rows_int(r, 0, "n", -1);
        db_rows_free(&r);
    }
    return n;
}

/* Writes a row on the master, gives the position behind it, waits for it on the replica. */
static void write_and_wait(struct sql *m, struct sql *r, const char *channel, int id)
{
    struct sql_binlog b;
    char text[100];
    int done = 0;

    snprintf(text, sizeof(text), "INSERT INTO t.t VALUES (%d, 0)", id);
    run_or_die(m, text);
    OK(sql_read_binlog(m, &b, in_ms(2000), &e_), "the master's position");
    OK(sql_wait_position(r, channel, &b.at, in_ms(20000), &done, &e_), "wait for row %d", id);
    tap_ok(done == 1 && count_rows(r, id) == 1, "it is there");
}

static void by_position(const struct pair *p, struct sql *m, struct sql *r)
{
    static struct sql_binlog_file files[16];
    struct sql_change c = {"",     "127.0.0.1",   p->master_port,
                           "repl", REPL_PASSWORD, .follow = SQL_FOLLOW_POSITION};
    const struct sql_channel *ch;
    size_t n;

    OK(sql_read_binlog_files(m, files, 16, &n, in_ms(2000), &e_), "the master's first binlog");
    snprintf(c.from.file, sizeof(c.from.file), "%s", files[0].name);
    c.from.pos = 4;
    OK(sql_change_source(r, &c, in_ms(3000), &e_), "CHANGE by position, an awkward password");
    OK(sql_start_replica(r, "", in_ms(3000), &e_), "start");
    OK(sql_start_replica(r, "", in_ms(3000), &e_), "start again");
    tap_ok(await_io(r, "", 1), "the IO thread runs");
    write_and_wait(m, r, "", 10);
    ch = channel_of(r, "");
    tap_ok(ch != NULL, "the channel");
    if (!ch)
        return;
    tap_ok(!strcmp(ch->master_host, "127.0.0.1") && ch->master_port == p->master_port &&
               !strcmp(ch->master_user, "repl") && ch->master_server_id == 1 &&
               (strlen(ch->master_uuid) == 36) == !p->mariadb,
           "host, port, user, server_id, uuid '%s'", ch->master_uuid);
    tap_ok(ch->sql_running == 1 && ch->io_errno == 0 && ch->sql_errno == 0 && !ch->io_error[0] &&
               ch->io_state[0] && ch->sql_state[0],
           "threads: '%s', '%s'", ch->io_state, ch->sql_state);
    tap_ok(binpos_cmp(&ch->read, &ch->exec) == 0 && strstr(ch->relay.file, "relay-bin") &&
               ch->relay.pos > 0 && ch->relay_space > 0 && ch->seconds_behind >= 0 &&
               ch->sql_delay == 0,
           "read %s:%llu = applied, relay %s", ch->read.file, (unsigned long long)ch->read.pos,
           ch->relay.file);
    tap_ok(ch->auto_position == 0 && !strcmp(ch->using_gtid, p->mariadb ? "No" : "") &&
               (ch->retrieved.count == 0) == p->mariadb,
           "no GTID position in use");
    tap_ok(ch->heartbeats >= 0, "heartbeats %lld", (long long)ch->heartbeats);
}

static void threads(struct sql *r)
{
    const struct sql_channel *c;
    int i;

    for (i = 0; i < 2; i++)
        OK(sql_stop_io(r, "", in_ms(5000), &e_), "stop the IO thread (%d)", i + 1);
    c = channel_of(r, "");
    tap_ok(c && c->io_running == 0 && c->sql_running == 1, "IO stopped, SQL running");
    for (i = 0; i < 2; i++)
        OK(sql_start_io(r, "", in_ms(5000), &e_), "start the IO thread (%d)", i + 1);
    tap_ok(await_io(r, "", 1), "IO running");
    for (i = 0; i < 2; i++)
        OK(sql_stop_sql(r, "", in_ms(5000), &e_), "stop the SQL thread (%d)", i + 1);
    c = channel_of(r, "");
    tap_ok(c && c->io_running == 1 && c->sql_running == 0 && c->seconds_behind == -1,
           "SQL stopped, seconds behind unknown");
    for (i = 0; i < 2; i++)
        OK(sql_start_sql(r, "", in_ms(5000), &e_), "start the SQL thread (%d)", i + 1);
    for (i = 0; i < 2; i++)
        OK(sql_stop_replica(r, "", in_ms(5000), &e_), "stop both (%d)", i + 1);
    c = channel_of(r, "");
    tap_ok(c && c->io_running == 0 && c->sql_running == 0, "both stopped");
}

/* The heartbeat period as the server has it. */
static void heartbeat(const struct pair *p, struct sql *r, char *out, size_t size)
{
    struct db_rows *rows = NULL;
    const char *v = NULL;

    if (!strcmp(p->server, "mysql9"))
        (void)db_query(r->db,
                       "SELECT HEARTBEAT_INTERVAL AS Value FROM"
                       " performance_schema.replication_connection_configuration",
                       in_ms(2000), &rows, NULL);
    else
        (void)db_query(r->db, "SHOW GLOBAL STATUS LIKE 'Slave_heartbeat_period'", in_ms(2000),
                       &rows, NULL);
    v = rows ? db_rows_get(rows, 0, "Value", NULL) : NULL;
    snprintf(out, size, "%.3f", v ? strtod(v, NULL) : -1.0);
    db_rows_free(&rows);
}

static void by_gtid(const struct pair *p, struct sql *m, struct sql *r)
{
    struct sql_change c = {.channel = "",
                           .host = "127.0.0.1",
                           .port = p->master_port,
                           .follow = SQL_FOLLOW_GTID,
                           .using_gtid = "slave_pos"};
    struct buf text = BUF_INIT;
    const struct sql_channel *ch;
    struct err e = {0};
    char beat[32];

    buf_addf(&text, "%s %sHEARTBEAT_PERIOD=7.5", r->dialect->change_source,
             r->dialect->source_prefix);
    run_or_die(r, text.data);
    buf_release(&text);
    OK(sql_change_source(r, &c, in_ms(3000), &e_), "CHANGE by GTID, no user, no password");
    heartbeat(p, r, beat, sizeof(beat));
    tap_is(beat, "7.500", "keeps the heartbeat period");
    OK(sql_start_replica(r, "", in_ms(3000), &e_), "start");
    tap_ok(await_io(r, "", 1), "the server's own user and password are kept");
    write_and_wait(m, r, "", 11);
    ch = channel_of(r, "");
    tap_ok(ch && (p->mariadb ? !strcmp(ch->using_gtid, "Slave_Pos") : ch->auto_position == 1) &&
               ch->retrieved.count == 1,
           "GTIDs in use");
    tap_ok(sql_change_source(r, &c, in_ms(3000), &e) == -1 && e.code == ERR_SQL,
           "CHANGE with running threads is an error: %s", e.text);
}

/* Too long for every server but MariaDB, where it fails for the running threads. */
static void secret(const struct pair *p, struct sql *r)
{
    struct sql_change c = {.channel = "",
                           .host = "127.0.0.1",
                           .port = p->master_port,
                           .user = "repl",
                           .password = "Sesame'Sesame'Sesame'Sesame'Sesame'Sesame'Sesame'Sesame'"
                                       "Sesame'Sesame'Sesame'Sesame'Sesame'Sesame'Sesame'Sesame'",
                           .follow = SQL_FOLLOW_GTID};
    struct err e = {0};

    tap_ok(sql_change_source(r, &c, in_ms(3000), &e) == -1 && !strstr(e.text, "Sesa") &&
               !strstr(e.text, "same"),
           "no password in an error's text: %s", e.text);
}

static void named(const struct pair *p, struct sql *m, struct sql *r)
{
    struct sql_change c = {"o'ne", "127.0.0.1",   p->master_port,
                           "repl", REPL_PASSWORD, .follow = SQL_FOLLOW_POSITION};
    struct sql_binlog b;
    struct err e = {0};

    OK(sql_read_binlog(m, &b, in_ms(2000), &e_), "the master's position");
    c.from = b.at;
    if (!strcmp(p->server, "mysql56")) {
        tap_ok(sql_change_source(r, &c, in_ms(3000), &e) == -1 && e.code == ERR_WORLD &&
                   sql_start_io(r, "o'ne", in_ms(3000), &e) == -1 && e.code == ERR_WORLD,
               "no channels there: %s", e.text);
        return;
    }
    OK(sql_change_source(r, &c, in_ms(3000), &e_), "CHANGE of a named channel");
    tap_ok(sql_start_io(r, "other", in_ms(3000), &e) == -1 && e.code == ERR_SQL,
           "no such channel to start: %s", e.text);
    OK(sql_stop_replica(r, "other", in_ms(3000), &e_), "none to stop is success");
    OK(sql_forget_master(r, "other", in_ms(3000), &e_), "none to forget is success");
    OK(sql_start_replica(r, "o'ne", in_ms(3000), &e_), "start it");
    tap_ok(await_io(r, "o'ne", 1), "its IO thread runs");
    write_and_wait(m, r, "o'ne", 20);
    OK(sql_stop_io(r, "o'ne", in_ms(5000), &e_), "stop its IO thread");
    OK(sql_stop_sql(r, "o'ne", in_ms(5000), &e_), "stop its SQL thread");
    OK(sql_forget_master(r, "o'ne", in_ms(5000), &e_), "forget it");
    tap_ok(!channel_of(r, "o'ne"), "it is gone");
}

/* A master that drops SYNs: a listener whose queue is full. STOP waits for the thread there: MySQL
 * 9 two seconds, MariaDB 11 slave_net_timeout, which START takes over. */
static void unreachable(struct sql *r)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t len = sizeof(a);
    struct sql_change c = {.channel = "",
                           .host = "127.0.0.1",
                           .user = "repl",
                           .password = REPL_PASSWORD,
                           .follow = SQL_FOLLOW_GTID};
    int fd = socket(AF_INET, SOCK_STREAM, 0), full[4], i;
    int64_t t0;

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, (struct sockaddr *)&a, len) != 0 || listen(fd, 0) != 0 ||
        getsockname(fd, (struct sockaddr *)&a, &len) != 0)
        exit(2);
    for (i = 0; i < 4; i++) {
        full[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(full[i], (struct sockaddr *)&a, sizeof(a));
    }
    c.port = ntohs(a.sin_port);
    run_or_die(r, r->version.major >= 9 && r->version.family == FAMILY_MYSQL
                      ? "SET GLOBAL replica_net_timeout = 4"
                      : "SET GLOBAL slave_net_timeout = 4");
    OK(sql_change_source(r, &c, in_ms(3000), &e_), "CHANGE to a silent master");
    OK(sql_start_io(r, "", in_ms(3000), &e_), "start the IO thread");
    tap_ok(await_io(r, "", 2), "it is connecting");
    t0 = clock_mono_ms();
    OK(sql_stop_io(r, "", in_ms(10000), &e_), "stop it");
    printf("# STOP of a connecting IO thread took %d ms\n", (int)(clock_mono_ms() - t0));
    for (i = 0; i < 4; i++)
        close(full[i]);
    close(fd);
}

void test_replication(const struct pair *p)
{
    struct sql m, r;
    int i;

    open_or_die(&m, &p->master);
    open_or_die(&r, &p->replica);
    by_position(p, &m, &r);
    threads(&r);
    by_gtid(p, &m, &r);
    secret(p, &r);
    OK(sql_stop_replica(&r, "", in_ms(5000), &e_), "stop");
    unreachable(&r);
    for (i = 0; i < 2; i++)
        OK(sql_forget_master(&r, "", in_ms(5000), &e_), "forget the master (%d)", i + 1);
    tap_ok(!channel_of(&r, ""), "no channel is left");
    OK(sql_stop_replica(&r, "", in_ms(5000), &e_), "stopping what is no replica");
    OK(sql_set_relay_log_purge(&r, 0, in_ms(2000), &e_), "relay_log_purge off");
    OK(sql_set_relay_log_purge(&r, 1, in_ms(2000), &e_), "relay_log_purge on");
    named(p, &m, &r);
    sql_channels_release(&channels);
    sql_close(&m);
    sql_close(&r);
}
