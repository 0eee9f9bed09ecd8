/* Packets; see packet.h. */
#include "node/replay/packet.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define HEAD_BYTES 4u
#define OUT_BYTES  (256u * 1024)

void packet_init(struct packet_conn *c, int in_fd, int out_fd)
{
    memset(c, 0, sizeof(*c));
    c->in_fd = in_fd;
    c->out_fd = out_fd;
    buf_init(&c->in);
    buf_init(&c->out);
}

void packet_release(struct packet_conn *c)
{
    buf_release(&c->in);
    buf_release(&c->out);
}

/* 1 all there, 0 the input ended before the first byte, -1. */
static int read_all(struct packet_conn *c, void *bytes, size_t len, struct err *e)
{
    size_t got = 0;

    while (got < len) {
        ssize_t n = read(c->in_fd, (char *)bytes + got, len - got);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(e, ERR_IO, "read from the replica");
        if (n == 0)
            return got == 0 ? 0 : err_set(e, ERR_IO, "the replica hung up within a packet");
        got += (size_t)n;
    }
    return 1;
}

/* What a client sends is far below the size that would need a second packet. */
int packet_read(struct packet_conn *c, struct err *e)
{
    unsigned char head[HEAD_BYTES];
    size_t len;
    int rc = read_all(c, head, sizeof(head), e);

    if (rc <= 0)
        return rc;
    len = head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16;
    if (len == 0 || len > PACKET_IN_MAX)
        return err_set(e, ERR_FORMAT, "a packet of %zu bytes", len);
    c->sequence = (unsigned char)(head[3] + 1);
    buf_clear(&c->in);
    buf_reserve(&c->in, len);
    rc = read_all(c, c->in.data, len, e);
    if (rc <= 0)
        return rc < 0 ? -1 : err_set(e, ERR_IO, "the replica hung up within a packet");
    c->in.len = len;
    c->in.data[len] = '\0';
    return 1;
}

static int write_all(struct packet_conn *c, const char *bytes, size_t len, struct err *e)
{
    while (len > 0) {
        ssize_t n = write(c->out_fd, bytes, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(e, ERR_IO, "write to the replica");
        bytes += n;
        len -= (size_t)n;
    }
    return 0;
}

int packet_flush(struct packet_conn *c, struct err *e)
{
    int rc = write_all(c, c->out.data, c->out.len, e);

    buf_clear(&c->out);
    return rc;
}

static int add(struct packet_conn *c, const void *bytes, size_t len, struct err *e)
{
    if (c->out.len + len > OUT_BYTES && packet_flush(c, e))
        return -1;
    if (len > OUT_BYTES)
        return write_all(c, bytes, len, e);
    buf_add(&c->out, bytes, len);
    return 0;
}

/* A payload that fills its last packet is followed by an empty one. */
static int next_packet(struct packet_conn *c, struct err *e)
{
    uint32_t n = c->left >= PACKET_PIECE ? PACKET_PIECE : (uint32_t)c->left;
    unsigned char head[HEAD_BYTES] = {(unsigned char)n, (unsigned char)(n >> 8),
                                      (unsigned char)(n >> 16), c->sequence++};

    c->room = n;
    c->is_full = n == PACKET_PIECE;
    return add(c, head, sizeof(head), e);
}

int packet_begin(struct packet_conn *c, uint64_t len, struct err *e)
{
    c->left = len;
    return next_packet(c, e);
}

int packet_write(struct packet_conn *c, const void *bytes, size_t len, struct err *e)
{
    const char *p = bytes;

    while (len > 0) {
        size_t n = len < c->room ? len : c->room;

        if (add(c, p, n, e))
            return -1;
        p += n;
        len -= n;
        c->left -= n;
        c->room -= (uint32_t)n;
        if (c->room == 0 && c->is_full && next_packet(c, e))
            return -1;
    }
    return 0;
}

int packet_send(struct packet_conn *c, const void *bytes, size_t len, struct err *e)
{
    return packet_begin(c, len, e) || packet_write(c, bytes, len, e) ? -1 : 0;
}

/* Both close a reply. */
int packet_ok(struct packet_conn *c, struct err *e)
{
    static const unsigned char ok[] = {0, 0, 0, 2, 0, 0, 0};

    return packet_send(c, ok, sizeof(ok), e) || packet_flush(c, e) ? -1 : 0;
}

int packet_eof(struct packet_conn *c, struct err *e)
{
    static const unsigned char eof[] = {0xfe, 0, 0, 2, 0};

    return packet_send(c, eof, sizeof(eof), e);
}

int packet_error(struct packet_conn *c, int number, const char *text, struct err *e)
{
    struct buf b = BUF_INIT;
    int rc;

    buf_addc(&b, (char)0xff);
    buf_addc(&b, (char)(number & 0xff));
    buf_addc(&b, (char)(number >> 8));
    buf_addf(&b, "#HY000%s", text);
    rc = packet_send(c, b.data, b.len, e) || packet_flush(c, e) ? -1 : 0;
    buf_release(&b);
    return rc;
}

void packet_add_text(struct buf *out, const char *text)
{
    size_t len = strlen(text);

    if (len < 251) {
        buf_addc(out, (char)len);
    } else {
        buf_addc(out, (char)0xfc);
        buf_addc(out, (char)(len & 0xff));
        buf_addc(out, (char)(len >> 8 & 0xff));
    }
    buf_add(out, text, len);
}
