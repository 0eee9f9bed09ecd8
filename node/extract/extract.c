/* Pieces of logs, one after the other; see extract.h. */
#include "node/extract/extract.h"

#include "node/extract/state.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A piece is handed out when it cannot grow any more, or has become so long. */
#define PIECE_BYTES (4u * 1024 * 1024)

static struct extract *open_as(const struct extract_ask *ask, struct extract_report *report,
                               int is_trial, struct err *e)
{
    struct extract *x = mem_zalloc(sizeof(*x));

    memset(report, 0, sizeof(*report));
    x->ask = *ask;
    x->report = report;
    x->is_trial = is_trial;
    x->is_verifying = !ask->by_gtid;
    x->r.fd = x->out_fd = -1;
    x->from = ask->after;
    buf_init(&x->names);
    buf_init(&x->ready);
    buf_init(&x->open);
    trx_init(&x->trx);
    relay_init(&x->walk);
    if (!ask->by_gtid)
        report->end = ask->after;
    if (extract_begin(x, e) == 0)
        return x;
    extract_close(x);
    return NULL;
}

struct extract *extract_open(const struct extract_ask *ask, struct extract_report *report,
                             struct err *e)
{
    return open_as(ask, report, 0, e);
}

struct extract *extract_open_trial(const struct extract_ask *ask, struct extract_report *report,
                                   struct err *e)
{
    return open_as(ask, report, 1, e);
}

int extract_locate(const struct extract_ask *ask, size_t *file, uint64_t *offset,
                   struct binpos *start, struct err *e)
{
    struct extract_report report;
    struct extract *x = extract_open(ask, &report, e);
    const struct extract_range *r;
    int rc = 1;

    while (x && rc > 0 && x->ready.len == 0 && x->open.len == 0)
        rc = extract_pump(x, e);
    if (x && rc >= 0 && (x->ready.len || x->open.len)) {
        r = (const struct extract_range *)(const void *)(x->ready.len ? x->ready.data
                                                                      : x->open.data);
        *file = r->file;
        *offset = r->offset;
        snprintf(start->file, sizeof(start->file), "%s",
                 x->names.data + r->name * BINPOS_FILE_BYTES);
        start->pos = r->start;
        rc = 1;
    }
    rc = x ? rc : -1;
    extract_close(x);
    extract_report_release(&report);
    return rc;
}

static void close_out(struct extract *x)
{
    if (x->out_is_open && extract_files_fd(x->ask.files, x->out_file) < 0)
        close(x->out_fd);
    x->out_is_open = 0;
    x->out_fd = -1;
    x->out_format_length = 0;
}

void extract_close(struct extract *x)
{
    if (!x)
        return;
    close_out(x);
    binlog_close(&x->r);
    trx_release(&x->trx);
    buf_release(&x->names);
    buf_release(&x->ready);
    buf_release(&x->open);
    free(x);
}

void extract_report_release(struct extract_report *report)
{
    gtid_release(&report->gtids);
    gtid_release(&report->before);
}

/* The reader may have moved on to another file already. */
static int open_out(struct extract *x, size_t file, struct err *e)
{
    const char *path = extract_files_path(x->ask.files, file);

    if (x->out_is_open && x->out_file == file)
        return 0;
    close_out(x);
    x->out_fd = extract_files_fd(x->ask.files, file);
    if (x->out_fd < 0)
        x->out_fd = open(path, O_RDONLY | O_CLOEXEC);
    if (x->out_fd < 0)
        return err_errno(e, ERR_IO, "cannot read %s", path);
    x->out_file = file;
    x->out_is_open = 1;
    return 0;
}

/* The format event that rules a range, read again from its file. */
static int read_format(struct extract *x, uint64_t offset, struct err *e)
{
    struct binlog_reader r;
    struct binlog_event ev;
    int rc;

    if (x->out_format_length && x->out_format_offset == offset)
        return 0;
    if (binlog_open_fd(&r, x->out_fd, 1, e))
        return -1;
    r.next = offset;
    rc = binlog_next(&r, &ev, e);
    if (rc > 0 && ev.type == BINLOG_FORMAT) {
        memcpy(x->out_format_bytes, r.format_bytes, r.format_length);
        x->out_format_length = r.format_length;
        x->out_format = r.format;
        x->out_format_offset = offset;
        rc = 0;
    } else if (rc >= 0) {
        rc = err_set(e, ERR_FORMAT, "the format event at %llu is gone", (unsigned long long)offset);
    }
    binlog_close(&r);
    return rc;
}

static int hand_out(struct extract *x, struct extract_piece *piece, struct err *e)
{
    struct extract_range r = *(const struct extract_range *)(const void *)x->ready.data;

    if (open_out(x, r.file, e) || read_format(x, r.format_offset, e))
        return err_wrap(e, "%s", extract_files_path(x->ask.files, r.file));
    memset(piece, 0, sizeof(*piece));
    piece->fd = x->out_fd;
    piece->path = extract_files_path(x->ask.files, r.file);
    piece->offset = r.offset;
    piece->length = r.length;
    snprintf(piece->start.file, sizeof(piece->start.file), "%s",
             x->names.data + r.name * BINPOS_FILE_BYTES);
    piece->start.pos = r.start;
    piece->end_pos = r.end_pos;
    piece->jump = binpos_cmp(&piece->start, &x->given) != 0;
    piece->events = r.events;
    piece->transactions = r.transactions;
    piece->checksum = x->out_format.checksum;
    piece->format_event = x->out_format_bytes;
    piece->format_event_len = x->out_format_length;
    piece->format = &x->out_format;
    x->given = piece->start;
    x->given.pos = r.end_pos;
    buf_drop(&x->ready, sizeof(r));
    return 1;
}

int extract_next(struct extract *x, struct extract_piece *piece, struct err *e)
{
    const struct extract_range *first;
    size_t count;

    for (;;) {
        first = (const struct extract_range *)(const void *)x->ready.data;
        count = x->ready.len / sizeof(*first);
        if (count > 1 || (count == 1 && (x->is_done || first->length >= PIECE_BYTES)))
            return hand_out(x, piece, e);
        if (x->is_done)
            return 0;
        if (extract_pump(x, e) < 0)
            return -1;
    }
}
