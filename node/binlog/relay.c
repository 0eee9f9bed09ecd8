/* The master's coordinates in relay logs; see relay.h. */
#include "node/binlog/relay.h"

#include <stdio.h>
#include <string.h>

void relay_init(struct relay_walk *w)
{
    memset(w, 0, sizeof(*w));
}

void relay_set(struct relay_walk *w, const struct binpos *at)
{
    w->at = *at;
    w->is_exact = 1;
}

static int is_next_file(const char *before, const char *after)
{
    struct binpos a = {.pos = 0}, b = {.pos = 0};

    snprintf(a.file, sizeof(a.file), "%s", before);
    snprintf(b.file, sizeof(b.file), "%s", after);
    return binpos_cmp(&a, &b) < 0 && binpos_number(after) == binpos_number(before) + 1;
}

/* log_pos has 32 bits; the rest is known from where the walk is. */
static uint64_t widen(uint64_t near, uint32_t log_pos)
{
    uint64_t pos = (near & ~(uint64_t)UINT32_MAX) | log_pos;

    return pos + UINT32_MAX / 2 < near ? pos + UINT32_MAX + 1 : pos;
}

/* A master's own Rotate ends its file. One that the sender or the IO thread made up tells where
 * what follows lies: behind a connection, at a change of files, and in the place of events that the
 * IO thread does not write down (MySQL 9: server_id 0, the same file). */
static int feed_rotate(struct relay_walk *w, const struct binlog_event *ev, struct err *e)
{
    struct binlog_rotate to;
    int same, made_up = ev->flags & BINLOG_FLAG_ARTIFICIAL || ev->server_id == 0 || !ev->log_pos;

    if (ev->flags & BINLOG_FLAG_RELAY_LOG)
        return RELAY_SKIP;
    if (binlog_read_rotate(ev, &to, e))
        return -1;
    same = strcmp(w->at.file, to.file) == 0;
    if (ev->flags & BINLOG_FLAG_ARTIFICIAL) {
        w->connected |= !same || to.pos != w->at.pos || !w->is_exact;
        w->jumped = w->at.file[0] && w->is_exact &&
                    (same ? to.pos > w->at.pos : !is_next_file(w->at.file, to.file) || to.pos > 4);
    }
    if (!same)
        snprintf(w->at.file, sizeof(w->at.file), "%s", to.file);
    if (!same || made_up)
        w->at.pos = to.pos;
    w->is_exact = 1;
    return RELAY_SKIP;
}

/* Heads of files take up room in the master's log without being a part of what is replicated. */
static int feed_head(struct relay_walk *w, const struct binlog_event *ev)
{
    uint64_t end = widen(w->at.pos, ev->log_pos);

    if (!(ev->flags & (BINLOG_FLAG_RELAY_LOG | BINLOG_FLAG_ARTIFICIAL)) && ev->log_pos &&
        w->is_exact && end > w->at.pos)
        w->at.pos = end;
    if (ev->type == BINLOG_FORMAT && ev->flags & BINLOG_FLAG_RELAY_LOG)
        w->own_id = ev->server_id;
    return RELAY_SKIP;
}

/* MariaDB's IO thread unpacks what was compressed, so that the length in the relay log is not that
 * in the master's log. GTIDs and COMMITs are never compressed. */
static int length_is_masters(const struct binlog_event *ev, const struct binlog_format *format)
{
    return !format->is_mariadb || !(ev->type == BINLOG_QUERY || binlog_type_is_rows(ev->type));
}

/* MariaDB 11.8 writes no log_pos into events inside of a transaction. Until the next event that has
 * one, the walk stands where the last one ended. */
static void feed_event(struct relay_walk *w, const struct binlog_event *ev,
                       const struct binlog_format *format, struct relay_place *out)
{
    memset(out, 0, sizeof(*out));
    out->end = ev->log_pos ? widen(w->at.pos, ev->log_pos) : w->at.pos;
    out->start = w->at.pos;
    if (ev->log_pos && length_is_masters(ev, format) && out->end >= ev->length) {
        out->start = out->end - ev->length;
        out->exact_start = 1;
    }
    out->rough = !ev->log_pos;
    out->hole = w->is_exact && !w->is_rough && out->start > w->at.pos;
    out->gap = w->jumped;
    out->connected = w->connected;
    w->connected = w->jumped = 0;
    w->at.pos = out->end;
    w->is_exact |= !out->rough;
    w->is_rough = out->rough;
}

int relay_feed(struct relay_walk *w, const struct binlog_event *ev,
               const struct binlog_format *format, struct relay_place *out, struct err *e)
{
    switch (ev->type) {
    case BINLOG_ROTATE:
        return feed_rotate(w, ev, e);
    case BINLOG_FORMAT:
    case BINLOG_PREVIOUS_GTIDS:
    case BINLOG_MARIA_GTID_LIST:
    case BINLOG_MARIA_CHECKPOINT:
    case BINLOG_MARIA_START_ENCRYPTION:
    case BINLOG_STOP:
    case BINLOG_HEARTBEAT:
    case BINLOG_HEARTBEAT_V2:
        return feed_head(w, ev);
    default:
        break;
    }
    if (ev->flags & BINLOG_FLAG_RELAY_LOG)
        return RELAY_SKIP;
    feed_event(w, ev, format, out);
    return RELAY_EVENT;
}
