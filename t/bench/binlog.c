/* The bars of the binary log reader, on a log of small row transactions that is made here from real
 * events: t/bench/reader calls it. make FILE GIGABYTES | headers FILE | verify FILE |
 * find FILE (the extract of what follows a coordinate near the end) | walk FILE (the same without
 * check sums to prove the place). Prints seconds, MB/s and peak memory. */
#include "common/crc32.h"
#include "common/file.h"
#include "node/binlog/bytes.h"
#include "node/extract/extract.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define WRITE_BYTES (8u * 1024 * 1024)

static double now_s(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double cpu_s(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void report(const char *what, uint64_t bytes, uint64_t events, double began, double cpu)
{
    struct rusage use;
    double s = now_s() - began;

    getrusage(RUSAGE_SELF, &use);
    cpu = cpu_s() - cpu;
    printf("%s: %.3f s, cpu %.3f s, %.0f MB/s of cpu, %llu events, %ld KB peak\n", what, s, cpu,
           (double)bytes / 1e6 / cpu, (unsigned long long)events, use.ru_maxrss);
}

/* Appends the seed's event with the log_pos and check sum of its new place. */
static void put_event(struct buf *out, const char *event, uint32_t len, uint64_t at)
{
    unsigned char *to;

    buf_add(out, event, len);
    to = (unsigned char *)out->data + out->len - len;
    bytes_put32(to + 13, (uint32_t)(at + len));
    bytes_put32(to + len - 4, crc32_add(0, to, len - 4));
}

/* The first row transactions of the seed, over and over. */
static int make(const char *seed_path, const char *path, uint64_t size, struct err *e)
{
    struct buf seed = BUF_INIT, out = BUF_INIT;
    struct binlog_reader r;
    struct binlog_event ev;
    uint64_t begin = 0, end = 0, at;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int has_rows = 0;

    if (fd < 0 || file_read(seed_path, &seed, WRITE_BYTES, e) || binlog_open(&r, seed_path, 1, e))
        return -1;
    while (binlog_next(&r, &ev, e) > 0 && !(has_rows && end)) {
        if (ev.type == BINLOG_GTID || ev.type == BINLOG_MARIA_GTID)
            begin = ev.offset;
        has_rows |= ev.type == BINLOG_WRITE_ROWS || ev.type == BINLOG_WRITE_ROWS_V1;
        if (ev.type == BINLOG_XID && has_rows)
            end = ev.offset + ev.length;
    }
    at = r.format_length + BINLOG_MAGIC_BYTES;
    buf_add(&out, seed.data, (size_t)at);
    while (at < size) {
        for (uint64_t o = begin; o < end;) {
            uint32_t len = bytes_le32((unsigned char *)seed.data + o + 9);

            put_event(&out, seed.data + o, len, at);
            at += len;
            o += len;
        }
        if (out.len >= WRITE_BYTES) {
            if (file_write_all(fd, out.data, out.len, e))
                return -1;
            buf_clear(&out);
        }
    }
    binlog_close(&r);
    return file_write_all(fd, out.data, out.len, e) || close(fd);
}

static int read_all(const char *path, int verify, struct err *e)
{
    struct binlog_reader r;
    struct binlog_event ev;
    double began = now_s(), cpu = cpu_s();
    uint64_t events = 0;
    int rc;

    if (binlog_open(&r, path, verify, e))
        return -1;
    while ((rc = binlog_next(&r, &ev, e)) > 0)
        events++;
    report(verify ? "verify" : "headers", r.next, events, began, cpu);
    rc |= r.end.kind != BINLOG_END_CLEAN;
    binlog_close(&r);
    return rc;
}

/* Goes to the last event but one, the hard way or the quick one. */
static int walk(const char *path, struct err *e)
{
    struct binlog_reader r;
    struct stat st;
    double began = now_s(), cpu = cpu_s();
    int rc;

    if (stat(path, &st) || binlog_open(&r, path, 0, e))
        return -1;
    r.next = BINLOG_MAGIC_BYTES;
    rc = binlog_seek(&r, (uint64_t)st.st_size - 3, e);
    report("walk", (uint64_t)st.st_size, 0, began, cpu);
    binlog_close(&r);
    return rc == -1 && e->code == ERR_WORLD ? 0 : -1;
}

/* The last transaction's beginning is found by walking, then asked for. */
static int find(const char *path, const char *at, struct err *e)
{
    struct extract_files files = EXTRACT_FILES_INIT;
    struct extract_ask ask = {.kind = EXTRACT_BINLOGS, .files = &files};
    struct extract_report told;
    struct extract_piece piece;
    struct extract *x;
    double began = now_s(), cpu = cpu_s();
    uint64_t bytes = 0;
    int rc;

    if (extract_files_add(&files, path, -1, e))
        return -1;
    snprintf(ask.after.file, sizeof(ask.after.file), "%s", extract_files_name(&files, 0));
    ask.after.pos = strtoull(at, NULL, 10);
    x = extract_open(&ask, &told, e);
    if (!x)
        return -1;
    while ((rc = extract_next(x, &piece, e)) > 0)
        bytes += piece.length;
    report("find", bytes, told.transactions, began, cpu);
    extract_close(x);
    extract_report_release(&told);
    extract_files_release(&files);
    return rc;
}

int main(int argc, char **argv)
{
    struct err e = {0};
    int rc = -1;

    if (argc == 5 && strcmp(argv[1], "make") == 0)
        rc = make(argv[2], argv[3], (uint64_t)(strtod(argv[4], NULL) * 1e9), &e);
    else if (argc == 3 && strcmp(argv[1], "headers") == 0)
        rc = read_all(argv[2], 0, &e);
    else if (argc == 3 && strcmp(argv[1], "verify") == 0)
        rc = read_all(argv[2], 1, &e);
    else if (argc == 3 && strcmp(argv[1], "walk") == 0)
        rc = walk(argv[2], &e);
    else if (argc == 4 && strcmp(argv[1], "find") == 0)
        rc = find(argv[2], argv[3], &e);
    if (rc)
        fprintf(stderr, "binlog: %s\n", e.code ? e.text : "failed");
    return rc != 0;
}
