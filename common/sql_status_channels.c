/* Replication channels; see sql_status.h. Both generations of column names are read, so that the
 * server's version need not be known here. */
#include "common/sql_status.h"

#include "common/sql_status_text.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The status variable is 5.6's and 5.7's for the one unnamed channel; the table came with 5.7. */
static const char heartbeats_status[] = "SHOW GLOBAL STATUS LIKE 'Slave_received_heartbeats'";
static const char heartbeats_table[] = "SELECT CHANNEL_NAME AS name, COUNT_RECEIVED_HEARTBEATS AS n"
                                       " FROM performance_schema.replication_connection_status";

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

static uint64_t number(const struct db_rows *r, size_t i, const char *const *names)
{
    const char *v = db_rows_any(r, i, names);

    return v ? strtoull(v, NULL, 10) : 0;
}

static int is_yes(const char *v)
{
    return v && strcasecmp(v, "Yes") == 0;
}

/* Connecting and Preparing (MariaDB) are neither running nor stopped. */
static int io_running(const char *v)
{
    if (!v || strcasecmp(v, "No") == 0)
        return 0;
    return is_yes(v) ? 1 : 2;
}

static void take_source(struct sql_channel *c, const struct db_rows *r, size_t i)
{
    sql_put(c->name, sizeof(c->name), db_rows_any(r, i, NAMES("Channel_Name", "Connection_name")));
    sql_put(c->master_host, sizeof(c->master_host),
            db_rows_any(r, i, NAMES("Source_Host", "Master_Host")));
    sql_put(c->master_user, sizeof(c->master_user),
            db_rows_any(r, i, NAMES("Source_User", "Master_User")));
    c->master_port = (int)number(r, i, NAMES("Source_Port", "Master_Port"));
    c->master_server_id = (uint32_t)number(r, i, NAMES("Source_Server_Id", "Master_Server_Id"));
    sql_put(c->master_uuid, sizeof(c->master_uuid),
            db_rows_any(r, i, NAMES("Source_UUID", "Master_UUID")));
    c->ssl_allowed = is_yes(db_rows_any(r, i, NAMES("Source_SSL_Allowed", "Master_SSL_Allowed")));
    c->auto_position = (int)number(r, i, NAMES("Auto_Position"));
    sql_put(c->using_gtid, sizeof(c->using_gtid), db_rows_get(r, i, "Using_Gtid", NULL));
}

static void take_threads(struct sql_channel *c, const struct db_rows *r, size_t i)
{
    c->io_running = io_running(db_rows_any(r, i, NAMES("Replica_IO_Running", "Slave_IO_Running")));
    c->sql_running = is_yes(db_rows_any(r, i, NAMES("Replica_SQL_Running", "Slave_SQL_Running")));
    sql_put(c->io_state, sizeof(c->io_state),
            db_rows_any(r, i, NAMES("Replica_IO_State", "Slave_IO_State")));
    sql_put(c->sql_state, sizeof(c->sql_state),
            db_rows_any(r, i, NAMES("Replica_SQL_Running_State", "Slave_SQL_Running_State")));
    c->io_errno = (int)number(r, i, NAMES("Last_IO_Errno"));
    c->sql_errno = (int)number(r, i, NAMES("Last_SQL_Errno"));
    sql_put(c->io_error, sizeof(c->io_error), db_rows_get(r, i, "Last_IO_Error", NULL));
    sql_put(c->sql_error, sizeof(c->sql_error), db_rows_get(r, i, "Last_SQL_Error", NULL));
}

static void take_positions(struct sql_channel *c, const struct db_rows *r, size_t i)
{
    const char *behind;

    sql_put(c->read.file, sizeof(c->read.file),
            db_rows_any(r, i, NAMES("Source_Log_File", "Master_Log_File")));
    c->read.pos = number(r, i, NAMES("Read_Source_Log_Pos", "Read_Master_Log_Pos"));
    sql_put(c->exec.file, sizeof(c->exec.file),
            db_rows_any(r, i, NAMES("Relay_Source_Log_File", "Relay_Master_Log_File")));
    c->exec.pos = number(r, i, NAMES("Exec_Source_Log_Pos", "Exec_Master_Log_Pos"));
    sql_put(c->relay.file, sizeof(c->relay.file), db_rows_get(r, i, "Relay_Log_File", NULL));
    c->relay.pos = number(r, i, NAMES("Relay_Log_Pos"));
    c->relay_space = db_rows_int(r, i, "Relay_Log_Space", 0);
    behind = db_rows_any(r, i, NAMES("Seconds_Behind_Source", "Seconds_Behind_Master"));
    c->seconds_behind = behind ? strtoll(behind, NULL, 10) : -1;
    c->sql_delay = db_rows_int(r, i, "SQL_Delay", 0);
    c->heartbeats = db_rows_int(r, i, "Slave_received_heartbeats", -1);
}

static int take_channel(struct sql_channel *c, const struct db_rows *r, size_t i, struct err *e)
{
    static const char *const filters[] = {"Replicate_Do_DB",         "Replicate_Ignore_DB",
                                          "Replicate_Do_Table",      "Replicate_Ignore_Table",
                                          "Replicate_Wild_Do_Table", "Replicate_Wild_Ignore_Table"};
    const char *set = db_rows_any(r, i, NAMES("Retrieved_Gtid_Set", "Gtid_IO_Pos"));
    size_t k;

    take_source(c, r, i);
    take_threads(c, r, i);
    take_positions(c, r, i);
    for (k = 0; k < sizeof(filters) / sizeof(filters[0]); k++)
        sql_put(c->filters[k], sizeof(c->filters[k]), db_rows_get(r, i, filters[k], NULL));
    if (c->using_gtid[0] && strcasecmp(c->using_gtid, "No") == 0)
        return 0;
    return gtid_parse(&c->retrieved, set ? set : "", e);
}

/* MySQL's status has no heartbeat counter; without a right to read it elsewhere it stays
 * unknown. */
static int add_heartbeats(struct sql *s, struct sql_channels *out, int64_t deadline_ms,
                          struct err *e)
{
    int table = version_at_least(&s->version, 5, 7, 9);
    struct err failed = {0};
    struct db_rows *r;
    size_t i, k;

    if (db_query(s->db, table ? heartbeats_table : heartbeats_status, deadline_ms, &r, &failed) !=
        0) {
        if (failed.code == ERR_SQL)
            return 0;
        if (e)
            *e = failed;
        return -1;
    }
    if (!table && db_rows_count(r) > 0)
        out->item[0].heartbeats = db_rows_int(r, 0, "Value", -1);
    for (i = 0; table && i < db_rows_count(r); i++)
        for (k = 0; k < out->count; k++)
            if (strcasecmp(out->item[k].name, db_rows_get(r, i, "name", NULL)) == 0)
                out->item[k].heartbeats = db_rows_int(r, i, "n", -1);
    db_rows_free(&r);
    return 0;
}

int sql_read_channels(struct sql *s, struct sql_channels *out, int64_t deadline_ms, struct err *e)
{
    struct db_rows *r;
    size_t i;
    int rc = 0;

    memset(out, 0, sizeof(*out));
    if (db_query(s->db, s->dialect->show_replica_status, deadline_ms, &r, e) != 0)
        return err_wrap(e, "read the replica status");
    if (db_rows_count(r) > SQL_CHANNELS_MAX)
        rc = err_set(e, ERR_WORLD, "%zu replication channels, more than the %d that are handled",
                     db_rows_count(r), SQL_CHANNELS_MAX);
    for (i = 0; rc == 0 && i < db_rows_count(r); i++) {
        rc = take_channel(&out->item[i], r, i, e);
        out->count = i + 1;
    }
    db_rows_free(&r);
    if (rc == 0 && out->count > 0 && s->version.family == FAMILY_MYSQL)
        rc = add_heartbeats(s, out, deadline_ms, e);
    if (rc == 0)
        return 0;
    sql_channels_release(out);
    return err_wrap(e, "read the replica status");
}

void sql_channels_release(struct sql_channels *c)
{
    size_t i;

    for (i = 0; i < c->count; i++)
        gtid_release(&c->item[i].retrieved);
    memset(c, 0, sizeof(*c));
}
