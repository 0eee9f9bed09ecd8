/* The reader of binary logs over the logs of four servers (t/fuzz/seeds): every byte accounted for,
 * every cut, flipped bytes, zeros behind, events larger than the window, more than 4 GiB. */
#include "common/crc32.h"
#include "common/file.h"
#include "node/binlog/bytes.h"
#include "node/binlog/reader.h"
#include "node/binlog/trx.h"
#include "t/tap.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define SEEDS "t/fuzz/seeds"

/* What reading a log shows. */
struct seen {
    enum binlog_end_kind kind;
    uint64_t end, clean_end, bytes, last_event;
    int has_sums;
    size_t border_count;
    uint64_t borders[4096], clean[4096]; /* of events; the clean end as of there */
};

static struct seen full, cut;

static void look(const unsigned char *bytes, size_t len, struct seen *s)
{
    struct binlog_reader r;
    struct binlog_event ev;
    struct trx_scan trx;

    memset(s, 0, sizeof(*s));
    s->has_sums = 1;
    trx_init(&trx);
    binlog_open_bytes(&r, bytes, len, 1);
    s->clean_end = r.next;
    while (binlog_next(&r, &ev, NULL) > 0 && s->border_count < 4096) {
        if (trx_feed(&trx, &ev, NULL) < 0)
            break;
        s->bytes += ev.length;
        s->last_event = ev.offset;
        s->has_sums &= ev.has_checksum;
        if (!trx.is_open)
            s->clean_end = r.next;
        s->borders[s->border_count] = r.next;
        s->clean[s->border_count++] = s->clean_end;
    }
    s->kind = r.end.kind;
    s->end = r.end.offset;
    binlog_close(&r);
    trx_release(&trx);
}

/* Every length from 4 bytes on: where the log ends, and where its last transaction does. */
static int cuts_are_right(const unsigned char *bytes, size_t len)
{
    uint64_t border = 4, clean = 4;
    size_t next = 0;

    for (size_t n = 4; n <= len; n++) {
        if (next < full.border_count && full.borders[next] == n) {
            border = n;
            clean = full.clean[next++];
        }
        look(bytes, n, &cut);
        if (cut.end != border || cut.clean_end != clean ||
            cut.kind != (n == border ? BINLOG_END_CLEAN : BINLOG_END_TORN)) {
            printf("# cut at %zu: kind %d at %llu, clean end %llu\n", n, cut.kind,
                   (unsigned long long)cut.end, (unsigned long long)cut.clean_end);
            return 0;
        }
    }
    return 1;
}

/* A bad byte ends the reading at its event: as corrupt, or, in the last event, as torn. */
static int flips_are_seen(unsigned char *bytes, size_t len)
{
    for (size_t at = 4 + 18; at < len; at += 3) {
        bytes[at] ^= 0x5a;
        look(bytes, len, &cut);
        bytes[at] ^= 0x5a;
        if (cut.end > at || cut.kind == BINLOG_END_CLEAN ||
            (at < full.last_event && cut.kind == BINLOG_END_TORN)) {
            printf("# flipped at %zu: kind %d at %llu\n", at, cut.kind,
                   (unsigned long long)cut.end);
            return 0;
        }
    }
    return 1;
}

static int zeros_are_torn(const struct buf *log)
{
    struct buf more = BUF_INIT;
    int right = 1;

    for (size_t zeros = 1; zeros < 6000 && right; zeros += 77) {
        buf_clear(&more);
        buf_add(&more, log->data, log->len);
        buf_reserve(&more, zeros);
        memset(more.data + more.len, 0, zeros);
        look((unsigned char *)more.data, more.len + zeros, &cut);
        right = cut.kind == BINLOG_END_TORN && cut.end == log->len;
    }
    buf_release(&more);
    return right;
}

static void seed(const char *name)
{
    char path[300];
    struct buf log = BUF_INIT;
    struct err e = {0};

    snprintf(path, sizeof(path), SEEDS "/%s", name);
    if (file_read(path, &log, 1 << 20, &e))
        printf("# %s\n", e.text);
    look((unsigned char *)log.data, log.len, &full);
    tap_ok(log.len > 4 && full.kind == BINLOG_END_CLEAN && full.bytes + 4 == log.len,
           "%s: every byte is part of an event", name);
    tap_ok(cuts_are_right((unsigned char *)log.data, log.len), "%s: every cut", name);
    tap_ok(zeros_are_torn(&log), "%s: zeros behind it", name);
    if (full.has_sums)
        tap_ok(flips_are_seen((unsigned char *)log.data, log.len), "%s: bad bytes", name);
    buf_release(&log);
}

static void seeds(void)
{
    struct dirent **names;
    int n = scandir(SEEDS, &names, NULL, alphasort);

    tap_ok(n > 10, "there are seeds");
    for (int i = 0; i < n; i++) {
        if (names[i]->d_name[0] != '.')
            seed(names[i]->d_name);
        free(names[i]);
    }
    if (n >= 0)
        free(names);
}

static void magic(void)
{
    static const struct {
        const char *bytes;
        size_t len;
        enum binlog_end_kind kind;
        const char *name;
    } rows[] = {
        {"",                         0,  BINLOG_END_TORN,      "an empty file"        },
        {"\xfe"
         "bi",              3,  BINLOG_END_TORN,      "half a magic number"  },
        {BINLOG_MAGIC,               4,  BINLOG_END_CLEAN,     "only a magic number"  },
        {BINLOG_MAGIC_ENCRYPTED "x", 5,  BINLOG_END_ENCRYPTED, "MySQL's encrypted log"},
        {"# a text file",            13, BINLOG_END_FOREIGN,   "no log"               },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        look((const unsigned char *)rows[i].bytes, rows[i].len, &cut);
        tap_ok(cut.kind == rows[i].kind, "%s", rows[i].name);
    }
}

/* The head of a log whose events have check sums or not. */
static void head_of(const char *path, struct buf *out)
{
    struct binlog_reader r;
    struct binlog_event ev;
    struct err e = {0};

    if (binlog_open(&r, path, 1, &e) || binlog_next(&r, &ev, &e) <= 0)
        printf("# %s\n", e.text);
    buf_add(out, BINLOG_MAGIC, BINLOG_MAGIC_BYTES);
    buf_add(out, r.format_bytes, r.format_length);
    binlog_close(&r);
}

static void put_header(unsigned char *p, unsigned type, uint32_t len, uint64_t end)
{
    memset(p, 0, BINLOG_HEADER_BYTES);
    p[4] = (unsigned char)type;
    bytes_put32(p + 9, len);
    bytes_put32(p + 13, (uint32_t)end);
}

/* Events of sizes around the window's and beyond, with check sums, one byte of the last one bad. */
static void large_events(void)
{
    static const uint32_t sizes[] = {262143, 262144, 262145, 300000, 5000000, 40};
    struct buf log = BUF_INIT;
    struct binlog_reader r;
    struct binlog_event ev;
    int fd = memfd_create("log", MFD_CLOEXEC), n = 0;

    head_of(SEEDS "/mariadb-mbin.000001", &log);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        unsigned char *p;

        buf_reserve(&log, sizes[i]);
        p = (unsigned char *)log.data + log.len;
        memset(p, (int)i + 1, sizes[i]);
        put_header(p, BINLOG_APPEND_BLOCK, sizes[i], log.len + sizes[i]);
        bytes_put32(p + sizes[i] - 4, crc32_add(0, p, sizes[i] - 4));
        log.len += sizes[i];
    }
    tap_ok(pwrite(fd, log.data, log.len, 0) == (ssize_t)log.len, "a log of large events");
    tap_ok(binlog_open_fd(&r, fd, 1, NULL) == 0, "opened");
    while (binlog_next(&r, &ev, NULL) > 0)
        n++;
    tap_ok(n == 7 && r.end.kind == BINLOG_END_CLEAN, "events around and beyond the window's size");
    tap_ok(pwrite(fd, "x", 1, (off_t)log.len - 3000000) == 1, "a byte amid the large one");
    tap_ok(binlog_seek(&r, 4, NULL) == 0, "back to the beginning");
    for (n = 0; binlog_next(&r, &ev, NULL) > 0;)
        n++;
    tap_ok(n == 5 && r.end.kind == BINLOG_END_CORRUPT, "is noticed, without the window's help");
    tap_ok(binlog_seek(&r, log.len, NULL) == 0, "the end of the log is a place");
    tap_ok(binlog_seek(&r, log.len - 41, NULL) < 0, "the middle of an event is none");
    binlog_close(&r);
    close(fd);
    buf_release(&log);
}

/* Offsets do not wrap where log_pos does. The file is sparse. */
static void beyond_4_gib(void)
{
    struct buf log = BUF_INIT;
    struct binlog_reader r;
    struct binlog_event ev;
    FILE *f = tmpfile();
    int fd = f ? fileno(f) : -1, right = fd >= 0, n = 0;
    uint64_t at;

    head_of(SEEDS "/mysql56-mbin.000003", &log);
    right &= pwrite(fd, log.data, log.len, 0) == (ssize_t)log.len;
    at = log.len;
    for (int i = 0; i < 6; i++) {
        unsigned char header[BINLOG_HEADER_BYTES];

        put_header(header, BINLOG_WRITE_ROWS, 1u << 30, at + (1u << 30));
        right &= pwrite(fd, header, sizeof(header), (off_t)at) == (ssize_t)sizeof(header);
        at += 1u << 30;
    }
    right &= ftruncate(fd, (off_t)at) == 0;
    tap_ok(right, "a log of 6 GiB");
    tap_ok(binlog_open_fd(&r, fd, 1, NULL) == 0 && r.size == at, "opened");
    while (binlog_next(&r, &ev, NULL) > 0)
        n++;
    tap_ok(n == 7 && r.end.kind == BINLOG_END_CLEAN && r.next == at, "is read to its end");
    tap_ok(binlog_seek(&r, at - (1u << 30), NULL) == 0 && binlog_next(&r, &ev, NULL) > 0 &&
               ev.offset == at - (1u << 30),
           "a place beyond 4 GiB is found");
    binlog_close(&r);
    if (f)
        fclose(f);
    buf_release(&log);
}

static void words(void)
{
    static const struct {
        const char *text;
        enum binlog_word word;
    } rows[] = {
        {"BEGIN",                       BINLOG_WORD_BEGIN      },
        {"START TRANSACTION",           BINLOG_WORD_BEGIN      },
        {"BEGIN NOT ATOMIC SELECT 1",   BINLOG_WORD_OTHER      },
        {"COMMIT",                      BINLOG_WORD_COMMIT     },
        {"ROLLBACK",                    BINLOG_WORD_ROLLBACK   },
        {"ROLLBACK TO `s`",             BINLOG_WORD_SAVEPOINT  },
        {"SAVEPOINT `s`",               BINLOG_WORD_SAVEPOINT  },
        {"XA START X'61',X'',1",        BINLOG_WORD_XA_START   },
        {"XA COMMIT X'61',X'6263',7",   BINLOG_WORD_XA_COMMIT  },
        {"XA ROLLBACK X'61',X'',1",     BINLOG_WORD_XA_ROLLBACK},
        {"XA COMMIT X'6",               BINLOG_WORD_OTHER      },
        {"INSERT INTO t VALUES ('BEG)", BINLOG_WORD_OTHER      },
        {"",                            BINLOG_WORD_OTHER      },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        unsigned char body[128] = {0};
        size_t len = strlen(rows[i].text);
        struct binlog_event ev = {.type = BINLOG_QUERY, .body = body};
        struct binlog_query q;

        memcpy(body + 14, rows[i].text, len);
        ev.body_length = ev.body_seen = 14 + (uint32_t)len;
        tap_ok(binlog_read_query(&ev, &q, NULL) == 0 && q.word == rows[i].word, "\"%s\"",
               rows[i].text);
    }
}

static void sets(void)
{
    static const char *const texts[] = {
        "",
        "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5:7",
        "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5:7,4f22fa47-71ca-11e1-9e33-c80aa9429562:9",
        "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5:nightly:3-4:weekly_2:8",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct gtid_set s = GTID_INIT;
        struct buf bytes = BUF_INIT, text = BUF_INIT;
        struct err e = {0};

        gtid_parse(&s, texts[i], &e);
        binlog_write_gtid_set(&s, &bytes);
        tap_ok(binlog_read_gtid_set((unsigned char *)bytes.data, bytes.len, &s, &e) == 0,
               "a set of %zu bytes is read", bytes.len);
        gtid_print(&s, &text);
        tap_is(text.data, texts[i], "and is what was written");
        tap_ok(binlog_read_gtid_set((unsigned char *)bytes.data, bytes.len - 1, &s, &e) < 0,
               "a byte less is refused");
        gtid_release(&s);
        buf_release(&bytes);
        buf_release(&text);
    }
}

int main(void)
{
    seeds();
    magic();
    large_events();
    beyond_4_gib();
    words();
    sets();
    return tap_done();
}
