/* Changing replication; see sql_repl.h. CHANGE itself is in sql_repl_change.c, the waits in
 * sql_repl_wait.c, read_only and locks in sql_repl_write.c. */
#include "common/sql_repl.h"

#include "common/sql_repl_text.h"

#include <string.h>

enum { NO_SUCH_CONNECTION_MARIADB = 1617, NO_SUCH_CHANNEL_MYSQL = 3074, NO_SUCH_THREAD = 1094 };

void sql_literal(struct buf *out, const char *text)
{
    buf_addc(out, '\'');
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\')
            buf_addc(out, '\\');
        buf_addc(out, *text);
    }
    buf_addc(out, '\'');
}

/* MariaDB: START SLAVE 'name' IO_THREAD; the unnamed connection needs no name. MySQL with channels:
 * ... FOR CHANNEL '', since without the clause all channels are meant. */
void sql_with_channel(struct buf *out, const struct sql *s, const char *text, const char *channel)
{
    struct buf name = BUF_INIT;

    sql_literal(&name, channel);
    if (s->version.family == FAMILY_MARIADB && *channel) {
        const char *noun = strstr(text, "SLAVE");
        size_t len = strlen("SLAVE");

        if (!noun) {
            noun = strstr(text, "MASTER");
            len = strlen("MASTER");
        }
        len += (size_t)(noun - text);
        buf_add(out, text, len);
        buf_addf(out, " %s%s", name.data, text + len);
    } else {
        buf_adds(out, text);
    }
    buf_release(&name);
}

void sql_channel_clause(struct buf *out, const struct sql *s, const char *channel)
{
    struct buf name = BUF_INIT;

    if (!s->dialect->channel_clause)
        return;
    sql_literal(&name, channel);
    buf_addc(out, ' ');
    dialect_fill(out, s->dialect->channel_clause, (const char *const[]){name.data});
    buf_release(&name);
}

/* One of the statements that take a channel. With gone_is_fine a channel that does not exist is
 * success: there is nothing left to stop or to forget. */
static int on_channel(struct sql *s, const char *text, const char *channel, int gone_is_fine,
                      int64_t deadline_ms, struct err *e)
{
    struct buf b = BUF_INIT;
    struct err failed = {0};
    int rc;

    if (*channel && s->version.family == FAMILY_MYSQL && !s->dialect->channel_clause)
        return err_set(e, ERR_WORLD, "%s has no replication channels", s->dialect->name);
    sql_with_channel(&b, s, text, channel);
    sql_channel_clause(&b, s, channel);
    rc = db_query(s->db, b.data, deadline_ms, NULL, &failed);
    buf_release(&b);
    if (rc == 0 || (gone_is_fine && (failed.server_errno == NO_SUCH_CONNECTION_MARIADB ||
                                     failed.server_errno == NO_SUCH_CHANNEL_MYSQL)))
        return 0;
    if (e)
        *e = failed;
    return err_wrap(e, "%s%s%s", text, *channel ? " for channel " : "", channel);
}

int sql_start_io(struct sql *s, const char *channel, int64_t deadline_ms, struct err *e)
{
    return on_channel(s, s->dialect->start_io, channel, 0, deadline_ms, e);
}

int sql_start_sql(struct sql *s, const char *channel, int64_t deadline_ms, struct err *e)
{
    return on_channel(s, s->dialect->start_sql, channel, 0, deadline_ms, e);
}

int sql_start_replica(struct sql *s, const char *channel, int64_t deadline_ms, struct err *e)
{
    return on_channel(s, s->dialect->start_replica, channel, 0, deadline_ms, e);
}

int sql_stop_io(struct sql *s, const char *channel, int64_t deadline_ms, struct err *e)
{
    return on_channel(s, s->dialect->stop_io, channel, 1, deadline_ms, e);
}

int sql_stop_sql(struct sql *s, const char *channel, int64_t deadline_ms, struct err *e)
{
    return on_channel(s, s->dialect->stop_sql, channel, 1, deadline_ms, e);
}

int sql_stop_replica(struct sql *s, const char *channel, int64_t deadline_ms, struct err *e)
{
    return on_channel(s, s->dialect->stop_replica, channel, 1, deadline_ms, e);
}

int sql_forget_master(struct sql *s, const char *channel, int64_t deadline_ms, struct err *e)
{
    return on_channel(s, s->dialect->reset_replica_all, channel, 1, deadline_ms, e);
}

int sql_set_relay_log_purge(struct sql *s, int on, int64_t deadline_ms, struct err *e)
{
    const char *text = on ? "SET GLOBAL relay_log_purge = 1" : "SET GLOBAL relay_log_purge = 0";

    return db_query(s->db, text, deadline_ms, NULL, e) == 0 ? 0 : err_wrap(e, "%s", text);
}

int sql_kill_session(struct sql *s, uint64_t id, int64_t deadline_ms, struct err *e)
{
    struct buf text = BUF_INIT;
    struct err failed = {0};
    int rc;

    buf_addf(&text, "KILL %llu", (unsigned long long)id);
    rc = db_query(s->db, text.data, deadline_ms, NULL, &failed);
    buf_release(&text);
    if (rc == 0 || failed.server_errno == NO_SUCH_THREAD)
        return 0;
    if (e)
        *e = failed;
    return err_wrap(e, "kill session %llu", (unsigned long long)id);
}
