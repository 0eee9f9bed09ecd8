/* Extracts for t/binlog.t: binlogs|relay-logs FILE:POS|GTIDS LOG... prints one line:
 * transactions, raw bytes, first and last coordinate, CRC of the bytes, the GTID set. With
 * "refused" and the reason in its place when there is a gap. */
#include "common/crc32.h"
#include "node/extract/extract.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint32_t sum_of(const struct extract_piece *piece, uint32_t crc)
{
    static char bytes[1 << 20];
    uint64_t done = 0;

    while (done < piece->length) {
        uint64_t left = piece->length - done;
        ssize_t n = pread(piece->fd, bytes, left < sizeof(bytes) ? (size_t)left : sizeof(bytes),
                          (off_t)(piece->offset + done));

        if (n <= 0)
            return 0;
        crc = crc32_add(crc, bytes, (size_t)n);
        done += (uint64_t)n;
    }
    return crc;
}

static void print(const struct extract_report *report, uint32_t crc)
{
    char first[BINPOS_FILE_BYTES + 24], end[BINPOS_FILE_BYTES + 24];
    struct buf set = BUF_INIT;

    gtid_print(&report->gtids, &set);
    printf("%llu %llu %s %s %08x %s\n", (unsigned long long)report->transactions,
           (unsigned long long)report->bytes, binpos_print(&report->first, first, sizeof(first)),
           binpos_print(&report->end, end, sizeof(end)), crc, set.len ? set.data : "-");
    buf_release(&set);
}

int main(int argc, char **argv)
{
    struct extract_files files = EXTRACT_FILES_INIT;
    struct gtid_set have = GTID_INIT;
    struct extract_ask ask = {.files = &files, .have = &have};
    struct extract_report report;
    struct extract_piece piece;
    struct err e = {0};
    uint32_t crc = 0;
    struct extract *x;
    int rc = 1;

    if (argc < 4)
        return 2;
    if (strcmp(argv[1], "relay-logs") == 0)
        ask.kind = EXTRACT_RELAY_LOGS;
    for (int i = 3; i < argc; i++)
        extract_files_add(&files, argv[i], -1, &e);
    ask.by_gtid = binpos_parse(argv[2], &ask.after, NULL) != 0 || !strchr(argv[2], '.');
    if (ask.by_gtid && gtid_parse(&have, argv[2], &e))
        return 2;
    x = extract_open(&ask, &report, &e);
    while (x && rc > 0 && (rc = extract_next(x, &piece, &e)) > 0)
        crc = sum_of(&piece, crc);
    if (!x || rc < 0)
        printf("refused: %s\n", e.text);
    else
        print(&report, crc);
    extract_close(x);
    extract_report_release(&report);
    gtid_release(&have);
    extract_files_release(&files);
    return 0;
}
