/* Event after event of one log; see reader.h. */
#include "node/binlog/reader.h"

#include "node/binlog/bytes.h"
#include "node/binlog/reader_window.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The magic number says what the file is. An empty one was never written to. */
static int read_magic(struct binlog_reader *r, struct err *e)
{
    size_t have;
    const unsigned char *p = binlog_look(r, 0, BINLOG_MAGIC_BYTES, &have, e);

    if (!p)
        return -1;
    if (have < BINLOG_MAGIC_BYTES)
        return binlog_end_at(r, BINLOG_END_TORN, "the file has only %zu bytes", have);
    if (memcmp(p, BINLOG_MAGIC_ENCRYPTED, BINLOG_MAGIC_BYTES) == 0)
        return binlog_end_at(r, BINLOG_END_ENCRYPTED, "the file is encrypted (binlog_encryption)");
    if (memcmp(p, BINLOG_MAGIC, BINLOG_MAGIC_BYTES) != 0)
        return binlog_end_at(r, BINLOG_END_FOREIGN, "the file is no binary log");
    r->next = BINLOG_MAGIC_BYTES;
    return 0;
}

int binlog_open_fd(struct binlog_reader *r, int fd, int verify, struct err *e)
{
    struct stat st;

    memset(r, 0, sizeof(*r));
    r->fd = -1;
    if (fstat(fd, &st))
        return err_errno(e, ERR_IO, "cannot look at the log");
    if (!S_ISREG(st.st_mode))
        return err_set(e, ERR_IO, "the log is not a regular file");
    r->fd = fd;
    r->verify = verify;
    r->size = (uint64_t)st.st_size;
    r->window = r->store = mem_alloc(BINLOG_WINDOW_BYTES);
    if (read_magic(r, e)) {
        binlog_close(r);
        return -1;
    }
    return 0;
}

int binlog_open(struct binlog_reader *r, const char *path, int verify, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    memset(r, 0, sizeof(*r));
    r->fd = -1;
    if (fd < 0)
        return err_errno(e, ERR_IO, "cannot read %s", path);
    if (binlog_open_fd(r, fd, verify, e)) {
        close(fd);
        return err_wrap(e, "%s", path);
    }
    r->owns_fd = 1;
    return 0;
}

void binlog_open_bytes(struct binlog_reader *r, const unsigned char *bytes, size_t len, int verify)
{
    memset(r, 0, sizeof(*r));
    r->fd = -1;
    r->verify = verify;
    r->size = r->window_len = len;
    r->window = bytes;
    read_magic(r, NULL);
}

void binlog_close(struct binlog_reader *r)
{
    if (r->owns_fd && r->fd >= 0)
        close(r->fd);
    free(r->store);
    memset(r, 0, sizeof(*r));
    r->fd = -1;
}

/* Of a type that no server known to us writes. Its check sum, or else log_pos, tells an event from
 * garbage. */
static int check_unknown(struct binlog_reader *r, const struct binlog_event *ev, struct err *e)
{
    int genuine = ev->log_pos == (uint32_t)(r->next + ev->length);

    if (ev->length > r->size - r->next)
        return genuine ? binlog_end_beyond(r, ev, e) : binlog_end_bad(r, ev, "no event", e);
    if (ev->has_checksum)
        genuine = binlog_sum_is_right(r, ev, e);
    if (genuine < 0)
        return -1;
    if (!genuine)
        return binlog_end_bad(r, ev, "no event begins here", e);
    if (ev->flags & BINLOG_FLAG_IGNORABLE)
        return 1;
    return binlog_end_at(r, BINLOG_END_FOREIGN, "an event of type %u, which is not known, of %s",
                         ev->type, r->format.server_version);
}

/* 1: a whole event. 0: ended here. */
static int check(struct binlog_reader *r, const struct binlog_event *ev, struct err *e)
{
    uint32_t least = BINLOG_HEADER_BYTES + (ev->has_checksum ? BINLOG_CHECKSUM_BYTES : 0);
    int right;

    if (ev->length < least)
        return binlog_end_bad(r, ev, "no event begins here", e);
    if (!binlog_type_known(ev->type, r->format.is_mariadb))
        return check_unknown(r, ev, e);
    if (ev->length > r->size - r->next)
        return binlog_end_beyond(r, ev, e);
    if (r->verify && ev->has_checksum) {
        right = binlog_sum_is_right(r, ev, e);
        if (right < 0)
            return -1;
        if (!right)
            return binlog_end_bad(r, ev, "the check sum is wrong", e);
    }
    if (ev->type == BINLOG_MARIA_START_ENCRYPTION)
        return binlog_end_at(r, BINLOG_END_ENCRYPTED, "the file is encrypted (encrypt_binlog)");
    return 1;
}

/* Rules what follows, so its check sum is looked at in any case. */
static int next_format(struct binlog_reader *r, struct binlog_event *ev, struct err *e)
{
    struct binlog_format format;
    struct err why = {0};
    size_t have;
    const unsigned char *p;
    int right;

    if (ev->length < BINLOG_HEADER_BYTES || ev->length > BINLOG_FORMAT_MAX)
        return binlog_end_bad(r, ev, "no format event begins here", e);
    if (ev->length > r->size - r->next)
        return binlog_end_beyond(r, ev, e);
    right = binlog_sum_is_right(r, ev, e);
    p = right < 0 ? NULL : binlog_look(r, r->next, ev->length, &have, e);
    if (!p)
        return -1;
    if (have < ev->length)
        return binlog_end_at(r, BINLOG_END_TORN, "the log became shorter");
    ev->body = p + BINLOG_HEADER_BYTES;
    ev->body_length = ev->body_seen = ev->length - BINLOG_HEADER_BYTES;
    if (binlog_read_format(ev, &format, &why))
        return binlog_end_at(r, BINLOG_END_FOREIGN, "%s", why.text);
    if (!right)
        return binlog_end_bad(r, ev, "the check sum is wrong", e);
    ev->has_checksum = 1;
    ev->body_length = ev->body_seen = ev->body_length - BINLOG_CHECKSUM_BYTES;
    r->format = format;
    r->has_format = 1;
    r->format_length = ev->length;
    memcpy(r->format_bytes, p, ev->length);
    r->next += ev->length;
    return 1;
}

static int look_at_body(struct binlog_reader *r, struct binlog_event *ev, struct err *e)
{
    size_t have;
    uint32_t want = ev->body_length < BINLOG_PEEK_BYTES ? ev->body_length : BINLOG_PEEK_BYTES;

    ev->body = binlog_look(r, ev->offset + BINLOG_HEADER_BYTES, want, &have, e);
    if (!ev->body)
        return -1;
    if (have < want)
        return binlog_end_at(r, BINLOG_END_TORN, "the log became shorter");
    ev->body_seen = want;
    return 1;
}

int binlog_next(struct binlog_reader *r, struct binlog_event *ev, struct err *e)
{
    const unsigned char *p;
    size_t have;
    int rc;

    if (r->end.kind != BINLOG_END_OPEN)
        return 0;
    if (r->next >= r->size)
        return binlog_end_at(r, BINLOG_END_CLEAN, "%s", "");
    p = binlog_look(r, r->next, BINLOG_HEADER_BYTES, &have, e);
    if (!p)
        return -1;
    if (have < BINLOG_HEADER_BYTES)
        return binlog_end_at(r, BINLOG_END_TORN, "only %zu bytes of a header are there", have);
    binlog_header(p, ev);
    ev->offset = r->next;
    ev->body = NULL;
    ev->body_seen = 0;
    ev->has_checksum = r->has_format && r->format.checksum == BINLOG_CHECKSUM_CRC32;
    if (ev->type == BINLOG_FORMAT)
        return next_format(r, ev, e);
    if (!r->has_format && ev->type)
        return binlog_end_at(r, BINLOG_END_FOREIGN, "the log does not begin with a format event");
    rc = check(r, ev, e);
    if (rc <= 0)
        return rc;
    ev->body_length =
        ev->length - BINLOG_HEADER_BYTES - (ev->has_checksum ? BINLOG_CHECKSUM_BYTES : 0);
    if (binlog_type_has_body(ev->type)) {
        rc = look_at_body(r, ev, e);
        if (rc <= 0)
            return rc;
    }
    r->next += ev->length;
    return 1;
}

int binlog_body(struct binlog_reader *r, const struct binlog_event *ev, struct buf *out,
                struct err *e)
{
    buf_clear(out);
    if (ev->body_length > BINLOG_BODY_MAX)
        return err_set(e, ERR_FORMAT, "an event at %llu has %u bytes, which is too much to take in",
                       (unsigned long long)ev->offset, ev->body_length);
    if (ev->body_length == 0)
        return 0;
    buf_reserve(out, ev->body_length);
    if (binlog_bytes(r, ev->offset + BINLOG_HEADER_BYTES, out->data, ev->body_length, e))
        return -1;
    out->len = ev->body_length;
    out->data[out->len] = '\0';
    return 0;
}

int binlog_refresh(struct binlog_reader *r, struct err *e)
{
    struct stat st;

    if (!r->store)
        return 0;
    if (fstat(r->fd, &st))
        return err_errno(e, ERR_IO, "cannot look at the log");
    if ((uint64_t)st.st_size == r->size)
        return 0;
    r->size = (uint64_t)st.st_size;
    r->window_len = 0;
    if (r->end.kind == BINLOG_END_CLEAN || r->end.kind == BINLOG_END_TORN)
        memset(&r->end, 0, sizeof(r->end));
    if (r->end.kind == BINLOG_END_OPEN && r->next < BINLOG_MAGIC_BYTES)
        return read_magic(r, e);
    return 0;
}
