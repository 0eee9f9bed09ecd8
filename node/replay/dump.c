/* Sends the spooled events as a master would; see replay.h. Coordinates are those of the dead
 * master's log. What was measured on servers: every stretch begins with an artificial Rotate in the
 * checksum algorithm of the stretch before it, then the format event with log_pos 0, which bridges
 * what no host has (heads of files) on MySQL, whose IO thread counts bytes. */
#include "common/crc32.h"
#include "node/binlog/bytes.h"
#include "node/binlog/made.h"
#include "node/replay/replay.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WINDOW_BYTES   (256u * 1024)
#define FORMAT_FLAGS   0x61u /* in use, artificial, of a relay log: none of them is the master's */
#define FORMAT_CREATED (BINLOG_HEADER_BYTES + 52u)
#define FORMAT_MAX     512u
#define IDLE_MS        10000

struct dump {
    struct replay_session *s;
    const struct replay_dump *ask;
    const struct extract_piece *piece;
    enum binlog_checksum checksum; /* that the replica expects now */
    int is_announced;              /* the next event follows the one sent before it */
    int is_skipping;               /* by GTID: the replica has this transaction */
    char file[BINPOS_FILE_BYTES];  /* announced last */
    uint64_t at;                   /* in that file, of the next event */
    unsigned char *window;
    uint64_t window_at;
    size_t window_len;
};

/* `need` bytes (a window at most) of the spool at an offset. */
static const unsigned char *look(struct dump *d, uint64_t offset, size_t need, struct err *e)
{
    if (offset < d->window_at || offset + need > d->window_at + d->window_len) {
        ssize_t n = pread(d->piece->fd, d->window, WINDOW_BYTES, (off_t)offset);

        d->window_at = offset;
        d->window_len = n > 0 ? (size_t)n : 0;
    }
    if (offset + need <= d->window_at + d->window_len)
        return d->window + (offset - d->window_at);
    err_set(e, ERR_FORMAT, "the spool ends within an event");
    return NULL;
}

static int send_event(struct dump *d, const unsigned char *event, size_t len, struct err *e)
{
    struct packet_conn *c = &d->s->conn;

    return packet_begin(c, len + 1, e) || packet_write(c, "", 1, e) ||
                   packet_write(c, event, len, e)
               ? -1
               : 0;
}

static int send_rotate(struct dump *d, const struct binpos *to, struct err *e)
{
    unsigned char event[BINLOG_MADE_ROTATE_MAX];

    return send_event(d, event, binlog_make_rotate(event, d->s->r->ask.server_id, to, d->checksum),
                      e);
}

/* The creation time tells that the master has restarted (temporary tables are gone), and log_pos
 * that the file is sent from its beginning: both belong there only. */
enum format_is { FORMAT_AMID, FORMAT_NEXT_FILE, FORMAT_WHOLE_FILE };

static int send_format(struct dump *d, enum format_is is, struct err *e)
{
    const struct extract_piece *p = d->piece;
    unsigned char event[FORMAT_MAX];
    size_t len = p->format_event_len;

    if (len > sizeof(event) || len < FORMAT_CREATED + 5 + BINLOG_CHECKSUM_BYTES)
        return err_set(e, ERR_FORMAT, "a format event of %zu bytes", len);
    memcpy(event, p->format_event, len);
    bytes_put32(event + 5, d->s->r->ask.server_id);
    if (is != FORMAT_WHOLE_FILE)
        bytes_put32(event + 13, 0);
    event[17] &= (unsigned char)~FORMAT_FLAGS;
    if (is == FORMAT_AMID)
        bytes_put32(event + FORMAT_CREATED, 0);
    if (p->format->knows_checksum)
        bytes_put32(event + len - BINLOG_CHECKSUM_BYTES,
                    crc32_add(0, event, len - BINLOG_CHECKSUM_BYTES));
    d->checksum = p->checksum;
    return send_event(d, event, len, e);
}

/* By GTID a master sends its files from their beginning, and so does this: MySQL 9.7, while its
 * applier runs, takes nothing else for the end of a transaction that it had received in part, and
 * dies of the next one (seen: std::bad_alloc). */
static int announce(struct dump *d, const char *file, uint64_t pos, struct err *e)
{
    enum format_is is = FORMAT_AMID;
    struct binpos to;

    if (strcmp(d->file, file) != 0)
        is = d->ask->by_gtid ? FORMAT_WHOLE_FILE : d->file[0] ? FORMAT_NEXT_FILE : FORMAT_AMID;
    if (is == FORMAT_WHOLE_FILE)
        pos = BINLOG_MAGIC_BYTES;
    to.pos = pos;
    snprintf(to.file, sizeof(to.file), "%s", file);
    if (send_rotate(d, &to, e) || send_format(d, is, e))
        return -1;
    snprintf(d->file, sizeof(d->file), "%s", file);
    d->is_announced = 1;
    return 0;
}

/* Positions in events have 32 bits: the nearest one behind `start` is meant. */
static uint64_t end_of(const struct binlog_event *ev, uint64_t start)
{
    uint64_t end = (start & ~(uint64_t)UINT32_MAX) | ev->log_pos;

    if (ev->log_pos == 0)
        return start + ev->length;
    return end <= start ? end + ((uint64_t)1 << 32) : end;
}

static int is_gtid(unsigned type)
{
    return type == BINLOG_GTID || type == BINLOG_GTID_TAGGED || type == BINLOG_MARIA_GTID ||
           type == BINLOG_ANONYMOUS_GTID;
}

static int has_gtid(const struct gtid_set *have, const struct binlog_gtid *g)
{
    struct gtid_range id = g->id;
    struct gtid_set one = {.range = &id, .count = 1};

    if (g->kind != BINLOG_GTID_MYSQL && g->kind != BINLOG_GTID_MARIADB)
        return 0;
    one.kind = g->kind == BINLOG_GTID_MYSQL ? GTID_MYSQL : GTID_MARIADB;
    return gtid_contains(have, &one);
}

/* 1: this event is not for the replica; 0; -1. */
static int skip_by_gtid(struct dump *d, struct binlog_event *ev, struct err *e)
{
    size_t len = ev->length - BINLOG_HEADER_BYTES;
    struct binlog_gtid g;

    if (!is_gtid(ev->type))
        return d->is_skipping;
    if (d->piece->checksum == BINLOG_CHECKSUM_CRC32 && len >= BINLOG_CHECKSUM_BYTES)
        len -= BINLOG_CHECKSUM_BYTES;
    if (len > BINLOG_PEEK_BYTES)
        return err_set(e, ERR_FORMAT, "a GTID event of %u bytes", ev->length);
    ev->body = look(d, ev->offset + BINLOG_HEADER_BYTES, len, e);
    if (!ev->body)
        return -1;
    ev->body_length = ev->body_seen = (uint32_t)len;
    if (binlog_read_gtid(ev, &g, NULL, e))
        return -1;
    d->is_skipping = has_gtid(&d->ask->have, &g);
    return d->is_skipping;
}

static int skip_by_position(const struct dump *d, uint64_t end, struct err *e)
{
    struct binpos begin = d->piece->start;

    begin.pos = d->at;
    if (binpos_cmp(&begin, &d->ask->from) >= 0)
        return 0;
    if (strcmp(begin.file, d->ask->from.file) == 0 && end > d->ask->from.pos)
        return err_set(e, ERR_WORLD, "%s:%" PRIu64 " is not where an event begins",
                       d->ask->from.file, d->ask->from.pos);
    return 1;
}

/* The event as it is, in as many windows as it takes. */
static int send_raw(struct dump *d, const struct binlog_event *ev, struct err *e)
{
    struct packet_conn *c = &d->s->conn;
    uint64_t offset = ev->offset, left = ev->length;

    if (packet_begin(c, left + 1, e) || packet_write(c, "", 1, e))
        return -1;
    while (left > 0) {
        size_t n = left < WINDOW_BYTES ? (size_t)left : WINDOW_BYTES;
        const unsigned char *p = look(d, offset, n, e);

        if (!p || packet_write(c, p, n, e))
            return -1;
        offset += n;
        left -= n;
    }
    atomic_fetch_add(&d->s->r->sent, ev->length);
    return 0;
}

static int take_event(struct dump *d, struct binlog_event *ev, uint64_t end, struct err *e)
{
    int skip = d->ask->by_gtid ? skip_by_gtid(d, ev, e) : skip_by_position(d, end, e);

    if (skip < 0)
        return -1;
    if (skip) {
        d->is_announced = 0;
        return 0;
    }
    if (!d->is_announced && announce(d, d->piece->start.file, d->at, e))
        return -1;
    return send_raw(d, ev, e);
}

static int send_piece(struct dump *d, const struct extract_piece *p, struct err *e)
{
    uint64_t offset = p->offset, stop = p->offset + p->length;

    d->piece = p;
    d->window_len = 0;
    d->at = p->start.pos;
    if (p->jump)
        d->is_announced = 0;
    while (offset < stop) {
        const unsigned char *head = look(d, offset, BINLOG_HEADER_BYTES, e);
        struct binlog_event ev = {.offset = offset};
        uint64_t end;

        if (!head)
            return -1;
        binlog_header(head, &ev);
        if (ev.length < BINLOG_HEADER_BYTES || ev.length > stop - offset)
            return err_set(e, ERR_FORMAT, "an event of %u bytes in the spool", ev.length);
        end = end_of(&ev, d->at);
        if (take_event(d, &ev, end, e))
            return -1;
        d->at = end;
        offset += ev.length;
    }
    return 0;
}

/* Nobody is given a log with a hole in it: what lies before the extract must be there already. */
static int check_gap(const struct replay_session *s, const struct replay_dump *ask, struct err *e)
{
    const struct replay_ask *a = &s->r->ask;
    char from[BINPOS_FILE_BYTES + 24], there[BINPOS_FILE_BYTES + 24];

    if (ask->by_gtid != a->by_gtid)
        return err_set(e, ERR_WORLD, "the replica asks by %s, what is served is known by %s",
                       ask->by_gtid ? "GTID" : "position", a->by_gtid ? "GTID" : "position");
    if (ask->by_gtid && !gtid_contains(&ask->have, &a->have))
        return err_set(e, ERR_WORLD, "the replica has less than what the events served build on");
    if (!ask->by_gtid && binpos_cmp(&ask->from, &a->after) < 0)
        return err_set(e, ERR_WORLD, "asked for %s, but what is served begins at %s",
                       binpos_print(&ask->from, from, sizeof(from)),
                       binpos_print(&a->after, there, sizeof(there)));
    return 0;
}

static int send_heartbeat(struct dump *d, struct err *e)
{
    unsigned char event[BINLOG_HEADER_BYTES + BINPOS_FILE_BYTES + BINLOG_CHECKSUM_BYTES];
    size_t n = strlen(d->file);
    struct binlog_made made = {.type = BINLOG_HEARTBEAT,
                               .server_id = d->s->r->ask.server_id,
                               .log_pos = (uint32_t)d->at,
                               .len = BINLOG_HEADER_BYTES + n};

    if (n == 0 || d->at > UINT32_MAX)
        return 0;
    memcpy(event + BINLOG_HEADER_BYTES, d->file, n);
    return send_event(d, event, binlog_make(event, &made, d->checksum), e) ||
                   packet_flush(&d->s->conn, e)
               ? -1
               : 0;
}

/* The connection stays open: the replica would come back at once. */
static int stay(struct dump *d, struct err *e)
{
    struct pollfd p = {.fd = d->s->conn.in_fd, .events = POLLIN};
    int64_t ms = d->s->heartbeat_ns / 1000000;
    int rc;

    if (d->ask->flags & 1)
        return packet_eof(&d->s->conn, e) || packet_flush(&d->s->conn, e) ? -1 : 0;
    if (ms < 1 || ms > IDLE_MS)
        ms = IDLE_MS;
    while ((rc = poll(&p, 1, (int)ms)) == 0 || (rc < 0 && errno == EINTR))
        if (rc == 0 && send_heartbeat(d, e))
            return -1;
    return 0;
}

int replay_dump_run(struct replay_session *s, const struct replay_dump *ask, struct err *e)
{
    struct dump d = {.s = s, .ask = ask, .checksum = (enum binlog_checksum)s->r->first_checksum};
    struct extract_piece piece;
    int rc = check_gap(s, ask, e);

    if (rc)
        return rc;
    d.window = mem_alloc(WINDOW_BYTES);
    atomic_store(&s->r->state, REPLAY_SERVING);
    atomic_store(&s->r->sent, 0);
    stream_rewind(s->r->stream);
    while ((rc = stream_next(s->r->stream, &piece, e)) > 0)
        if (send_piece(&d, &piece, e)) {
            rc = -1;
            break;
        }
    if (rc == 0)
        rc = packet_flush(&s->conn, e);
    if (rc == 0) {
        atomic_store(&s->r->state, REPLAY_SERVED);
        rc = stay(&d, e);
    }
    free(d.window);
    return rc;
}
