/* Reads the events of one binary or relay log through a window of fixed size: never the whole file,
 * never mapped (a file that is truncated below us must not kill the process). Knows neither
 * transactions nor the master's coordinates. */
#ifndef KAGEMUSHA_NODE_BINLOG_READER_H
#define KAGEMUSHA_NODE_BINLOG_READER_H

#include "node/binlog/event.h"

#define BINLOG_WINDOW_BYTES (256u * 1024)
#define BINLOG_FORMAT_MAX   512u /* bytes of a format event; servers write 102 to 260 */
#define BINLOG_BODY_MAX     (64u * 1024 * 1024) /* binlog_body gives no more */

/* How the events of a file end. */
enum binlog_end_kind {
    BINLOG_END_OPEN,      /* not there yet */
    BINLOG_END_CLEAN,     /* the last event ends with the file */
    BINLOG_END_TORN,      /* the rest is the beginning of an event, or nothing but zeros */
    BINLOG_END_CORRUPT,   /* a bad event, and more behind it than a torn write explains */
    BINLOG_END_ENCRYPTED, /* nobody but the server can read on */
    BINLOG_END_FOREIGN    /* no binary log, or an event that may not be passed over */
};

struct binlog_end {
    enum binlog_end_kind kind;
    uint64_t offset; /* where the first byte lies that is no part of a good event */
    char why[160];   /* one clause; "" with OPEN and CLEAN */
};

struct binlog_reader {
    int fd;        /* -1: over bytes in memory */
    uint64_t size; /* as of binlog_open or the last binlog_refresh: never read beyond */
    uint64_t next; /* offset of the next event */
    int verify;    /* 1: check sums are verified; may be changed between events */
    struct binlog_format format; /* of the latest format event, which rules the checksums */
    int has_format;
    struct binlog_end end;
    int owns_fd;
    const unsigned char *window; /* window_len bytes of the file from window_at on */
    unsigned char *store;        /* the window's memory; NULL: the bytes are the caller's */
    size_t window_len;
    uint64_t window_at;
    uint32_t format_length; /* of the latest format event, whole, as it stands in the file: */
    unsigned char format_bytes[BINLOG_FORMAT_MAX];
};

#define BINLOG_READER_INIT                                                                         \
    {                                                                                              \
        .fd = -1                                                                                   \
    }

/* Opens path, checks the magic number. ERR_IO when it cannot be read. A file that is no binary log
 * or is encrypted opens well and ends at once: r->end tells. */
int binlog_open(struct binlog_reader *r, const char *path, int verify, struct err *e);
/* The same over a descriptor, which is read by offset only and stays the caller's property in any
 * case, so that one held open for long (the vault's) serves many readers. */
int binlog_open_fd(struct binlog_reader *r, int fd, int verify, struct err *e);
/* The same over bytes in memory, which must outlive r. */
void binlog_open_bytes(struct binlog_reader *r, const unsigned char *bytes, size_t len, int verify);
void binlog_close(struct binlog_reader *r);

/* 1: the next event is in ev. 0: no more; r->end tells why. -1: ERR_IO. */
int binlog_next(struct binlog_reader *r, struct binlog_event *ev, struct err *e);
/* Looks at the file's size again; after END_CLEAN and END_TORN reading goes on from r->next. */
int binlog_refresh(struct binlog_reader *r, struct err *e);
/* Goes to an event at the offset. With check sums, in a file of the master itself under 4 GiB, the
 * event that stands there proves itself (check sum and log_pos); else the headers are walked from
 * where the reader stands, or from the beginning. ERR_WORLD when there is no event's border;
 * the end of the last event is one. */
int binlog_seek(struct binlog_reader *r, uint64_t offset, struct err *e);
/* The whole body of the event that binlog_next gave last, without checksum. */
int binlog_body(struct binlog_reader *r, const struct binlog_event *ev, struct buf *out,
                struct err *e);
/* Reads exactly len bytes at the offset; ERR_IO, also when the file has become shorter. */
int binlog_bytes(struct binlog_reader *r, uint64_t offset, void *out, size_t len, struct err *e);

/* What is known about a file from its first events. */
struct binlog_head {
    struct binlog_format format;
    uint32_t server_id;
    uint32_t time;
    int has_gtids;         /* a Previous_gtids or Gtid_list event was there */
    struct gtid_set gtids; /* the state before the file; release it */
    uint64_t first;        /* offset of the first event behind those of the head */
};
/* Reads up to the first event that is none of Format, Previous_gtids, Gtid_list, checkpoint and
 * rotate. head is initialised to zero bytes. r->next is the offset `first`. Only ERR_IO and what
 * contradicts itself are errors: look at r->end for the rest. */
int binlog_read_head(struct binlog_reader *r, struct binlog_head *head, struct err *e);
void binlog_head_release(struct binlog_head *head);

#endif
