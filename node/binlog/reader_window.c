/* The bytes of a log, through the window; see reader.h. */
#include "node/binlog/reader_window.h"

#include "common/crc32.h"
#include "node/binlog/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* How much is read where events are so large that most of a full window would be passed over. */
#define SMALL_READ_BYTES 32768u

/* Bytes read, fewer only at the end of the file; -1 with e. */
static ssize_t read_at(int fd, unsigned char *to, size_t len, uint64_t offset, struct err *e)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = pread(fd, to + done, len - done, (off_t)(offset + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(e, ERR_IO, "cannot read at %llu", (unsigned long long)offset + done);
        if (n == 0)
            break;
        done += (size_t)n;
    }
    return (ssize_t)done;
}

/* Fills the window from offset on. Where the file has become shorter, its size is what was read. */
static int fill(struct binlog_reader *r, uint64_t offset, size_t need, struct err *e)
{
    uint64_t end = r->window_at + r->window_len;
    size_t want = BINLOG_WINDOW_BYTES;
    ssize_t n;

    if (offset > end + SMALL_READ_BYTES && need < SMALL_READ_BYTES)
        want = SMALL_READ_BYTES;
    if (want > r->size - offset)
        want = (size_t)(r->size - offset);
    r->window_len = 0;
    r->window_at = offset;
    n = read_at(r->fd, r->store, want, offset, e);
    if (n < 0)
        return -1;
    if ((size_t)n < want)
        r->size = offset + (size_t)n;
    r->window_len = (size_t)n;
    return 0;
}

const unsigned char *binlog_look(struct binlog_reader *r, uint64_t offset, size_t need,
                                 size_t *have, struct err *e)
{
    uint64_t left = offset < r->size ? r->size - offset : 0;

    if (need > left)
        need = (size_t)left;
    if (r->store && (offset < r->window_at || offset > r->window_at + r->window_len ||
                     need > r->window_at + r->window_len - offset)) {
        if (fill(r, offset, need, e))
            return NULL;
        need = need < r->window_len ? need : r->window_len;
    }
    *have = need;
    return r->window + (offset - r->window_at);
}

/* Of the bytes from offset on, through the window piece by piece. */
static int sum_of(struct binlog_reader *r, uint64_t offset, uint64_t len, uint32_t *crc,
                  struct err *e)
{
    while (len) {
        size_t have, want = r->store ? BINLOG_WINDOW_BYTES : (size_t)len;
        const unsigned char *p = binlog_look(r, offset, want < len ? want : (size_t)len, &have, e);

        if (!p)
            return -1;
        if (have == 0)
            return 0;
        *crc = crc32_add(*crc, p, have);
        offset += have;
        len -= have;
    }
    return 1;
}

/* A format event is summed as if it were closed: the server only clears the flag when it closes. */
static int sum_of_header(struct binlog_reader *r, const struct binlog_event *ev, uint32_t *crc,
                         struct err *e)
{
    unsigned char header[BINLOG_HEADER_BYTES];
    size_t have;
    const unsigned char *p = binlog_look(r, ev->offset, sizeof(header), &have, e);

    if (!p || have < sizeof(header))
        return p ? 0 : -1;
    memcpy(header, p, sizeof(header));
    if (ev->type == BINLOG_FORMAT)
        header[17] &= (unsigned char)~BINLOG_FLAG_IN_USE;
    *crc = crc32_add(0, header, sizeof(header));
    return 1;
}

int binlog_sum_is_right(struct binlog_reader *r, const struct binlog_event *ev, struct err *e)
{
    uint32_t crc = 0, length = ev->length - BINLOG_CHECKSUM_BYTES;
    const unsigned char *p;
    size_t have;
    int rc;

    if (ev->length < BINLOG_HEADER_BYTES + BINLOG_CHECKSUM_BYTES)
        return 0;
    if (ev->type != BINLOG_FORMAT && ev->length <= BINLOG_WINDOW_BYTES) {
        p = binlog_look(r, ev->offset, ev->length, &have, e);
        if (!p)
            return -1;
        return have == ev->length && crc32_add(0, p, length) == bytes_le32(p + length);
    }
    rc = sum_of_header(r, ev, &crc, e);
    if (rc > 0)
        rc = sum_of(r, ev->offset + BINLOG_HEADER_BYTES, length - BINLOG_HEADER_BYTES, &crc, e);
    if (rc <= 0)
        return rc;
    p = binlog_look(r, ev->offset + length, BINLOG_CHECKSUM_BYTES, &have, e);
    if (!p)
        return -1;
    return have == BINLOG_CHECKSUM_BYTES && crc == bytes_le32(p);
}

int binlog_bytes(struct binlog_reader *r, uint64_t offset, void *out, size_t len, struct err *e)
{
    ssize_t n;

    if (!r->store) {
        if (offset > r->size || len > r->size - offset)
            return err_set(e, ERR_IO, "the log has become shorter");
        memcpy(out, r->window + offset, len);
        return 0;
    }
    n = read_at(r->fd, out, len, offset, e);
    if (n < 0)
        return -1;
    return (size_t)n == len ? 0 : err_set(e, ERR_IO, "the log has become shorter");
}
