/* Going to a place in a log without reading all before it, and what its first events say; see
 * reader.h. */
#include "node/binlog/bytes.h"
#include "node/binlog/reader_window.h"

#include <string.h>

/* Only in a log that its own server wrote is log_pos the place in the file, and only up to 4 GiB.
 */
static int places_prove_themselves(const struct binlog_reader *r)
{
    return r->has_format && r->format.checksum == BINLOG_CHECKSUM_CRC32 && !r->format.is_own &&
           r->size <= UINT32_MAX;
}

/* 1: the event at offset says that it lies there, and its check sum is right. */
static int proves_itself(struct binlog_reader *r, uint64_t offset, struct err *e)
{
    struct binlog_event ev = {0};
    size_t have;
    const unsigned char *p = binlog_look(r, offset, BINLOG_HEADER_BYTES, &have, e);

    if (!p)
        return -1;
    if (have < BINLOG_HEADER_BYTES)
        return 0;
    binlog_header(p, &ev);
    ev.offset = offset;
    if (ev.length > r->size - offset || ev.log_pos != (uint32_t)(offset + ev.length) ||
        !binlog_type_known(ev.type, r->format.is_mariadb))
        return 0;
    return binlog_sum_is_right(r, &ev, e);
}

/* 1: an event that proves itself ends where the file does. Only one within a window is found. */
static int end_proves_itself(struct binlog_reader *r, struct err *e)
{
    uint64_t least = r->size > BINLOG_WINDOW_BYTES ? r->size - BINLOG_WINDOW_BYTES : 0;
    size_t have, left = (size_t)(r->size - least);
    const unsigned char *p = binlog_look(r, least, left, &have, e);

    if (!p)
        return -1;
    for (size_t len = BINLOG_HEADER_BYTES; len <= have && have == left; len++) {
        const unsigned char *header = p + left - len;
        int right;

        if (bytes_le32(header + 9) != len || bytes_le32(header + 13) != (uint32_t)r->size)
            continue;
        right = proves_itself(r, r->size - len, e);
        if (right)
            return right;
    }
    return 0;
}

static int walk_to(struct binlog_reader *r, uint64_t offset, struct err *e)
{
    struct binlog_event ev;
    int verify = r->verify, rc = 1;

    if (r->next > offset || r->end.kind != BINLOG_END_OPEN) {
        memset(&r->end, 0, sizeof(r->end));
        r->next = BINLOG_MAGIC_BYTES;
    }
    r->verify = 0;
    while (rc > 0 && r->next < offset)
        rc = binlog_next(r, &ev, e);
    r->verify = verify;
    if (rc < 0)
        return -1;
    if (r->next == offset)
        return 0;
    if (rc == 0)
        return err_set(e, ERR_WORLD, "the events end at %llu, before %llu%s%s",
                       (unsigned long long)r->next, (unsigned long long)offset,
                       r->end.why[0] ? ": " : "", r->end.why);
    return err_set(e, ERR_WORLD, "no event begins or ends at %llu", (unsigned long long)offset);
}

int binlog_seek(struct binlog_reader *r, uint64_t offset, struct err *e)
{
    struct binlog_event ev;
    int there = 0;

    if (!r->has_format && binlog_next(r, &ev, e) < 0)
        return -1;
    if (offset < BINLOG_MAGIC_BYTES || offset > r->size)
        return err_set(e, ERR_WORLD, "%llu lies outside of the file, which has %llu bytes",
                       (unsigned long long)offset, (unsigned long long)r->size);
    if (offset > r->next && places_prove_themselves(r))
        there = offset == r->size ? end_proves_itself(r, e) : proves_itself(r, offset, e);
    if (there < 0)
        return -1;
    if (!there)
        return walk_to(r, offset, e);
    memset(&r->end, 0, sizeof(r->end));
    r->next = offset;
    return 0;
}

static int is_head(unsigned type)
{
    return type == BINLOG_FORMAT || type == BINLOG_PREVIOUS_GTIDS || type == BINLOG_ROTATE ||
           type == BINLOG_MARIA_GTID_LIST || type == BINLOG_MARIA_CHECKPOINT;
}

static int read_gtids(struct binlog_reader *r, const struct binlog_event *ev,
                      struct binlog_head *head, struct err *e)
{
    struct buf body = BUF_INIT;
    int rc = binlog_body(r, ev, &body, e);

    head->has_gtids = 1;
    if (rc == 0 && ev->type == BINLOG_PREVIOUS_GTIDS)
        rc = binlog_read_gtid_set((unsigned char *)body.data, body.len, &head->gtids, e);
    else if (rc == 0)
        rc = binlog_read_gtid_list((unsigned char *)body.data, body.len, &head->gtids, e);
    buf_release(&body);
    return rc;
}

int binlog_read_head(struct binlog_reader *r, struct binlog_head *head, struct err *e)
{
    struct binlog_event ev;
    int rc, first = 1;

    while ((rc = binlog_next(r, &ev, e)) > 0 && is_head(ev.type)) {
        if (first) {
            head->format = r->format;
            head->server_id = ev.server_id;
            head->time = ev.time;
        }
        first = 0;
        if (!head->has_gtids &&
            (ev.type == BINLOG_PREVIOUS_GTIDS || ev.type == BINLOG_MARIA_GTID_LIST) &&
            read_gtids(r, &ev, head, e))
            return -1;
    }
    if (rc < 0)
        return -1;
    head->first = rc ? ev.offset : r->next;
    r->next = head->first;
    return 0;
}

void binlog_head_release(struct binlog_head *head)
{
    gtid_release(&head->gtids);
}
