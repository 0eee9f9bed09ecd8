/* Bulk bytes between manager and node programs (decision 28): frames of a kind, a length and a
 * payload, behind the same greeting line that the agent sends. Knows nothing of what is in them. */
#ifndef KAGEMUSHA_FRAME_H
#define KAGEMUSHA_FRAME_H

#include "common/buf.h"
#include "common/err.h"
#include "common/json.h"

#include <stdint.h>

#define FRAME_HEAD_BYTES 5u
#define FRAME_MAX        (4u * 1024 * 1024)

enum frame_kind {
    FRAME_NONE,
    FRAME_JSON = 'J',  /* one object: the request first, then answers and states */
    FRAME_BYTES = 'B', /* a piece of the stream */
    FRAME_END = 'E',   /* the stream is complete; nothing in it */
    FRAME_KEEP = 'K'   /* nothing in it: the sender is still there */
};

struct frame {
    enum frame_kind kind;
    const char *data; /* borrowed from the buffer it was taken out of */
    size_t len;
};

/* Appends the head of a frame; its payload follows. */
void frame_head(struct buf *out, enum frame_kind kind, size_t len);
/* Appends a whole frame. */
void frame_put(struct buf *out, enum frame_kind kind, const void *bytes, size_t len);
void frame_put_json(struct buf *out, struct json_object *o);

/* Looks at the bytes from *at on: 1 and a frame, with *at behind it; 0 not all of it is there; -1
 * ERR_FORMAT. */
int frame_take(const struct buf *in, size_t *at, struct frame *f, struct err *e);

#endif
