/* `kagemusha-node extract`: one request frame on standard input; on standard output the stream
 * (node/extract/stream.h) in frames, then its end, then the report. A refusal is a report alone. */
#include "node/bulk.h"

#include "common/file.h"
#include "common/frame.h"
#include "common/wire.h"
#include "node/extract/stream.h"
#include "node/logs.h"
#include "node/replay/spool.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FRAME_BYTES_MAX (256u * 1024)

static int flush(struct buf *b, struct err *e)
{
    int rc = file_write_all(STDOUT_FILENO, b->data, b->len, e);

    buf_clear(b);
    return rc;
}

/* ctx holds the payload of the next frame. */
static int send_payload(struct buf *b, struct err *e)
{
    struct buf head = BUF_INIT;
    int rc = 0;

    if (b->len > 0) {
        frame_head(&head, FRAME_BYTES, b->len);
        rc = file_write_all(STDOUT_FILENO, head.data, head.len, e);
        if (rc == 0)
            rc = flush(b, e);
    }
    buf_release(&head);
    return rc;
}

static int sink(void *ctx, const void *bytes, size_t len, struct err *e)
{
    struct buf *b = ctx;
    const char *p = bytes;

    while (len > 0) {
        size_t n = FRAME_BYTES_MAX - b->len < len ? FRAME_BYTES_MAX - b->len : len;

        buf_add(b, p, n);
        p += n;
        len -= n;
        if (b->len == FRAME_BYTES_MAX && send_payload(b, e))
            return -1;
    }
    return 0;
}

static int send_stream(const struct node_logs *logs, struct extract_report *report, struct err *e)
{
    unsigned char digest[STREAM_DIGEST_BYTES];
    struct buf b = BUF_INIT;
    struct extract *x = extract_open(&logs->ask, report, e);
    int rc = x ? stream_write(x, sink, &b, digest, e) : -1;

    if (rc == 0)
        rc = send_payload(&b, e);
    extract_close(x);
    buf_clear(&b);
    if (rc == 0) {
        frame_put(&b, FRAME_END, "", 0);
        rc = flush(&b, e);
    }
    buf_release(&b);
    return rc;
}

static int send_report(const struct extract_report *report, const struct err *e)
{
    struct json_object *o = json_object_new_object();
    struct buf b = BUF_INIT;
    int rc;

    json_put_bool(o, "ok", e->code == ERR_NONE);
    if (e->code != ERR_NONE) {
        json_put_str(o, "code", err_code_text(e->code));
        json_put_str(o, "text", e->text);
    }
    if (report)
        node_logs_report(report, o);
    frame_put_json(&b, o);
    rc = flush(&b, NULL);
    json_object_put(o);
    buf_release(&b);
    return rc;
}

static int read_request(struct node_logs *logs, struct err *e)
{
    struct spool in = SPOOL_INIT;
    struct json_object *o = NULL;
    struct frame f;
    int rc = spool_frame(&in, &f, WIRE_SILENCE_MS, e);

    if (rc == 0)
        rc = err_set(e, ERR_IO, "no request came");
    else if (rc > 0)
        rc = f.kind == FRAME_JSON ? json_parse(f.data, f.len, &o, e)
                                  : err_set(e, ERR_FORMAT, "the request must come first");
    if (rc == 0)
        rc = node_logs_read(o, logs, e);
    json_object_put(o);
    spool_release(&in);
    return rc;
}

int node_extract_main(int argc, char **argv)
{
    struct wire_greeting g = {.protocol = WIRE_PROTOCOL, .uid = (unsigned)geteuid()};
    struct extract_report report = {0};
    struct node_logs logs = {.files = EXTRACT_FILES_INIT};
    struct buf b = BUF_INIT;
    struct err e = {0};
    int rc;

    (void)argv;
    if (argc > 1) {
        fputs("kagemusha-node extract: wrong arguments\n", stderr);
        return 1;
    }
    signal(SIGPIPE, SIG_IGN);
    snprintf(g.version, sizeof(g.version), "%s", KAGEMUSHA_VERSION);
    snprintf(g.caps, sizeof(g.caps), "extract");
    wire_greeting_print(&g, &b);
    rc = flush(&b, &e);
    if (rc == 0)
        rc = read_request(&logs, &e);
    if (rc == 0)
        rc = send_stream(&logs, &report, &e);
    send_report(&report, &e);
    extract_report_release(&report);
    node_logs_release(&logs);
    buf_release(&b);
    return rc ? 1 : 0;
}
