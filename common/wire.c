/* The lines between manager and agent; see wire.h. */
#include "common/wire.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char wire_word[] = "KAGEMUSHA-NODE ";

void wire_greeting_print(const struct wire_greeting *g, struct buf *out)
{
    buf_addf(out, "%s%d %s caps=%s uid=%u\n", wire_word, g->protocol, g->version, g->caps, g->uid);
}

/* Copies one blank-delimited word; 0 with *at behind it, -1 when there is none or it is too long.
 */
static int take_word(const char **at, const char *end, char *out, size_t size)
{
    size_t len = 0;

    while (*at + len < end && (*at)[len] != ' ')
        len++;
    if (len == 0 || len >= size)
        return -1;
    memcpy(out, *at, len);
    out[len] = '\0';
    *at += len;
    if (*at < end)
        (*at)++;
    return 0;
}

static int take_number(const char **at, const char *end, unsigned *out)
{
    char word[12], *stop;
    unsigned long n;

    if (take_word(at, end, word, sizeof(word)) || !isdigit((unsigned char)word[0]))
        return -1;
    n = strtoul(word, &stop, 10);
    if (*stop || n > UINT32_MAX)
        return -1;
    *out = (unsigned)n;
    return 0;
}

/* What follows the first word: "1 0.1.0 caps=read,link uid=0". 1 understood, 0 it is noise. Only
 * number and version are read of another protocol: the rest may look different there. */
static int greeting_parse(const char *at, const char *end, struct wire_greeting *g)
{
    char word[sizeof(g->caps) + 5];
    unsigned number;

    memset(g, 0, sizeof(*g));
    if (end > at && end[-1] == '\r')
        end--;
    if (take_number(&at, end, &number) || number > INT32_MAX)
        return 0;
    g->protocol = (int)number;
    if (take_word(&at, end, g->version, sizeof(g->version)))
        return 0;
    if (g->protocol != WIRE_PROTOCOL)
        return 1;
    if (take_word(&at, end, word, sizeof(word)) || memcmp(word, "caps=", 5) != 0)
        return 0;
    memcpy(g->caps, word + 5, strlen(word + 5) + 1);
    if (end - at < 4 || memcmp(at, "uid=", 4) != 0)
        return 0;
    at += 4;
    return take_number(&at, end, &g->uid) == 0 && at == end;
}

/* Noise stays in the buffer until the greeting is there, so that its length is known. It may end
 * without a newline, so the word is looked for inside the line too. */
int wire_greeting_find(struct buf *in, struct wire_greeting *g, struct err *e)
{
    size_t from = 0, scan = in->len < WIRE_LINE_MAX ? in->len : WIRE_LINE_MAX;
    const char *hit;

    while ((hit = memmem(in->data + from, scan - from, wire_word, sizeof(wire_word) - 1))) {
        const char *rest = hit + sizeof(wire_word) - 1;
        const char *end = memchr(rest, '\n', in->len - (size_t)(rest - in->data));

        if (!end)
            break;
        if (greeting_parse(rest, end, g)) {
            buf_drop(in, (size_t)(end - in->data) + 1);
            if (g->protocol == WIRE_PROTOCOL)
                return 1;
            return err_set(e, ERR_FORMAT,
                           "the agent is version %s with protocol %d, this is version %s with "
                           "protocol %d: install the same version on both",
                           g->version, g->protocol, KAGEMUSHA_VERSION, WIRE_PROTOCOL);
        }
        from = (size_t)(rest - in->data);
    }
    if (in->len > WIRE_LINE_MAX)
        return err_set(e, ERR_FORMAT, "no agent greeting in the first %d bytes", WIRE_LINE_MAX);
    return 0;
}

int wire_has_cap(const struct wire_greeting *g, const char *cap)
{
    size_t len = strlen(cap);
    const char *at = g->caps;

    while (*at) {
        size_t word = strcspn(at, ",");

        if (word == len && memcmp(at, cap, len) == 0)
            return 1;
        at += word;
        at += *at == ',';
    }
    return 0;
}

static int blank(const char *text, size_t len)
{
    while (len && isspace((unsigned char)text[len - 1]))
        len--;
    return len == 0;
}

/* The mark of a line over the limit whose end has not come yet: no JSON line begins with NUL. */
static void skip_begin(struct buf *in)
{
    buf_clear(in);
    buf_addc(in, '\0');
}

int wire_take(struct buf *in, struct json_object **out, struct err *e)
{
    char *end;

    *out = NULL;
    while ((end = memchr(in->data, '\n', in->len))) {
        size_t len = (size_t)(end - in->data);
        int rc = 0;

        if (len > WIRE_LINE_MAX)
            rc = err_set(e, ERR_FORMAT, "a line of %zu bytes, at most %d are allowed", len,
                         WIRE_LINE_MAX);
        else if (in->data[0] != '\0' && !blank(in->data, len))
            rc = json_parse(in->data, len, out, e);
        buf_drop(in, len + 1);
        if (rc)
            return -1;
        if (*out && !json_object_is_type(*out, json_type_object)) {
            json_object_put(*out);
            *out = NULL;
            return err_set(e, ERR_FORMAT, "not a JSON object");
        }
        if (*out)
            return 1;
    }
    if (in->len && in->data[0] == '\0') {
        skip_begin(in);
        return 0;
    }
    if (in->len <= WIRE_LINE_MAX)
        return 0;
    skip_begin(in);
    return err_set(e, ERR_FORMAT, "a line of more than %d bytes", WIRE_LINE_MAX);
}

int wire_put(struct buf *out, struct json_object *o, struct err *e)
{
    size_t before = out->len;

    json_print(o, out);
    if (out->len - before > WIRE_LINE_MAX) {
        size_t len = out->len - before;

        out->len = before;
        out->data[before] = '\0';
        return err_set(e, ERR_FORMAT, "a line of %zu bytes, at most %d are allowed", len,
                       WIRE_LINE_MAX);
    }
    buf_addc(out, '\n');
    return 0;
}
