/* Event by event: which are wanted, which transactions are whole; see extract.h. */
#include "node/extract/state.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Where an event lies in the master's log. */
struct place {
    struct binpos start;
    uint64_t end;
    struct binpos before; /* relay logs: where the walk was */
    int before_is_exact;
    struct relay_place relay;
};

int extract_open_file(struct extract *x, size_t i, int verify, struct err *e)
{
    const char *path = extract_files_path(x->ask.files, i);
    int fd = extract_files_fd(x->ask.files, i);

    binlog_close(&x->r);
    x->file = i;
    x->format_offset = BINLOG_MAGIC_BYTES;
    if (fd < 0)
        return binlog_open(&x->r, path, verify, e);
    return binlog_open_fd(&x->r, fd, verify, e) ? err_wrap(e, "%s", path) : 0;
}

static size_t name_index(struct extract *x, const char *name)
{
    char bytes[BINPOS_FILE_BYTES] = "";
    size_t count = x->names.len / sizeof(bytes);

    if (count && strcmp(x->names.data + (count - 1) * sizeof(bytes), name) == 0)
        return count - 1;
    snprintf(bytes, sizeof(bytes), "%s", name);
    buf_add(&x->names, bytes, sizeof(bytes));
    return count;
}

static struct extract_range *last_range(const struct buf *b)
{
    if (b->len == 0)
        return NULL;
    return (struct extract_range *)(void *)(b->data + b->len - sizeof(struct extract_range));
}

static int touches(const struct extract_range *a, const struct extract_range *b)
{
    return a && a->file == b->file && a->name == b->name && a->offset + a->length == b->offset &&
           a->end_pos == b->start && a->format_offset == b->format_offset;
}

static void add_range(struct buf *to, const struct extract_range *r)
{
    struct extract_range *last = last_range(to);

    if (!touches(last, r)) {
        buf_add(to, r, sizeof(*r));
        return;
    }
    last->length += r->length;
    last->end_pos = r->end_pos;
    last->events += r->events;
    last->transactions += r->transactions;
}

/* In relay logs an event inside of a transaction begins where the one before ended: there is no
 * hole in a transaction, and lengths are not always those of the master's log. */
static void add_event(struct extract *x, const struct binlog_event *ev, const struct place *at)
{
    struct extract_range one = {
        .file = x->file,
        .name = name_index(x, at->start.file),
        .offset = ev->offset,
        .length = ev->length,
        .start = at->start.pos,
        .end_pos = at->end,
        .format_offset = x->format_offset,
        .events = 1,
    };
    const struct extract_range *last = last_range(&x->open);

    if (last && x->ask.kind == EXTRACT_RELAY_LOGS)
        one.start = last->end_pos;
    add_range(&x->open, &one);
}

/* The open transaction is whole: what is wanted of it is ready. */
static void commit(struct extract *x, const struct place *at)
{
    struct extract_range *r = (struct extract_range *)(void *)x->open.data;
    size_t count = x->open.len / sizeof(*r);
    struct extract_report *report = x->report;

    if (count == 0)
        return;
    r[count - 1].transactions++;
    if (!report->first.file[0]) {
        snprintf(report->first.file, sizeof(report->first.file), "%s",
                 x->names.data + r->name * BINPOS_FILE_BYTES);
        report->first.pos = r->start;
    }
    for (size_t i = 0; i < count; i++) {
        report->bytes += r[i].length;
        report->events += r[i].events;
        add_range(&x->ready, &r[i]);
    }
    report->transactions++;
    report->end = at->start;
    report->end.pos = at->end;
    x->from = report->end;
    if (x->trx.gtid.kind == BINLOG_GTID_MYSQL || x->trx.gtid.kind == BINLOG_GTID_MARIADB)
        gtid_add(&report->gtids, &x->trx.gtid.id);
    buf_clear(&x->open);
}

static int key_cmp(const struct gtid_range *a, const struct gtid_range *b)
{
    int d = memcmp(a->uuid, b->uuid, sizeof(a->uuid));

    return d ? d : strcmp(a->tag, b->tag);
}

/* The range of s that holds id, or NULL. */
static const struct gtid_range *range_of(const struct gtid_set *s, const struct gtid_range *id)
{
    size_t low = 0, high = s ? s->count : 0;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        const struct gtid_range *r = &s->range[mid];
        int d = key_cmp(r, id);

        if (d == 0 && r->first <= id->first && id->first <= r->last)
            return r;
        if (d < 0 || (d == 0 && r->last < id->first))
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

/* 1: the asker lacks the transaction that has just been opened. */
static int gtid_is_wanted(struct extract *x, const struct place *at, struct err *e)
{
    const struct binlog_gtid *g = &x->trx.gtid;
    const struct gtid_range *has;
    char where[BINPOS_FILE_BYTES + 24];
    enum gtid_kind kind = g->kind == BINLOG_GTID_MARIADB ? GTID_MARIADB : GTID_MYSQL;

    if (!x->trx.has_opening)
        return 0;
    if (g->kind != BINLOG_GTID_MYSQL && g->kind != BINLOG_GTID_MARIADB)
        return err_set(e, ERR_WORLD,
                       "the transaction at %s has no GTID; only a position tells who lacks it",
                       binpos_print(&at->start, where, sizeof(where)));
    if (x->ask.have->count && x->ask.have->kind != kind)
        return err_set(e, ERR_WORLD, "the GTID set asked with is of the other server family");
    has = range_of(x->ask.have, &g->id);
    if (has && kind == GTID_MARIADB && has->last == g->id.last && has->server_id &&
        has->server_id != g->id.server_id)
        return err_set(
            e, ERR_WORLD, "the histories parted: transaction %llu at %s is of server %u, not %u",
            (unsigned long long)g->id.last, binpos_print(&at->start, where, sizeof(where)),
            g->id.server_id, has->server_id);
    return !has && !range_of(&x->report->gtids, &g->id);
}

/* A hole that comes with a connection is a gap, unless it is the room of what a master writes at
 * the head of a file and MySQL's IO thread does not write down. */
static int covers(const struct extract *x, const struct place *at)
{
    int head = !x->r.format.is_mariadb && at->before.pos <= BINLOG_FORMAT_MAX &&
               x->trx.gtid.kind != BINLOG_GTID_MYSQL;

    if (at->relay.exact_start && binpos_cmp(&at->start, &x->ask.after) == 0)
        return 1;
    if (!at->before_is_exact || binpos_cmp(&at->before, &x->ask.after) > 0 || at->relay.gap)
        return 0;
    return !at->relay.hole || !at->relay.connected || head;
}

static int refuse_gap(struct extract *x, const struct place *at, struct err *e)
{
    char asked[BINPOS_FILE_BYTES + 24], there[BINPOS_FILE_BYTES + 24];

    x->report->available = at->start;
    return err_set(e, ERR_WORLD, "asked for what follows %s, but what there is begins at %s",
                   binpos_print(&x->ask.after, asked, sizeof(asked)),
                   binpos_print(&at->start, there, sizeof(there)));
}

/* 1: wanted. By position each event is asked, since the asker may stand inside of a transaction. */
static int is_wanted(struct extract *x, int role, const struct place *at, struct err *e)
{
    char where[BINPOS_FILE_BYTES + 24];

    if (x->ask.by_gtid) {
        int wanted = x->is_wanted;

        if (role == TRX_OPENS || role == TRX_WHOLE)
            wanted = gtid_is_wanted(x, at, e);
        x->is_wanted = wanted > 0;
        return wanted;
    }
    if (role == TRX_OPENS || role == TRX_WHOLE)
        x->has_passed_rough = 0;
    if (binpos_cmp(&at->start, &x->from) < 0) {
        x->has_passed_rough |= at->relay.rough;
        return 0;
    }
    if (x->has_passed_rough)
        return err_set(e, ERR_WORLD,
                       "asked for a place inside of a transaction whose events do not say where "
                       "they lie; it begins at %s",
                       binpos_print(&x->opened, where, sizeof(where)));
    if (!x->is_covered && !covers(x, at))
        return refuse_gap(x, at, e);
    x->is_covered = 1;
    return 1;
}

/* A Rotate or the head of a file may lead past the coordinate asked for: behind the last
 * transaction of a file, that is the beginning of the next one. */
static void note_passed(struct extract *x, const struct place *at)
{
    if (!x->ask.by_gtid && at->before_is_exact && at->before.file[0] && !x->walk.jumped &&
        binpos_cmp(&at->before, &x->ask.after) <= 0 && binpos_cmp(&x->walk.at, &x->ask.after) > 0)
        x->is_covered = 1;
}

/* The head of a part tells where its file began, which is not where the part begins. */
static void join(struct extract *x)
{
    if (binpos_cmp(&x->walk.at, &x->joint) <= 0) {
        relay_set(&x->walk, &x->joint);
        x->walk.connected = x->walk.jumped = 0;
    }
}

/* Only what belongs to files may lie between two parts: it takes up room in the master's log. */
static int check_joint(const struct extract *x, const struct binlog_event *ev,
                       const struct place *at, struct err *e)
{
    char ends[BINPOS_FILE_BYTES + 24], begins[BINPOS_FILE_BYTES + 24];
    int joins = at->relay.rough || binpos_cmp(&at->start, &at->before) == 0 ||
                (at->before.pos == BINLOG_MAGIC_BYTES && at->start.pos > at->before.pos);

    if (joins && !at->relay.gap)
        return 0;
    return err_set(e, ERR_WORLD,
                   "the event at %llu is that at %s of the master, and does not join %s",
                   (unsigned long long)ev->offset, binpos_print(&at->start, begins, sizeof(begins)),
                   binpos_print(&x->joint, ends, sizeof(ends)));
}

/* Relay logs: 1 if a part of the master's log, with its place. */
static int find_place(struct extract *x, const struct binlog_event *ev, struct place *at,
                      struct err *e)
{
    int role;

    memset(at, 0, sizeof(*at));
    if (x->ask.kind == EXTRACT_BINLOGS) {
        snprintf(at->start.file, sizeof(at->start.file), "%s",
                 extract_files_name(x->ask.files, x->file));
        at->start.pos = ev->offset;
        at->end = ev->offset + ev->length;
        return 1;
    }
    if (x->is_in_head && !binlog_type_is_head(ev->type))
        join(x);
    at->before = x->walk.at;
    at->before_is_exact = x->walk.is_exact;
    role = relay_feed(&x->walk, ev, &x->r.format, &at->relay, e);
    if (role == RELAY_SKIP)
        note_passed(x, at);
    if (role != RELAY_EVENT)
        return role < 0 ? -1 : 0;
    at->start = x->walk.at;
    at->start.pos = at->relay.start;
    at->end = at->relay.end;
    if (x->is_in_head && check_joint(x, ev, at, e))
        return -1;
    x->is_in_head = 0;
    return 1;
}

static void note_opening(struct extract *x, const struct binlog_event *ev, const struct place *at)
{
    x->opened = at->start;
    x->opened_file = x->file;
    x->opened_offset = ev->offset;
    x->is_wanted = 0;
}

static void drop_open(struct extract *x)
{
    x->report->abandoned += x->open.len > 0;
    buf_clear(&x->open);
}

/* 1: nothing from here on is wanted: `until`, or a gap in what the replica received. */
static int ends_before(struct extract *x, int role, const struct place *at)
{
    int begins = role == TRX_OPENS || role == TRX_WHOLE;

    if (!x->ask.by_gtid && x->is_covered && at->relay.gap) {
        x->report->has_gap = 1;
        return 1;
    }
    return begins && !x->ask.by_gtid && x->ask.until.file[0] &&
           binpos_cmp(&at->start, &x->ask.until) >= 0;
}

/* By GTID only headers are read up to the first transaction that is wanted; from its first event on
 * check sums count. */
static int read_again(struct extract *x, const struct binlog_event *ev)
{
    trx_reset(&x->trx);
    x->r.next = ev->offset;
    x->r.verify = x->is_verifying = 1;
    return 1;
}

static int take(struct extract *x, const struct binlog_event *ev, struct err *e)
{
    struct place at;
    int role, wanted, is_masters = find_place(x, ev, &at, e);

    if (is_masters < 0)
        return -1;
    if (ev->type == BINLOG_FORMAT)
        x->format_offset = ev->offset;
    /* That of a part's head tells of the start of a server that was long before. */
    if (!is_masters && (ev->type != BINLOG_FORMAT || x->is_in_head))
        return 1;
    role = trx_feed(&x->trx, ev, e);
    if (role < 0)
        return -1;
    if (x->trx.abandoned)
        drop_open(x);
    if (role == TRX_OUTSIDE)
        return 1;
    if (role == TRX_OPENS || role == TRX_WHOLE)
        note_opening(x, ev, &at);
    if (ends_before(x, role, &at)) {
        trx_reset(&x->trx);
        buf_clear(&x->open);
        return 0;
    }
    wanted = is_wanted(x, role, &at, e);
    if (wanted < 0)
        return -1;
    if (wanted && !x->r.verify)
        return read_again(x, ev);
    if (wanted)
        add_event(x, ev, &at);
    if (role == TRX_CLOSES || role == TRX_WHOLE)
        commit(x, &at);
    return 1;
}

/* Sizes of what was not handed out, from a place in file i on. */
static uint64_t bytes_from(const struct extract *x, size_t i, uint64_t offset)
{
    uint64_t bytes = 0;

    for (; i < extract_files_count(x->ask.files); i++, offset = 0) {
        struct binlog_reader r = BINLOG_READER_INIT;
        int fd = extract_files_fd(x->ask.files, i);

        if (i == x->file)
            bytes += x->r.size > offset ? x->r.size - offset : 0;
        else if ((fd < 0 ? binlog_open(&r, extract_files_path(x->ask.files, i), 0, NULL)
                         : binlog_open_fd(&r, fd, 0, NULL)) == 0)
            bytes += r.size > offset ? r.size - offset : 0;
        binlog_close(&r);
    }
    return bytes;
}

/* What lies behind the last complete transaction, if that is more than the tail of a file. */
static int finish(struct extract *x)
{
    struct extract_report *report = x->report;
    int is_bad = x->r.end.kind != BINLOG_END_CLEAN && x->r.end.kind != BINLOG_END_OPEN;

    if (x->ask.kind == EXTRACT_RELAY_LOGS)
        report->reached = x->walk.at;

    if (is_bad || report->bad.kind == BINLOG_END_OPEN) {
        report->bad = x->r.end;
        snprintf(report->bad_file, sizeof(report->bad_file), "%s",
                 extract_files_name(x->ask.files, x->file));
    }
    if (x->trx.is_open && x->trx.has_opening) {
        report->is_cut = 1;
        report->cut = x->opened;
        report->cut_gtid = x->trx.gtid;
        report->cut_bytes = bytes_from(x, x->opened_file, x->opened_offset);
    } else if (is_bad || x->trx.is_open) {
        report->is_cut = 1;
        report->cut_bytes = bytes_from(x, x->file, x->r.end.offset);
        if (x->ask.kind == EXTRACT_RELAY_LOGS) {
            report->cut = x->walk.at;
        } else {
            snprintf(report->cut.file, sizeof(report->cut.file), "%s",
                     extract_files_name(x->ask.files, x->file));
            report->cut.pos = x->r.end.offset;
        }
    }
    return 0;
}

/* Of a vault the file before may be another than the one that this one followed. */
static void go_to_begin(struct extract *x)
{
    const struct binpos *begin = extract_files_begin(x->ask.files, x->file);
    int further = x->walk.is_exact && binpos_cmp(begin, &x->walk.at) > 0;

    if (!begin->file[0])
        return;
    relay_set(&x->walk, begin);
    x->walk.jumped = further;
}

/* In a server's own log no transaction passes the end of a file, and a torn end in front of another
 * file is what a crash left there. In relay logs transactions do pass it. */
static int next_file(struct extract *x, struct err *e)
{
    enum binlog_end_kind kind = x->r.end.kind;

    if (x->file + 1 >= extract_files_count(x->ask.files) ||
        (kind != BINLOG_END_CLEAN && kind != BINLOG_END_TORN))
        return finish(x);
    if (kind == BINLOG_END_TORN && x->report->bad.kind == BINLOG_END_OPEN) {
        x->report->bad = x->r.end;
        snprintf(x->report->bad_file, sizeof(x->report->bad_file), "%s",
                 extract_files_name(x->ask.files, x->file));
    }
    if (x->ask.kind == EXTRACT_BINLOGS) {
        drop_open(x);
        trx_reset(&x->trx);
    }
    if (extract_open_file(x, x->file + 1, x->is_verifying, e))
        return -1;
    if (x->ask.overlaps)
        go_to_begin(x);
    x->is_in_head = x->ask.parts;
    x->joint = x->walk.at;
    return 1;
}

int extract_pump(struct extract *x, struct err *e)
{
    struct binlog_event ev;
    int rc = binlog_next(&x->r, &ev, e);

    if (rc > 0)
        rc = take(x, &ev, e);
    else if (rc == 0)
        rc = next_file(x, e);
    if (rc < 0)
        return err_wrap(e, "%s", extract_files_path(x->ask.files, x->file));
    x->is_done |= rc == 0;
    return rc;
}
