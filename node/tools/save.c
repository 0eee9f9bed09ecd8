/* Events of several log files as one; see save.h. */
#include "node/tools/save.h"

#include "common/file.h"
#include "node/binlog/made.h"
#include "node/binlog/reader.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES (1u << 20)

static int copy(struct binlog_reader *r, uint64_t from, uint64_t to, int fd, struct err *e)
{
    char *chunk = mem_alloc(CHUNK_BYTES);
    int rc = 0;

    while (rc == 0 && from < to) {
        size_t n = to - from < CHUNK_BYTES ? (size_t)(to - from) : CHUNK_BYTES;

        rc = binlog_bytes(r, from, chunk, n, e) || file_write_all(fd, chunk, n, e) ? -1 : 0;
        from += n;
    }
    free(chunk);
    return rc;
}

/* The head's end, and the Rotate events of it: they tell the master's file in relay logs. */
static int pass_head(struct binlog_reader *r, int is_first, int fd, uint64_t *end, struct err *e)
{
    struct binlog_event ev;
    int rc;

    *end = BINLOG_MAGIC_BYTES;
    if (is_first && file_write_all(fd, "\xfe\x62\x69\x6e", BINLOG_MAGIC_BYTES, e))
        return -1;
    while ((rc = binlog_next(r, &ev, e)) > 0 && binlog_type_is_head(ev.type)) {
        *end = ev.offset + ev.length;
        if ((is_first || ev.type == BINLOG_ROTATE) && copy(r, ev.offset, *end, fd, e))
            return -1;
    }
    return rc < 0 ? -1 : 0;
}

static int check_end(const struct binlog_reader *r, struct err *e)
{
    if (r->end.kind == BINLOG_END_ENCRYPTED || r->end.kind == BINLOG_END_FOREIGN ||
        r->end.kind == BINLOG_END_CORRUPT)
        return err_set(e, ERR_FORMAT, "%s at %llu", r->end.why, (unsigned long long)r->end.offset);
    return 0;
}

static int put_name(const struct binlog_reader *r, const struct binpos *named, int fd,
                    struct err *e)
{
    unsigned char event[BINLOG_MADE_ROTATE_MAX];
    size_t len = binlog_make_rotate(event, 0, named, r->format.checksum);

    return file_write_all(fd, event, len, e);
}

/* Whole events from `start` on, or from behind the head if that is further. */
static int save_file(struct binlog_reader *r, uint64_t start, const struct binpos *named, int fd,
                     struct save_result *out, struct err *e)
{
    int is_first = start > 0, rc;
    struct binlog_event ev;
    uint64_t head, end;

    if (pass_head(r, is_first, fd, &head, e) || (named && put_name(r, named, fd, e)))
        return -1;
    memset(&r->end, 0, sizeof(r->end));
    start = end = start > head ? start : head;
    if (binlog_seek(r, end, e))
        return -1;
    while ((rc = binlog_next(r, &ev, e)) > 0) {
        end = ev.offset + ev.length;
        out->events += !binlog_type_is_head(ev.type) && ev.type != BINLOG_STOP;
    }
    if (rc < 0 || check_end(r, e))
        return -1;
    out->bytes += end - start;
    out->torn_bytes = r->size - end;
    return copy(r, start, end, fd, e);
}

int save_events(const struct extract_files *files, uint64_t start, const struct binpos *named,
                int fd, struct save_result *out, struct err *e)
{
    memset(out, 0, sizeof(*out));
    start = start < BINLOG_MAGIC_BYTES ? BINLOG_MAGIC_BYTES : start;
    for (size_t i = 0; i < extract_files_count(files); i++) {
        const char *path = extract_files_path(files, i);
        struct binlog_reader r = BINLOG_READER_INIT;
        int rc = binlog_open(&r, path, 1, e);

        if (rc == 0)
            rc = save_file(&r, i == 0 ? start : 0, i == 0 ? named : NULL, fd, out, e);
        binlog_close(&r);
        if (rc)
            return err_wrap(e, "%s", path);
    }
    return 0;
}
