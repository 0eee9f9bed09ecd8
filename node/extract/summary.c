/* What binlogs hold; see summary.h. */
#include "node/extract/summary.h"

#include "common/json.h"

#include <stdio.h>
#include <string.h>

/* One pass over the files from `first` on. */
struct pass {
    const struct extract_files *files;
    const struct gtid_set *have;
    struct summary *out;
    struct trx_scan trx;
    struct binlog_reader r;
    int last_is_stop;
};

static int open_file(struct pass *p, size_t i, int verify, struct err *e)
{
    int fd = extract_files_fd(p->files, i);

    binlog_close(&p->r);
    if (fd < 0)
        return binlog_open(&p->r, extract_files_path(p->files, i), verify, e);
    return binlog_open_fd(&p->r, fd, verify, e);
}

static void set_pos(struct binpos *to, const struct pass *p, size_t i, uint64_t pos)
{
    snprintf(to->file, sizeof(to->file), "%s", extract_files_name(p->files, i));
    to->pos = pos;
}

static void note_closed(struct pass *p)
{
    const struct binlog_gtid *g = &p->trx.gtid;
    struct gtid_range id = g->id;
    struct gtid_set one = {g->kind == BINLOG_GTID_MARIADB ? GTID_MARIADB : GTID_MYSQL, &id, 1, 0};
    int has_id = g->kind == BINLOG_GTID_MYSQL || g->kind == BINLOG_GTID_MARIADB;

    p->out->last_gtid = *g;
    if (has_id && p->have && gtid_contains(p->have, &one))
        return;
    p->out->transactions++;
    if (has_id)
        gtid_add(&p->out->gtids, &id);
}

static int read_file(struct pass *p, size_t i, struct err *e)
{
    struct binlog_event ev;
    int rc;

    p->last_is_stop = 0;
    set_pos(&p->out->clean_end, p, i, p->r.next);
    while ((rc = binlog_next(&p->r, &ev, e)) > 0) {
        int role = trx_feed(&p->trx, &ev, e);

        if (role < 0)
            return -1;
        p->last_is_stop = ev.type == BINLOG_STOP;
        if (role == TRX_CLOSES || role == TRX_WHOLE) {
            note_closed(p);
            set_pos(&p->out->last_trx, p, i, p->r.next);
        }
        if (!p->trx.is_open)
            p->out->clean_end.pos = p->r.next;
    }
    return rc;
}

static int read_head(struct pass *p, size_t i, struct binlog_head *head, struct err *e)
{
    memset(head, 0, sizeof(*head));
    if (open_file(p, i, 1, e))
        return -1;
    if (binlog_read_head(&p->r, head, e)) {
        binlog_head_release(head);
        return -1;
    }
    return 0;
}

/* The first file to be read: the last one, or the last whose state before it lies within have. */
static int find_first(struct pass *p, size_t *first, struct err *e)
{
    size_t i = extract_files_count(p->files);
    int found = 0;

    *first = i - 1;
    while (p->have && !found && i-- > 0) {
        struct binlog_head head;

        if (read_head(p, i, &head, e))
            return -1;
        found = head.has_gtids && gtid_contains(p->have, &head.gtids);
        binlog_head_release(&head);
        *first = i;
    }
    return 0;
}

static int note_first(struct pass *p, struct err *e)
{
    struct binlog_head head;

    if (read_head(p, 0, &head, e))
        return -1;
    set_pos(&p->out->first, p, 0, head.first);
    gtid_copy(&p->out->before, &head.gtids);
    p->out->server_id = head.server_id;
    binlog_head_release(&head);
    return 0;
}

static void note_last(struct pass *p, size_t i)
{
    struct summary *s = p->out;

    set_pos(&s->last, p, i, p->r.size);
    s->end = p->r.end;
    s->in_use = p->r.format.in_use;
    s->is_open = p->trx.is_open;
    if (s->is_open)
        s->open_gtid = p->trx.gtid;
    snprintf(s->server_version, sizeof(s->server_version), "%s", p->r.format.server_version);
    if (s->in_use)
        s->stop = SUMMARY_STOP_CRASH;
    else if (p->last_is_stop && s->end.kind == BINLOG_END_CLEAN)
        s->stop = SUMMARY_STOP_CLEAN;
    buf_add(&s->xa, p->trx.xa.data, p->trx.xa.len);
}

static int read_all(struct pass *p, int verify, struct err *e)
{
    size_t i, first, count = extract_files_count(p->files);

    if (note_first(p, e) || find_first(p, &first, e))
        return -1;
    for (i = first; i < count; i++) {
        trx_reset(&p->trx);
        if (open_file(p, i, verify, e) || read_file(p, i, e))
            return err_wrap(e, "%s", extract_files_path(p->files, i));
    }
    note_last(p, count - 1);
    return 0;
}

int summary_read(const struct extract_files *files, const struct gtid_set *have, int verify,
                 struct summary *out, struct err *e)
{
    struct pass p = {.files = files, .have = have, .out = out, .r = BINLOG_READER_INIT};
    int rc;

    memset(out, 0, sizeof(*out));
    buf_init(&out->xa);
    out->files = extract_files_count(files);
    if (out->files == 0)
        return err_set(e, ERR_WORLD, "there are no logs");
    trx_init(&p.trx);
    rc = read_all(&p, verify, e);
    trx_release(&p.trx);
    binlog_close(&p.r);
    return rc;
}

void summary_release(struct summary *s)
{
    gtid_release(&s->before);
    gtid_release(&s->gtids);
    buf_release(&s->xa);
}

static void put_pos(struct json_object *o, const char *key, const struct binpos *pos)
{
    char text[BINPOS_FILE_BYTES + 24];

    json_put_str(o, key, pos->file[0] ? binpos_print(pos, text, sizeof(text)) : NULL);
}

static void put_gtid(struct json_object *o, const char *key, const struct binlog_gtid *g)
{
    struct buf text = BUF_INIT;

    binlog_gtid_text(g, &text);
    json_put_str(o, key, g->kind == BINLOG_GTID_NONE ? NULL : text.data);
    buf_release(&text);
}

/* A set that is too long leaves only its number, never a part that looks like the whole. */
static void put_set(struct json_object *o, const char *key, const char *count_key,
                    const struct gtid_set *s)
{
    struct buf text = BUF_INIT;

    gtid_print(s, &text);
    json_put_u64(o, count_key, gtid_count(s));
    json_put_str(o, key, text.len > SUMMARY_GTID_TEXT ? NULL : text.data);
    buf_release(&text);
}

static void put_xa(struct json_object *o, const struct summary *s)
{
    struct json_object *list = json_object_new_array();
    const struct binlog_xid *xid = (const struct binlog_xid *)(const void *)s->xa.data;
    char text[BINLOG_XID_TEXT];

    for (size_t i = 0; i < s->xa.len / sizeof(*xid); i++)
        json_object_array_add(list, json_object_new_string(binlog_xid_text(&xid[i], text)));
    json_object_object_add(o, "xa_prepared", list);
}

void summary_json(const struct summary *s, struct buf *out)
{
    static const char *const ends[] = {
        "open", "clean", "torn", "corrupt", "encrypted", "foreign",
    };
    static const char *const stops[] = {"unknown", "clean", "crash"};
    struct json_object *o = json_object_new_object();

    json_put_u64(o, "files", s->files);
    json_put_str(o, "server_version", s->server_version);
    json_put_u64(o, "server_id", s->server_id);
    put_pos(o, "first", &s->first);
    put_pos(o, "last", &s->last);
    put_pos(o, "clean_end", &s->clean_end);
    put_pos(o, "last_transaction_end", &s->last_trx);
    put_gtid(o, "last_gtid", &s->last_gtid);
    json_put_bool(o, "is_open", s->is_open);
    put_gtid(o, "open_gtid", &s->open_gtid);
    json_put_str(o, "end", ends[s->end.kind]);
    json_put_str(o, "end_why", s->end.why[0] ? s->end.why : NULL);
    json_put_str(o, "stop", stops[s->stop]);
    put_set(o, "before", "before_count", &s->before);
    put_set(o, "gtids", "gtids_count", &s->gtids);
    json_put_u64(o, "transactions", s->transactions);
    put_xa(o, s);
    json_print(o, out);
    json_object_put(o);
}
