/* Events of our own making; see made.h. */
#include "node/binlog/made.h"

#include "common/crc32.h"
#include "node/binlog/bytes.h"

#include <string.h>

size_t binlog_make(unsigned char *event, const struct binlog_made *made,
                   enum binlog_checksum checksum)
{
    size_t whole = made->len + (checksum == BINLOG_CHECKSUM_CRC32 ? BINLOG_CHECKSUM_BYTES : 0);

    memset(event, 0, BINLOG_HEADER_BYTES);
    event[4] = made->type;
    bytes_put32(event + 5, made->server_id);
    bytes_put32(event + 9, (uint32_t)whole);
    bytes_put32(event + 13, made->log_pos);
    event[17] = (unsigned char)made->flags;
    event[18] = (unsigned char)(made->flags >> 8);
    if (whole > made->len)
        bytes_put32(event + made->len, crc32_add(0, event, made->len));
    return whole;
}

size_t binlog_make_rotate(unsigned char *event, uint32_t server_id, const struct binpos *to,
                          enum binlog_checksum checksum)
{
    size_t n = strnlen(to->file, BINPOS_FILE_BYTES);
    struct binlog_made made = {.type = BINLOG_ROTATE,
                               .flags = BINLOG_FLAG_ARTIFICIAL,
                               .server_id = server_id,
                               .len = BINLOG_HEADER_BYTES + 8 + n};

    bytes_put64(event + BINLOG_HEADER_BYTES, to->pos);
    memcpy(event + BINLOG_HEADER_BYTES + 8, to->file, n);
    return binlog_make(event, &made, checksum);
}
