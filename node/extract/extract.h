/* "Everything after this coordinate", "everything outside this GTID set", out of binlogs, relay
 * logs or saved streams, in the master's coordinates, cut behind the last complete transaction.
 *
 *   extract_open   checks everything that can be checked before the first byte: is there a gap
 *                  between what the asker has and what there is? A refusal names both.
 *   extract_next   hands out pieces: ranges of raw events in a file, in order, until the cut.
 *   extract_close
 *
 * A piece lies in one log file and has no hole in the master's coordinates. Who serves it sends
 * an artificial Rotate and the format event where `jump` says so, then the events as they are.
 * Memory is constant whatever the size of transactions, files and answers. Pieces are the same when
 * extract_open is called again with the same files, so that a dry run can come first. */
#ifndef KAGEMUSHA_NODE_EXTRACT_EXTRACT_H
#define KAGEMUSHA_NODE_EXTRACT_EXTRACT_H

#include "common/binpos.h"
#include "common/gtid.h"
#include "node/binlog/reader.h"
#include "node/binlog/relay.h"
#include "node/binlog/trx.h"
#include "node/extract/files.h"

enum extract_kind { EXTRACT_BINLOGS, EXTRACT_RELAY_LOGS };

struct extract_ask {
    enum extract_kind kind;
    const struct extract_files *files; /* outlives the extract */
    int by_gtid;                       /* 0: after; 1: have */
    struct binpos after; /* the asker's position in the master's log: the end of an event, or 4; ""
                            with relay logs: all there is */
    const struct gtid_set *have; /* what the asker has; outlives the extract */
    /* by_gtid, may be NULL: what there must be in all. What is neither here nor in have is a gap.
     * Relay logs of MySQL do not say what their server had before: give its executed set. */
    const struct gtid_set *whole;
    /* by position, file "" for none: nothing that begins at or behind it */
    struct binpos until;
    int overlaps; /* relay logs of a vault: files may hold again what earlier ones hold, and may be
                     missing where others hold the same; all are read, from the first on */
    int parts; /* relay logs by position: the files are parts of one log, of several hosts even, the
                  first of which begins at `after`; each goes on where the one before ended, inside
                  of a transaction too */
    /* relay logs only, relay_file "" for none: the master's coordinate of an event of a relay log,
     * where it is known from the replica's status; needed if none of the files names the master's
     * file */
    char relay_file[BINPOS_FILE_BYTES];
    uint64_t relay_pos;
    struct binpos relay_at;
};

/* What can be said about the answer. Complete when extract_next has returned 0. */
struct extract_report {
    struct binpos first; /* coordinate of the first event handed out; "" if there is none */
    struct binpos end;   /* behind the last one: where the asker will be; by position and without
                            events: ask.after */
    uint64_t bytes, events, transactions;
    struct gtid_set gtids; /* of the transactions handed out */
    /* What lies behind the cut. */
    int is_cut;         /* bytes were left out at the end */
    struct binpos cut;  /* where they begin, master's coordinate */
    uint64_t cut_bytes; /* of log, an open transaction and what is torn behind it */
    struct binlog_gtid cut_gtid;
    struct binlog_end bad;            /* how the file that was read last ended */
    char bad_file[BINPOS_FILE_BYTES]; /* its local name */
    uint64_t abandoned; /* transactions in the middle that have no end and were left out */
    int has_gap;        /* relay logs: the rest behind a gap in the master's log was left out */
    struct binpos
        reached; /* relay logs: behind the last event there is, of an open transaction too */
    struct binpos available; /* first coordinate there is; set also when extract_open refuses */
    struct gtid_set before; /* by GTID: what was there before the first file; also with a refusal */
};

struct extract_piece {
    int fd;           /* the bytes: `length` of them from `offset` on, whole events */
    const char *path; /* for messages */
    uint64_t offset, length;
    struct binpos start; /* the master's coordinate of the first byte */
    uint64_t end_pos;    /* the master's coordinate behind the last event, in start.file. Not always
                            start.pos + length: MariaDB's IO thread unpacks events */
    int jump;            /* first piece, or not where the one before ended: announce start */
    uint64_t events, transactions;
    enum binlog_checksum checksum;     /* of its events */
    const unsigned char *format_event; /* the master's, whole, as it lies in the file, or the
                                          replica's where there is none; until the next call */
    uint32_t format_event_len;
    const struct binlog_format *format; /* the same, read */
};

struct extract;

/* NULL with e: ERR_WORLD for a gap or a coordinate that is not there (report->available, before),
 * ERR_IO, ERR_FORMAT. report is initialised here and is the caller's: extract_report_release,
 * in any case. It must live until extract_close. */
struct extract *extract_open(const struct extract_ask *ask, struct extract_report *report,
                             struct err *e);
/* 1: a piece; 0: no more; -1: e. The piece is valid until the next call. */
int extract_next(struct extract *x, struct extract_piece *piece, struct err *e);
void extract_close(struct extract *x);
/* Where extract_next would begin, were it also of a transaction that has no end: 1, with the file's
 * number in the list, the offset in it and the master's coordinate; 0: nothing follows; -1 as
 * extract_open. */
int extract_locate(const struct extract_ask *ask, size_t *file, uint64_t *offset,
                   struct binpos *start, struct err *e);
void extract_report_release(struct extract_report *report);

#endif
