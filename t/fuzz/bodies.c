/* Fuzz target: any bytes as the body of an event of any type (the first byte), in memory of exactly
 * its size. What a set is read from must be what it is written to. */
#include "node/binlog/event.h"
#include "node/binlog/trx.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t len);

static void round_trip(const unsigned char *body, size_t len)
{
    struct gtid_set s = GTID_INIT, again = GTID_INIT;
    struct buf out = BUF_INIT;

    if (binlog_read_gtid_set(body, len, &s, NULL) == 0) {
        binlog_write_gtid_set(&s, &out);
        if (binlog_read_gtid_set((unsigned char *)out.data, out.len, &again, NULL) ||
            !gtid_equal(&s, &again))
            abort();
    }
    binlog_read_gtid_list(body, len, &s, NULL);
    gtid_release(&s);
    gtid_release(&again);
    buf_release(&out);
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t len)
{
    struct binlog_event ev = {0};
    struct binlog_format format;
    struct binlog_rotate rotate;
    struct binlog_xid xid;
    struct trx_scan trx;
    char text[BINLOG_XID_TEXT];
    unsigned char *body;
    int one_phase;

    if (len < 1)
        return 0;
    body = malloc(len);
    memcpy(body, bytes + 1, len - 1);
    ev.type = bytes[0];
    ev.body = body;
    ev.body_length = ev.body_seen = (uint32_t)len - 1;
    ev.length = ev.body_length + BINLOG_HEADER_BYTES;
    trx_init(&trx);
    trx_feed(&trx, &ev, NULL);
    trx_feed(&trx, &ev, NULL);
    binlog_read_format(&ev, &format, NULL);
    binlog_read_rotate(&ev, &rotate, NULL);
    if (binlog_read_xa_prepare(&ev, &xid, &one_phase, NULL) == 0)
        binlog_xid_text(&xid, text);
    round_trip(body, len - 1);
    trx_release(&trx);
    free(body);
    return 0;
}
