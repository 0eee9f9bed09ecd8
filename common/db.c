/* Connections; see db.h. The library connects in a thread of its own, which is left behind when the
 * deadline passes: neither library can be stopped before its socket is known. Afterwards the
 * watchdog of db_guard.h holds the deadlines. */
#include "common/db.h"

#include "common/clock.h"
#include "common/db_guard.h"
#include "common/db_rows.h"

#include <errno.h>
#include <fcntl.h>
#include <mysql.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#if defined(MARIADB_BASE_VERSION) || defined(MARIADB_PACKAGE_VERSION_ID)
#define DB_MARIADB 1
#else
#define DB_MARIADB 0
#include <stdbool.h>
#endif

/* Both libraries number these alike; Connector/C has them in <errmsg.h>, Oracle's elsewhere. */
enum {
    CLIENT_ERRNO_FIRST = 2000,
    CLIENT_ERRNO_LAST = 2999,
    CLIENT_ERRNO_TLS = 2026,
    SERVER_ERRNO_SHUTDOWN = 1053,
    SERVER_ERRNO_KILLED = 1927,
    SERVER_ERRNO_IDLE = 4031
};

/* A call that the watchdog cannot reach (a handshake left behind) ends by itself after this. */
#define READ_LIMIT_S        600
#define CLOSE_LIMIT_MS      50
#define PROBE_RESERVE_MS    40
#define ABANDONED_MAX       64
#define CONNECT_STACK_BYTES ((size_t)512 * 1024)

struct db {
    MYSQL *mysql; /* NULL once the connection is closed */
    int fd;       /* our own duplicate of the library's socket */
    int lost;     /* the session is over: to be closed when the watchdog has let go */
    uint64_t id;
    char version[128];
    char where[300]; /* "host:port", for messages */
};

/* One attempt to connect: shared by the caller and the connecting thread until both let go. */
struct attempt {
    pthread_t thread; /* joined by the caller, or detached when it lets go first */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    int done, abandoned;
    char *host, *user, *password, *ssl_ca, *option_file;
    int port;
    enum db_ssl ssl;
    unsigned connect_timeout_s;
    MYSQL *mysql; /* the result, or NULL with code and text */
    int code;
    char text[300];
};

static pthread_mutex_t abandoned_lock = PTHREAD_MUTEX_INITIALIZER;
static int abandoned_count; /* still under way */
static int abandoned_ever;

/* A lost peer must be an error code, never SIGPIPE: OpenSSL writes without MSG_NOSIGNAL. And
 * OpenSSL must not clean up at exit, for a handshake left behind may still be using it then. */
int db_library_init(struct err *e)
{
    struct sigaction old;

    if (sigaction(SIGPIPE, NULL, &old) == 0 && old.sa_handler == SIG_DFL)
        signal(SIGPIPE, SIG_IGN);
    OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
    if (mysql_library_init(0, NULL, NULL) != 0)
        return err_set(e, ERR_IO, "the MySQL client library does not start");
    return db_guard_start(e);
}

/* A thread left behind may be anywhere, its own end included: the library must stay as it is then.
 */
void db_library_end(void)
{
    int left_behind;

    db_guard_stop();
    pthread_mutex_lock(&abandoned_lock);
    left_behind = abandoned_ever;
    pthread_mutex_unlock(&abandoned_lock);
    if (!left_behind)
        mysql_library_end();
}

static int socket_of(MYSQL *m)
{
#if DB_MARIADB
    return mysql_get_socket(m);
#else
    return m->net.fd;
#endif
}

/* TLS is always said, since the defaults differ by library and release. Connector/C 3.3 has no step
 * between "any certificate" and "this host's": VERIFY_CA is as strict as VERIFY_IDENTITY there. */
static int set_tls(MYSQL *m, const struct attempt *a, int tls)
{
    if (tls && a->ssl_ca && mysql_options(m, MYSQL_OPT_SSL_CA, a->ssl_ca))
        return -1;
#if DB_MARIADB
    my_bool enforce = (my_bool)(tls != 0);
    my_bool verify = (my_bool)(tls && a->ssl >= DB_SSL_VERIFY_CA);

    return mysql_options(m, MYSQL_OPT_SSL_ENFORCE, &enforce) ||
                   mysql_options(m, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify)
               ? -1
               : 0;
#else
    static const unsigned modes[] = {
        [DB_SSL_PREFERRED] = SSL_MODE_PREFERRED,
        [DB_SSL_DISABLED] = SSL_MODE_DISABLED,
        [DB_SSL_REQUIRED] = SSL_MODE_REQUIRED,
        [DB_SSL_VERIFY_CA] = SSL_MODE_VERIFY_CA,
        [DB_SSL_VERIFY_IDENTITY] = SSL_MODE_VERIFY_IDENTITY,
    };
    unsigned mode = tls ? modes[a->ssl] : SSL_MODE_DISABLED;

    return mysql_options(m, MYSQL_OPT_SSL_MODE, &mode) ? -1 : 0;
#endif
}

static int set_options(MYSQL *m, const struct attempt *a, int tls)
{
    unsigned limit_s = READ_LIMIT_S, off = 0;
    unsigned tcp = *a->host == '/' ? MYSQL_PROTOCOL_SOCKET : MYSQL_PROTOCOL_TCP;

    if (mysql_options(m, MYSQL_OPT_CONNECT_TIMEOUT, &a->connect_timeout_s) ||
        mysql_options(m, MYSQL_OPT_READ_TIMEOUT, &limit_s) ||
        mysql_options(m, MYSQL_OPT_WRITE_TIMEOUT, &limit_s) ||
        mysql_options(m, MYSQL_OPT_LOCAL_INFILE, &off) ||
        mysql_options(m, MYSQL_OPT_PROTOCOL, &tcp) ||
        (a->option_file && mysql_options(m, MYSQL_READ_DEFAULT_FILE, a->option_file)) ||
        mysql_options(m, MYSQL_SET_CHARSET_NAME, "utf8mb4"))
        return -1;
#if !DB_MARIADB
    {
        bool yes = true;

        if (mysql_options(m, MYSQL_OPT_GET_SERVER_PUBLIC_KEY, &yes))
            return -1;
    }
#endif
    return set_tls(m, a, tls);
}

/* OpenSSL judges a read that was interrupted by the errors that stand in its thread's queue, also
 * where somebody else left them there: a connection that was cut, a key that could not be decoded.
 * A session that is well would end with their text. */
static void forget_tls_errors(void)
{
    ERR_clear_error();
}

/* One handshake; NULL with code and text in the attempt. */
static MYSQL *connect_once(struct attempt *a, int tls)
{
    MYSQL *m = mysql_init(NULL);
    const char *path = *a->host == '/' ? a->host : NULL;

    a->code = 0;
    forget_tls_errors();
    if (!m || set_options(m, a, tls)) {
        snprintf(a->text, sizeof(a->text), "the client library refuses an option");
    } else if (!mysql_real_connect(m, path ? NULL : a->host, a->user, a->password, NULL,
                                   (unsigned)a->port, path, 0)) {
        a->code = (int)mysql_errno(m);
        snprintf(a->text, sizeof(a->text), "%s", mysql_error(m));
    } else if (tls && a->ssl != DB_SSL_PREFERRED && !mysql_get_ssl_cipher(m)) {
        a->code = CLIENT_ERRNO_TLS;
        snprintf(a->text, sizeof(a->text), "TLS is required, and the server does not offer it");
    } else {
        return m;
    }
    if (m)
        mysql_close(m);
    return NULL;
}

static void attempt_free(struct attempt *a)
{
    if (a->password)
        explicit_bzero(a->password, strlen(a->password));
    free(a->host);
    free(a->user);
    free(a->password);
    free(a->ssl_ca);
    free(a->option_file);
    pthread_cond_destroy(&a->wake);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

static void count_abandoned(int change)
{
    pthread_mutex_lock(&abandoned_lock);
    abandoned_count += change;
    abandoned_ever |= change > 0;
    pthread_mutex_unlock(&abandoned_lock);
}

static int is_abandoned(struct attempt *a)
{
    int abandoned;

    pthread_mutex_lock(&a->lock);
    abandoned = a->abandoned;
    pthread_mutex_unlock(&a->lock);
    return abandoned;
}

/* Whoever is second to let go, the caller or this thread, frees the attempt. */
static void *connect_main(void *arg)
{
    struct attempt *a = arg;
    MYSQL *m;
    int abandoned;

    mysql_thread_init();
    m = connect_once(a, a->ssl != DB_SSL_DISABLED);
    if (!m && a->ssl == DB_SSL_PREFERRED && a->code == CLIENT_ERRNO_TLS && !is_abandoned(a))
        m = connect_once(a, 0);
    pthread_mutex_lock(&a->lock);
    a->mysql = m;
    a->done = 1;
    abandoned = a->abandoned;
    pthread_cond_signal(&a->wake);
    pthread_mutex_unlock(&a->lock);
    if (abandoned) {
        if (m)
            mysql_close(m);
        attempt_free(a);
    }
    mysql_thread_end();
    if (abandoned)
        count_abandoned(-1);
    return NULL;
}

static char *dup_or_null(const char *text)
{
    return text ? mem_strdup(text) : NULL;
}

/* NULL with e when there is no thread to be had. */
static struct attempt *attempt_start(const struct db_target *t, int64_t deadline_ms, struct err *e)
{
    struct attempt *a = mem_zalloc(sizeof(*a));
    pthread_condattr_t cond;
    pthread_attr_t attr;
    sigset_t all, old;
    int rc;

    pthread_mutex_init(&a->lock, NULL);
    pthread_condattr_init(&cond);
    pthread_condattr_setclock(&cond, CLOCK_MONOTONIC);
    pthread_cond_init(&a->wake, &cond);
    pthread_condattr_destroy(&cond);
    a->host = mem_strdup(t->host);
    a->user = dup_or_null(t->user);
    a->password = dup_or_null(t->password);
    a->ssl_ca = dup_or_null(t->ssl_ca);
    a->option_file = dup_or_null(t->option_file);
    a->port = t->port;
    a->ssl = t->ssl;
    a->connect_timeout_s = (unsigned)(clock_left_ms(deadline_ms) / 1000) + 1;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, CONNECT_STACK_BYTES);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    rc = pthread_create(&a->thread, &attr, connect_main, a);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    if (rc == 0)
        return a;
    attempt_free(a);
    err_set(e, ERR_IO, "cannot start a thread to connect: %s", strerror(rc));
    return NULL;
}

/* 1 when the attempt is done by then. */
static int attempt_wait(struct attempt *a, int64_t until_ms)
{
    struct timespec ts = {.tv_sec = (time_t)(until_ms / 1000),
                          .tv_nsec = (long)(until_ms % 1000) * 1000000};
    int done, rc = 0;

    pthread_mutex_lock(&a->lock);
    while (!a->done && rc == 0)
        rc = pthread_cond_timedwait(&a->wake, &a->lock, &ts);
    done = a->done;
    pthread_mutex_unlock(&a->lock);
    return done;
}

/* Lets go of an attempt that is late. 1 when it ended in this very moment: then it is the
 * caller's. */
static int attempt_abandon(struct attempt *a)
{
    int done;

    count_abandoned(1);
    pthread_mutex_lock(&a->lock);
    done = a->done;
    if (!done) {
        a->abandoned = 1;
        pthread_detach(a->thread);
    }
    pthread_mutex_unlock(&a->lock);
    if (done)
        count_abandoned(-1);
    return done;
}

/* Does the host take a TCP connection at all? Asked only when a handshake is late, to tell a silent
 * host from a hung server: each such probe counts as an aborted handshake there. Names are not
 * looked up here, for that could block. */
static int probe_accepts(const char *host, int port, int64_t deadline_ms)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                             .ai_socktype = SOCK_STREAM},
                    *ai;
    char service[16];
    struct pollfd p = {.events = POLLOUT};
    int failed = -1, accepted = 0;
    socklen_t len = sizeof(failed);

    snprintf(service, sizeof(service), "%d", port);
    if (getaddrinfo(host, service, &hints, &ai) != 0)
        return 0;
    p.fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (p.fd >= 0) {
        if (connect(p.fd, ai->ai_addr, ai->ai_addrlen) == 0)
            accepted = 1;
        else if (errno == EINPROGRESS && poll(&p, 1, clock_left_ms(deadline_ms)) == 1 &&
                 getsockopt(p.fd, SOL_SOCKET, SO_ERROR, &failed, &len) == 0)
            accepted = failed == 0;
        close(p.fd);
    }
    freeaddrinfo(ai);
    return accepted;
}

/* Keepalive finds a host that is gone within 5 + 3 x 2 s while a session is idle. The duplicate is
 * the watchdog's: the library may close its own number at any time inside a call. */
static int adopt_socket(struct db *d, struct err *e)
{
    int fd = socket_of(d->mysql), on = 1, idle_s = 5, interval_s = 2, count = 3;

    d->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (d->fd < 0)
        return err_errno(e, ERR_IO, "cannot duplicate a socket");
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof(interval_s));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
    return 0;
}

/* Ends the library's side of a connection; the farewell gets CLOSE_LIMIT_MS and no more. */
static void hang_up(struct db *d, int64_t limit_ms)
{
    struct db_guard g;

    if (!d->mysql)
        return;
    if (limit_ms == 0 && d->fd >= 0)
        shutdown(d->fd, SHUT_RDWR);
    if (d->fd >= 0)
        db_guard_begin(&g, d->fd, clock_mono_ms() + limit_ms);
    mysql_close(d->mysql);
    d->mysql = NULL;
    if (d->fd >= 0) {
        db_guard_end(&g);
        close(d->fd);
    }
    d->fd = -1;
}

void db_close(struct db **d)
{
    if (!*d)
        return;
    hang_up(*d, CLOSE_LIMIT_MS);
    free(*d);
    *d = NULL;
}

static int late(const char *where, int accepts, struct err *e)
{
    if (accepts)
        return err_set(e, ERR_TIMEOUT, "%s accepts connections, but mysqld does not answer in time",
                       where);
    return err_set(e, ERR_CONNECT, "%s: no answer in time", where);
}

static int refused(const struct attempt *a, const char *where, struct err *e)
{
    int told = db_errno_told(a->code, a->text);
    enum err_code code = db_errno_means_alive(told) ? ERR_DENIED : ERR_CONNECT;

    err_set(e, code, "%s: %s (error %d)", where, a->text, told);
    if (e)
        e->server_errno = told;
    return -1;
}

/* Runs one attempt to its end or the deadline; the handle is the caller's then. */
static int connect_by(MYSQL **out, const struct db_target *t, const char *where,
                      int64_t deadline_ms, struct err *e)
{
    int64_t total_ms = clock_left_ms(deadline_ms);
    int64_t reserve_ms = total_ms / 4 < PROBE_RESERVE_MS ? total_ms / 4 : PROBE_RESERVE_MS;
    struct attempt *a;
    int rc = 0;

    *out = NULL;
    a = attempt_start(t, deadline_ms, e);
    if (!a)
        return -1;
    if (!attempt_wait(a, deadline_ms - reserve_ms)) {
        int accepts = probe_accepts(t->host, t->port, deadline_ms);

        if (!attempt_wait(a, deadline_ms) && !attempt_abandon(a))
            return late(where, accepts, e);
    }
    pthread_join(a->thread, NULL);
    *out = a->mysql;
    if (!*out)
        rc = refused(a, where, e);
    attempt_free(a);
    return rc;
}

/* VERSION() rather than the greeting: that one says 5.5.5 for MariaDB, and a proxy may write it.
 * Oracle's library names utf8mb4 by a collation that MariaDB and MySQL 5.6 do not know: they take
 * latin1 then, unless told in words. */
static int read_identity(struct db *d, int64_t deadline_ms, struct err *e)
{
    struct db_rows *rows = NULL;
    const char *version;

    if ((!DB_MARIADB && db_query(d, "SET NAMES utf8mb4", deadline_ms, NULL, e) != 0) ||
        db_query(d, "SELECT VERSION() AS v, CONNECTION_ID() AS id", deadline_ms, &rows, e) != 0) {
        if (e && e->code == ERR_SQL)
            e->code = ERR_DENIED;
        return err_wrap(e, "%s", d->where);
    }
    version = db_rows_get(rows, 0, "v", NULL);
    snprintf(d->version, sizeof(d->version), "%s", version ? version : "");
    d->id = db_rows_u64(rows, 0, "id", 0);
    db_rows_free(&rows);
    return 0;
}

int db_open(struct db **out, const struct db_target *t, int64_t deadline_ms, struct err *e)
{
    struct db *d;
    int busy;

    *out = NULL;
    pthread_mutex_lock(&abandoned_lock);
    busy = abandoned_count;
    pthread_mutex_unlock(&abandoned_lock);
    if (busy >= ABANDONED_MAX)
        return err_set(e, ERR_CONNECT, "%s:%d: %d earlier connections still hang", t->host, t->port,
                       busy);
    d = mem_zalloc(sizeof(*d));
    d->fd = -1;
    snprintf(d->where, sizeof(d->where), strchr(t->host, ':') ? "[%.250s]:%d" : "%.250s:%d",
             t->host, t->port);
    if (connect_by(&d->mysql, t, d->where, deadline_ms, e) != 0 || adopt_socket(d, e) != 0 ||
        read_identity(d, deadline_ms, e) != 0) {
        db_close(&d);
        return -1;
    }
    *out = d;
    return 0;
}

const char *db_version_text(const struct db *d)
{
    return d->version;
}

uint64_t db_connection_id(const struct db *d)
{
    return d->id;
}

int db_socket(const struct db *d)
{
    return d->fd;
}

/* The library's error as ours; notes errors that end the session. */
static int query_failed(struct db *d, struct err *e)
{
    int code = (int)mysql_errno(d->mysql);
    int lost = (code >= CLIENT_ERRNO_FIRST && code <= CLIENT_ERRNO_LAST) ||
               code == SERVER_ERRNO_SHUTDOWN || code == SERVER_ERRNO_KILLED ||
               code == SERVER_ERRNO_IDLE;

    err_set(e, lost ? ERR_CONNECT : ERR_SQL, "%s (error %d)", mysql_error(d->mysql), code);
    if (e)
        e->server_errno = code;
    d->lost = lost;
    return -1;
}

static int add_row(struct db_rows *r, MYSQL_ROW row, const unsigned long *lengths)
{
    size_t i;

    for (i = 0; i < r->columns; i++)
        if (db_rows_add(r, row[i], row[i] ? lengths[i] : 0) != 0)
            return -1;
    r->rows++;
    return 0;
}

/* Reads one result to its end, into *out when that is wanted. */
static int read_result(struct db *d, struct db_rows **out, struct err *e)
{
    MYSQL_RES *res = mysql_use_result(d->mysql);
    MYSQL_ROW row;
    int full = 0;

    if (!res)
        return mysql_errno(d->mysql) ? query_failed(d, e) : 0;
    if (out) {
        const MYSQL_FIELD *fields = mysql_fetch_fields(res);
        size_t i;

        *out = db_rows_new(mysql_num_fields(res));
        for (i = 0; i < (*out)->columns; i++)
            db_rows_name(*out, i, fields[i].name);
    }
    while ((row = mysql_fetch_row(res)))
        if (out && !full)
            full = add_row(*out, row, mysql_fetch_lengths(res)) != 0;
    if (mysql_errno(d->mysql)) {
        mysql_free_result(res);
        return query_failed(d, e);
    }
    mysql_free_result(res);
    return full ? err_set(e, ERR_SQL, "a result is larger than 16 MiB") : 0;
}

static int run(struct db *d, const char *text, struct db_rows **rows, struct err *e)
{
    int more;

    forget_tls_errors();
    if (mysql_real_query(d->mysql, text, strlen(text)) != 0)
        return query_failed(d, e);
    if (read_result(d, rows, e) != 0)
        return -1;
    while ((more = mysql_next_result(d->mysql)) == 0)
        if (read_result(d, NULL, e) != 0)
            return -1;
    return more > 0 ? query_failed(d, e) : 0;
}

int db_query(struct db *d, const char *text, int64_t deadline_ms, struct db_rows **rows,
             struct err *e)
{
    struct db_guard g;
    int fired, rc;

    if (rows)
        *rows = NULL;
    if (!d || !d->mysql)
        return err_set(e, ERR_CONNECT, "the connection is closed");
    if (clock_left_ms(deadline_ms) == 0)
        return err_set(e, ERR_TIMEOUT, "no time left to ask the server");
    db_guard_begin(&g, d->fd, deadline_ms);
    rc = run(d, text, rows, e);
    fired = db_guard_end(&g);
    if (rc == 0 && !fired)
        return 0;
    if (rows)
        db_rows_free(rows);
    if (d->lost || fired)
        hang_up(d, 0);
    if (!fired)
        return rc;
    return err_set(e, ERR_TIMEOUT, "the server did not answer in time");
}
