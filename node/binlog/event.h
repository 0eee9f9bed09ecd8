/* One event of a binary or relay log: its header, its types, and what its body says. Pure over
 * bytes: knows no file. Layouts as MySQL 5.6 to 9.7 and MariaDB 10.5 to 11.8 write them. */
#ifndef KAGEMUSHA_NODE_BINLOG_EVENT_H
#define KAGEMUSHA_NODE_BINLOG_EVENT_H

#include "common/buf.h"
#include "common/err.h"
#include "common/gtid.h"

#include <stddef.h>
#include <stdint.h>

#define BINLOG_MAGIC           "\xfe" /* and "bin" */ "bin"
#define BINLOG_MAGIC_ENCRYPTED "\xfd" /* MySQL 8.0.14+ */ "bin"
#define BINLOG_MAGIC_BYTES     4u
#define BINLOG_HEADER_BYTES    19u
#define BINLOG_CHECKSUM_BYTES  4u
/* So much of a body is always at hand at once, which covers all that is looked at by prefix. */
#define BINLOG_PEEK_BYTES 16384u

enum binlog_type {
    BINLOG_UNKNOWN = 0,
    BINLOG_QUERY = 2,
    BINLOG_STOP = 3,
    BINLOG_ROTATE = 4,
    BINLOG_INTVAR = 5,
    BINLOG_APPEND_BLOCK = 9,
    BINLOG_DELETE_FILE = 11,
    BINLOG_RAND = 13,
    BINLOG_USER_VAR = 14,
    BINLOG_FORMAT = 15,
    BINLOG_XID = 16,
    BINLOG_BEGIN_LOAD_QUERY = 17,
    BINLOG_EXECUTE_LOAD_QUERY = 18,
    BINLOG_TABLE_MAP = 19,
    BINLOG_WRITE_ROWS_V1 = 23,
    BINLOG_UPDATE_ROWS_V1 = 24,
    BINLOG_DELETE_ROWS_V1 = 25,
    BINLOG_INCIDENT = 26,
    BINLOG_HEARTBEAT = 27,
    BINLOG_IGNORABLE = 28,
    BINLOG_ROWS_QUERY = 29,
    BINLOG_WRITE_ROWS = 30,
    BINLOG_UPDATE_ROWS = 31,
    BINLOG_DELETE_ROWS = 32,
    BINLOG_GTID = 33,
    BINLOG_ANONYMOUS_GTID = 34,
    BINLOG_PREVIOUS_GTIDS = 35,
    BINLOG_TRANSACTION_CONTEXT = 36,
    BINLOG_VIEW_CHANGE = 37,
    BINLOG_XA_PREPARE = 38,
    BINLOG_PARTIAL_UPDATE_ROWS = 39,
    BINLOG_TRANSACTION_PAYLOAD = 40,
    BINLOG_HEARTBEAT_V2 = 41,
    BINLOG_GTID_TAGGED = 42,
    BINLOG_MARIA_ANNOTATE = 160,
    BINLOG_MARIA_CHECKPOINT = 161,
    BINLOG_MARIA_GTID = 162,
    BINLOG_MARIA_GTID_LIST = 163,
    BINLOG_MARIA_START_ENCRYPTION = 164,
    BINLOG_MARIA_QUERY_COMPRESSED = 165,
    BINLOG_MARIA_WRITE_ROWS_V1_COMPRESSED = 166,
    BINLOG_MARIA_UPDATE_ROWS_V1_COMPRESSED = 167,
    BINLOG_MARIA_DELETE_ROWS_V1_COMPRESSED = 168,
    BINLOG_MARIA_WRITE_ROWS_COMPRESSED = 169,
    BINLOG_MARIA_UPDATE_ROWS_COMPRESSED = 170,
    BINLOG_MARIA_DELETE_ROWS_COMPRESSED = 171
};

enum binlog_flag {
    BINLOG_FLAG_IN_USE = 0x0001,     /* format event: not closed; cleared before its checksum */
    BINLOG_FLAG_ARTIFICIAL = 0x0020, /* made up by the sender, lies in no file of the master */
    BINLOG_FLAG_RELAY_LOG = 0x0040,  /* written by the replica itself */
    BINLOG_FLAG_IGNORABLE = 0x0080   /* who does not know the type may pass over it */
};

enum binlog_checksum { BINLOG_CHECKSUM_NONE = 0, BINLOG_CHECKSUM_CRC32 = 1 };

/* An event in hand. body points behind the header and is valid until the reader moves. */
struct binlog_event {
    uint64_t offset;    /* in the file that is read, not the master's; end: offset + length */
    uint32_t time;      /* seconds since 1970 */
    uint32_t server_id; /* of the server where it was first written */
    uint32_t length;    /* header and checksum included */
    uint32_t log_pos;   /* end in the file of the server that wrote it, modulo 2^32; may be 0 */
    uint16_t flags;     /* enum binlog_flag */
    uint8_t type;       /* enum binlog_type, or a number that is not known */
    uint8_t has_checksum;
    uint32_t body_length; /* without header and checksum */
    uint32_t body_seen;   /* bytes at body: all, or at least BINLOG_PEEK_BYTES of them. Rows events
                             and others whose body says nothing to us: 0 */
    const unsigned char *body;
};

/* What a format description event says. */
struct binlog_format {
    char server_version[51];       /* "9.7.4", "10.11.19-MariaDB-log" */
    uint32_t created;              /* 0: the server did not restart with this file */
    enum binlog_checksum checksum; /* of the events behind it; its own is always there */
    uint8_t knows_checksum;        /* 1: logs of servers too old for check sums are refused */
    uint8_t is_mariadb;
    uint8_t in_use; /* the file was not closed: the server lives or crashed */
    uint8_t is_own; /* written by the replica into its relay log, not by a master */
    uint8_t post_header_count;
    unsigned char post_header[255]; /* by type - 1 */
};

/* Whose transaction: of either family, or none. */
enum binlog_gtid_kind {
    BINLOG_GTID_NONE,
    BINLOG_GTID_ANONYMOUS,
    BINLOG_GTID_MYSQL,
    BINLOG_GTID_MARIADB
};

struct binlog_gtid {
    enum binlog_gtid_kind kind;
    struct gtid_range id; /* first = last; as common/gtid.h has it, so that gtid_add takes it */
    uint8_t maria_flags;  /* enum binlog_maria_flag */
    uint64_t commit_id;   /* MariaDB group commit, 0 without */
};

enum binlog_maria_flag {
    BINLOG_MARIA_STANDALONE = 1, /* no COMMIT follows: the next statement ends it */
    BINLOG_MARIA_GROUP_COMMIT = 2,
    BINLOG_MARIA_TRANSACTIONAL = 4,
    BINLOG_MARIA_DDL = 32,
    BINLOG_MARIA_PREPARED_XA = 64,
    BINLOG_MARIA_COMPLETED_XA = 128
};

/* The name of an XA transaction. */
struct binlog_xid {
    uint32_t format_id;
    uint8_t gtrid_length, bqual_length; /* 64 each at most */
    unsigned char data[128];            /* gtrid, then bqual */
};

/* What a statement means to the borders of transactions. */
enum binlog_word {
    BINLOG_WORD_OTHER,
    BINLOG_WORD_BEGIN, /* also START TRANSACTION */
    BINLOG_WORD_COMMIT,
    BINLOG_WORD_ROLLBACK,  /* not ROLLBACK TO */
    BINLOG_WORD_SAVEPOINT, /* also ROLLBACK TO and RELEASE */
    BINLOG_WORD_XA_START,
    BINLOG_WORD_XA_END,
    BINLOG_WORD_XA_PREPARE,
    BINLOG_WORD_XA_COMMIT,
    BINLOG_WORD_XA_ROLLBACK
};

struct binlog_query {
    enum binlog_word word;
    uint16_t error_code;
    const unsigned char *text; /* NULL when compressed; what of it was seen, not terminated */
    size_t text_seen;
    struct binlog_xid xid; /* with the XA words */
};

struct binlog_rotate {
    uint64_t pos;
    char file[256];
};

/* Reads the 19 bytes at p. Judges nothing, sets neither offset nor body nor has_checksum. */
void binlog_header(const unsigned char *p, struct binlog_event *ev);
/* "Query", "Gtid_tagged", "type 77". Static, except for the last; out holds 24 bytes. */
const char *binlog_type_text(unsigned type, char out[24]);
/* 1: this type is known, in files of that family. */
int binlog_type_known(unsigned type, int is_mariadb);
/* 1: changes rows; its body is not looked at. */
int binlog_type_is_rows(unsigned type);
/* 1: it belongs to a file, not to what is replicated: Format, Rotate, Previous_gtids and MariaDB's
 * Gtid_list and checkpoint. */
int binlog_type_is_head(unsigned type);
/* 1: the body of such an event is looked at by the functions below. */
int binlog_type_has_body(unsigned type);

/* The functions below read what ev->body shows. ERR_FORMAT where it contradicts itself. */
/* ev's checksum bytes lie behind ev->body, since only this event says whether there are any. */
int binlog_read_format(const struct binlog_event *ev, struct binlog_format *out, struct err *e);
int binlog_read_rotate(const struct binlog_event *ev, struct binlog_rotate *out, struct err *e);
/* Also for compressed statements and Execute_load_query, which are BINLOG_WORD_OTHER. */
int binlog_read_query(const struct binlog_event *ev, struct binlog_query *out, struct err *e);
/* Gtid, Anonymous_gtid, Gtid_tagged, and MariaDB's Gtid; xid is filled if the flags say XA, else
 * zeroed; may be NULL. */
int binlog_read_gtid(const struct binlog_event *ev, struct binlog_gtid *out, struct binlog_xid *xid,
                     struct err *e);
/* XA_prepare; one_phase = 1: committed by it, not prepared. */
int binlog_read_xa_prepare(const struct binlog_event *ev, struct binlog_xid *xid, int *one_phase,
                           struct err *e);
/* "X'6162',X'',1", as servers print it; out holds BINLOG_XID_TEXT bytes. */
#define BINLOG_XID_TEXT 288
const char *binlog_xid_text(const struct binlog_xid *xid, char *out);
/* The text of one GTID; "anonymous", "none". out is appended to. */
void binlog_gtid_text(const struct binlog_gtid *g, struct buf *out);

/* The whole body of a Previous_gtids event: MySQL's encoding of a set, with tags or without. Also
 * what COM_BINLOG_DUMP_GTID carries. s is initialised, and overwritten. Empty is no error. */
int binlog_read_gtid_set(const unsigned char *p, size_t len, struct gtid_set *s, struct err *e);
/* The same in the other direction; tagged form only where s has tags. Appends to out. */
void binlog_write_gtid_set(const struct gtid_set *s, struct buf *out);
/* The whole body of MariaDB's Gtid_list event: the state before the file. Per domain the highest
 * number counts. */
int binlog_read_gtid_list(const unsigned char *p, size_t len, struct gtid_set *s, struct err *e);

#endif
