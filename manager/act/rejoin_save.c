/* What only an old master has, fetched through its agent's program and kept as a binlog file on the
 * manager's host. */
#include "common/clock.h"
#include "common/file.h"
#include "common/log.h"
#include "common/run.h"
#include "manager/act/bulk.h"
#include "manager/act/journal.h"
#include "manager/act/rejoin_run.h"
#include "manager/act/rescue.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SQL_MS       5000
#define OPEN_MS      10000
#define STALL_MS     30000
#define SHOW_MS      60000
#define SHOW_MAX     (64u << 20)
#define RECORD_BYTES 9u
#define MAGIC_BYTES  8u

/* A stream of records (node/extract/stream.h) on its way into a file. */
struct copy {
    int fd;
    struct buf in;        /* not yet looked at */
    int begun, formatted; /* behind the stream's magic; a format event is in the file */
    char kind;            /* of the record that is being taken, 0 between two */
    uint64_t left;        /* of its payload */
};

struct json_object *rejoin_ask(struct rejoin_run *r, struct err *e)
{
    struct sql_binlog *b = mem_zalloc(sizeof *b);
    struct json_object *o = NULL;
    if (sql_read_binlog(&r->g->host[r->host].sql, b, clock_mono_ms() + SQL_MS, e) == 0) {
        o = rescue_ask_binlogs(r->g->host[r->host].conf, b->at.file);
        if (r->mode == MODE_POSITION) {
            json_put_str(o, "after_file", r->end.file);
            json_put_u64(o, "after_pos", r->end.pos);
        } else {
            struct buf text = BUF_INIT;
            gtid_print(&r->common, &text);
            json_put_str(o, "have", text.data);
            buf_release(&text);
        }
    }
    free(b);
    return o;
}

static int write_all(int fd, const char *bytes, size_t len, struct err *e)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(e, ERR_IO, "cannot write");
        bytes += n;
        len -= (size_t)n;
    }
    return 0;
}

static uint64_t number(const char *bytes)
{
    uint64_t n = 0;
    for (int i = 7; i >= 0; i--)
        n = n << 8 | (unsigned char)bytes[i];
    return n;
}

/* The head of the next record. 1 taken, 0 more is needed. A second format event stays out: readers
 * take the first one's word for the whole file, and the server did not change meanwhile. */
static int begin_record(struct copy *c)
{
    size_t skip = c->begun ? 0 : MAGIC_BYTES;
    if (c->in.len < skip + RECORD_BYTES)
        return 0;
    c->begun = 1;
    c->kind = c->in.data[skip];
    c->left = number(c->in.data + skip + 1);
    if (c->kind == 'F' && c->formatted)
        c->kind = 'f';
    c->formatted |= c->kind == 'F';
    buf_drop(&c->in, skip + RECORD_BYTES);
    return 1;
}

static int take_bytes(struct copy *c, struct err *e)
{
    for (;;) {
        if (c->left == 0 && !begin_record(c))
            return 0;
        size_t n = c->left < c->in.len ? (size_t)c->left : c->in.len;
        if ((c->kind == 'F' || c->kind == 'D') && write_all(c->fd, c->in.data, n, e) < 0)
            return -1;
        buf_drop(&c->in, n);
        c->left -= n;
        if (c->left > 0)
            return 0;
    }
}

static int fetch(struct rejoin_run *r, struct copy *c, struct err *e)
{
    struct bulk from = BULK_INIT;
    struct json_object *req = rejoin_ask(r, e), *report = NULL;
    struct bulk_end at = {r->g->conf, r->g->host[r->host].conf};
    int rc = req ? bulk_open(&from, &at, "extract", req, clock_mono_ms() + OPEN_MS, e) : -1;
    while (rc == 0) {
        struct frame f;
        rc = bulk_read(&from, &f, clock_mono_ms() + STALL_MS, e);
        if (rc < 0 || f.kind == FRAME_JSON) {
            if (rc == 0)
                rc = json_parse(f.data, f.len, &report, e);
            if (rc == 0 && !json_get_bool(report, "ok", 0))
                rc = err_set(e, ERR_WORLD, "%s", json_get_str(report, "text", "refused"));
            break;
        }
        if (f.kind == FRAME_BYTES) {
            buf_add(&c->in, f.data, f.len);
            rc = take_bytes(c, e);
        }
    }
    json_object_put(report);
    json_object_put(req);
    bulk_close(&from);
    return rc;
}

/* A program that makes text of a binlog, where this host has one. Otherwise its call is told. */
static void make_readable(const struct rejoin_run *r)
{
    static const char *const programs[] = {"mariadb-binlog", "mysqlbinlog"};
    char path[1100];
    struct err e;
    for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++) {
        char *const argv[] = {
            (char *)(uintptr_t)programs[i], (char[]){"--no-defaults"},
            (char[]){"--verbose"},          (char[]){"--base64-output=decode-rows"},
            (char *)(uintptr_t)r->saved,    NULL};
        struct buf text = BUF_INIT;
        struct run_result res = {0};
        struct run run = {
            .argv = argv, .deadline_ms = clock_mono_ms() + SHOW_MS, .output_max = SHOW_MAX};
        int ok = run_wait(&run, &text, &res, &e) == 0 && res.exited && res.exit_code == 0;
        snprintf(path, sizeof path, "%s.txt", r->saved);
        if (ok)
            ok = file_write_atomic(path, text.data, text.len, 0600, &e) == 0;
        buf_release(&text);
        if (ok) {
            log_info("errant", "readable in %s (by %s)", path, programs[i]);
            return;
        }
    }
    log_info("errant", "to read it: mysqlbinlog --verbose %s, or kagemusha-node binlog %s",
             r->saved, r->saved);
}

static int choose_path(struct rejoin_run *r, struct err *e)
{
    char base[JOURNAL_PATH_BYTES], stamp[32];
    time_t now = time(NULL);
    struct tm tm;
    if (r->call->save_dir)
        snprintf(base, sizeof base, "%s", r->call->save_dir);
    else if (journal_base(r->g->conf, base, sizeof base, e) < 0)
        return -1;
    if (file_mkdirs(base, 0700, e) < 0)
        return -1;
    localtime_r(&now, &tm);
    strftime(stamp, sizeof stamp, "%Y%m%d%H%M%S", &tm);
    int n = snprintf(r->saved, sizeof r->saved, "%s/errant-%.64s-%s.binlog", base,
                     r->g->host[r->host].conf->hostname, stamp);
    if (n < 0 || (size_t)n >= sizeof r->saved)
        return err_set(e, ERR_CONFIG, "the name of the directory is too long");
    return 0;
}

int rejoin_save(struct rejoin_run *r, struct err *e)
{
    struct copy c = {.in = BUF_INIT};
    if (choose_path(r, e) < 0)
        return -1;
    c.fd = open(r->saved, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (c.fd < 0) {
        r->saved[0] = '\0';
        return err_errno(e, ERR_IO, "cannot make a file for them");
    }
    int rc = write_all(c.fd,
                       "\xfe"
                       "bin",
                       4, e);
    if (rc == 0)
        rc = fetch(r, &c, e);
    if (rc == 0 && fsync(c.fd) < 0)
        rc = err_errno(e, ERR_IO, "fsync");
    close(c.fd);
    buf_release(&c.in);
    if (rc < 0) {
        unlink(r->saved);
        r->saved[0] = '\0';
        return -1;
    }
    make_readable(r);
    return 0;
}
