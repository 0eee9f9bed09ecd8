/* Fuzz target: any bytes as a log. All events are read, and every reader of bodies is asked. */
#include "node/binlog/reader.h"
#include "node/binlog/relay.h"
#include "node/binlog/trx.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t len);

static void read_set(struct binlog_reader *r, const struct binlog_event *ev)
{
    struct gtid_set s = GTID_INIT;
    struct buf body = BUF_INIT;

    if (binlog_body(r, ev, &body, NULL) == 0) {
        if (ev->type == BINLOG_MARIA_GTID_LIST)
            binlog_read_gtid_list((unsigned char *)body.data, body.len, &s, NULL);
        else
            binlog_read_gtid_set((unsigned char *)body.data, body.len, &s, NULL);
    }
    gtid_release(&s);
    buf_release(&body);
}

static void run(const unsigned char *bytes, size_t len, int verify)
{
    struct binlog_reader r;
    struct binlog_event ev;
    struct trx_scan trx;
    struct relay_walk walk;
    struct relay_place place;
    uint64_t end = 0;
    int rc;

    trx_init(&trx);
    relay_init(&walk);
    binlog_open_bytes(&r, bytes, len, verify);
    while ((rc = binlog_next(&r, &ev, NULL)) > 0) {
        if (ev.offset < end || ev.offset + ev.length != r.next || r.next > len)
            abort();
        end = r.next;
        if (ev.type == BINLOG_PREVIOUS_GTIDS || ev.type == BINLOG_MARIA_GTID_LIST)
            read_set(&r, &ev);
        trx_feed(&trx, &ev, NULL);
        relay_feed(&walk, &ev, &r.format, &place, NULL);
    }
    if (rc < 0 || r.end.kind == BINLOG_END_OPEN || r.end.offset != r.next ||
        (len > 4 && (r.end.kind == BINLOG_END_CLEAN) != (r.next == len)))
        abort();
    binlog_seek(&r, len / 2, NULL);
    binlog_seek(&r, len, NULL);
    binlog_close(&r);
    trx_release(&trx);
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t len)
{
    run(bytes, len, 0);
    run(bytes, len, 1);
    return 0;
}
