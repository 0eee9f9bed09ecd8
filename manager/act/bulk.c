/* Bulk bytes; see bulk.h. */
#include "manager/act/bulk.h"

#include "common/clock.h"
#include "common/run.h"

#include <string.h>

#define CHUNK_BYTES (128u * 1024)

/* More of what the program says. */
static int more(struct bulk *b, int64_t deadline_ms, struct err *e)
{
    long n;

    if (b->at > 0) {
        buf_drop(&b->in, b->at);
        b->at = 0;
    }
    buf_reserve(&b->in, CHUNK_BYTES);
    n = ssh_read(b->channel, b->in.data + b->in.len, CHUNK_BYTES, deadline_ms, e);
    if (n == 0)
        return err_set(e, ERR_SSH, "the program has ended: %.200s", ssh_stderr(b->channel));
    if (n < 0)
        return -1;
    b->in.len += (size_t)n;
    b->in.data[b->in.len] = '\0';
    return 0;
}

static int start(struct bulk *b, const char *node_path, const char *word, int64_t deadline_ms,
                 struct err *e)
{
    struct buf command = BUF_INIT;
    struct wire_greeting greeting;
    int rc;

    run_quote(&command, node_path);
    buf_addf(&command, " %s", word);
    rc = ssh_start(b->ssh, command.data, &b->channel, deadline_ms, e);
    buf_release(&command);
    while (rc == 0) {
        int found = wire_greeting_find(&b->in, &greeting, e);

        if (found)
            return found < 0 ? -1 : 0;
        rc = more(b, deadline_ms, e);
    }
    return -1;
}

int bulk_open(struct bulk *b, const struct bulk_end *at, const char *word,
              struct json_object *request, int64_t deadline_ms, struct err *e)
{
    struct buf known_hosts = BUF_INIT, frame = BUF_INIT;
    struct ssh_target t;
    int rc;

    buf_init(&b->in);
    b->at = 0;
    group_ssh_target(at->conf, at->section, &t, &known_hosts);
    rc = ssh_open(&b->ssh, &t, deadline_ms, e);
    if (rc == 0)
        rc = start(b, at->section->node_path, word, deadline_ms, e);
    if (rc == 0) {
        frame_put_json(&frame, request);
        rc = ssh_write(b->channel, frame.data, frame.len, deadline_ms, e);
    }
    buf_release(&frame);
    buf_release(&known_hosts);
    if (rc == 0)
        return 0;
    bulk_close(b);
    return err_wrap(e, "kagemusha-node %s on %s", word, at->section->hostname);
}

void bulk_close(struct bulk *b)
{
    if (b->channel)
        ssh_abandon(&b->channel);
    if (b->ssh)
        ssh_close(&b->ssh);
    buf_release(&b->in);
    b->at = 0;
}

int bulk_read(struct bulk *b, struct frame *f, int64_t deadline_ms, struct err *e)
{
    for (;;) {
        int rc = frame_take(&b->in, &b->at, f, e);

        if (rc)
            return rc < 0 ? -1 : 0;
        if (more(b, deadline_ms, e))
            return -1;
    }
}

static enum err_code code_of(const char *word)
{
    for (int c = ERR_CONFIG; c <= ERR_BUG; c++)
        if (strcmp(err_code_text((enum err_code)c), word) == 0)
            return (enum err_code)c;
    return ERR_WORLD;
}

static int parse_answer(const struct frame *f, struct json_object **out, struct err *e)
{
    if (f->kind != FRAME_JSON)
        return err_set(e, ERR_FORMAT, "an answer was expected");
    if (json_parse(f->data, f->len, out, e))
        return -1;
    if (json_get_bool(*out, "ok", 0))
        return 0;
    err_set(e, code_of(json_get_str(*out, "code", "")), "%s",
            json_get_str(*out, "text", "the program refuses"));
    json_object_put(*out);
    *out = NULL;
    return -1;
}

int bulk_answer(struct bulk *b, struct json_object **out, int64_t deadline_ms, struct err *e)
{
    struct frame f;

    *out = NULL;
    return bulk_read(b, &f, deadline_ms, e) || parse_answer(&f, out, e) ? -1 : 0;
}

static int send_frame(struct bulk *b, enum frame_kind kind, const char *data, size_t len,
                      int64_t deadline_ms, struct err *e)
{
    struct buf frame = BUF_INIT;
    int rc;

    frame_put(&frame, kind, data, len);
    rc = ssh_write(b->channel, frame.data, frame.len, deadline_ms, e);
    buf_release(&frame);
    return rc;
}

int bulk_keep(struct bulk *b, int64_t deadline_ms, struct err *e)
{
    return send_frame(b, FRAME_KEEP, "", 0, deadline_ms, e);
}

/* Whoever cannot go on says so in the place of an answer: that says more than a broken pipe. */
static int why_it_ended(struct bulk *to, struct err *e)
{
    struct json_object *o = NULL;
    struct err why = {0};

    if (bulk_answer(to, &o, clock_mono_ms() + 500, &why) < 0 && why.code != ERR_TIMEOUT)
        *e = why;
    json_object_put(o);
    return -1;
}

int bulk_pump(struct bulk *from, struct bulk *to, const struct bulk_watch *w,
              struct json_object **report, struct err *e)
{
    uint64_t bytes = 0;
    struct frame f;

    *report = NULL;
    for (;;) {
        if (bulk_read(from, &f, clock_mono_ms() + w->stall_ms, e))
            return err_wrap(e, "reading the source");
        if (f.kind == FRAME_JSON)
            return parse_answer(&f, report, e);
        if (send_frame(to, f.kind, f.data, f.len, clock_mono_ms() + w->stall_ms, e))
            return why_it_ended(to, e);
        bytes += f.len;
        if (w->progress)
            w->progress(w->arg, bytes);
    }
}
