/* Frames of bulk bytes; see frame.h. */
#include "common/frame.h"

void frame_head(struct buf *out, enum frame_kind kind, size_t len)
{
    unsigned char head[FRAME_HEAD_BYTES] = {(unsigned char)kind, (unsigned char)len,
                                            (unsigned char)(len >> 8), (unsigned char)(len >> 16),
                                            (unsigned char)(len >> 24)};

    buf_add(out, head, sizeof(head));
}

void frame_put(struct buf *out, enum frame_kind kind, const void *bytes, size_t len)
{
    frame_head(out, kind, len);
    buf_add(out, bytes, len);
}

void frame_put_json(struct buf *out, struct json_object *o)
{
    struct buf text = BUF_INIT;

    json_print(o, &text);
    frame_put(out, FRAME_JSON, text.data, text.len);
    buf_release(&text);
}

static enum frame_kind kind_of(unsigned char c)
{
    static const enum frame_kind kinds[] = {FRAME_JSON, FRAME_BYTES, FRAME_END, FRAME_KEEP};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (c == (unsigned char)kinds[i])
            return kinds[i];
    return FRAME_NONE;
}

int frame_take(const struct buf *in, size_t *at, struct frame *f, struct err *e)
{
    const unsigned char *p = (const unsigned char *)in->data + *at;
    size_t have = in->len - *at, len;

    if (have < FRAME_HEAD_BYTES)
        return 0;
    f->kind = kind_of(p[0]);
    len = p[1] | (size_t)p[2] << 8 | (size_t)p[3] << 16 | (size_t)p[4] << 24;
    if (f->kind == FRAME_NONE || len > FRAME_MAX)
        return err_set(e, ERR_FORMAT, "no frame: kind %d, %zu bytes", p[0], len);
    if (have - FRAME_HEAD_BYTES < len)
        return 0;
    f->data = in->data + *at + FRAME_HEAD_BYTES;
    f->len = len;
    *at += FRAME_HEAD_BYTES + len;
    return 1;
}
