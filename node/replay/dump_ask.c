/* What a replica asks for with a dump command; see replay.h. Input is not trusted. */
#include "node/replay/replay.h"

#include "node/binlog/bytes.h"

#include <stdio.h>
#include <string.h>

enum { COM_BINLOG_DUMP = 18, PLAIN_BYTES = 11, GTID_BYTES = 11 };

static int take_name(const unsigned char *p, size_t len, char out[BINPOS_FILE_BYTES], struct err *e)
{
    if (len >= BINPOS_FILE_BYTES || memchr(p, 0, len) || memchr(p, '/', len))
        return err_set(e, ERR_FORMAT, "a log file's name of %zu bytes", len);
    memcpy(out, p, len);
    out[len] = '\0';
    return 0;
}

/* Position, flags, server_id, name up to the end. */
static int read_plain(const unsigned char *p, size_t len, struct replay_dump *out, struct err *e)
{
    if (len < PLAIN_BYTES)
        return err_set(e, ERR_FORMAT, "a dump command of %zu bytes", len);
    out->from.pos = bytes_le32(p + 1);
    out->flags = bytes_le16(p + 5);
    out->server_id = bytes_le32(p + 7);
    len -= PLAIN_BYTES;
    if (len > 0 && p[PLAIN_BYTES + len - 1] == 0)
        len--;
    return take_name(p + PLAIN_BYTES, len, out->from.file, e);
}

/* Flags, server_id, name with its length before it, position, set with its length before it. */
static int read_gtid(const unsigned char *p, size_t len, struct replay_dump *out, struct err *e)
{
    const unsigned char *end = p + len;
    uint32_t n;

    if (len < GTID_BYTES)
        return err_set(e, ERR_FORMAT, "a dump command of %zu bytes", len);
    out->flags = bytes_le16(p + 1);
    out->server_id = bytes_le32(p + 3);
    n = bytes_le32(p + 7);
    p += GTID_BYTES;
    if (n > (size_t)(end - p) || (size_t)(end - p) - n < 12)
        return err_set(e, ERR_FORMAT, "a dump command that contradicts itself");
    if (take_name(p, n, out->from.file, e))
        return -1;
    p += n;
    out->from.pos = bytes_le64(p);
    n = bytes_le32(p + 8);
    p += 12;
    if (n > (size_t)(end - p))
        return err_set(e, ERR_FORMAT, "a dump command that contradicts itself");
    return binlog_read_gtid_set(p, n, &out->have, e);
}

int replay_dump_read(const unsigned char *p, size_t len, struct replay_dump *out, struct err *e)
{
    memset(out, 0, sizeof(*out));
    if (len == 0)
        return err_set(e, ERR_FORMAT, "an empty command");
    out->by_gtid = p[0] != COM_BINLOG_DUMP;
    return out->by_gtid ? read_gtid(p, len, out, e) : read_plain(p, len, out, e);
}
