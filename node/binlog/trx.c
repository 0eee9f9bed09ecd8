/* Borders of transactions; see trx.h. */
#include "node/binlog/trx.h"

#include <string.h>

void trx_init(struct trx_scan *t)
{
    memset(t, 0, sizeof(*t));
    buf_init(&t->xa);
}

void trx_release(struct trx_scan *t)
{
    buf_release(&t->xa);
}

void trx_reset(struct trx_scan *t)
{
    t->is_open = t->has_opening = t->abandoned = 0;
    t->state = TRX_STATE_NONE;
    memset(&t->gtid, 0, sizeof(t->gtid));
    memset(&t->xid, 0, sizeof(t->xid));
}

size_t trx_xa_count(const struct trx_scan *t)
{
    return t->xa.len / sizeof(struct binlog_xid);
}

const struct binlog_xid *trx_xa(const struct trx_scan *t, size_t i)
{
    return (const struct binlog_xid *)(const void *)t->xa.data + i;
}

static int xid_equal(const struct binlog_xid *a, const struct binlog_xid *b)
{
    return a->format_id == b->format_id && a->gtrid_length == b->gtrid_length &&
           a->bqual_length == b->bqual_length &&
           memcmp(a->data, b->data, (size_t)a->gtrid_length + a->bqual_length) == 0;
}

static void forget_xa(struct trx_scan *t, const struct binlog_xid *xid)
{
    struct binlog_xid *all = (struct binlog_xid *)(void *)t->xa.data;
    size_t count = trx_xa_count(t);

    for (size_t i = 0; i < count; i++) {
        if (!xid_equal(&all[i], xid))
            continue;
        all[i] = all[count - 1];
        t->xa.len -= sizeof(*all);
        return;
    }
}

static int note_xa(struct trx_scan *t, const struct binlog_xid *xid, struct err *e)
{
    forget_xa(t, xid);
    if (trx_xa_count(t) == TRX_XA_MAX)
        return err_set(e, ERR_FORMAT, "more than %d prepared XA transactions", TRX_XA_MAX);
    buf_add(&t->xa, xid, sizeof(*xid));
    t->xid = *xid;
    return 0;
}

static void abandon(struct trx_scan *t)
{
    trx_reset(t);
    t->abandoned = 1;
    t->aborted++;
}

static int opens(struct trx_scan *t, enum trx_state_now state, int has_opening)
{
    t->is_open = 1;
    t->has_opening = has_opening;
    t->state = state;
    memset(&t->gtid, 0, sizeof(t->gtid));
    memset(&t->xid, 0, sizeof(t->xid));
    return TRX_OPENS;
}

static int continues(struct trx_scan *t, enum trx_state_now state)
{
    t->state = state;
    return TRX_CONTINUES;
}

static int closes(struct trx_scan *t)
{
    int whole = !t->is_open;

    if (whole)
        opens(t, TRX_STATE_NONE, 1);
    t->is_open = 0;
    t->state = TRX_STATE_NONE;
    t->count++;
    return whole ? TRX_WHOLE : TRX_CLOSES;
}

/* MariaDB writes no BEGIN: its GTID says whether a COMMIT will follow. */
static int feed_gtid(struct trx_scan *t, const struct binlog_event *ev, struct err *e)
{
    struct binlog_gtid gtid;
    struct binlog_xid xid;
    enum trx_state_now state = TRX_STATE_GTID;

    if (t->is_open)
        abandon(t);
    if (binlog_read_gtid(ev, &gtid, &xid, e))
        return -1;
    if (gtid.kind == BINLOG_GTID_MARIADB)
        state = gtid.maria_flags & BINLOG_MARIA_STANDALONE ? TRX_STATE_STANDALONE : TRX_STATE_BODY;
    opens(t, state, 1);
    t->gtid = gtid;
    t->xid = xid;
    return TRX_OPENS;
}

/* Without GTIDs a BEGIN inside of a transaction shows that the one before has no end. */
static int feed_begin(struct trx_scan *t)
{
    if (t->state == TRX_STATE_BODY && t->gtid.kind == BINLOG_GTID_NONE)
        abandon(t);
    return t->is_open ? continues(t, TRX_STATE_BODY) : opens(t, TRX_STATE_BODY, 1);
}

static int feed_query(struct trx_scan *t, const struct binlog_event *ev, struct err *e)
{
    struct binlog_query q;

    if (binlog_read_query(ev, &q, e))
        return -1;
    switch (q.word) {
    case BINLOG_WORD_BEGIN:
    case BINLOG_WORD_XA_START:
        return feed_begin(t);
    case BINLOG_WORD_XA_COMMIT:
    case BINLOG_WORD_XA_ROLLBACK:
        forget_xa(t, &q.xid);
        t->xid = q.xid;
        return closes(t);
    case BINLOG_WORD_XA_PREPARE:
        return note_xa(t, &q.xid, e) ? -1 : closes(t);
    case BINLOG_WORD_COMMIT:
    case BINLOG_WORD_ROLLBACK:
        return closes(t);
    case BINLOG_WORD_SAVEPOINT:
    case BINLOG_WORD_XA_END:
    case BINLOG_WORD_OTHER:
        break;
    }
    return t->state == TRX_STATE_BODY ? TRX_CONTINUES : closes(t);
}

static int feed_xa_prepare(struct trx_scan *t, const struct binlog_event *ev, struct err *e)
{
    struct binlog_xid xid;
    int one_phase;

    if (binlog_read_xa_prepare(ev, &xid, &one_phase, e))
        return -1;
    if (!one_phase && note_xa(t, &xid, e))
        return -1;
    return closes(t);
}

/* A part of a transaction; without one in hand the scan began amid it. */
static int feed_part(struct trx_scan *t)
{
    return t->is_open ? continues(t, TRX_STATE_BODY) : opens(t, TRX_STATE_BODY, 0);
}

/* A variable or the data of a LOAD: bound to the statement that follows. */
static int feed_bound(struct trx_scan *t)
{
    return t->is_open ? TRX_CONTINUES : opens(t, TRX_STATE_BOUND, 1);
}

/* A statement that ends what it stands in, unless a COMMIT is to follow. */
static int feed_statement(struct trx_scan *t)
{
    return t->state == TRX_STATE_BODY ? TRX_CONTINUES : closes(t);
}

/* The master began a log when it started, not when it rotated: what was open has no end. */
static int feed_format(struct trx_scan *t, const struct binlog_event *ev, struct err *e)
{
    struct binlog_format format;

    if (ev->flags & BINLOG_FLAG_RELAY_LOG || !t->is_open)
        return TRX_OUTSIDE;
    if (binlog_read_format(ev, &format, e))
        return -1;
    if (format.created)
        abandon(t);
    return TRX_OUTSIDE;
}

int trx_feed(struct trx_scan *t, const struct binlog_event *ev, struct err *e)
{
    t->abandoned = 0;
    if (binlog_type_is_rows(ev->type))
        return feed_part(t);
    switch (ev->type) {
    case BINLOG_GTID:
    case BINLOG_ANONYMOUS_GTID:
    case BINLOG_GTID_TAGGED:
    case BINLOG_MARIA_GTID:
        return feed_gtid(t, ev, e);
    case BINLOG_QUERY:
        return feed_query(t, ev, e);
    case BINLOG_XID:
        return closes(t);
    case BINLOG_XA_PREPARE:
        return feed_xa_prepare(t, ev, e);
    case BINLOG_FORMAT:
        return feed_format(t, ev, e);
    case BINLOG_TRANSACTION_PAYLOAD:
    case BINLOG_EXECUTE_LOAD_QUERY:
    case BINLOG_MARIA_QUERY_COMPRESSED:
    case BINLOG_INCIDENT:
        return feed_statement(t);
    case BINLOG_INTVAR:
    case BINLOG_RAND:
    case BINLOG_USER_VAR:
    case BINLOG_BEGIN_LOAD_QUERY:
    case BINLOG_APPEND_BLOCK:
    case BINLOG_DELETE_FILE:
        return feed_bound(t);
    case BINLOG_ROWS_QUERY:
    case BINLOG_MARIA_ANNOTATE:
    case BINLOG_VIEW_CHANGE:
    case BINLOG_TRANSACTION_CONTEXT:
        return t->is_open ? TRX_CONTINUES : opens(t, TRX_STATE_BODY, 0);
    default:
        return TRX_OUTSIDE;
    }
}
