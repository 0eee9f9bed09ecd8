/* Where an extract begins, and whether there is a gap before it; see extract.h. */
#include "node/extract/state.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static size_t count_of(const struct extract *x)
{
    return extract_files_count(x->ask.files);
}

static const char *name_of(const struct extract *x, size_t i)
{
    return extract_files_name(x->ask.files, i);
}

/* All files from i on are there, and none is missing between them. */
static int check_files(const struct extract *x, size_t i, struct err *e)
{
    for (size_t first = i; i < count_of(x); i++) {
        if (extract_files_fd(x->ask.files, i) < 0 &&
            access(extract_files_path(x->ask.files, i), R_OK) != 0)
            return err_errno(e, ERR_IO, "cannot read %s", extract_files_path(x->ask.files, i));
        if (i > first && !x->ask.overlaps && !x->ask.parts &&
            binpos_number(name_of(x, i)) > binpos_number(name_of(x, i - 1)) + 1)
            return err_set(e, ERR_WORLD, "between %s and %s a log file is missing",
                           name_of(x, i - 1), name_of(x, i));
    }
    return 0;
}

/* Why a file that must be readable from its beginning is not: encrypted, foreign. */
static int check_readable(const struct extract *x, struct err *e)
{
    enum binlog_end_kind kind = x->r.end.kind;

    if (kind == BINLOG_END_ENCRYPTED || kind == BINLOG_END_FOREIGN)
        return err_set(e, ERR_FORMAT, "%s: %s", extract_files_path(x->ask.files, x->file),
                       x->r.end.why);
    return 0;
}

static int read_head(struct extract *x, size_t i, struct binlog_head *head, struct err *e)
{
    memset(head, 0, sizeof(*head));
    if (extract_open_file(x, i, 1, e))
        return -1;
    if (binlog_read_head(&x->r, head, e) || check_readable(x, e)) {
        binlog_head_release(head);
        return err_wrap(e, "%s", extract_files_path(x->ask.files, i));
    }
    return 0;
}

/* The first byte of a log that can be handed out. */
static int note_available(struct extract *x, size_t i, struct err *e)
{
    struct binlog_head head;

    if (read_head(x, i, &head, e))
        return -1;
    snprintf(x->report->available.file, sizeof(x->report->available.file), "%s", name_of(x, i));
    x->report->available.pos = head.first;
    gtid_copy(&x->report->before, &head.gtids);
    binlog_head_release(&head);
    return 0;
}

/* The number of the file named, or the number of files. */
static size_t find_file(const struct extract *x, const char *name)
{
    size_t i = 0;

    while (i < count_of(x) && strcmp(name_of(x, i), name) != 0)
        i++;
    return i;
}

/* What the event at the reader's place says about whether a transaction is open there: 1 yes, 0 no,
 * 2: only what stands before it can tell. */
static int stands_inside(struct binlog_reader *r, struct err *e)
{
    struct binlog_event ev;
    struct trx_scan t;
    uint64_t here = r->next;
    int rc = binlog_next(r, &ev, e), role, is_begin, is_part, inside = 2;

    if (rc <= 0)
        return rc;
    trx_init(&t);
    role = trx_feed(&t, &ev, e);
    is_begin = role == TRX_OPENS && t.has_opening && t.state == TRX_STATE_BODY;
    is_part = role == TRX_OPENS && !t.has_opening;
    if (role == TRX_OUTSIDE || t.gtid.kind != BINLOG_GTID_NONE || is_begin)
        inside = 0;
    else if (is_part || ev.type == BINLOG_XID || ev.type == BINLOG_XA_PREPARE)
        inside = 1;
    trx_release(&t);
    r->next = here;
    memset(&r->end, 0, sizeof(r->end));
    return role < 0 ? -1 : inside;
}

/* Reads from the beginning of the file up to where the reader stands, for the state there. */
static int scan_up_to(struct extract *x, uint64_t offset, struct err *e)
{
    struct binlog_event ev;
    int rc = 1;

    x->r.next = BINLOG_MAGIC_BYTES;
    x->r.verify = 0;
    while (x->r.next < offset && (rc = binlog_next(&x->r, &ev, e)) > 0) {
        int role = trx_feed(&x->trx, &ev, e);

        if (role < 0)
            return -1;
        if (role == TRX_OPENS) {
            snprintf(x->opened.file, sizeof(x->opened.file), "%s", name_of(x, x->file));
            x->opened.pos = x->opened_offset = ev.offset;
            x->opened_file = x->file;
        }
    }
    x->r.verify = 1;
    if (rc < 0)
        return -1;
    if (x->r.next == offset)
        return 0;
    return err_set(e, ERR_WORLD, "no event begins or ends at %llu", (unsigned long long)offset);
}

/* Events behind the place are parts of the transaction in which it lies. */
static int prepare_state(struct extract *x, uint64_t offset, struct err *e)
{
    int inside = stands_inside(&x->r, e);

    if (inside < 0)
        return -1;
    if (inside == 2)
        return scan_up_to(x, offset, e);
    if (inside == 0)
        return 0;
    x->trx.is_open = 1;
    x->trx.state = TRX_STATE_BODY;
    return 0;
}

static int begin_at(struct extract *x, size_t i, struct err *e)
{
    const struct binpos *after = &x->ask.after;
    uint64_t offset = after->pos < BINLOG_MAGIC_BYTES ? BINLOG_MAGIC_BYTES : after->pos;

    if (extract_open_file(x, i, 1, e))
        return -1;
    if (binlog_seek(&x->r, offset, e) || check_readable(x, e))
        return err_wrap(e, "%s", extract_files_path(x->ask.files, i));
    x->is_covered = 1;
    return prepare_state(x, offset, e);
}

static int begin_binlog_position(struct extract *x, struct err *e)
{
    size_t i = find_file(x, x->ask.after.file);
    char asked[BINPOS_FILE_BYTES + 24], there[BINPOS_FILE_BYTES + 24];

    binpos_print(&x->ask.after, asked, sizeof(asked));
    if (note_available(x, 0, e))
        return -1;
    if (i == count_of(x))
        return err_set(e, ERR_WORLD, "asked for what follows %s, but what there is begins at %s%s",
                       asked, binpos_print(&x->report->available, there, sizeof(there)),
                       binpos_cmp(&x->ask.after, &x->report->available) > 0
                           ? " and ends before that file"
                           : "");
    return check_files(x, i, e) || begin_at(x, i, e) ? -1 : 0;
}

/* The last file before which the asker has everything; the number of files if there is none. */
static int find_by_gtid(struct extract *x, size_t *found, struct err *e)
{
    size_t i = count_of(x);

    *found = i;
    while (i-- > 0 && *found == count_of(x)) {
        struct binlog_head head;

        if (read_head(x, i, &head, e))
            return -1;
        if (head.has_gtids && gtid_contains(x->ask.have, &head.gtids))
            *found = i;
        binlog_head_release(&head);
    }
    return 0;
}

static int refuse_set(const struct gtid_set *missing, struct err *e)
{
    struct buf text = BUF_INIT;

    gtid_print(missing, &text);
    err_set(e, ERR_WORLD,
            "%llu transactions are missing between what the asker has and what there "
            "is: %.200s%s",
            (unsigned long long)gtid_count(missing), text.data, text.len > 200 ? "..." : "");
    buf_release(&text);
    return -1;
}

/* What the first file presupposes and the asker lacks. */
static int refuse_before(struct extract *x, struct err *e)
{
    struct gtid_set missing = GTID_INIT;

    gtid_minus(&missing, &x->report->before, x->ask.have);
    if (missing.count)
        refuse_set(&missing, e);
    else
        err_set(e, ERR_WORLD, "%s does not say which transactions went before it", name_of(x, 0));
    gtid_release(&missing);
    return -1;
}

static int begin_binlog_gtid(struct extract *x, struct err *e)
{
    size_t i;

    if (note_available(x, 0, e) || find_by_gtid(x, &i, e))
        return -1;
    if (i == count_of(x))
        return refuse_before(x, e);
    return check_files(x, i, e) || extract_open_file(x, i, 0, e) ? -1 : 0;
}

/* The name of the master's file at the beginning of relay log i, which no event there tells: the
 * master's own Rotate further on names the next one, and the replica's status may name this one. */
static int name_before(const char *next, char *out, struct err *e)
{
    int64_t number = binpos_number(next);
    const char *dot = strrchr(next, '.');

    if (number < 2 || !dot)
        return err_set(e, ERR_WORLD, "nothing tells the master's file at the beginning");
    snprintf(out, BINPOS_FILE_BYTES, "%.*s.%06lld", (int)(dot - next), next, (long long)number - 1);
    return 0;
}

/* 1: ev tells it, or shows that it need not be known; 0: not yet; -1: it cannot be known. */
static int tells_name(struct extract *x, const struct binlog_event *ev, int *seen_event,
                      struct err *e)
{
    struct binlog_rotate to;
    const struct binpos *begin = extract_files_begin(x->ask.files, x->file);
    int is_hint = strcmp(name_of(x, x->file), x->ask.relay_file) == 0 && x->ask.relay_at.file[0] &&
                  ev->offset + ev->length >= x->ask.relay_pos;

    if (begin->file[0] && !*seen_event) {
        snprintf(x->walk.at.file, sizeof(x->walk.at.file), "%s", begin->file);
        return 1;
    }
    if (is_hint) {
        snprintf(x->walk.at.file, sizeof(x->walk.at.file), "%s", x->ask.relay_at.file);
        x->walk.at.pos = x->ask.relay_at.pos & ~(uint64_t)UINT32_MAX;
        return 1;
    }
    if (ev->flags & BINLOG_FLAG_RELAY_LOG)
        return 0;
    if (ev->type != BINLOG_ROTATE) {
        *seen_event |= ev->type != BINLOG_FORMAT;
        return 0;
    }
    if (!*seen_event)
        return 1;
    if (ev->flags & BINLOG_FLAG_ARTIFICIAL)
        return err_set(e, ERR_WORLD, "nothing tells the master's file at the beginning");
    if (binlog_read_rotate(ev, &to, e))
        return -1;
    return name_before(to.file, x->walk.at.file, e) ? -1 : 1;
}

static int resolve_name(struct extract *x, size_t i, struct err *e)
{
    struct binlog_event ev;
    int seen = 0, told = 0, rc = 1;

    if (x->ask.parts) {
        relay_set(&x->walk, &x->ask.after);
        return 0;
    }

    for (size_t at = i; told == 0 && at < count_of(x); at++) {
        if (extract_open_file(x, at, 0, e))
            return -1;
        while (told == 0 && (rc = binlog_next(&x->r, &ev, e)) > 0)
            told = tells_name(x, &ev, &seen, e);
        if (rc < 0)
            return -1;
    }
    if (told == 0 && seen)
        told = err_set(e, ERR_WORLD, "nothing tells the master's file at the beginning");
    if (told < 0 && x->ask.by_gtid) {
        /* A replica that is told GTIDs does not care for names. */
        snprintf(x->walk.at.file, sizeof(x->walk.at.file), "unknown.000001");
        told = 0;
    }
    return told < 0 ? err_wrap(e, "%s", extract_files_path(x->ask.files, i)) : 0;
}

/* 1: the head of relay log i says that it begins at or before the place asked for. */
static int begins_before(struct extract *x, size_t i, struct err *e)
{
    struct binlog_event ev;
    struct binlog_rotate to;
    struct binpos at = {.pos = 0};
    int rc;

    if (extract_open_file(x, i, 1, e))
        return -1;
    while ((rc = binlog_next(&x->r, &ev, e)) > 0) {
        if (ev.flags & BINLOG_FLAG_RELAY_LOG || ev.type == BINLOG_FORMAT)
            continue;
        if (ev.type != BINLOG_ROTATE || !(ev.flags & BINLOG_FLAG_ARTIFICIAL))
            return 0;
        if (binlog_read_rotate(&ev, &to, e))
            return -1;
        snprintf(at.file, sizeof(at.file), "%s", to.file);
        at.pos = to.pos;
        return binpos_cmp(&at, &x->ask.after) <= 0;
    }
    return rc;
}

/* Something must be ready, or nothing be left, before the first piece: then a gap is known. */
static int prime(struct extract *x, struct err *e)
{
    char asked[BINPOS_FILE_BYTES + 24], there[BINPOS_FILE_BYTES + 24];
    int rc = 1;

    while (rc > 0 && x->ready.len == 0 && x->open.len == 0)
        rc = extract_pump(x, e);
    if (rc < 0)
        return -1;
    if (rc > 0 || x->is_covered || binpos_cmp(&x->walk.at, &x->ask.after) == 0)
        return 0;
    return err_set(e, ERR_WORLD, "asked for what follows %s, but what there is ends at %s",
                   binpos_print(&x->ask.after, asked, sizeof(asked)),
                   binpos_print(&x->walk.at, there, sizeof(there)));
}

static int begin_relay_position(struct extract *x, struct err *e)
{
    size_t i = x->ask.overlaps || x->ask.parts || !x->ask.after.file[0] ? 0 : count_of(x);
    int before = 0;

    x->is_covered = !x->ask.after.file[0];
    while (i > 0 && before == 0)
        before = begins_before(x, --i, e);
    if (before < 0)
        return err_wrap(e, "%s", extract_files_path(x->ask.files, i));
    if (check_files(x, i, e) || resolve_name(x, i, e) || extract_open_file(x, i, 1, e))
        return -1;
    if (binlog_seek(&x->r, BINLOG_MAGIC_BYTES, e) || check_readable(x, e))
        return -1;
    if (extract_files_begin(x->ask.files, i)->file[0])
        relay_set(&x->walk, extract_files_begin(x->ask.files, i));
    x->is_in_head = x->ask.parts;
    x->joint = x->ask.after;
    return prime(x, e);
}

static int begin_relay_gtid(struct extract *x, struct err *e)
{
    size_t i;

    if (find_by_gtid(x, &i, e))
        return -1;
    if (i == count_of(x) || x->ask.overlaps)
        i = 0;
    return check_files(x, i, e) || resolve_name(x, i, e) || extract_open_file(x, i, 0, e) ? -1 : 0;
}

/* What is found must join what the asker has: without `whole` by the numbers under each key. */
static int check_joins(struct extract *x, const struct gtid_set *found, struct err *e)
{
    struct gtid_set missing = GTID_INIT, all = GTID_INIT;
    int rc = 0;

    gtid_copy(&all, x->ask.have);
    gtid_union(&all, found);
    if (x->ask.whole) {
        gtid_minus(&missing, x->ask.whole, &all);
    } else {
        for (size_t i = 0; i < found->count; i++) {
            struct gtid_range low = found->range[i];
            struct gtid_set one = {found->kind, &low, 1, 0};
            struct gtid_set lack = GTID_INIT;

            low.first = 1;
            gtid_minus(&lack, &one, &all);
            gtid_union(&missing, &lack);
            gtid_release(&lack);
        }
    }
    if (missing.count)
        rc = refuse_set(&missing, e);
    gtid_release(&missing);
    gtid_release(&all);
    return rc;
}

/* Goes through all of it once without handing out anything. */
static int try_all(struct extract *x, struct err *e)
{
    struct extract_report report;
    struct extract_ask ask = x->ask;
    struct extract_piece piece;
    struct extract *trial;
    int rc = 1;

    ask.whole = NULL;
    trial = extract_open_trial(&ask, &report, e);
    while (trial && rc > 0)
        rc = extract_next(trial, &piece, e);
    if (!trial)
        rc = -1;
    if (rc == 0)
        rc = check_joins(x, &report.gtids, e);
    extract_close(trial);
    extract_report_release(&report);
    return rc;
}

int extract_begin(struct extract *x, struct err *e)
{
    int rc;

    if (count_of(x) == 0)
        return err_set(e, ERR_WORLD, "there are no logs");
    if (!x->ask.by_gtid)
        return x->ask.kind == EXTRACT_BINLOGS ? begin_binlog_position(x, e)
                                              : begin_relay_position(x, e);
    rc = x->ask.kind == EXTRACT_BINLOGS ? begin_binlog_gtid(x, e) : begin_relay_gtid(x, e);
    if (rc == 0 && !x->is_trial && (x->ask.whole || x->ask.kind == EXTRACT_RELAY_LOGS))
        rc = try_all(x, e);
    return rc;
}
