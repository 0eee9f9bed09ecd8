/* What a replica's IO thread asks before it wants the log; see replay.h. The statements are those
 * that were seen from MySQL 5.6 to 9.7 and MariaDB 10.11 to 11.8. */
#include "node/replay/replay.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { ER_UNKNOWN_VARIABLE = 1193, ER_PARSE = 1064, TYPE_VAR_STRING = 253 };

static int send_column(struct replay_session *s, const char *name, struct err *e)
{
    static const unsigned char shape[] = {12, 45, 0, 0, 1, 0, 0, TYPE_VAR_STRING, 0, 0, 0, 0, 0};
    struct buf b = BUF_INIT;
    int rc;

    packet_add_text(&b, "def");
    for (int i = 0; i < 3; i++)
        packet_add_text(&b, "");
    packet_add_text(&b, name);
    packet_add_text(&b, "");
    buf_add(&b, shape, sizeof(shape));
    rc = packet_send(&s->conn, b.data, b.len, e);
    buf_release(&b);
    return rc;
}

/* A result of `columns` columns and, with values, one row. All columns are text. */
static int send_result(struct replay_session *s, int columns, const char *const *names,
                       const char *const *values, struct err *e)
{
    struct buf row = BUF_INIT;
    unsigned char n = (unsigned char)columns;
    int rc = packet_send(&s->conn, &n, 1, e);

    for (int i = 0; rc == 0 && i < columns; i++)
        rc = send_column(s, names[i], e);
    if (rc == 0)
        rc = packet_eof(&s->conn, e);
    for (int i = 0; values && i < columns; i++)
        packet_add_text(&row, values[i]);
    if (rc == 0 && values)
        rc = packet_send(&s->conn, row.data, row.len, e);
    if (rc == 0)
        rc = packet_eof(&s->conn, e);
    if (rc == 0)
        rc = packet_flush(&s->conn, e);
    buf_release(&row);
    return rc;
}

static int send_one(struct replay_session *s, const char *name, const char *value, struct err *e)
{
    return send_result(s, 1, &name, &value, e);
}

static int send_pair(struct replay_session *s, const char *name, const char *value, struct err *e)
{
    static const char *const names[] = {"Variable_name", "Value"};

    return send_result(s, 2, names, value ? (const char *const[]){name, value} : NULL, e);
}

/* What stands behind the '=' that follows the name: a number, or a quoted text. NULL: nothing. */
static const char *value_of(const char *text, const char *name)
{
    const char *at = strcasestr(text, name);

    if (!at)
        return NULL;
    at += strlen(name);
    while (isspace((unsigned char)*at))
        at++;
    if (*at++ != '=')
        return NULL;
    while (isspace((unsigned char)*at))
        at++;
    return at;
}

static void take_quoted(const char *at, char *out, size_t size)
{
    size_t n = *at == '\'' ? strcspn(at + 1, "'") : 0;

    snprintf(out, size, "%.*s", n < size ? (int)n : 0, at + 1);
}

static int take_state(struct replay_session *s, const char *at, struct err *e)
{
    size_t n = *at == '\'' ? strcspn(at + 1, "'") : 0;
    char *text = mem_alloc(n + 1);
    int rc;

    snprintf(text, n + 1, "%.*s", (int)n, n ? at + 1 : "");
    rc = gtid_parse(&s->state, text, e);
    free(text);
    s->has_state = rc == 0;
    return rc;
}

/* SET @name = value, .. : what matters is kept, the rest is agreed to. */
static int answer_set(struct replay_session *s, const char *text, struct err *e)
{
    const char *at;
    struct err bad = {0};

    if ((at = value_of(text, "@master_heartbeat_period")) ||
        (at = value_of(text, "@source_heartbeat_period")))
        s->heartbeat_ns = strtoll(at, NULL, 10);
    if (strcasestr(text, "_binlog_checksum"))
        s->wants_checksum = 1;
    if ((at = value_of(text, "@slave_uuid")) || (at = value_of(text, "@replica_uuid")))
        take_quoted(at, s->slave_uuid, sizeof(s->slave_uuid));
    if ((at = value_of(text, "@slave_connect_state")) && take_state(s, at, &bad))
        return packet_error(&s->conn, ER_PARSE, bad.text, e);
    return packet_ok(&s->conn, e);
}

/* A question is known by a word in it. NULL: nothing is known of it. */
static const char *find_value(const struct replay_session *s, const char *text, char *number,
                              size_t size)
{
    const struct replay *r = s->r;

    if (strcasestr(text, "UNIX_TIMESTAMP()"))
        snprintf(number, size, "%lld", (long long)time(NULL));
    else if (strcasestr(text, "_binlog_checksum"))
        return r->first_checksum == BINLOG_CHECKSUM_CRC32 ? "CRC32" : "NONE";
    else if (strcasestr(text, "GTID_MODE"))
        return r->ask.gtid_mode[0] ? r->ask.gtid_mode : NULL;
    else if (strcasestr(text, "SERVER_UUID"))
        return r->ask.uuid[0] ? r->ask.uuid : NULL;
    else if (strcasestr(text, "SERVER_ID"))
        snprintf(number, size, "%u", r->ask.server_id);
    else if (strcasestr(text, "gtid_domain_id"))
        return "0";
    else if (strcasestr(text, "VERSION()"))
        return r->server_version;
    else
        return NULL;
    return number;
}

static int answer_unknown(struct replay_session *s, const char *text, struct err *e)
{
    char why[200];

    snprintf(why, sizeof(why), "Unknown to a replay server: %.150s", text);
    return packet_error(&s->conn, ER_UNKNOWN_VARIABLE, why, e);
}

int replay_answer(struct replay_session *s, const char *text, struct err *e)
{
    char number[32], name[64] = "";
    const char *value, *like;

    while (isspace((unsigned char)*text))
        text++;
    if (strncasecmp(text, "SET ", 4) == 0)
        return answer_set(s, text, e);
    value = find_value(s, text, number, sizeof(number));
    if (strncasecmp(text, "SHOW ", 5) == 0) {
        like = strcasestr(text, "LIKE ");
        if (like)
            take_quoted(like + 5 + strspn(like + 5, " "), name, sizeof(name));
        return send_pair(s, name, value, e);
    }
    if (strncasecmp(text, "SELECT ", 7) == 0 && value)
        return send_one(s, text + 7, value, e);
    return answer_unknown(s, text, e);
}
