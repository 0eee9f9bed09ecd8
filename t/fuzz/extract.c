/* Fuzz target: any bytes as two logs of a list, asked by position and by GTID, as binlogs and as
 * relay logs. The first byte says where the bytes are parted. What is handed out must lie within
 * the files. */
#include "node/extract/extract.h"
#include "node/extract/summary.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t len);

static int memory_file(const unsigned char *bytes, size_t len)
{
    int fd = memfd_create("log", MFD_CLOEXEC);

    if (fd < 0 || pwrite(fd, bytes, len, 0) != (ssize_t)len)
        abort();
    return fd;
}

static void ask(const struct extract_ask *a, size_t len)
{
    struct extract_report report;
    struct extract_piece piece;
    struct extract *x = extract_open(a, &report, NULL);
    uint64_t bytes = 0;

    while (x && extract_next(x, &piece, NULL) > 0) {
        if (piece.offset + piece.length > len || piece.length == 0)
            abort();
        bytes += piece.length;
    }
    if (x && bytes > report.bytes)
        abort();
    extract_close(x);
    extract_report_release(&report);
}

static void ask_all(const struct extract_files *files, size_t len)
{
    struct gtid_set none = GTID_INIT, some = GTID_INIT;
    struct summary s;
    struct extract_ask a = {.kind = EXTRACT_BINLOGS, .files = files, .have = &none};

    memcpy(a.after.file, "mbin.000001", 12);
    a.after.pos = 4;
    ask(&a, len);
    a.kind = EXTRACT_RELAY_LOGS;
    ask(&a, len);
    a.by_gtid = 1;
    ask(&a, len);
    a.kind = EXTRACT_BINLOGS;
    ask(&a, len);
    if (gtid_parse(&some, "0-71-5", NULL) == 0) {
        a.have = &some;
        ask(&a, len);
    }
    summary_read(files, &none, 1, &s, NULL);
    summary_release(&s);
    gtid_release(&some);
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t len)
{
    struct extract_files files = EXTRACT_FILES_INIT;
    size_t first;
    int a, b;

    if (len < 1)
        return 0;
    first = (len - 1) * bytes[0] / 255;
    a = memory_file(bytes + 1, first);
    b = memory_file(bytes + 1 + first, len - 1 - first);
    extract_files_add(&files, "mbin.000001", a, NULL);
    extract_files_add(&files, "mbin.000002", b, NULL);
    ask_all(&files, len);
    extract_files_release(&files);
    close(a);
    close(b);
    return 0;
}
