/* Connections to MySQL and MariaDB: the only includer of <mysql.h>. A deadline on every call, rows
 * by column name. Knows no statement; those are in sql_*.h. Builds with Oracle's libmysqlclient and
 * MariaDB Connector/C. */
#ifndef KAGEMUSHA_DB_H
#define KAGEMUSHA_DB_H

#include "common/buf.h"
#include "common/err.h"

#include <stddef.h>
#include <stdint.h>

enum db_ssl {
    DB_SSL_PREFERRED,
    DB_SSL_DISABLED,
    DB_SSL_REQUIRED,
    DB_SSL_VERIFY_CA,
    DB_SSL_VERIFY_IDENTITY
};

struct db_target {
    const char *host; /* an address or a name; IPv6 too; or the path of a socket on this host */
    int port;
    const char *user, *password;
    enum db_ssl ssl;
    const char *ssl_ca;      /* or NULL */
    const char *option_file; /* NULL, or one whose [client] section tells what is not told here */
};

struct db; /* one connection; owned by one thread at a time */

/* Once per process, before threads and after any fork. Starts the watchdog thread; ignores SIGPIPE
 * where nobody handles it. */
int db_library_init(struct err *e);
void db_library_end(void);

/* Connects over TCP before the monotonic deadline, keepalive on (idle 5 s), no reconnect by itself,
 * no option files, no LOAD DATA LOCAL. DB_SSL_PREFERRED takes TLS where the server can, without
 * verifying, and goes on without it; VERIFY_CA is as strict as VERIFY_IDENTITY with
 * Connector/C 3.3. ERR_CONNECT: refused, no answer to the connection at all, or TLS asked for and
 * not to be had. ERR_TIMEOUT: the host accepts, but mysqld does not answer (hung). ERR_DENIED: an
 * error reply of a living server (db_errno_means_alive). server_errno is set with ERR_CONNECT and
 * ERR_DENIED where there is one. *out is NULL on failure. A late handshake goes on in a thread of
 * its own until the library gives up; past 64 of those nothing more is opened. */
int db_open(struct db **out, const struct db_target *t, int64_t deadline_ms, struct err *e);
/* NULL inside is fine; sets it to NULL; takes at most 50 ms with a dead peer. */
void db_close(struct db **d);

/* "10.11.19-MariaDB-0+deb12u1": the server's VERSION() text, not the handshake's "5.5.5-" prefix.
 */
const char *db_version_text(const struct db *d);
uint64_t db_connection_id(const struct db *d);
/* The socket, for poll(2): readable while idle means that the server closed. -1 when closed. */
int db_socket(const struct db *d);

/* Rows of one result, all in memory (cap 16 MiB, then ERR_SQL). */
struct db_rows;
/* Runs one statement. rows may be NULL when none is expected; then a result is read and dropped.
 * ERR_SQL with server_errno; ERR_TIMEOUT closes the connection (the statement may go on at the
 * server, locks of the session are lost), except that with a deadline already past nothing is sent
 * and nothing closed; ERR_CONNECT when it is gone, or d is NULL: none could be opened again. */
int db_query(struct db *d, const char *text, int64_t deadline_ms, struct db_rows **rows,
             struct err *e);
size_t db_rows_count(const struct db_rows *r);
/* The value in the named column (any case), NULL for SQL NULL or no such column. Borrowed. */
const char *db_rows_get(const struct db_rows *r, size_t row, const char *column, size_t *len);
/* The first of several possible column names that the result has ("Source_Host", "Master_Host"). */
const char *db_rows_any(const struct db_rows *r, size_t row, const char *const *names);
int64_t db_rows_int(const struct db_rows *r, size_t row, const char *column, int64_t fallback);
uint64_t db_rows_u64(const struct db_rows *r, size_t row, const char *column, uint64_t fallback);
int db_rows_has(const struct db_rows *r, const char *column);
size_t db_rows_columns(const struct db_rows *r);
const char *db_rows_column(const struct db_rows *r, size_t i);
void db_rows_free(struct db_rows **r);

/* Appends a quoted SQL string or a quoted identifier, right under any sql_mode: a text with a
 * backslash or bytes outside ASCII goes as a hex literal, for which there is no place in CHANGE. */
void db_quote(struct buf *out, const char *text);
void db_quote_name(struct buf *out, const char *name);

/* 1 for errors that prove a living server (1040, 1042 ... 1275). */
int db_errno_means_alive(int server_errno);

/* The server's number in an error of the library. Connector/C has one of its own for what a server
 * says ahead of TLS (it has no place left, it blocks the host), and tells the server's in the text:
 * nobody vouches for it, nor for the greeting that proves life to a replica. */
int db_errno_told(int library_errno, const char *text);

#endif
