/* Pointing a channel at a replay server and back; see sql_catchup.h. Which settings a CHANGE resets
 * and which keep a replica away from a replay server was measured on real servers. */
#include "common/sql_catchup.h"

#include "common/sql_repl_text.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char connection_table[] =
    "SELECT * FROM performance_schema.replication_connection_configuration";
static const char heartbeat_status[] = "SHOW GLOBAL STATUS LIKE 'Slave_heartbeat_period'";

static const char *text_or_empty(const char *text)
{
    return text ? text : "";
}

static int is_mysql(const struct sql *s)
{
    return s->version.family == FAMILY_MYSQL;
}

static void put(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%.*s", (int)size - 1, text_or_empty(text));
}

/* Only digits and one dot go into a statement. */
static void put_seconds(struct sql_catchup *c, const char *text)
{
    size_t len = strlen(text_or_empty(text));

    if (len > 0 && len < sizeof(c->heartbeat_s) && strspn(text, "0123456789.") == len)
        memcpy(c->heartbeat_s, text, len + 1);
}

static int64_t number_any(const struct db_rows *r, size_t i, const char *now, const char *old,
                          int64_t fallback)
{
    return db_rows_int(r, i, db_rows_has(r, now) ? now : old, fallback);
}

static void take_status(const struct sql *s, const struct db_rows *r, size_t i,
                        struct sql_catchup *c)
{
    static const char *const host[] = {"Source_Host", "Master_Host", NULL};
    static const char *const user[] = {"Source_User", "Master_User", NULL};
    static const char *const ssl[] = {"Source_SSL_Allowed", "Master_SSL_Allowed", NULL};
    static const char *const key[] = {"Get_Source_public_key", "Get_master_public_key", NULL};

    put(c->host, sizeof(c->host), db_rows_any(r, i, host));
    put(c->user, sizeof(c->user), db_rows_any(r, i, user));
    c->port = (int)number_any(r, i, "Source_Port", "Master_Port", 0);
    c->auto_position = db_rows_int(r, i, "Auto_Position", 0) == 1;
    put(c->using_gtid, sizeof(c->using_gtid), db_rows_get(r, i, "Using_Gtid", NULL));
    c->ssl = strcasecmp(text_or_empty(db_rows_any(r, i, ssl)), "Yes") == 0;
    c->public_key = -1;
    if (db_rows_has(r, key[0]) || db_rows_has(r, key[1]))
        c->public_key = strcmp(text_or_empty(db_rows_any(r, i, key)), "1") == 0;
    c->connect_retry = db_rows_int(r, i, "Connect_Retry", 60);
    c->retry_count = -1;
    if (is_mysql(s))
        c->retry_count = number_any(r, i, "Source_Retry_Count", "Master_Retry_Count", -1);
    c->delay_s = db_rows_int(r, i, "SQL_Delay", -1);
    put_seconds(c, db_rows_get(r, i, "Slave_heartbeat_period", NULL));
}

/* What SHOW does not tell stands in a table from 5.7 on. Unknown is no error: it is left to the
 * server's default then. */
static int take_table(struct sql *s, struct sql_catchup *c, int64_t deadline_ms, struct err *e)
{
    int table = version_at_least(&s->version, 5, 7, 9);
    struct err failed = {0};
    struct db_rows *r;

    if (db_query(s->db, table ? connection_table : heartbeat_status, deadline_ms, &r, &failed)) {
        if (failed.code == ERR_SQL)
            return 0;
        *e = failed;
        return -1;
    }
    for (size_t i = 0; i < db_rows_count(r); i++) {
        if (!table) {
            put_seconds(c, db_rows_get(r, i, "Value", NULL));
        } else if (strcasecmp(text_or_empty(db_rows_get(r, i, "CHANNEL_NAME", NULL)), c->channel) ==
                   0) {
            put_seconds(c, db_rows_get(r, i, "HEARTBEAT_INTERVAL", NULL));
            put(c->compression, sizeof(c->compression),
                db_rows_get(r, i, "COMPRESSION_ALGORITHM", NULL));
        }
    }
    db_rows_free(&r);
    return 0;
}

int sql_catchup_save(struct sql *s, const char *channel, struct sql_catchup *out,
                     int64_t deadline_ms, struct err *e)
{
    static const char *const names[] = {"Channel_Name", "Connection_name", NULL};
    struct err own = {0};
    struct db_rows *r;
    int found = 0, rc = 0;

    memset(out, 0, sizeof(*out));
    put(out->channel, sizeof(out->channel), channel);
    if (!e)
        e = &own;
    if (db_query(s->db, s->dialect->show_replica_status, deadline_ms, &r, e))
        return err_wrap(e, "read the replication settings");
    for (size_t i = 0; i < db_rows_count(r) && !found; i++) {
        found = strcasecmp(text_or_empty(db_rows_any(r, i, names)), channel) == 0;
        if (found)
            take_status(s, r, i, out);
    }
    db_rows_free(&r);
    if (!found)
        return err_set(e, ERR_WORLD, "the server is not a replica");
    out->applier_may_run_on =
        is_mysql(s) && version_at_least(&s->version, 5, 7, 9) && out->delay_s <= 0;
    if (is_mysql(s))
        rc = take_table(s, out, deadline_ms, e);
    return rc ? err_wrap(e, "read the replication settings") : 0;
}

/* What a CHANGE names besides host and port. */
struct values {
    int ssl, public_key;
    int64_t connect_retry, retry_count, delay_s;
    const char *heartbeat_s, *compression;
};

static void add_text(struct buf *b, const struct sql *s, const char *option, const char *value)
{
    buf_addf(b, ", %s%s=", s->dialect->source_prefix, option);
    sql_literal(b, value);
}

static void add_number(struct buf *b, const struct sql *s, const char *option, int64_t value)
{
    buf_addf(b, ", %s%s=%lld", s->dialect->source_prefix, option, (long long)value);
}

static void add_values(struct buf *b, const struct sql *s, const struct sql_catchup *c,
                       const struct values *v)
{
    add_number(b, s, "SSL", v->ssl);
    add_number(b, s, "CONNECT_RETRY", v->connect_retry);
    if (v->heartbeat_s[0])
        buf_addf(b, ", %sHEARTBEAT_PERIOD=%s", s->dialect->source_prefix, v->heartbeat_s);
    if (c->public_key >= 0)
        buf_addf(b, ", GET_%sPUBLIC_KEY=%d", s->dialect->source_prefix, v->public_key);
    if (c->retry_count >= 0)
        add_number(b, s, "RETRY_COUNT", v->retry_count);
    if (c->delay_s > 0)
        add_number(b, s, "DELAY", v->delay_s);
    if (c->compression[0])
        add_text(b, s, "COMPRESSION_ALGORITHMS", v->compression);
}

/* With the SQL thread running MySQL takes no AUTO_POSITION: it keeps what it has. */
static void add_place(struct buf *b, const struct sql *s, const struct sql_catchup *c,
                      const struct sql_catchup_to *to)
{
    if (to->from) {
        add_text(b, s, "LOG_FILE", to->from->file);
        add_number(b, s, "LOG_POS", (int64_t)to->from->pos);
        if (!is_mysql(s) || !c->applier_may_run_on)
            buf_addf(b, ", %s", s->dialect->no_auto_position);
    } else if (!is_mysql(s)) {
        buf_addf(b, ", MASTER_USE_GTID=%s",
                 strcasecmp(c->using_gtid, "Current_Pos") == 0 ? "current_pos" : "slave_pos");
    } else if (!c->applier_may_run_on) {
        buf_addf(b, ", %s", s->dialect->auto_position);
    }
    if (to->relay) {
        buf_adds(b, ", RELAY_LOG_FILE=");
        sql_literal(b, to->relay->file);
        buf_addf(b, ", RELAY_LOG_POS=%llu", (unsigned long long)to->relay->pos);
    }
}

/* A password of ours may stand in the text of a syntax error; nothing of that is passed on. */
static void hide(struct err *e, const char *password)
{
    char *at;

    if (!e || !password || !*password)
        return;
    at = strstr(e->text, " near ");
    if (at)
        *at = '\0';
    while ((at = strstr(e->text, password)))
        memset(at, '*', strlen(password));
}

static int change(struct sql *s, const struct sql_catchup *c, const struct sql_catchup_to *to,
                  const struct values *v, int64_t deadline_ms, struct err *e)
{
    const char *host = to->host ? to->host : c->host;
    int port = to->host ? to->port : c->port, rc;
    struct buf b = BUF_INIT;

    sql_with_channel(&b, s, s->dialect->change_source, c->channel);
    buf_addf(&b, " %sHOST=", s->dialect->source_prefix);
    sql_literal(&b, host);
    buf_addf(&b, ", %sPORT=%d", s->dialect->source_prefix, port);
    if (to->password) {
        add_text(&b, s, "USER", to->user);
        add_text(&b, s, "PASSWORD", to->password);
    }
    add_values(&b, s, c, v);
    add_place(&b, s, c, to);
    sql_channel_clause(&b, s, c->channel);
    rc = db_query(s->db, b.data, deadline_ms, NULL, e);
    buf_wipe(&b);
    if (rc == 0)
        return 0;
    hide(e, to->password);
    return err_wrap(e, "%s %s:%d", s->dialect->change_source, host, port);
}

int sql_catchup_point(struct sql *s, const struct sql_catchup *c, const struct sql_catchup_to *to,
                      int64_t deadline_ms, struct err *e)
{
    struct values v = {
        .connect_retry = 1,
        .retry_count = 10,
        .heartbeat_s = c->heartbeat_s,
        .compression = "uncompressed",
    };

    return change(s, c, to, &v, deadline_ms, e);
}

int sql_catchup_restore(struct sql *s, const struct sql_catchup *c, const struct sql_catchup_to *to,
                        int64_t deadline_ms, struct err *e)
{
    struct values v = {
        .ssl = c->ssl,
        .public_key = c->public_key,
        .connect_retry = c->connect_retry,
        .retry_count = c->retry_count,
        .delay_s = c->delay_s,
        .heartbeat_s = c->heartbeat_s,
        .compression = c->compression,
    };

    return change(s, c, to, &v, deadline_ms, e);
}

struct json_object *sql_catchup_to_json(const struct sql_catchup *c)
{
    struct json_object *o = json_object_new_object();

    json_put_str(o, "channel", c->channel);
    json_put_str(o, "host", c->host);
    json_put_int(o, "port", c->port);
    json_put_str(o, "user", c->user);
    json_put_bool(o, "auto_position", c->auto_position);
    json_put_str(o, "using_gtid", c->using_gtid);
    json_put_bool(o, "ssl", c->ssl);
    json_put_int(o, "public_key", c->public_key);
    json_put_str(o, "heartbeat_s", c->heartbeat_s);
    json_put_int(o, "connect_retry", c->connect_retry);
    json_put_int(o, "retry_count", c->retry_count);
    json_put_int(o, "delay_s", c->delay_s);
    json_put_str(o, "compression", c->compression);
    return o;
}

void sql_catchup_from_json(struct json_object *o, struct sql_catchup *c)
{
    put(c->host, sizeof(c->host), json_get_str(o, "host", c->host));
    put(c->user, sizeof(c->user), json_get_str(o, "user", c->user));
    put(c->using_gtid, sizeof(c->using_gtid), json_get_str(o, "using_gtid", c->using_gtid));
    put(c->compression, sizeof(c->compression), json_get_str(o, "compression", c->compression));
    put_seconds(c, json_get_str(o, "heartbeat_s", ""));
    c->port = (int)json_get_int(o, "port", c->port);
    c->auto_position = json_get_bool(o, "auto_position", c->auto_position);
    c->ssl = json_get_bool(o, "ssl", c->ssl);
    c->public_key = (int)json_get_int(o, "public_key", c->public_key);
    c->connect_retry = json_get_int(o, "connect_retry", c->connect_retry);
    c->retry_count = json_get_int(o, "retry_count", c->retry_count);
    c->delay_s = json_get_int(o, "delay_s", c->delay_s);
}

int sql_read_relay_base(struct sql *s, char *out, size_t size, int64_t deadline_ms, struct err *e)
{
    struct db_rows *r;

    out[0] = '\0';
    if (db_query(s->db, "SELECT @@GLOBAL.relay_log_basename AS base", deadline_ms, &r, e))
        return err_wrap(e, "read relay_log_basename");
    if (db_rows_count(r) > 0)
        put(out, size, db_rows_get(r, 0, "base", NULL));
    db_rows_free(&r);
    return 0;
}

uint32_t sql_catchup_server_id(uint32_t master, uint32_t own)
{
    return master && master != own ? master : own ^ 0x40000000U;
}
