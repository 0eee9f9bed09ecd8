/* Extracts out of the logs of four servers (t/fuzz/seeds): by position and by GTID, from binlogs
 * and from relay logs, torn, with gaps, and as streams. */
#include "node/extract/extract.h"
#include "common/crc32.h"
#include "common/file.h"
#include "node/extract/stream.h"
#include "node/extract/summary.h"
#include "t/tap.h"

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#define SEEDS "t/fuzz/seeds"

static const char *const servers[] = {"mariadb", "mariadb11", "mysql56", "mysql9"};

/* What came out of an extract. */
struct got {
    int rc; /* 0; -1 refused or failed */
    uint64_t bytes, transactions, pieces;
    uint32_t crc; /* of all raw events */
    struct binpos first, end;
    int is_cut, coordinates_join;
    struct err e;
};

static void add_bytes(struct got *g, const struct extract_piece *piece)
{
    char *bytes = mem_alloc((size_t)piece->length);

    if (pread(piece->fd, bytes, (size_t)piece->length, (off_t)piece->offset) ==
        (ssize_t)piece->length)
        g->crc = crc32_add(g->crc, bytes, (size_t)piece->length);
    free(bytes);
    g->bytes += piece->length;
    g->pieces++;
}

static struct got run(const struct extract_ask *ask, struct gtid_set *gtids)
{
    struct got g = {.coordinates_join = 1};
    struct extract_report report;
    struct extract_piece piece;
    struct binpos at = {.pos = 0};
    struct extract *x = extract_open(ask, &report, &g.e);

    g.rc = x ? 1 : -1;
    while (g.rc > 0 && (g.rc = extract_next(x, &piece, &g.e)) > 0) {
        add_bytes(&g, &piece);
        g.coordinates_join &= binpos_cmp(&at, &piece.start) <= 0 &&
                              (piece.jump || binpos_cmp(&at, &piece.start) == 0) &&
                              piece.format_event_len > 60;
        at = piece.start;
        at.pos = piece.end_pos;
    }
    g.transactions = report.transactions;
    g.first = x ? report.first : report.available;
    g.end = report.end;
    g.is_cut = report.is_cut;
    g.coordinates_join &= g.rc < 0 || g.bytes == report.bytes;
    if (gtids)
        gtid_copy(gtids, &report.gtids);
    extract_close(x);
    extract_report_release(&report);
    return g;
}

static void list(struct extract_files *f, const char *server, const char *prefix)
{
    char base[64];
    struct err e = {0};

    snprintf(base, sizeof(base), "%s-%s", server, prefix);
    if (extract_files_of_dir(f, SEEDS, base, &e))
        printf("# %s\n", e.text);
}

/* Ends of all transactions of a list, and whose they are. */
struct border {
    size_t file;
    uint64_t begin, end, bytes_behind;
    struct binlog_gtid gtid;
};

static struct border borders[512];
static size_t border_count;

static void find_borders(const struct extract_files *f)
{
    struct trx_scan trx;
    uint64_t begin = 0, bytes = 0;

    border_count = 0;
    trx_init(&trx);
    for (size_t i = 0; i < extract_files_count(f); i++) {
        struct binlog_reader r;
        struct binlog_event ev;

        if (binlog_open(&r, extract_files_path(f, i), 1, NULL))
            continue;
        while (binlog_next(&r, &ev, NULL) > 0 && border_count < 512) {
            int role = trx_feed(&trx, &ev, NULL);

            if (role == TRX_OPENS || role == TRX_WHOLE)
                begin = ev.offset;
            if (role == TRX_CLOSES || role == TRX_WHOLE) {
                bytes += r.next - begin;
                borders[border_count++] = (struct border){i, begin, r.next, bytes, trx.gtid};
            }
        }
        binlog_close(&r);
    }
    for (size_t k = 0; k < border_count; k++)
        borders[k].bytes_behind = bytes - borders[k].bytes_behind;
    trx_release(&trx);
}

static void set_after(struct extract_ask *ask, const char *file, uint64_t pos)
{
    snprintf(ask->after.file, sizeof(ask->after.file), "%s", file);
    ask->after.pos = pos;
}

/* After each transaction, and after each event inside of one. */
static void by_position(const char *server, const struct extract_files *f)
{
    struct extract_ask ask = {.kind = EXTRACT_BINLOGS, .files = f};
    int right = 1, inside = 1;

    for (size_t k = 0; k < border_count; k++) {
        struct got g;

        set_after(&ask, extract_files_name(f, borders[k].file), borders[k].end);
        g = run(&ask, NULL);
        right &= g.rc == 0 && g.bytes == borders[k].bytes_behind && g.coordinates_join &&
                 g.transactions == border_count - k - 1 && !g.is_cut;
        if (!right && right--)
            printf("# %s:%llu: %s\n", ask.after.file, (unsigned long long)ask.after.pos, g.e.text);
    }
    tap_ok(right == 1, "%s: what follows each of %zu transactions", server, border_count);
    for (size_t k = 0; k < border_count; k++) {
        struct binlog_reader r;
        struct binlog_event ev;

        if (binlog_open(&r, extract_files_path(f, borders[k].file), 1, NULL) ||
            binlog_seek(&r, borders[k].begin, NULL))
            inside = 0;
        while (binlog_next(&r, &ev, NULL) > 0 && r.next < borders[k].end) {
            struct got g;

            set_after(&ask, extract_files_name(f, borders[k].file), r.next);
            g = run(&ask, NULL);
            if (g.rc || g.bytes != borders[k].bytes_behind + borders[k].end - r.next)
                inside = 0;
        }
        binlog_close(&r);
    }
    tap_ok(inside, "%s: what follows each event inside of one", server);
}

static void by_gtid(const char *server, const struct extract_files *f)
{
    struct gtid_set have = GTID_INIT, got = GTID_INIT, twice = GTID_INIT;
    struct extract_ask ask = {.kind = EXTRACT_BINLOGS, .files = f, .by_gtid = 1, .have = &have};
    int right = 1;

    for (size_t k = 0; k < border_count; k++) {
        struct got g = run(&ask, &got);

        gtid_minus(&twice, &got, &have);
        right &= g.rc == 0 && g.transactions == border_count - k && g.coordinates_join &&
                 gtid_count(&got) == border_count - k && gtid_equal(&twice, &got);
        gtid_add(&have, &borders[k].gtid.id);
    }
    tap_ok(right, "%s: what lies outside of each of %zu sets", server, border_count);
    tap_ok(run(&ask, NULL).bytes == 0, "%s: nothing outside of the whole set", server);
    gtid_release(&have);
    gtid_release(&got);
    gtid_release(&twice);
}

/* A replica's relay logs hold the same events as its master's binlogs, byte by byte; but MariaDB's
 * are unpacked. */
static void relay_logs(const char *server, const struct extract_files *binlogs)
{
    struct extract_files relays = EXTRACT_FILES_INIT;
    struct extract_ask a = {.kind = EXTRACT_BINLOGS, .files = binlogs};
    struct extract_ask b = {.kind = EXTRACT_RELAY_LOGS, .files = &relays};
    int right = 1, same = 1, is_mariadb = strncmp(server, "mariadb", 7) == 0;

    list(&relays, server, "relay");
    for (size_t k = 0; k < border_count && right; k++) {
        const char *name = extract_files_name(binlogs, borders[k].file);
        struct got x, y;

        set_after(&a, name, borders[k].end);
        set_after(&b, strchr(name, '-') + 1, borders[k].end);
        x = run(&a, NULL);
        y = run(&b, NULL);
        right = y.rc == 0 && x.transactions == y.transactions && y.coordinates_join;
        same &= x.bytes == y.bytes && x.crc == y.crc;
        /* Where nothing follows, both are where they were. */
        right &= x.transactions == 0 || (x.end.pos == y.end.pos && x.first.pos == y.first.pos);
        if (!right)
            printf("# %s:%llu: %s: %llu and %llu transactions\n", name,
                   (unsigned long long)borders[k].end, y.e.text, (unsigned long long)x.transactions,
                   (unsigned long long)y.transactions);
    }
    tap_ok(right, "%s: relay logs after each of the master's coordinates", server);
    if (!is_mariadb)
        tap_ok(same, "%s: with the same bytes", server);
    set_after(&b, "mbin.000099", 4);
    tap_ok(run(&b, NULL).rc < 0, "%s: relay logs that end before the coordinate", server);
    set_after(&b, "mbin.000000", 4);
    tap_ok(run(&b, NULL).rc < 0, "%s: relay logs that begin behind it", server);
    extract_files_release(&relays);
}

/* The last file, shorter and shorter: the cut is the last transaction that is whole. */
static void torn(const char *server, const struct extract_files *f)
{
    struct extract_files two = EXTRACT_FILES_INIT;
    struct extract_ask ask = {.kind = EXTRACT_BINLOGS, .files = &two};
    struct buf log = BUF_INIT;
    char path[] = "/tmp/extract.XXXXXX";
    int fd = mkstemp(path), right = 1;
    const char *whole = extract_files_path(f, 0);

    if (fd < 0 || file_read(whole, &log, 1 << 20, NULL) ||
        pwrite(fd, log.data, log.len, 0) != (ssize_t)log.len)
        right = 0;
    extract_files_add(&two, extract_files_name(f, 0), fd, NULL);
    set_after(&ask, extract_files_name(f, 0), 4);
    for (size_t n = log.len; n > log.len - 5000 && right; n -= 7) {
        uint64_t want = 4;
        struct got g;

        for (size_t k = 0; k < border_count && borders[k].file == 0 && borders[k].end <= n; k++)
            want = borders[k].end;
        right = ftruncate(fd, (off_t)n) == 0;
        g = run(&ask, NULL);
        right &= g.rc == 0 && g.end.pos == want && (g.is_cut || n - want < 90);
        if (!right)
            printf("# cut at %zu: end %llu, not %llu: %s\n", n, (unsigned long long)g.end.pos,
                   (unsigned long long)want, g.e.text);
    }
    tap_ok(right, "%s: cut behind the last whole transaction", server);
    unlink(path);
    close(fd);
    buf_release(&log);
    extract_files_release(&two);
}

static void gaps(const char *server, const struct extract_files *f)
{
    struct extract_files later = EXTRACT_FILES_INIT, holed = EXTRACT_FILES_INIT;
    struct gtid_set none = GTID_INIT;
    struct extract_ask ask = {.kind = EXTRACT_BINLOGS, .files = &later, .have = &none};
    struct got g;

    for (size_t i = 1; i < extract_files_count(f); i++)
        extract_files_add(&later, extract_files_path(f, i), -1, NULL);
    for (size_t i = 0; i < extract_files_count(f); i += 2)
        extract_files_add(&holed, extract_files_path(f, i), -1, NULL);
    set_after(&ask, extract_files_name(f, 0), 4);
    g = run(&ask, NULL);
    tap_ok(g.rc < 0 && g.e.code == ERR_WORLD && g.first.pos > 4, "%s: a gap: %s", server, g.e.text);
    if (strcmp(server, "mysql56") != 0) {
        ask.by_gtid = 1;
        g = run(&ask, NULL);
        tap_ok(g.rc < 0 && g.e.code == ERR_WORLD, "%s: by GTID: %s", server, g.e.text);
        ask.by_gtid = 0;
    }
    ask.files = &holed;
    g = run(&ask, NULL);
    tap_ok(g.rc < 0 && g.e.code == ERR_WORLD, "%s: in the middle: %s", server, g.e.text);
    ask.files = f;
    set_after(&ask, extract_files_name(f, 0), 5);
    tap_ok(run(&ask, NULL).rc < 0, "%s: no event's border", server);
    set_after(&ask, extract_files_name(f, 0), 1 << 30);
    tap_ok(run(&ask, NULL).rc < 0, "%s: behind the end", server);
    extract_files_release(&later);
    extract_files_release(&holed);
}

static int into_buf(void *ctx, const void *bytes, size_t len, struct err *e)
{
    (void)e;
    buf_add(ctx, bytes, len);
    return 0;
}

static struct got run_stream(const char *path)
{
    struct got g = {.rc = -1};
    struct extract_piece piece;
    struct stream *s = stream_open(path, &g.e);

    while (s && (g.rc = stream_next(s, &piece, &g.e)) > 0) {
        add_bytes(&g, &piece);
        g.transactions += piece.transactions;
        g.end = piece.start;
        g.end.pos = piece.end_pos;
    }
    stream_close(s);
    return g;
}

static void streams(const char *server, const struct extract_files *f)
{
    struct extract_ask ask = {.kind = EXTRACT_BINLOGS, .files = f};
    struct extract_report report;
    struct buf bytes = BUF_INIT;
    unsigned char digest[STREAM_DIGEST_BYTES];
    char path[] = "/tmp/stream.XXXXXX";
    int fd = mkstemp(path), refused = 1;
    struct got a, b;
    struct extract *x;

    set_after(&ask, extract_files_name(f, 0), 4);
    a = run(&ask, NULL);
    x = extract_open(&ask, &report, NULL);
    tap_ok(x && stream_write(x, into_buf, &bytes, digest, NULL) == 0, "%s: a stream", server);
    extract_close(x);
    extract_report_release(&report);
    if (file_write_all(fd, bytes.data, bytes.len, NULL))
        printf("# cannot write %s\n", path);
    b = run_stream(path);
    tap_ok(b.rc == 0 && a.crc == b.crc && a.bytes == b.bytes && a.transactions == b.transactions &&
               a.pieces == b.pieces && binpos_cmp(&a.end, &b.end) == 0,
           "%s: is what was written", server);
    for (size_t at = 0; at < bytes.len; at += 97) {
        char bad = (char)(bytes.data[at] ^ 1);

        refused &= pwrite(fd, &bad, 1, (off_t)at) == 1 && run_stream(path).rc < 0 &&
                   pwrite(fd, bytes.data + at, 1, (off_t)at) == 1;
    }
    refused &= ftruncate(fd, (off_t)bytes.len - 1) == 0 && run_stream(path).rc < 0;
    tap_ok(refused, "%s: a bad byte or a missing one is refused", server);
    unlink(path);
    close(fd);
    buf_release(&bytes);
}

static void summaries(const char *server, const struct extract_files *f)
{
    struct gtid_set none = GTID_INIT;
    struct summary s;
    struct err e = {0};
    const struct border *last = &borders[border_count - 1];

    tap_ok(summary_read(f, &none, 1, &s, &e) == 0, "%s: a summary %s", server, e.text);
    tap_ok(s.last_trx.pos == last->end &&
               strcmp(s.last_trx.file, extract_files_name(f, last->file)) == 0 &&
               s.transactions == border_count && s.end.kind == BINLOG_END_CLEAN &&
               s.stop == SUMMARY_STOP_CRASH,
           "%s: its last transaction and their number", server);
    summary_release(&s);
}

static void touch(const char *dir, const char *name)
{
    char path[300];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    if (file_write_atomic(path, "", 0, 0600, NULL))
        printf("# cannot write %s\n", path);
}

static void lists(void)
{
    static const char *const names[] = {"mbin.1000000", "mbin.999999",     "mbin.000002",
                                        "mbin.index",   "mbin.000003.idx", "other.000001"};
    struct extract_files f = EXTRACT_FILES_INIT;
    char dir[] = "/tmp/files.XXXXXX", path[300];

    if (!mkdtemp(dir))
        return;
    for (size_t i = 0; i < 6; i++)
        touch(dir, names[i]);
    tap_ok(extract_files_of_dir(&f, dir, "mbin", NULL) == 0 && extract_files_count(&f) == 3,
           "a directory");
    tap_is(extract_files_name(&f, 1), "mbin.999999", "by number");
    tap_is(extract_files_name(&f, 2), "mbin.1000000", "not as text");
    extract_files_release(&f);
    snprintf(path, sizeof(path), "%s/mbin.index", dir);
    file_write_atomic(path, "./mbin.999999\n/elsewhere/mbin.1000000\n", 38, 0600, NULL);
    tap_ok(extract_files_of_index(&f, path, NULL, NULL) == 0 && extract_files_count(&f) == 2,
           "an index");
    tap_is(extract_files_path(&f, 1), "/elsewhere/mbin.1000000", "with absolute names");
    extract_files_release(&f);
    tap_ok(extract_files_of_index(&f, path, "/copy", NULL) == 0, "an index of another place");
    tap_is(extract_files_path(&f, 1), "/copy/mbin.1000000", "is looked for in the directory named");
    extract_files_release(&f);
    for (size_t i = 0; i < 6; i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        unlink(path);
    }
    rmdir(dir);
}

int main(void)
{
    for (size_t i = 0; i < sizeof(servers) / sizeof(*servers); i++) {
        struct extract_files f = EXTRACT_FILES_INIT;

        list(&f, servers[i], "mbin");
        find_borders(&f);
        by_position(servers[i], &f);
        if (strcmp(servers[i], "mysql56") != 0)
            by_gtid(servers[i], &f);
        relay_logs(servers[i], &f);
        torn(servers[i], &f);
        gaps(servers[i], &f);
        streams(servers[i], &f);
        summaries(servers[i], &f);
        extract_files_release(&f);
    }
    lists();
    return tap_done();
}
