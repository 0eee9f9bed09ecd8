/* Where a log ends, and whether a torn write explains it; see reader.h. */
#include "node/binlog/reader_window.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int binlog_end_at(struct binlog_reader *r, enum binlog_end_kind kind, const char *fmt, ...)
{
    va_list ap;

    r->end.kind = kind;
    r->end.offset = r->next;
    va_start(ap, fmt);
    vsnprintf(r->end.why, sizeof(r->end.why), fmt, ap);
    va_end(ap);
    return 0;
}

/* 1: from offset to the end of the file there are zeros only. */
static int all_zero(struct binlog_reader *r, uint64_t offset, struct err *e)
{
    while (offset < r->size) {
        size_t have;
        const unsigned char *p = binlog_look(
            r, offset, r->store ? BINLOG_WINDOW_BYTES : (size_t)(r->size - offset), &have, e);

        if (!p)
            return -1;
        for (size_t i = 0; i < have; i++)
            if (p[i])
                return 0;
        offset += have;
    }
    return 1;
}

/* 1: an event of the same log that proves itself by its check sum lies within the first window
 * behind offset. Not proved: 0. */
static int event_behind(struct binlog_reader *r, uint64_t offset, struct err *e)
{
    struct binlog_event ev = {0};
    uint64_t end = offset + BINLOG_WINDOW_BYTES;

    if (!r->has_format || r->format.checksum != BINLOG_CHECKSUM_CRC32)
        return 0;
    for (; offset < end && offset + BINLOG_HEADER_BYTES < r->size; offset++) {
        size_t have;
        const unsigned char *p = binlog_look(r, offset, BINLOG_HEADER_BYTES, &have, e);
        int right;

        if (!p)
            return -1;
        if (have < BINLOG_HEADER_BYTES)
            return 0;
        binlog_header(p, &ev);
        ev.offset = offset;
        if (ev.type == 0 || ev.length > BINLOG_WINDOW_BYTES || ev.length > r->size - offset ||
            !binlog_type_known(ev.type, r->format.is_mariadb))
            continue;
        right = binlog_sum_is_right(r, &ev, e);
        if (right)
            return right;
    }
    return 0;
}

int binlog_end_bad(struct binlog_reader *r, const struct binlog_event *ev, const char *why,
                   struct err *e)
{
    uint64_t behind = ev->type == 0 ? r->next : r->next + ev->length;
    int zero = all_zero(r, behind < r->size ? behind : r->size, e);

    if (zero < 0)
        return -1;
    if (behind == r->size)
        return binlog_end_at(r, BINLOG_END_TORN, "%s, and it ends with the file", why);
    if (zero && behind < r->size)
        return binlog_end_at(r, BINLOG_END_TORN, "%s, and nothing but zeros behind it", why);
    return binlog_end_at(r, BINLOG_END_CORRUPT, "%s", why);
}

/* In a log that its own server wrote, log_pos says whether the length can be right. In a relay log
 * it cannot; there a good event inside of the length shows that the length is wrong. */
int binlog_end_beyond(struct binlog_reader *r, const struct binlog_event *ev, struct err *e)
{
    uint64_t left = r->size - r->next;
    int behind = 0;

    if (ev->log_pos != (uint32_t)(r->next + ev->length)) {
        behind = event_behind(r, r->next + BINLOG_HEADER_BYTES, e);
        if (behind < 0)
            return -1;
    }
    if (behind)
        return binlog_end_at(r, BINLOG_END_CORRUPT,
                             "an event of %u bytes is said to begin here, others do inside of it",
                             ev->length);
    return binlog_end_at(r, BINLOG_END_TORN, "%llu of the %u bytes of an event are there",
                         (unsigned long long)left, ev->length);
}
