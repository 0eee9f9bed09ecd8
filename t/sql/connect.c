/* Connecting, and what goes wrong then: db.h. */
#include "t/sql/driver.h"

#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* A port of loopback that is bound; listening only when asked, and never answering. */
static int silent_port(int listening, int *fd)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t len = sizeof(a);

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    *fd = socket(AF_INET, SOCK_STREAM, 0);
    if (*fd < 0 || bind(*fd, (struct sockaddr *)&a, len) != 0 ||
        (listening && listen(*fd, 16) != 0) || getsockname(*fd, (struct sockaddr *)&a, &len) != 0)
        exit(2);
    return ntohs(a.sin_port);
}

static void refused(const struct pair *p)
{
    struct db_target t = p->master;
    struct err e = {0};
    struct db *d;
    int64_t t0;
    int fd;

    t.password = "wrong";
    tap_ok(db_open(&d, &t, in_ms(3000), &e) == -1 && e.code == ERR_DENIED &&
               e.server_errno == 1045 && !d,
           "a wrong password is ERR_DENIED 1045: %s", e.text);
    t = p->master;
    t.port = silent_port(0, &fd);
    t0 = clock_mono_ms();
    tap_ok(db_open(&d, &t, in_ms(3000), &e) == -1 && e.code == ERR_CONNECT && !d,
           "a closed port is ERR_CONNECT: %s", e.text);
    tap_ok(clock_mono_ms() - t0 < 500, "at once (%d ms)", (int)(clock_mono_ms() - t0));
    close(fd);
}

/* A host whose kernel accepts but whose server says nothing, and one that drops SYNs: a listener
 * with a full queue does that. */
static void silent(const struct pair *p)
{
    struct db_target t = p->master;
    struct err e = {0};
    struct db *d;
    int64_t t0 = clock_mono_ms();
    int fd, clients[4], i;
    struct sockaddr_in a = {.sin_family = AF_INET};

    t.port = silent_port(1, &fd);
    tap_ok(db_open(&d, &t, in_ms(400), &e) == -1 && e.code == ERR_TIMEOUT && !d,
           "a port that accepts without a greeting is ERR_TIMEOUT: %s", e.text);
    tap_ok(clock_mono_ms() - t0 >= 300 && clock_mono_ms() - t0 < 3000,
           "near its deadline of 400 ms (%d ms)", (int)(clock_mono_ms() - t0));
    close(fd);
    t.port = silent_port(0, &fd);
    if (listen(fd, 0) != 0)
        exit(2);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    a.sin_port = htons((uint16_t)t.port);
    for (i = 0; i < 4; i++) {
        clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(clients[i], (struct sockaddr *)&a, sizeof(a));
    }
    t0 = clock_mono_ms();
    tap_ok(db_open(&d, &t, in_ms(300), &e) == -1 && e.code == ERR_CONNECT && !d,
           "a port that drops SYNs is ERR_CONNECT: %s", e.text);
    tap_ok(clock_mono_ms() - t0 < 3000, "near its deadline of 300 ms (%d ms)",
           (int)(clock_mono_ms() - t0));
    for (i = 0; i < 4; i++)
        close(clients[i]);
    close(fd);
}

static void deadlines(const struct pair *p)
{
    struct err e = {0};
    struct db_rows *rows;
    struct db *d;
    int64_t t0;

    OK(db_open(&d, &p->master, in_ms(3000), &e_), "open");
    if (!d)
        exit(2);
    t0 = clock_mono_ms();
    tap_ok(db_query(d, "SELECT SLEEP(20)", in_ms(300), &rows, &e) == -1 && e.code == ERR_TIMEOUT &&
               !rows,
           "a statement past its deadline is ERR_TIMEOUT: %s", e.text);
    tap_ok(clock_mono_ms() - t0 >= 300 && clock_mono_ms() - t0 < 3000, "after 300 ms (%d ms)",
           (int)(clock_mono_ms() - t0));
    tap_ok(db_socket(d) == -1, "and closes the connection");
    tap_ok(db_query(d, "SELECT 1", in_ms(300), NULL, &e) == -1 && e.code == ERR_CONNECT,
           "which then is ERR_CONNECT: %s", e.text);
    db_close(&d);
    OK(db_open(&d, &p->master, in_ms(3000), &e_), "open again");
    if (!d)
        exit(2);
    tap_ok(db_query(d, "SELECT 1", clock_mono_ms(), NULL, &e) == -1 && e.code == ERR_TIMEOUT &&
               db_query(d, "SELECT 1", in_ms(3000), NULL, &e) == 0,
           "a deadline that has passed sends nothing and keeps the connection");
    tap_ok(db_query(d, "SELECT nonsense", in_ms(3000), NULL, &e) == -1 && e.code == ERR_SQL &&
               e.server_errno == 1054,
           "a server's error is ERR_SQL with its number: %s", e.text);
    tap_ok(db_query(d,
                    "SELECT REPEAT('x', 1000000) FROM (SELECT 1 UNION ALL SELECT 2 UNION ALL"
                    " SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5) a, (SELECT 1 UNION ALL"
                    " SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4) b",
                    in_ms(5000), &rows, &e) == -1 &&
               e.code == ERR_SQL && !rows,
           "a result past 16 MiB is ERR_SQL: %s", e.text);
    OK(db_query(d, "SELECT 1", in_ms(3000), NULL, &e_), "and the connection goes on");
    db_close(&d);
    db_close(&d);
    tap_ok(!d, "closing twice is harmless");
    tap_ok(db_query(d, "SELECT 1", in_ms(300), NULL, &e) == -1 && e.code == ERR_CONNECT,
           "what could not be opened again is ERR_CONNECT: %s", e.text);
}

/* Stops this process from begin_ms to end_ms from now, by a child: both times have passed when it
 * ends. */
static pid_t stand_still(int begin_ms, int end_ms)
{
    pid_t self = getpid(), child = fork();

    if (child != 0)
        return child;
    clock_sleep_ms(begin_ms);
    kill(self, SIGSTOP);
    clock_sleep_ms(end_ms - begin_ms);
    kill(self, SIGCONT);
    _exit(0);
}

static void standstill(const struct pair *p)
{
    struct err e = {0};
    struct db *d;
    pid_t child;

    OK(db_open(&d, &p->master, in_ms(3000), &e_), "open");
    if (!d)
        exit(2);
    child = stand_still(300, 3000);
    tap_ok(db_query(d, "SELECT SLEEP(1)", in_ms(2000), NULL, &e) == 0,
           "an answer that came while we stood still is read behind its deadline: %s", e.text);
    waitpid(child, NULL, 0);
    db_close(&d);
}

static void values(const struct pair *p)
{
    static const char *const names[] = {"nope", "N", NULL};
    struct pollfd idle = {.events = POLLIN};
    struct db_rows *r = NULL;
    struct db *d;
    size_t len;

    OK(db_open(&d, &p->replica, in_ms(3000), &e_), "open the replica");
    if (!d)
        exit(2);
    idle.fd = db_socket(d);
    tap_ok(poll(&idle, 1, 0) == 0, "an idle connection has nothing to read");
    tap_ok(db_connection_id(d) > 0 && strchr(db_version_text(d), '.') &&
               strncmp(db_version_text(d), "5.5.5-", 6) != 0,
           "connection %llu to %s", (unsigned long long)db_connection_id(d), db_version_text(d));
    OK(db_query(d, "SELECT 18446744073709551615 AS big, NULL AS n, -7 AS minus, 'a\\0b' AS z",
                in_ms(3000), &r, &e_),
       "a row");
    if (r) {
        tap_ok(db_rows_u64(r, 0, "BIG", 0) == UINT64_MAX, "values above 2^63");
        tap_ok(!db_rows_get(r, 0, "n", NULL) && db_rows_int(r, 0, "n", 5) == 5, "NULL");
        tap_ok(db_rows_int(r, 0, "minus", 0) == -7 && db_rows_u64(r, 0, "minus", 3) == 3,
               "a negative number");
        tap_ok(!memcmp(db_rows_get(r, 0, "z", &len), "a\0b", 4) && len == 3, "a NUL inside");
        tap_ok(!db_rows_any(r, 0, names) && db_rows_has(r, "N") && !db_rows_has(r, "nope") &&
                   db_rows_columns(r) == 4 && !strcmp(db_rows_column(r, 0), "big") &&
                   !db_rows_column(r, 4) && !db_rows_get(r, 1, "big", NULL),
               "columns by name");
    }
    db_rows_free(&r);
    db_close(&d);
}

/* TLS as the target asks for it: MariaDB 10.11 and MySQL 5.6 have no certificate here. */
static void tls(const struct pair *p)
{
    struct db_target t = p->master;
    int offers = !strcmp(p->server, "mysql9") || !strcmp(p->server, "mariadb11"), i;
    struct db_rows *r;
    struct err e = {0};
    struct db *d;

    for (i = DB_SSL_PREFERRED; i <= DB_SSL_REQUIRED; i++) {
        int want = offers && i != DB_SSL_DISABLED, has = 0;

        t.ssl = (enum db_ssl)i;
        if (db_open(&d, &t, in_ms(3000), &e) != 0) {
            tap_ok(i == DB_SSL_REQUIRED && !offers && e.server_errno == 2026,
                   "TLS required, none offered: %s", e.text);
            continue;
        }
        if (db_query(d, "SHOW SESSION STATUS LIKE 'Ssl_cipher'", in_ms(3000), &r, &e) == 0) {
            const char *cipher = db_rows_get(r, 0, "Value", NULL);

            has = cipher && *cipher;
            db_rows_free(&r);
        }
        tap_ok(has == want, "TLS mode %d: %s", i, has ? "encrypted" : "plain");
        db_close(&d);
    }
    t.ssl = DB_SSL_VERIFY_IDENTITY;
    tap_ok(db_open(&d, &t, in_ms(3000), &e) == -1 && e.code == ERR_CONNECT && !d,
           "a certificate without an authority is refused: %s", e.text);
}

/* One account without privileges takes every free place; the next one is told so. With the place
 * kept for administrators taken as well the server says so ahead of its greeting. */
static void crowd(const struct pair *p)
{
    struct db_target t = p->master;
    struct db *d[64], *last, *none;
    struct err e = {0};
    int64_t until;
    int n = 0;

    t.user = "plain";
    t.password = "plain";
    while (n < 64 && db_open(&d[n], &t, in_ms(3000), &e) == 0)
        n++;
    tap_ok(n > 8 && n < 64 && e.code == ERR_DENIED && e.server_errno == 1040,
           "too many connections is ERR_DENIED 1040 after %d: %s", n, e.text);
    /* The one that was refused may still count. */
    until = in_ms(10000);
    while (db_open(&last, &p->master, in_ms(3000), &e) != 0 && clock_mono_ms() < until)
        clock_sleep_ms(50);
    tap_ok(last != NULL, "an administrator gets the last place: %s", e.text);
    tap_ok(db_open(&none, &p->master, in_ms(3000), &e) == -1 && e.code == ERR_DENIED &&
               e.server_errno == 1040,
           "and the next one ERR_DENIED 1040, TLS or not: %s", e.text);
    db_close(&last);
    while (n > 0)
        db_close(&d[--n]);
}

static void quoting(const struct pair *p)
{
    static const char *const modes[] = {"", "NO_BACKSLASH_ESCAPES", "ANSI_QUOTES", "ANSI"};
    static const char awkward[] = "it's \"a\" \\ back`tick\\' \xc3\xbc \n%s";
    struct buf text = BUF_INIT;
    struct db_rows *r;
    struct db *d;
    size_t i;

    OK(db_open(&d, &p->master, in_ms(3000), &e_), "open for quoting");
    if (!d)
        exit(2);
    for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        buf_clear(&text);
        buf_addf(&text, "SET SESSION sql_mode = '%s'", modes[i]);
        OK(db_query(d, text.data, in_ms(3000), NULL, &e_), "sql_mode '%s'", modes[i]);
        buf_clear(&text);
        buf_adds(&text, "SELECT ");
        db_quote(&text, awkward);
        buf_adds(&text, " AS ");
        db_quote_name(&text, "a`b\"c");
        r = NULL;
        OK(db_query(d, text.data, in_ms(3000), &r, &e_), "a quoted text");
        if (r)
            tap_is(db_rows_get(r, 0, "a`b\"c", NULL), awkward, "comes back as it is");
        db_rows_free(&r);
    }
    buf_release(&text);
    db_close(&d);
}

void test_connect(const struct pair *p)
{
    refused(p);
    silent(p);
    deadlines(p);
    standstill(p);
    values(p);
    tls(p);
    crowd(p);
    quoting(p);
}
