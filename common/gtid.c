/* GTID sets as values; see gtid.h. Every operation is one walk over two sorted lists. */
#include "common/gtid.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define UUID_CHARS 36

static int key_cmp(const struct gtid_range *a, const struct gtid_range *b)
{
    int d = memcmp(a->uuid, b->uuid, sizeof(a->uuid));

    return d ? d : strcmp(a->tag, b->tag);
}

static int range_cmp(const struct gtid_range *a, const struct gtid_range *b)
{
    int d = key_cmp(a, b);

    if (d)
        return d;
    return a->first != b->first ? (a->first < b->first ? -1 : 1)
                                : (a->last > b->last) - (a->last < b->last);
}

static int range_cmp_void(const void *a, const void *b)
{
    return range_cmp(a, b);
}

void gtid_release(struct gtid_set *s)
{
    if (s->cap)
        free(s->range);
    s->kind = GTID_NONE;
    s->range = NULL;
    s->count = s->cap = 0;
}

/* Room for one more range, in memory of our own: borrowed ranges are copied first. */
static void grow(struct gtid_set *s)
{
    size_t cap = s->count < 8 ? 16 : s->count * 2;
    struct gtid_range *range;

    if (s->count < s->cap)
        return;
    range = mem_alloc(cap * sizeof(*range));
    if (s->count)
        memcpy(range, s->range, s->count * sizeof(*range));
    if (s->cap)
        free(s->range);
    s->range = range;
    s->cap = cap;
}

/* Joins b to a when they touch: 1. The writer is that of the later end. */
static int join(struct gtid_range *a, const struct gtid_range *b)
{
    if ((a->last != UINT64_MAX && b->first > a->last + 1) || key_cmp(a, b) != 0)
        return 0;
    if (b->last > a->last || (b->last == a->last && a->server_id == 0)) {
        a->last = b->last;
        a->server_id = b->server_id;
    }
    return 1;
}

/* Puts r, which is not before the last range, behind it. r lies outside of s. */
static void append(struct gtid_set *s, const struct gtid_range *r)
{
    if (s->count && join(&s->range[s->count - 1], r))
        return;
    grow(s);
    s->range[s->count++] = *r;
}

static void append_unsorted(struct gtid_set *s, const struct gtid_range *r)
{
    grow(s);
    s->range[s->count++] = *r;
}

/* Sorts and joins what was appended in any order. */
static void normalise(struct gtid_set *s)
{
    size_t sorted = 1, count = s->count;

    while (sorted < count && range_cmp(&s->range[sorted - 1], &s->range[sorted]) <= 0)
        sorted++;
    if (sorted < count)
        qsort(s->range, count, sizeof(*s->range), range_cmp_void);
    s->count = 0;
    for (size_t i = 0; i < count; i++) {
        struct gtid_range r = s->range[i];

        append(s, &r);
    }
    if (s->count == 0)
        s->kind = GTID_NONE;
}

void gtid_copy(struct gtid_set *to, const struct gtid_set *from)
{
    struct gtid_set out = {from->kind, NULL, from->count, from->count};

    if (to == from)
        return;
    if (from->count) {
        out.range = mem_alloc(from->count * sizeof(*out.range));
        memcpy(out.range, from->range, from->count * sizeof(*out.range));
    }
    gtid_release(to);
    *to = out;
}

/* The first range of s that is not before r. */
static size_t lower_bound(const struct gtid_set *s, const struct gtid_range *r)
{
    size_t low = 0, high = s->count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (range_cmp(&s->range[mid], r) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

void gtid_add(struct gtid_set *s, const struct gtid_range *r)
{
    struct gtid_range copy = *r;
    size_t at, end;

    if (r->first > r->last)
        return;
    if (s->kind == GTID_NONE)
        s->kind = r->server_id ? GTID_MARIADB : GTID_MYSQL;
    grow(s);
    at = lower_bound(s, &copy);
    if (at > 0 && join(&s->range[at - 1], &copy)) {
        at--;
    } else {
        memmove(&s->range[at + 1], &s->range[at], (s->count - at) * sizeof(*s->range));
        s->range[at] = copy;
        s->count++;
    }
    for (end = at + 1; end < s->count && join(&s->range[at], &s->range[end]);)
        end++;
    memmove(&s->range[at + 1], &s->range[end], (s->count - end) * sizeof(*s->range));
    s->count -= end - at - 1;
}

void gtid_union(struct gtid_set *s, const struct gtid_set *more)
{
    struct gtid_set out = GTID_INIT;
    size_t i = 0, j = 0;

    if (more->count == 0 || (s->count && s->kind != more->kind))
        return;
    out.kind = more->kind;
    while (i < s->count || j < more->count) {
        int left =
            j == more->count || (i < s->count && range_cmp(&s->range[i], &more->range[j]) <= 0);

        append(&out, left ? &s->range[i++] : &more->range[j++]);
    }
    gtid_release(s);
    *s = out;
}

/* Appends r without what b holds of it. *j is the first range of b that can matter, and is moved
 * along. What is left of a range whose end is taken away has no known writer. */
static void append_rest(struct gtid_set *out, const struct gtid_range *r, const struct gtid_set *b,
                        size_t *j)
{
    struct gtid_range part = *r;

    for (; *j < b->count; (*j)++) {
        const struct gtid_range *hole = &b->range[*j];
        int d = key_cmp(hole, r);

        if (d > 0 || (d == 0 && hole->first > r->last))
            break;
        if (d < 0 || hole->last < part.first)
            continue;
        if (hole->first > part.first) {
            part.last = hole->first - 1;
            part.server_id = 0;
            append(out, &part);
        }
        if (hole->last >= r->last)
            return;
        part = *r;
        part.first = hole->last + 1;
    }
    append(out, &part);
}

void gtid_minus(struct gtid_set *out, const struct gtid_set *a, const struct gtid_set *b)
{
    size_t j = 0;

    if (a->kind != b->kind) {
        gtid_copy(out, a);
        return;
    }
    gtid_release(out);
    for (size_t i = 0; i < a->count; i++)
        append_rest(out, &a->range[i], b, &j);
    out->kind = out->count ? a->kind : GTID_NONE;
}

int gtid_contains(const struct gtid_set *a, const struct gtid_set *b)
{
    size_t i = 0;

    if (b->count == 0)
        return 1;
    if (a->kind != b->kind)
        return 0;
    for (size_t j = 0; j < b->count; j++) {
        const struct gtid_range *want = &b->range[j];

        while (i < a->count &&
               (key_cmp(&a->range[i], want) < 0 ||
                (key_cmp(&a->range[i], want) == 0 && a->range[i].last < want->last)))
            i++;
        if (i == a->count || key_cmp(&a->range[i], want) != 0 || a->range[i].first > want->first)
            return 0;
    }
    return 1;
}

int gtid_equal(const struct gtid_set *a, const struct gtid_set *b)
{
    if (a->count != b->count || (a->count && a->kind != b->kind))
        return 0;
    for (size_t i = 0; i < a->count; i++) {
        if (range_cmp(&a->range[i], &b->range[i]) != 0 ||
            a->range[i].server_id != b->range[i].server_id)
            return 0;
    }
    return 1;
}

uint64_t gtid_count(const struct gtid_set *s)
{
    uint64_t n = 0;

    for (size_t i = 0; i < s->count; i++) {
        uint64_t here = s->range[i].last - s->range[i].first + 1;

        n = here > UINT64_MAX - n ? UINT64_MAX : n + here;
    }
    return n;
}

int gtid_conflict(const struct gtid_set *a, const struct gtid_set *b)
{
    size_t j = 0;

    if (a->kind != GTID_MARIADB || b->kind != GTID_MARIADB)
        return 0;
    for (size_t i = 0; i < a->count; i++) {
        const struct gtid_range *r = &a->range[i];
        int d = -1;

        while (j < b->count &&
               ((d = key_cmp(&b->range[j], r)) < 0 || (d == 0 && b->range[j].last < r->last)))
            j++;
        if (j < b->count && d == 0 && b->range[j].last == r->last && r->server_id &&
            b->range[j].server_id && r->server_id != b->range[j].server_id)
            return 1;
    }
    return 0;
}

static const char *skip_space(const char *p)
{
    while (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r')
        p++;
    return p;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Reads the 36 characters of a UUID. */
static int read_uuid(const char *text, unsigned char uuid[16])
{
    size_t n = 0;

    for (size_t i = 0; i < UUID_CHARS; i++) {
        int high, low;

        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (text[i] != '-')
                return -1;
            continue;
        }
        high = hex_digit(text[i]);
        low = high < 0 ? -1 : hex_digit(text[++i]);
        if (low < 0)
            return -1;
        uuid[n++] = (unsigned char)(high << 4 | low);
    }
    return 0;
}

/* Reads a number up to max and moves *p behind it. */
static int read_number(const char **p, uint64_t max, uint64_t *out)
{
    uint64_t n = 0;
    const char *at = *p;

    for (; *at >= '0' && *at <= '9'; at++) {
        unsigned digit = (unsigned)(*at - '0');

        if (n > (max - digit) / 10)
            return -1;
        n = n * 10 + digit;
    }
    if (at == *p)
        return -1;
    *p = at;
    *out = n;
    return 0;
}

/* "7" or "3-5". */
static int read_interval(const char **p, struct gtid_range *r)
{
    if (read_number(p, INT64_MAX, &r->first) < 0 || r->first == 0)
        return -1;
    r->last = r->first;
    *p = skip_space(*p);
    if (**p != '-')
        return 0;
    *p = skip_space(*p + 1);
    return read_number(p, INT64_MAX, &r->last) < 0 || r->last < r->first ? -1 : 0;
}

/* A letter or underscore, then letters, digits, underscores; 32 at most. */
static int read_tag(const char **p, char tag[GTID_TAG_BYTES])
{
    size_t len = 0;

    for (; **p == '_' || isalnum((unsigned char)**p); (*p)++) {
        if (len == GTID_TAG_BYTES - 1)
            return -1;
        tag[len++] = (char)tolower((unsigned char)**p);
    }
    tag[len] = '\0';
    return len && !isdigit((unsigned char)tag[0]) ? 0 : -1;
}

/* uuid[:tag]:interval[:interval]...[:tag:interval...]; a tag holds until the next one. */
static int read_mysql_item(const char **p, struct gtid_set *s)
{
    struct gtid_range r = {0};
    int complete = 0;

    if (read_uuid(*p, r.uuid) < 0)
        return -1;
    *p = skip_space(*p + UUID_CHARS);
    while (**p == ':') {
        int bad, is_tag;

        *p = skip_space(*p + 1);
        is_tag = !isdigit((unsigned char)**p);
        bad = is_tag ? read_tag(p, r.tag) : read_interval(p, &r);
        if (bad || (is_tag && complete < 0))
            return -1;
        if (!is_tag)
            append_unsorted(s, &r);
        complete = is_tag ? -1 : 1;
        *p = skip_space(*p);
    }
    return complete == 1 ? 0 : -1;
}

/* domain-server-sequence, or domain-server-first..last as gtid_print writes a difference. A
 * sequence number of 0 is an empty history. */
static int read_mariadb_item(const char **p, struct gtid_set *s)
{
    struct gtid_range r = {.first = 1};
    uint64_t domain, server;

    if (read_number(p, UINT32_MAX, &domain) < 0 || *(*p)++ != '-' ||
        read_number(p, UINT32_MAX, &server) < 0 || *(*p)++ != '-' ||
        read_number(p, UINT64_MAX, &r.last) < 0)
        return -1;
    if (strncmp(*p, "..", 2) == 0) {
        *p += 2;
        r.first = r.last;
        if (read_number(p, UINT64_MAX, &r.last) < 0 || r.first == 0 || r.last < r.first)
            return -1;
    }
    for (int i = 0; i < 4; i++)
        r.uuid[i] = (unsigned char)(domain >> (24 - 8 * i));
    r.server_id = (uint32_t)server;
    if (r.last)
        append_unsorted(s, &r);
    *p = skip_space(*p);
    return 0;
}

static int read_items(struct gtid_set *s, const char *text, struct err *e)
{
    const char *p = skip_space(text), *item;
    unsigned char uuid[16];
    int is_mysql = read_uuid(p, uuid) == 0;

    s->kind = is_mysql ? GTID_MYSQL : GTID_MARIADB;
    if (!*p)
        return 0;
    for (;;) {
        item = p;
        if ((is_mysql ? read_mysql_item(&p, s) : read_mariadb_item(&p, s)) < 0 || (*p && *p != ','))
            return err_set(e, ERR_FORMAT, "GTID set: \"%.*s\" is %s",
                           (int)(strcspn(item, ",\n") < 80 ? strcspn(item, ",\n") : 80), item,
                           is_mysql ? "not uuid:interval"
                                    : "neither uuid:interval nor "
                                      "domain-server-sequence");
        if (!*p)
            return 0;
        p = skip_space(p + 1);
    }
}

int gtid_parse(struct gtid_set *s, const char *text, struct err *e)
{
    gtid_release(s);
    if (strnlen(text, GTID_TEXT_MAX + 1) > GTID_TEXT_MAX)
        return err_set(e, ERR_FORMAT, "GTID set: longer than %d bytes", GTID_TEXT_MAX);
    if (read_items(s, text, e) < 0) {
        gtid_release(s);
        return -1;
    }
    normalise(s);
    return 0;
}

static void print_number(struct buf *out, uint64_t n)
{
    char digits[20];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    buf_add(out, digits + at, sizeof(digits) - at);
}

static void print_uuid(struct buf *out, const unsigned char uuid[16])
{
    static const char hex[] = "0123456789abcdef";

    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            buf_addc(out, '-');
        buf_addc(out, hex[uuid[i] >> 4]);
        buf_addc(out, hex[uuid[i] & 15]);
    }
}

static void print_mysql(const struct gtid_range *r, const struct gtid_range *before,
                        struct buf *out)
{
    if (!before || memcmp(before->uuid, r->uuid, sizeof(r->uuid)) != 0) {
        if (before)
            buf_addc(out, ',');
        print_uuid(out, r->uuid);
        before = NULL;
    }
    if (r->tag[0] && (!before || strcmp(before->tag, r->tag) != 0)) {
        buf_addc(out, ':');
        buf_adds(out, r->tag);
    }
    buf_addc(out, ':');
    print_number(out, r->first);
    if (r->last != r->first) {
        buf_addc(out, '-');
        print_number(out, r->last);
    }
}

static void print_mariadb(const struct gtid_range *r, const struct gtid_range *before,
                          struct buf *out)
{
    if (before)
        buf_addc(out, ',');
    print_number(out, (uint32_t)r->uuid[0] << 24 | (uint32_t)r->uuid[1] << 16 |
                          (uint32_t)r->uuid[2] << 8 | r->uuid[3]);
    buf_addc(out, '-');
    print_number(out, r->server_id);
    buf_addc(out, '-');
    if (r->first != 1) {
        print_number(out, r->first);
        buf_adds(out, "..");
    }
    print_number(out, r->last);
}

void gtid_print(const struct gtid_set *s, struct buf *out)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct gtid_range *before = i ? &s->range[i - 1] : NULL;

        if (s->kind == GTID_MARIADB)
            print_mariadb(&s->range[i], before, out);
        else
            print_mysql(&s->range[i], before, out);
    }
}

void gtid_of_uuid(struct gtid_set *out, const struct gtid_set *s, const char *uuid)
{
    struct gtid_set part = GTID_INIT;
    unsigned char want[16];

    if (s->kind == GTID_MYSQL && read_uuid(uuid, want) == 0 && uuid[UUID_CHARS] == '\0') {
        for (size_t i = 0; i < s->count; i++) {
            if (memcmp(s->range[i].uuid, want, sizeof(want)) == 0)
                append(&part, &s->range[i]);
        }
        part.kind = part.count ? GTID_MYSQL : GTID_NONE;
    }
    gtid_release(out);
    *out = part;
}
