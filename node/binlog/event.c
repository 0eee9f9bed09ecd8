/* Headers and types of events; see event.h. */
#include "node/binlog/event.h"

#include "node/binlog/bytes.h"

#include <stdio.h>

/* clang-format off */
enum { OF_MYSQL = 1, OF_MARIADB = 2, OF_BOTH = 3, ROWS = 4, BODY = 8 };

static const struct type_row {
    const char *name;
    unsigned char what;
} types[256] = {
    [1] = {"Start_v3", OF_BOTH},
    [BINLOG_QUERY] = {"Query", OF_BOTH | BODY},
    [BINLOG_STOP] = {"Stop", OF_BOTH},
    [BINLOG_ROTATE] = {"Rotate", OF_BOTH | BODY},
    [BINLOG_INTVAR] = {"Intvar", OF_BOTH},
    [6] = {"Load", OF_BOTH},
    [7] = {"Slave", OF_BOTH},
    [8] = {"Create_file", OF_BOTH},
    [BINLOG_APPEND_BLOCK] = {"Append_block", OF_BOTH},
    [10] = {"Exec_load", OF_BOTH},
    [BINLOG_DELETE_FILE] = {"Delete_file", OF_BOTH},
    [12] = {"New_load", OF_BOTH},
    [BINLOG_RAND] = {"RAND", OF_BOTH},
    [BINLOG_USER_VAR] = {"User_var", OF_BOTH},
    [BINLOG_FORMAT] = {"Format_desc", OF_BOTH | BODY},
    [BINLOG_XID] = {"Xid", OF_BOTH},
    [BINLOG_BEGIN_LOAD_QUERY] = {"Begin_load_query", OF_BOTH},
    [BINLOG_EXECUTE_LOAD_QUERY] = {"Execute_load_query", OF_BOTH | BODY},
    [BINLOG_TABLE_MAP] = {"Table_map", OF_BOTH | ROWS},
    [20] = {"Write_rows_v0", OF_BOTH | ROWS},
    [21] = {"Update_rows_v0", OF_BOTH | ROWS},
    [22] = {"Delete_rows_v0", OF_BOTH | ROWS},
    [BINLOG_WRITE_ROWS_V1] = {"Write_rows_v1", OF_BOTH | ROWS},
    [BINLOG_UPDATE_ROWS_V1] = {"Update_rows_v1", OF_BOTH | ROWS},
    [BINLOG_DELETE_ROWS_V1] = {"Delete_rows_v1", OF_BOTH | ROWS},
    [BINLOG_INCIDENT] = {"Incident", OF_BOTH},
    [BINLOG_HEARTBEAT] = {"Heartbeat", OF_BOTH},
    [BINLOG_IGNORABLE] = {"Ignorable", OF_BOTH},
    [BINLOG_ROWS_QUERY] = {"Rows_query", OF_BOTH},
    [BINLOG_WRITE_ROWS] = {"Write_rows", OF_BOTH | ROWS},
    [BINLOG_UPDATE_ROWS] = {"Update_rows", OF_BOTH | ROWS},
    [BINLOG_DELETE_ROWS] = {"Delete_rows", OF_BOTH | ROWS},
    [BINLOG_GTID] = {"Gtid", OF_BOTH | BODY},
    [BINLOG_ANONYMOUS_GTID] = {"Anonymous_gtid", OF_BOTH | BODY},
    [BINLOG_PREVIOUS_GTIDS] = {"Previous_gtids", OF_BOTH | BODY},
    [BINLOG_TRANSACTION_CONTEXT] = {"Transaction_context", OF_BOTH},
    [BINLOG_VIEW_CHANGE] = {"View_change", OF_BOTH},
    [BINLOG_XA_PREPARE] = {"XA_prepare", OF_BOTH | BODY},
    [BINLOG_PARTIAL_UPDATE_ROWS] = {"Update_rows_partial", OF_MYSQL | ROWS},
    [BINLOG_TRANSACTION_PAYLOAD] = {"Transaction_payload", OF_MYSQL},
    [BINLOG_HEARTBEAT_V2] = {"Heartbeat_v2", OF_MYSQL},
    [BINLOG_GTID_TAGGED] = {"Gtid_tagged", OF_MYSQL | BODY},
    [BINLOG_MARIA_ANNOTATE] = {"Annotate_rows", OF_MARIADB},
    [BINLOG_MARIA_CHECKPOINT] = {"Binlog_checkpoint", OF_MARIADB},
    [BINLOG_MARIA_GTID] = {"Gtid", OF_MARIADB | BODY},
    [BINLOG_MARIA_GTID_LIST] = {"Gtid_list", OF_MARIADB | BODY},
    [BINLOG_MARIA_START_ENCRYPTION] = {"Start_encryption", OF_MARIADB},
    [BINLOG_MARIA_QUERY_COMPRESSED] = {"Query_compressed", OF_MARIADB | BODY},
    [BINLOG_MARIA_WRITE_ROWS_V1_COMPRESSED] = {"Write_rows_compressed_v1", OF_MARIADB | ROWS},
    [BINLOG_MARIA_UPDATE_ROWS_V1_COMPRESSED] = {"Update_rows_compressed_v1", OF_MARIADB | ROWS},
    [BINLOG_MARIA_DELETE_ROWS_V1_COMPRESSED] = {"Delete_rows_compressed_v1", OF_MARIADB | ROWS},
    [BINLOG_MARIA_WRITE_ROWS_COMPRESSED] = {"Write_rows_compressed", OF_MARIADB | ROWS},
    [BINLOG_MARIA_UPDATE_ROWS_COMPRESSED] = {"Update_rows_compressed", OF_MARIADB | ROWS},
    [BINLOG_MARIA_DELETE_ROWS_COMPRESSED] = {"Delete_rows_compressed", OF_MARIADB | ROWS},
};
/* clang-format on */

void binlog_header(const unsigned char *p, struct binlog_event *ev)
{
    ev->time = bytes_le32(p);
    ev->type = p[4];
    ev->server_id = bytes_le32(p + 5);
    ev->length = bytes_le32(p + 9);
    ev->log_pos = bytes_le32(p + 13);
    ev->flags = bytes_le16(p + 17);
}

const char *binlog_type_text(unsigned type, char out[24])
{
    if (type < 256 && types[type].name)
        return types[type].name;
    snprintf(out, 24, "type %u", type);
    return out;
}

int binlog_type_known(unsigned type, int is_mariadb)
{
    return type < 256 && types[type].what & (is_mariadb ? OF_MARIADB : OF_MYSQL);
}

int binlog_type_is_rows(unsigned type)
{
    return type < 256 && types[type].what & ROWS;
}

int binlog_type_has_body(unsigned type)
{
    return type < 256 && types[type].what & BODY;
}

int binlog_type_is_head(unsigned type)
{
    return type == BINLOG_FORMAT || type == BINLOG_ROTATE || type == BINLOG_PREVIOUS_GTIDS ||
           type == BINLOG_MARIA_GTID_LIST || type == BINLOG_MARIA_CHECKPOINT;
}
