/* The inside of an extract, for node/extract/extract*.c only. */
#ifndef KAGEMUSHA_NODE_EXTRACT_STATE_H
#define KAGEMUSHA_NODE_EXTRACT_STATE_H

#include "node/extract/extract.h"

/* Whole events, side by side in a log file and in the master's coordinates. */
struct extract_range {
    size_t file; /* of the list */
    size_t name; /* of the master's file, in x->names */
    uint64_t offset, length;
    uint64_t start, end_pos;
    uint64_t format_offset; /* of the format event that rules it, in the same log file */
    uint64_t events, transactions;
};

struct extract {
    struct extract_ask ask;
    struct extract_report *report;
    struct binlog_reader r;
    size_t file; /* that r reads */
    uint64_t format_offset;
    struct trx_scan trx;
    struct relay_walk walk;
    struct buf names;     /* char[BINPOS_FILE_BYTES] after another: master's files met */
    struct buf ready;     /* struct extract_range: of complete transactions */
    struct buf open;      /* the same: of the open one */
    struct binpos from;   /* by position: nothing before it is wanted any more */
    int is_covered;       /* by position: the log is known to reach back to ask.after */
    int has_passed_rough; /* by position: an event that was passed over may lie behind it */
    int is_wanted;        /* by GTID: the open transaction */
    struct binpos opened; /* where the open transaction begins, in the master's log */
    size_t opened_file;   /* and here */
    uint64_t opened_offset;
    int is_verifying;    /* check sums count */
    int is_in_head;      /* ask.parts: no event of the master's in this file yet */
    struct binpos joint; /* ask.parts: where the file before ended */
    int is_done;
    int is_trial; /* no check against ask.whole: this one serves the check */
    /* what extract_next gave last */
    struct binpos given;
    size_t out_file;
    int out_fd, out_is_open;
    uint64_t out_format_offset;
    struct binlog_format out_format;
    uint32_t out_format_length;
    unsigned char out_format_bytes[BINLOG_FORMAT_MAX];
};

/* Opens file i with x->r; closes the one before. */
int extract_open_file(struct extract *x, size_t i, int verify, struct err *e);
/* The next event, or the next file. 1: went on; 0: there is no more; -1. */
int extract_pump(struct extract *x, struct err *e);
/* Finds where to begin, and refuses where there is a gap. */
int extract_begin(struct extract *x, struct err *e);
/* extract_open for a run that serves its check. */
struct extract *extract_open_trial(const struct extract_ask *ask, struct extract_report *report,
                                   struct err *e);

#endif
