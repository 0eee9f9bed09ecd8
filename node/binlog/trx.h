/* Borders of transactions: says of each event whether it opens, continues or closes one, and whose
 * it is. Fed with every event in order; one scan lasts over file borders. Knows no file and no
 * position but those it is handed. Rules: measured on servers (clean end). */
#ifndef KAGEMUSHA_NODE_BINLOG_TRX_H
#define KAGEMUSHA_NODE_BINLOG_TRX_H

#include "node/binlog/event.h"

#define TRX_XA_MAX 4096 /* prepared transactions kept; more is an error */

enum trx_role {
    TRX_OUTSIDE,   /* belongs to no transaction: format, rotate, stop, ... */
    TRX_OPENS,     /* first event of one */
    TRX_CONTINUES, /* neither first nor last */
    TRX_CLOSES,    /* last event of one */
    TRX_WHOLE      /* first and last in one: a statement that commits itself */
};

struct trx_scan {
    int is_open;
    int has_opening; /* 0 with is_open: the scan began amid it, GTID and beginning are not known */
    int abandoned;   /* the event just fed showed that the transaction before it has no end:
                        the master crashed, or it was sent anew from its beginning */
    struct binlog_gtid gtid; /* of the open one, or of the one just closed */
    struct binlog_xid xid;
    uint64_t count;   /* transactions closed */
    uint64_t aborted; /* transactions abandoned */
    enum trx_state_now {
        TRX_STATE_NONE,
        TRX_STATE_GTID,       /* after a GTID: BEGIN or one statement follows */
        TRX_STATE_STANDALONE, /* after MariaDB's GTID without COMMIT */
        TRX_STATE_BOUND,      /* a variable of a statement that follows and commits itself */
        TRX_STATE_BODY        /* until COMMIT, XID or XA PREPARE */
    } state;
    struct buf xa; /* struct binlog_xid after struct binlog_xid: prepared, neither committed nor
                      rolled back behind it */
};

/* Before the first event; what trx_feed collects is given back by trx_release. */
void trx_init(struct trx_scan *t);
/* Frees the list of prepared XA transactions. */
void trx_release(struct trx_scan *t);
/* Forgets an open transaction; prepared XA transactions stay known. */
void trx_reset(struct trx_scan *t);
/* The role of ev, or -1 with ERR_FORMAT. */
int trx_feed(struct trx_scan *t, const struct binlog_event *ev, struct err *e);
size_t trx_xa_count(const struct trx_scan *t);
const struct binlog_xid *trx_xa(const struct trx_scan *t, size_t i);

#endif
