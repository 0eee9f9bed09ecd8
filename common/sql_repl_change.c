/* CHANGE MASTER / CHANGE REPLICATION SOURCE; see sql_repl.h. The one statement with a password in
 * it. */
#include "common/sql_repl.h"

#include "common/sql_repl_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What a CHANGE would silently reset, and what decides on the public key. */
struct kept {
    int configured;       /* the channel exists */
    int tls;              /* and uses TLS */
    char heartbeat_s[32]; /* "" unknown */
};

/* Where MySQL keeps the period: a table from 5.7 on, a status variable before. */
static const char heartbeat_table[] =
    "SELECT CHANNEL_NAME AS name, HEARTBEAT_INTERVAL AS s"
    " FROM performance_schema.replication_connection_configuration";
static const char heartbeat_status[] = "SHOW GLOBAL STATUS LIKE 'Slave_heartbeat_period'";

static const char *text_or_empty(const char *text)
{
    return text ? text : "";
}

/* Only digits and one dot are taken over into a statement. */
static void keep_heartbeat(struct kept *k, const char *seconds)
{
    size_t len = strlen(text_or_empty(seconds));

    if (len == 0 || len >= sizeof(k->heartbeat_s) || strspn(seconds, "0123456789.") != len)
        return;
    memcpy(k->heartbeat_s, seconds, len + 1);
}

/* A channel's heartbeat period on MySQL; unknown is no error, the server's default is taken
 * then. */
static int read_heartbeat_mysql(struct sql *s, const char *channel, struct kept *k,
                                int64_t deadline_ms, struct err *e)
{
    int table = version_at_least(&s->version, 5, 7, 9);
    struct err failed = {0};
    struct db_rows *r;
    size_t i;

    if (db_query(s->db, table ? heartbeat_table : heartbeat_status, deadline_ms, &r, &failed) !=
        0) {
        if (failed.code == ERR_SQL)
            return 0;
        if (e)
            *e = failed;
        return -1;
    }
    for (i = 0; i < db_rows_count(r); i++)
        if (!table || strcasecmp(text_or_empty(db_rows_get(r, i, "name", NULL)), channel) == 0)
            keep_heartbeat(k, db_rows_get(r, i, table ? "s" : "Value", NULL));
    db_rows_free(&r);
    return 0;
}

static int read_kept(struct sql *s, const char *channel, struct kept *k, int64_t deadline_ms,
                     struct err *e)
{
    static const char *const names[] = {"Channel_Name", "Connection_name", NULL};
    static const char *const tls[] = {"Source_SSL_Allowed", "Master_SSL_Allowed", NULL};
    struct db_rows *r;
    size_t i;

    memset(k, 0, sizeof(*k));
    if (db_query(s->db, s->dialect->show_replica_status, deadline_ms, &r, e) != 0)
        return -1;
    for (i = 0; i < db_rows_count(r); i++) {
        if (strcasecmp(text_or_empty(db_rows_any(r, i, names)), channel) != 0)
            continue;
        k->configured = 1;
        k->tls = strcasecmp(text_or_empty(db_rows_any(r, i, tls)), "No") != 0;
        keep_heartbeat(k, db_rows_get(r, i, "Slave_heartbeat_period", NULL));
    }
    db_rows_free(&r);
    if (k->configured && s->version.family == FAMILY_MYSQL)
        return read_heartbeat_mysql(s, channel, k, deadline_ms, e);
    return 0;
}

static void add_text(struct buf *b, const struct sql *s, const char *option, const char *value)
{
    buf_addf(b, ", %s%s=", s->dialect->source_prefix, option);
    sql_literal(b, value);
}

/* Where to read from: named always, since a CHANGE with a host alone begins at the start. */
static int add_follow(struct buf *b, const struct sql *s, const struct sql_change *c, struct err *e)
{
    const char *word = c->using_gtid ? c->using_gtid : "slave_pos";

    if (c->follow == SQL_FOLLOW_POSITION) {
        if (!c->from.file[0])
            return err_set(e, ERR_BUG, "a CHANGE by position without a position");
        add_text(b, s, "LOG_FILE", c->from.file);
        buf_addf(b, ", %sLOG_POS=%llu, %s", s->dialect->source_prefix,
                 (unsigned long long)c->from.pos, s->dialect->no_auto_position);
        return 0;
    }
    if (s->version.family == FAMILY_MYSQL) {
        buf_addf(b, ", %s", s->dialect->auto_position);
        return 0;
    }
    if (strcasecmp(word, "slave_pos") != 0 && strcasecmp(word, "current_pos") != 0)
        return err_set(e, ERR_BUG, "'%s' is no way to use GTIDs", word);
    buf_addf(b, ", MASTER_USE_GTID=%s", word);
    return 0;
}

static void add_path(struct buf *b, const struct sql *s, const char *option, const char *path)
{
    if (path)
        add_text(b, s, option, path);
}

static void add_tls(struct buf *b, const struct sql *s, const struct sql_tls *t,
                    const struct kept *k)
{
    static const struct sql_tls keep = {.on = -1, .verify = -1, .public_key = -1};
    const char *prefix = s->dialect->source_prefix;
    int on;

    t = t ? t : &keep;
    on = t->on >= 0 ? t->on : k->tls;
    if (t->on >= 0)
        buf_addf(b, ", %sSSL=%d", prefix, t->on);
    if (t->verify >= 0)
        buf_addf(b, ", %sSSL_VERIFY_SERVER_CERT=%d", prefix, t->verify);
    add_path(b, s, "SSL_CA", t->ca);
    add_path(b, s, "SSL_CERT", t->cert);
    add_path(b, s, "SSL_KEY", t->key);
    if (s->dialect->get_public_key && (t->public_key > 0 || (t->public_key < 0 && !on)))
        buf_addf(b, ", %s", s->dialect->get_public_key);
}

static int build(struct buf *b, const struct sql *s, const struct sql_change *c,
                 const struct kept *k, struct err *e)
{
    const char *prefix = s->dialect->source_prefix;

    sql_with_channel(b, s, s->dialect->change_source, text_or_empty(c->channel));
    buf_addf(b, " %sHOST=", prefix);
    sql_literal(b, c->host);
    buf_addf(b, ", %sPORT=%d", prefix, c->port);
    if (c->user)
        add_text(b, s, "USER", c->user);
    if (c->password)
        add_text(b, s, "PASSWORD", c->password);
    if (k->heartbeat_s[0])
        buf_addf(b, ", %sHEARTBEAT_PERIOD=%s", prefix, k->heartbeat_s);
    add_tls(b, s, c->tls, k);
    if (add_follow(b, s, c, e) != 0)
        return -1;
    sql_channel_clause(b, s, text_or_empty(c->channel));
    return 0;
}

/* How many bytes of the text's beginning are a piece of the secret. */
static size_t piece_of(const char *text, const char *secret)
{
    size_t longest = 0, n;

    for (; *secret; secret++) {
        for (n = 0; text[n] && text[n] == secret[n]; n++)
            ;
        longest = n > longest ? n : longest;
    }
    return longest;
}

/* A server quotes the place of a syntax error, or the start of a value that is too long: any piece
 * of the password may be in its text. Pieces of four bytes and more are masked, or all of a shorter
 * password, and what follows "near" is dropped. */
static void scrub(struct err *e, const char *password)
{
    size_t whole = strlen(password);
    char *at;

    if (!e || whole == 0)
        return;
    at = strstr(e->text, " near ");
    if (at)
        *at = '\0';
    for (at = e->text; *at; at++) {
        size_t n = piece_of(at, password);

        if (n >= 4 || n == whole) {
            memset(at, '*', n);
            at += n - 1;
        }
    }
}

int sql_change_source(struct sql *s, const struct sql_change *c, int64_t deadline_ms, struct err *e)
{
    const char *channel = text_or_empty(c->channel);
    struct buf b = BUF_INIT, literal = BUF_INIT;
    struct kept kept;
    int rc = -1;

    if (*channel && s->version.family == FAMILY_MYSQL && !s->dialect->channel_clause)
        return err_set(e, ERR_WORLD, "%s has no replication channels", s->dialect->name);
    if (read_kept(s, channel, &kept, deadline_ms, e) == 0 && build(&b, s, c, &kept, e) == 0)
        rc = db_query(s->db, b.data, deadline_ms, NULL, e);
    if (rc != 0 && c->password) {
        sql_literal(&literal, c->password);
        scrub(e, c->password);
        scrub(e, literal.data);
    }
    buf_wipe(&literal);
    buf_wipe(&b);
    return rc == 0 ? 0 : err_wrap(e, "%s %s:%d", s->dialect->change_source, c->host, c->port);
}
