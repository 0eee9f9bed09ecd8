/* Bodies of events without a GTID; see event.h. */
#include "node/binlog/bytes.h"
#include "node/binlog/event.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FORMAT_FIXED_BYTES 57u /* version 2, server 50, created 4, header length 1 */
#define VERSION_BYTES      50u
#define QUERY_FIXED_BYTES  13u
#define LOAD_QUERY_BYTES   13u /* file id, two positions, duplicates: behind the fixed part */
#define XA_PREPARE_BYTES   13u /* one phase 1, format 4, lengths 4 and 4 */

static int too_short(const struct binlog_event *ev, struct err *e)
{
    char name[24];

    return err_set(e, ERR_FORMAT, "the %s event has only %u bytes",
                   binlog_type_text(ev->type, name), ev->length);
}

/* Check sums came with MySQL 5.6.1 and MariaDB 5.3, whose number is split the same way. */
static int version_knows_checksum(const char *version, int is_mariadb)
{
    char *end;
    unsigned long major = strtoul(version, &end, 10), minor = 0, patch = 0;

    if (*end == '.')
        minor = strtoul(end + 1, &end, 10);
    if (*end == '.')
        patch = strtoul(end + 1, &end, 10);
    if (is_mariadb)
        return major > 5 || (major == 5 && minor >= 3);
    return major > 5 || (major == 5 && (minor > 6 || (minor == 6 && patch >= 1)));
}

int binlog_read_format(const struct binlog_event *ev, struct binlog_format *out, struct err *e)
{
    const unsigned char *p = ev->body;
    uint32_t rest = ev->length - BINLOG_HEADER_BYTES;

    if (ev->length < BINLOG_HEADER_BYTES + FORMAT_FIXED_BYTES || ev->body_seen + 4 < rest)
        return too_short(ev, e);
    if (bytes_le16(p) != 4)
        return err_set(e, ERR_FORMAT, "binary log format %u is not known", bytes_le16(p));
    if (p[56] != BINLOG_HEADER_BYTES)
        return err_set(e, ERR_FORMAT, "event headers of %u bytes are not known", p[56]);
    memset(out, 0, sizeof(*out));
    memcpy(out->server_version, p + 2, VERSION_BYTES);
    out->created = bytes_le32(p + 52);
    out->is_mariadb = strstr(out->server_version, "MariaDB") != NULL;
    out->in_use = (ev->flags & BINLOG_FLAG_IN_USE) != 0;
    out->is_own = (ev->flags & BINLOG_FLAG_RELAY_LOG) != 0;
    if (!version_knows_checksum(out->server_version, out->is_mariadb))
        return err_set(e, ERR_FORMAT, "server %s is too old: its logs have no check sums",
                       out->server_version);
    out->knows_checksum = 1;
    rest -= FORMAT_FIXED_BYTES;
    if (rest < 5)
        return too_short(ev, e);
    rest -= 5;
    if (p[FORMAT_FIXED_BYTES + rest] > BINLOG_CHECKSUM_CRC32)
        return err_set(e, ERR_FORMAT, "checksum algorithm %u is not known",
                       p[FORMAT_FIXED_BYTES + rest]);
    out->checksum = p[FORMAT_FIXED_BYTES + rest];
    out->post_header_count = (uint8_t)(rest > 255 ? 255 : rest);
    memcpy(out->post_header, p + FORMAT_FIXED_BYTES, out->post_header_count);
    return 0;
}

int binlog_read_rotate(const struct binlog_event *ev, struct binlog_rotate *out, struct err *e)
{
    uint32_t len = ev->body_length - 8;

    if (ev->body_length <= 8 || ev->body_seen < ev->body_length)
        return too_short(ev, e);
    if (len >= sizeof(out->file) || memchr(ev->body + 8, '\0', len) ||
        memchr(ev->body + 8, '/', len))
        return err_set(e, ERR_FORMAT, "the Rotate event names no file");
    out->pos = bytes_le64(ev->body);
    memcpy(out->file, ev->body + 8, len);
    out->file[len] = '\0';
    return 0;
}

/* The next word of a statement in `word`, in upper case, cut to its size; returns what is behind.
 */
static const unsigned char *next_word(const unsigned char *p, const unsigned char *end, char *word,
                                      size_t size)
{
    size_t n = 0;

    while (p < end && isspace(*p))
        p++;
    for (; p < end && (isalpha(*p) || *p == '_') && n + 1 < size; p++)
        word[n++] = (char)toupper(*p);
    word[n] = '\0';
    return p;
}

static int hex_value(unsigned char c)
{
    if (isdigit(c))
        return c - '0';
    c = (unsigned char)tolower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* X'6162' to bytes, behind what xid has; p moves behind it. The number of bytes, or -1. */
static int read_hex(const unsigned char **p, const unsigned char *end, unsigned char *to,
                    size_t room)
{
    size_t n = 0;

    while (*p < end && isspace(**p))
        (*p)++;
    if (end - *p < 3 || toupper(**p) != 'X' || (*p)[1] != '\'')
        return -1;
    for (*p += 2; end - *p >= 2 && **p != '\''; *p += 2) {
        int high = hex_value((*p)[0]), low = hex_value((*p)[1]);

        if (high < 0 || low < 0 || n == room)
            return -1;
        to[n++] = (unsigned char)(high << 4 | low);
    }
    if (*p == end || **p != '\'')
        return -1;
    (*p)++;
    return (int)n;
}

static int skip_comma(const unsigned char **p, const unsigned char *end)
{
    while (*p < end && (isspace(**p) || **p == ','))
        (*p)++;
    return *p < end;
}

/* X'..',X'..',1: the only form in which servers write the name of an XA transaction. */
static int read_xid(const unsigned char *p, const unsigned char *end, struct binlog_xid *xid)
{
    int n = read_hex(&p, end, xid->data, 64);
    uint32_t format = 0;

    if (n < 0 || !skip_comma(&p, end))
        return -1;
    xid->gtrid_length = (uint8_t)n;
    n = read_hex(&p, end, xid->data + n, 64);
    if (n < 0 || !skip_comma(&p, end) || !isdigit(*p))
        return -1;
    xid->bqual_length = (uint8_t)n;
    for (; p < end && isdigit(*p); p++)
        format = format * 10 + (uint32_t)(*p - '0');
    xid->format_id = format;
    return 0;
}

static enum binlog_word xa_word(const unsigned char *p, const unsigned char *end,
                                struct binlog_xid *xid)
{
    static const struct {
        const char *text;
        enum binlog_word word;
    } words[] = {
        {"START",    BINLOG_WORD_XA_START   },
        {"BEGIN",    BINLOG_WORD_XA_START   },
        {"END",      BINLOG_WORD_XA_END     },
        {"PREPARE",  BINLOG_WORD_XA_PREPARE },
        {"COMMIT",   BINLOG_WORD_XA_COMMIT  },
        {"ROLLBACK", BINLOG_WORD_XA_ROLLBACK},
    };
    char word[16];

    p = next_word(p, end, word, sizeof(word));
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (strcmp(word, words[i].text) == 0 && read_xid(p, end, xid) == 0)
            return words[i].word;
    return BINLOG_WORD_OTHER;
}

/* 1: nothing but white space is left. */
static int is_end(const unsigned char *p, const unsigned char *end)
{
    while (p < end && isspace(*p))
        p++;
    return p == end;
}

/* Servers write these words themselves, in a form of their own. A statement of a client that only
 * begins with them (BEGIN NOT ATOMIC ... of MariaDB) is another one. */
static enum binlog_word word_of(struct binlog_query *q)
{
    const unsigned char *p = q->text, *end = q->text + q->text_seen;
    char first[16], second[16];

    p = next_word(p, end, first, sizeof(first));
    if (strcmp(first, "XA") == 0)
        return xa_word(p, end, &q->xid);
    if (is_end(p, end)) {
        if (strcmp(first, "BEGIN") == 0)
            return BINLOG_WORD_BEGIN;
        if (strcmp(first, "COMMIT") == 0)
            return BINLOG_WORD_COMMIT;
        return strcmp(first, "ROLLBACK") == 0 ? BINLOG_WORD_ROLLBACK : BINLOG_WORD_OTHER;
    }
    if (strcmp(first, "SAVEPOINT") == 0)
        return BINLOG_WORD_SAVEPOINT;
    next_word(p, end, second, sizeof(second));
    if (strcmp(first, "START") == 0 && strcmp(second, "TRANSACTION") == 0)
        return BINLOG_WORD_BEGIN;
    if ((strcmp(first, "ROLLBACK") == 0 && strcmp(second, "TO") == 0) ||
        (strcmp(first, "RELEASE") == 0 && strcmp(second, "SAVEPOINT") == 0))
        return BINLOG_WORD_SAVEPOINT;
    return BINLOG_WORD_OTHER;
}

/* thread 4, seconds 4, length of the schema's name 1, error 2, length of the variables 2;
 * variables, name, NUL, statement. */
int binlog_read_query(const struct binlog_event *ev, struct binlog_query *out, struct err *e)
{
    const unsigned char *p = ev->body;
    uint32_t fixed = QUERY_FIXED_BYTES, before;

    memset(out, 0, sizeof(*out));
    if (ev->type == BINLOG_EXECUTE_LOAD_QUERY)
        fixed += LOAD_QUERY_BYTES;
    if (ev->body_length < fixed)
        return too_short(ev, e);
    out->error_code = bytes_le16(p + 9);
    before = fixed + bytes_le16(p + 11) + p[8] + 1u;
    if (ev->body_length < before)
        return too_short(ev, e);
    if (ev->type != BINLOG_QUERY || ev->body_seen < before)
        return 0;
    out->text = p + before;
    out->text_seen = ev->body_seen - before;
    out->word = word_of(out);
    return 0;
}

int binlog_read_xa_prepare(const struct binlog_event *ev, struct binlog_xid *xid, int *one_phase,
                           struct err *e)
{
    const unsigned char *p = ev->body;
    uint32_t gtrid, bqual;

    memset(xid, 0, sizeof(*xid));
    if (ev->body_length < XA_PREPARE_BYTES || ev->body_seen < ev->body_length)
        return too_short(ev, e);
    *one_phase = p[0] != 0;
    xid->format_id = bytes_le32(p + 1);
    gtrid = bytes_le32(p + 5);
    bqual = bytes_le32(p + 9);
    if (gtrid > 64 || bqual > 64 || ev->body_length < XA_PREPARE_BYTES + gtrid + bqual)
        return err_set(e, ERR_FORMAT, "the XA_prepare event names no transaction");
    xid->gtrid_length = (uint8_t)gtrid;
    xid->bqual_length = (uint8_t)bqual;
    memcpy(xid->data, p + XA_PREPARE_BYTES, gtrid + bqual);
    return 0;
}

static size_t put_hex(char *out, const unsigned char *p, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    size_t n = 0;

    out[n++] = 'X';
    out[n++] = '\'';
    for (size_t i = 0; i < len; i++) {
        out[n++] = digits[p[i] >> 4];
        out[n++] = digits[p[i] & 15];
    }
    out[n++] = '\'';
    out[n++] = ',';
    return n;
}

const char *binlog_xid_text(const struct binlog_xid *xid, char *out)
{
    size_t gtrid = xid->gtrid_length > 64 ? 64 : xid->gtrid_length;
    size_t bqual = xid->bqual_length > 64 ? 64 : xid->bqual_length;
    size_t n = put_hex(out, xid->data, gtrid);

    n += put_hex(out + n, xid->data + gtrid, bqual);
    snprintf(out + n, BINLOG_XID_TEXT - n, "%u", xid->format_id);
    return out;
}
