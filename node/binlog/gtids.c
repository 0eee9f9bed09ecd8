/* GTIDs of events, and sets of them as events and the protocol carry them; see event.h. */
#include "node/binlog/bytes.h"
#include "node/binlog/event.h"

#include <stdio.h>
#include <string.h>

#define MYSQL_GTID_BYTES   25u /* flags 1, uuid 16, number 8 */
#define MARIADB_GTID_BYTES 13u /* number 8, domain 4, flags 1; then reserved or what flags say */
#define MARIADB_LIST_ITEM  16u
#define MARIADB_LIST_COUNT 0x0fffffffu

/* Bytes that are taken from the front; once too few, always too few. */
struct cursor {
    const unsigned char *p;
    size_t left;
    int failed;
};

static const unsigned char *take(struct cursor *c, size_t n)
{
    static const unsigned char nothing[16];
    const unsigned char *p = c->p;

    if (c->failed || c->left < n) {
        c->failed = 1;
        return nothing;
    }
    c->p += n;
    c->left -= n;
    return p;
}

/* A number of mysql::serialization: as many low one-bits in the first byte as bytes follow it. */
static uint64_t take_number(struct cursor *c)
{
    unsigned first = *take(c, 1), more = 0;
    unsigned char bytes[9] = {(unsigned char)first};

    while (more < 8 && first & 1u << more)
        more++;
    if (c->failed || c->left < more) {
        c->failed = 1;
        return 0;
    }
    memcpy(bytes + 1, take(c, more), more);
    if (more == 8)
        return bytes_le64(bytes + 1);
    if (more == 7)
        return bytes_le64(bytes) >> 8;
    return bytes_le64(bytes) >> (more + 1) & (((uint64_t)1 << 7 * (more + 1)) - 1);
}

/* The sign is the lowest bit. Numbers of transactions are never negative. */
static uint64_t take_positive(struct cursor *c)
{
    uint64_t v = take_number(c);

    if (v & 1)
        c->failed = 1;
    return v >> 1;
}

static int tag_char(unsigned char ch, size_t at)
{
    return ch == '_' || (ch >= 'a' && ch <= 'z') || (at && ch >= '0' && ch <= '9');
}

static void take_tag(struct cursor *c, char tag[GTID_TAG_BYTES])
{
    uint64_t len = take_number(c);
    const unsigned char *p;

    memset(tag, 0, GTID_TAG_BYTES);
    if (len >= GTID_TAG_BYTES || len > c->left) {
        c->failed = 1;
        return;
    }
    p = take(c, (size_t)len);
    for (size_t i = 0; i < len && !c->failed; i++) {
        if (!tag_char(p[i], i))
            c->failed = 1;
        tag[i] = (char)p[i];
    }
}

/* Version, length, last field that must be known; then numbered fields, of which those wanted here
 * come first: 0 flags, 1 uuid, 2 number, 3 tag. */
static int read_tagged(const struct binlog_event *ev, struct gtid_range *id)
{
    struct cursor c = {ev->body, ev->body_seen, 0};

    take_number(&c);
    take_number(&c);
    take_number(&c);
    for (uint64_t field = 0; field < 4; field++) {
        if (take_number(&c) != field)
            return -1;
        if (field == 0)
            take_number(&c);
        for (int i = 0; field == 1 && i < 16; i++)
            id->uuid[i] = (unsigned char)take_number(&c);
        if (field == 2)
            id->first = id->last = take_positive(&c);
        if (field == 3)
            take_tag(&c, id->tag);
    }
    return c.failed || id->first == 0 ? -1 : 0;
}

static int read_untagged(const struct binlog_event *ev, struct gtid_range *id)
{
    if (ev->body_seen < MYSQL_GTID_BYTES)
        return -1;
    memcpy(id->uuid, ev->body + 1, 16);
    id->first = id->last = bytes_le64(ev->body + 17);
    return id->first == 0 || id->first > INT64_MAX ? -1 : 0;
}

static void put_domain(struct gtid_range *id, uint32_t domain)
{
    for (int i = 0; i < 4; i++)
        id->uuid[i] = (unsigned char)(domain >> (24 - 8 * i));
}

static int read_mariadb(const struct binlog_event *ev, struct binlog_gtid *out,
                        struct binlog_xid *xid)
{
    struct cursor c = {ev->body, ev->body_seen, 0};
    struct binlog_xid name = {0};

    out->id.first = out->id.last = bytes_le64(take(&c, 8));
    put_domain(&out->id, bytes_le32(take(&c, 4)));
    out->id.server_id = ev->server_id;
    out->maria_flags = *take(&c, 1);
    if (out->maria_flags & BINLOG_MARIA_GROUP_COMMIT)
        out->commit_id = bytes_le64(take(&c, 8));
    if (out->maria_flags & (BINLOG_MARIA_PREPARED_XA | BINLOG_MARIA_COMPLETED_XA)) {
        name.format_id = bytes_le32(take(&c, 4));
        name.gtrid_length = *take(&c, 1);
        name.bqual_length = *take(&c, 1);
        if (name.gtrid_length > 64 || name.bqual_length > 64 ||
            c.left < (size_t)name.gtrid_length + name.bqual_length)
            return -1;
        memcpy(name.data, c.p, (size_t)name.gtrid_length + name.bqual_length);
    }
    if (xid)
        *xid = name;
    return c.failed || out->id.first == 0 ? -1 : 0;
}

int binlog_read_gtid(const struct binlog_event *ev, struct binlog_gtid *out, struct binlog_xid *xid,
                     struct err *e)
{
    char name[24];
    int bad = 0;

    memset(out, 0, sizeof(*out));
    if (xid)
        memset(xid, 0, sizeof(*xid));
    if (ev->type == BINLOG_ANONYMOUS_GTID) {
        out->kind = BINLOG_GTID_ANONYMOUS;
    } else if (ev->type == BINLOG_MARIA_GTID) {
        out->kind = BINLOG_GTID_MARIADB;
        bad = read_mariadb(ev, out, xid);
    } else {
        out->kind = BINLOG_GTID_MYSQL;
        bad = ev->type == BINLOG_GTID_TAGGED ? read_tagged(ev, &out->id)
                                             : read_untagged(ev, &out->id);
    }
    if (bad)
        return err_set(e, ERR_FORMAT, "the %s event at %llu names no transaction",
                       binlog_type_text(ev->type, name), (unsigned long long)ev->offset);
    return 0;
}

void binlog_gtid_text(const struct binlog_gtid *g, struct buf *out)
{
    struct gtid_range id = g->id;
    struct gtid_set one = {GTID_MYSQL, &id, 1, 0};

    switch (g->kind) {
    case BINLOG_GTID_NONE:
        buf_adds(out, "none");
        break;
    case BINLOG_GTID_ANONYMOUS:
        buf_adds(out, "anonymous");
        break;
    case BINLOG_GTID_MARIADB:
        buf_addf(out, "%u-%u-%llu",
                 (unsigned)id.uuid[0] << 24 | (unsigned)id.uuid[1] << 16 |
                     (unsigned)id.uuid[2] << 8 | id.uuid[3],
                 id.server_id, (unsigned long long)id.last);
        break;
    case BINLOG_GTID_MYSQL:
        gtid_print(&one, out);
        break;
    }
}

/* Ranges are collected in any order and put in at once, since adding one by one moves all behind.
 */
static void set_of_ranges(struct buf *ranges, enum gtid_kind kind, struct gtid_set *s)
{
    size_t count = ranges->len / sizeof(struct gtid_range);
    struct gtid_range *r = (struct gtid_range *)(void *)ranges->data;

    for (size_t i = 0; i < count; i++) {
        s->kind = s->kind == GTID_NONE ? kind : s->kind;
        gtid_add(s, &r[i]);
    }
}

/* The first number: how many, or, tagged, 1, how many in the six bytes between, 1. */
static uint64_t take_count(struct cursor *c, int *tagged)
{
    uint64_t n = bytes_le64(take(c, 8));

    *tagged = n >> 56 == 1;
    return *tagged ? n >> 8 & 0xffffffffffffu : n;
}

static void take_intervals(struct cursor *c, struct gtid_range *r, struct buf *ranges)
{
    uint64_t n = bytes_le64(take(c, 8)), before = 0;

    for (uint64_t i = 0; i < n && !c->failed; i++) {
        uint64_t start = bytes_le64(take(c, 8)), end = bytes_le64(take(c, 8));

        if (c->failed || start == 0 || start >= end || start <= before || end > INT64_MAX) {
            c->failed = 1;
            return;
        }
        r->first = start;
        r->last = before = end - 1;
        buf_add(ranges, r, sizeof(*r));
    }
}

int binlog_read_gtid_set(const unsigned char *p, size_t len, struct gtid_set *s, struct err *e)
{
    struct cursor c = {p, len, 0};
    struct buf ranges = BUF_INIT;
    int tagged = 0, rc = 0;
    uint64_t n = take_count(&c, &tagged);

    gtid_release(s);
    for (uint64_t i = 0; i < n && !c.failed; i++) {
        struct gtid_range r = {0};

        memcpy(r.uuid, take(&c, 16), 16);
        if (tagged)
            take_tag(&c, r.tag);
        take_intervals(&c, &r, &ranges);
    }
    if (c.failed || c.left)
        rc = err_set(e, ERR_FORMAT, "a GTID set of %zu bytes contradicts itself", len);
    else
        set_of_ranges(&ranges, GTID_MYSQL, s);
    buf_release(&ranges);
    return rc;
}

static int same_key(const struct gtid_range *a, const struct gtid_range *b)
{
    return memcmp(a->uuid, b->uuid, sizeof(a->uuid)) == 0 && strcmp(a->tag, b->tag) == 0;
}

static void put_u64(struct buf *out, uint64_t v)
{
    unsigned char bytes[8];

    bytes_put64(bytes, v);
    buf_add(out, bytes, sizeof(bytes));
}

void binlog_write_gtid_set(const struct gtid_set *s, struct buf *out)
{
    uint64_t keys = 0;
    int tagged = 0;

    for (size_t i = 0; i < s->count; i++) {
        keys += i == 0 || !same_key(&s->range[i - 1], &s->range[i]);
        tagged |= s->range[i].tag[0] != '\0';
    }
    put_u64(out, tagged ? (uint64_t)1 << 56 | keys << 8 | 1 : keys);
    for (size_t i = 0, end; i < s->count; i = end) {
        for (end = i + 1; end < s->count && same_key(&s->range[i], &s->range[end]);)
            end++;
        buf_add(out, s->range[i].uuid, 16);
        if (tagged) {
            buf_addc(out, (char)(strlen(s->range[i].tag) << 1));
            buf_adds(out, s->range[i].tag);
        }
        put_u64(out, end - i);
        for (size_t k = i; k < end; k++) {
            put_u64(out, s->range[k].first);
            put_u64(out, s->range[k].last + 1);
        }
    }
}

int binlog_read_gtid_list(const unsigned char *p, size_t len, struct gtid_set *s, struct err *e)
{
    struct cursor c = {p, len, 0};
    uint32_t n = bytes_le32(take(&c, 4)) & MARIADB_LIST_COUNT;

    gtid_release(s);
    for (uint32_t i = 0; i < n && !c.failed; i++) {
        struct gtid_range r = {.first = 1};

        put_domain(&r, bytes_le32(take(&c, 4)));
        r.server_id = bytes_le32(take(&c, 4));
        r.last = bytes_le64(take(&c, 8));
        if (c.failed)
            break;
        s->kind = GTID_MARIADB;
        gtid_add(s, &r);
    }
    if (!c.failed)
        return 0;
    gtid_release(s);
    return err_set(e, ERR_FORMAT, "the Gtid_list event contradicts itself");
}
