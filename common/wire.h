/* The lines between manager and agent (decision 28): after a greeting one JSON object per line, at
 * most 64 KiB. Request {"id":n,"op":"..","deadline_ms":n,...}; reply {"id":n,"ok":true,...} or
 * {"id":n,"ok":false,"code":"..","text":".."}; unasked {"event":"..",...}. Shared by both sides;
 * knows no operation. */
#ifndef KAGEMUSHA_WIRE_H
#define KAGEMUSHA_WIRE_H

#include "common/buf.h"
#include "common/err.h"
#include "common/json.h"

#define WIRE_PROTOCOL 1
#define WIRE_LINE_MAX 65536
#define WIRE_SILENCE_MS                                                                            \
    15000 /* the agent ends when nothing came from the manager for so long (decision 3) */

struct wire_greeting {
    int protocol;
    char version[32];
    char caps[256]; /* "read,link,kill,net,probe" */
    unsigned uid;
};

/* "KAGEMUSHA-NODE 1 0.1.0 caps=.. uid=0\n" */
void wire_greeting_print(const struct wire_greeting *g, struct buf *out);
/* Looks for the greeting in what came so far, skipping up to 64 KiB of login noise before it. 1
 * found (the buffer keeps what follows it), 0 not yet, -1 ERR_FORMAT (noise over the cap, or
 * another protocol number: the text names both versions). */
int wire_greeting_find(struct buf *in, struct wire_greeting *g, struct err *e);
int wire_has_cap(const struct wire_greeting *g, const char *cap);

/* Takes one line out of in: 1 and *out (the caller puts it), 0 not complete yet, -1 ERR_FORMAT. A
 * line that gave an error is gone from in, also one over WIRE_LINE_MAX whose end comes later: one
 * may call again. Blank lines are skipped. */
int wire_take(struct buf *in, struct json_object **out, struct err *e);
/* Appends o as a line; ERR_FORMAT over WIRE_LINE_MAX. */
int wire_put(struct buf *out, struct json_object *o, struct err *e);

#endif
