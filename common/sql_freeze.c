/* Stopping writes, and what would be in the way; see sql_freeze.h. */
#include "common/sql_freeze.h"

#include "common/sql_status_text.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Both wait for locks of others; meanwhile new writes wait behind them. The session's own limit of
 * 2 s would be a pause too long. */
static const char short_wait[] = "SET SESSION lock_wait_timeout = 1";
static const char usual_wait[] = "SET SESSION lock_wait_timeout = 2";
static const char freeze_super[] = "SET GLOBAL super_read_only = 1";
static const char freeze_plain[] = "SET GLOBAL read_only = 1";
static const char is_frozen[] = "SELECT @@GLOBAL.read_only AS ro";
static const char is_frozen_super[] =
    "SELECT @@GLOBAL.read_only AND @@GLOBAL.super_read_only AS ro";
static const char flush_tables[] = "FLUSH NO_WRITE_TO_BINLOG TABLES";
static const char lock_tables[] = "FLUSH TABLES WITH READ LOCK";
static const char unlock_tables[] = "UNLOCK TABLES";
static const char show_semisync[] =
    "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('rpl_semi_sync_master_enabled',"
    " 'rpl_semi_sync_source_enabled')";
static const char read_trxs[] =
    "SELECT trx_mysql_thread_id AS id, TIMESTAMPDIFF(SECOND, trx_started, NOW()) AS age,"
    " trx_rows_modified AS n FROM information_schema.INNODB_TRX WHERE trx_rows_modified > 0";
static const char read_binlog_state[] = "SELECT @@GLOBAL.gtid_binlog_state AS state";
static const char read_xa[] = "XA RECOVER";
static const char read_events[] =
    "SELECT EVENT_SCHEMA AS a, EVENT_NAME AS b, STATUS AS status, ORIGINATOR AS originator"
    " FROM information_schema.EVENTS ORDER BY 1, 2";
static const char backup_mysql[] =
    "SELECT OBJECT_TYPE AS what FROM performance_schema.metadata_locks"
    " WHERE OBJECT_TYPE IN ('BACKUP LOCK', 'GLOBAL') AND LOCK_TYPE = 'SHARED'"
    " AND LOCK_DURATION = 'EXPLICIT' AND LOCK_STATUS = 'GRANTED' LIMIT 1";
/* The first stage conflicts with nothing but another backup's. */
static const char backup_mariadb[] = "SET STATEMENT lock_wait_timeout = 0 FOR BACKUP STAGE START";
static const char backup_mariadb_end[] = "BACKUP STAGE END";

enum { LOCK_WAIT_TIMEOUT = 1205 };

static int with_short_wait(struct sql *s, const char *text, int64_t deadline_ms, struct err *e)
{
    struct err ignored;
    int rc = db_query(s->db, short_wait, deadline_ms, NULL, e);

    if (rc == 0)
        rc = db_query(s->db, text, deadline_ms, NULL, e);
    if (rc != 0)
        err_wrap(e, "%s", text);
    (void)db_query(s->db, usual_wait, deadline_ms, NULL, &ignored);
    return rc;
}

int sql_is_frozen(struct sql *s, int *frozen, int64_t deadline_ms, struct err *e)
{
    struct db_rows *r;

    *frozen = 0;
    if (db_query(s->db, s->dialect->super_read_only ? is_frozen_super : is_frozen, deadline_ms, &r,
                 e) != 0)
        return err_wrap(e, "read read_only");
    *frozen = db_rows_int(r, 0, "ro", 0) != 0;
    db_rows_free(&r);
    return 0;
}

int sql_freeze(struct sql *s, int64_t deadline_ms, struct err *e)
{
    int frozen;

    if (with_short_wait(s, s->dialect->super_read_only ? freeze_super : freeze_plain, deadline_ms,
                        e) != 0 ||
        sql_is_frozen(s, &frozen, deadline_ms, e) != 0)
        return -1;
    return frozen ? 0 : err_set(e, ERR_WORLD, "read_only was set and does not hold");
}

int sql_unfreeze(struct sql *s, int read_only, int super_read_only, int64_t deadline_ms,
                 struct err *e)
{
    struct buf text = BUF_INIT;
    int rc;

    if (s->dialect->super_read_only && super_read_only >= 0)
        buf_addf(&text, "SET GLOBAL super_read_only = %d, GLOBAL read_only = %d", super_read_only,
                 read_only || super_read_only);
    else
        buf_addf(&text, "SET GLOBAL read_only = %d", read_only);
    rc = db_query(s->db, text.data, deadline_ms, NULL, e);
    if (rc != 0)
        err_wrap(e, "%s", text.data);
    buf_release(&text);
    return rc;
}

int sql_flush_tables(struct sql *s, int64_t deadline_ms, struct err *e)
{
    return with_short_wait(s, flush_tables, deadline_ms, e);
}

int sql_lock_tables(struct sql *s, int64_t deadline_ms, struct err *e)
{
    return with_short_wait(s, lock_tables, deadline_ms, e);
}

int sql_unlock_tables(struct sql *s, int64_t deadline_ms, struct err *e)
{
    return db_query(s->db, unlock_tables, deadline_ms, NULL, e) == 0 ? 0 : err_wrap(e, "unlock");
}

int sql_set_semisync_master(struct sql *s, int on, int64_t deadline_ms, struct err *e)
{
    struct buf text = BUF_INIT;
    struct db_rows *r;
    int rc = -1;

    if (db_query(s->db, show_semisync, deadline_ms, &r, e) != 0)
        return err_wrap(e, "read the state of semi-synchronous replication");
    if (db_rows_count(r) == 0) {
        err_set(e, ERR_WORLD, "there is no semi-synchronous replication on this server");
    } else {
        buf_addf(&text, "SET GLOBAL %s = %d", db_rows_get(r, 0, "Variable_name", NULL), on);
        rc = db_query(s->db, text.data, deadline_ms, NULL, e);
        if (rc != 0)
            err_wrap(e, "%s", text.data);
    }
    db_rows_free(&r);
    buf_release(&text);
    return rc;
}

int sql_set_gtid_slave_pos(struct sql *s, const struct gtid_set *pos, int64_t deadline_ms,
                           struct err *e)
{
    struct buf set = BUF_INIT, text = BUF_INIT;
    int rc;

    gtid_print(pos, &set);
    buf_addf(&text, "SET GLOBAL gtid_slave_pos = '%s'", set.data);
    rc = db_query(s->db, text.data, deadline_ms, NULL, e);
    if (rc != 0)
        err_wrap(e, "%s", text.data);
    buf_release(&set);
    buf_release(&text);
    return rc;
}

int sql_read_binlog_state(struct sql *s, struct buf *out, int64_t deadline_ms, struct err *e)
{
    struct db_rows *r;
    const char *text;

    if (db_query(s->db, read_binlog_state, deadline_ms, &r, e) != 0)
        return err_wrap(e, "read gtid_binlog_state");
    text = db_rows_get(r, 0, "state", NULL);
    buf_adds(out, text ? text : "");
    db_rows_free(&r);
    return 0;
}

int sql_read_trxs(struct sql *s, struct sql_trxs *out, int64_t deadline_ms, struct err *e)
{
    struct db_rows *r;

    memset(out, 0, sizeof(*out));
    if (db_query(s->db, read_trxs, deadline_ms, &r, e) != 0)
        return err_wrap(e, "read open transactions");
    out->count = db_rows_count(r);
    out->item = mem_zalloc(out->count * sizeof(*out->item));
    for (size_t i = 0; i < out->count; i++) {
        out->item[i].session = db_rows_u64(r, i, "id", 0);
        out->item[i].age_s = db_rows_int(r, i, "age", 0);
        out->item[i].rows = db_rows_int(r, i, "n", 0);
    }
    db_rows_free(&r);
    return 0;
}

void sql_trxs_release(struct sql_trxs *l)
{
    free(l->item);
    memset(l, 0, sizeof(*l));
}

int sql_read_xa(struct sql *s, int *count, char *first, size_t size, int64_t deadline_ms,
                struct err *e)
{
    struct err failed = {0};
    struct db_rows *r;

    *count = 0;
    first[0] = '\0';
    if (db_query(s->db, read_xa, deadline_ms, &r, &failed) != 0) {
        if (failed.code == ERR_SQL)
            return 0;
        *e = failed;
        return err_wrap(e, "%s", read_xa);
    }
    *count = (int)db_rows_count(r);
    if (*count > 0)
        sql_put(first, size, db_rows_get(r, 0, "data", NULL));
    db_rows_free(&r);
    return 0;
}

static int read_backup_mysql(struct sql *s, int *held, char *what, size_t size, int64_t deadline_ms,
                             struct err *e)
{
    struct err failed = {0};
    struct db_rows *r;

    if (db_query(s->db, backup_mysql, deadline_ms, &r, &failed) != 0) {
        if (failed.code == ERR_SQL)
            return 0;
        *e = failed;
        return err_wrap(e, "read backup locks");
    }
    *held = db_rows_count(r) > 0;
    if (*held)
        sql_put(what, size, db_rows_get(r, 0, "what", NULL));
    db_rows_free(&r);
    return 0;
}

int sql_read_backup(struct sql *s, int *held, char *what, size_t size, int64_t deadline_ms,
                    struct err *e)
{
    struct err failed = {0};

    *held = 0;
    what[0] = '\0';
    if (s->version.family != FAMILY_MARIADB)
        return read_backup_mysql(s, held, what, size, deadline_ms, e);
    if (db_query(s->db, backup_mariadb, deadline_ms, NULL, &failed) == 0)
        return db_query(s->db, backup_mariadb_end, deadline_ms, NULL, e);
    if (failed.server_errno == LOCK_WAIT_TIMEOUT) {
        *held = 1;
        sql_put(what, size, "BACKUP STAGE");
        return 0;
    }
    if (failed.code == ERR_SQL)
        return 0;
    *e = failed;
    return err_wrap(e, "look for a backup");
}

int sql_read_events(struct sql *s, struct sql_events *out, int64_t deadline_ms, struct err *e)
{
    struct db_rows *r;

    memset(out, 0, sizeof(*out));
    if (db_query(s->db, read_events, deadline_ms, &r, e) != 0)
        return err_wrap(e, "read events");
    out->count = db_rows_count(r);
    out->item = mem_zalloc(out->count * sizeof(*out->item));
    for (size_t i = 0; i < out->count; i++) {
        struct buf name = BUF_INIT;

        db_quote_name(&name, db_rows_get(r, i, "a", NULL));
        buf_addc(&name, '.');
        db_quote_name(&name, db_rows_get(r, i, "b", NULL));
        sql_put(out->item[i].name, sizeof(out->item[i].name), name.data);
        sql_put(out->item[i].status, sizeof(out->item[i].status),
                db_rows_get(r, i, "status", NULL));
        out->item[i].originator = (uint32_t)db_rows_u64(r, i, "originator", 0);
        buf_release(&name);
    }
    db_rows_free(&r);
    return 0;
}

void sql_events_release(struct sql_events *l)
{
    free(l->item);
    memset(l, 0, sizeof(*l));
}

int sql_enable_event(struct sql *s, const struct sql_event *event, int64_t deadline_ms,
                     struct err *e)
{
    struct buf text = BUF_INIT;
    int rc;

    buf_addf(&text, "ALTER EVENT %s ENABLE", event->name);
    rc = db_query(s->db, text.data, deadline_ms, NULL, e);
    if (rc != 0)
        err_wrap(e, "%s", text.data);
    buf_release(&text);
    return rc;
}
