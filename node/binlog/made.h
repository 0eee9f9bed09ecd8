/* Events of our own making, as bytes of a log. */
#ifndef KAGEMUSHA_NODE_BINLOG_MADE_H
#define KAGEMUSHA_NODE_BINLOG_MADE_H

#include "common/binpos.h"
#include "node/binlog/event.h"

#include <stddef.h>

#define BINLOG_MADE_ROTATE_MAX (BINLOG_HEADER_BYTES + 8 + BINPOS_FILE_BYTES + BINLOG_CHECKSUM_BYTES)

struct binlog_made {
    uint8_t type;
    uint16_t flags;
    uint32_t server_id, log_pos;
    size_t len; /* header and body */
};

/* Fills in the header in front of a body that stands at BINLOG_HEADER_BYTES, and the check sum
 * behind it, for which there must be room. The length of the whole. */
size_t binlog_make(unsigned char *event, const struct binlog_made *made,
                   enum binlog_checksum checksum);
/* An artificial Rotate: what follows lies at pos of file. event: BINLOG_MADE_ROTATE_MAX bytes. The
 * length of the whole. */
size_t binlog_make_rotate(unsigned char *event, uint32_t server_id, const struct binpos *to,
                          enum binlog_checksum checksum);

#endif
