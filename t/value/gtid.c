/* GTID sets of both families: text, operations, and random sets against a bitmap model. */
#include "common/gtid.h"
#include "t/tap.h"

#include <stdlib.h>

#define U1 "3e11fa47-71ca-11e1-9e33-c80aa9429562"
#define U2 "4f22fa47-71ca-11e1-9e33-c80aa9429562"

static struct gtid_set set_of(const char *text)
{
    struct gtid_set s = GTID_INIT;
    struct err e = {0};

    if (gtid_parse(&s, text, &e) < 0)
        printf("# %.100s: %s\n", text, e.text);
    return s;
}

static void prints(const struct gtid_set *s, const char *want, const char *name)
{
    struct buf out = BUF_INIT;

    gtid_print(s, &out);
    tap_is(out.data, want, name);
    buf_release(&out);
}

static void canonical(void)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"",                                           ""                                      },
        {" \n",                                        ""                                      },
        {U1 ":1-5",                                    U1 ":1-5"                               },
        {U1 ":5",                                      U1 ":5"                                 },
        {U1 ":5-5",                                    U1 ":5"                                 },
        {U1 ":1-5:7",                                  U1 ":1-5:7"                             },
        {U1 ":7:1-5:6",                                U1 ":1-7"                               },
        {U1 ":3-9:1-4:2",                              U1 ":1-9"                               },
        {"3E11FA47-71CA-11E1-9E33-C80AA9429562:1",     U1 ":1"                                 },
        {U2 ":1," U1 ":2",                             U1 ":2," U2 ":1"                        },
        {U1 ":1-5,\n" U2 ":1-5",                       U1 ":1-5," U2 ":1-5"                    },
        {" " U1 " : 1 - 5 : 7 , " U2 ":9 \r\n",        U1 ":1-5:7," U2 ":9"                    },
        {U1 ":1-5," U1 ":6-9",                         U1 ":1-9"                               },
        {U1 ":9223372036854775806",                    U1 ":9223372036854775806"               },
        {U1 ":tag:1-3:other:5",                        U1 ":other:5:tag:1-3"                   },
        {U1 ":1-2:tag:1-3:5:other:5",                  U1 ":1-2:other:5:tag:1-3:5"             },
        {U1 ":TAG:1:tag:2",                            U1 ":tag:1-2"                           },
        {U1 ":tag:1," U1 ":1",                         U1 ":1:tag:1"                           },
        {U1 ":_a1:4," U2 ":_a1:4",                     U1 ":_a1:4," U2 ":_a1:4"                },
        {U1 ":abcdefghijklmnopqrstuvwxyz012345:1",     U1 ":abcdefghijklmnopqrstuvwxyz012345:1"},
        {"0-1-100",                                    "0-1-100"                               },
        {"0-1-100,1-2-7",                              "0-1-100,1-2-7"                         },
        {"1-2-7, 0-1-100",                             "0-1-100,1-2-7"                         },
        {"10-2-7,9-1-100",                             "9-1-100,10-2-7"                        },
        {"0-1-100,0-2-90",                             "0-1-100"                               },
        {"0-1-100,0-2-110,0-3-50",                     "0-2-110"                               },
        {"4294967295-4294967295-18446744073709551615",
         "4294967295-4294967295-18446744073709551615"                                          },
        {"0-1-0",                                      ""                                      },
        {"0-1-51..100",                                "0-1-51..100"                           },
        {"12345678-1234-1234",                         "12345678-1234-1234"                    },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct gtid_set s = set_of(rows[i].text);

        prints(&s, rows[i].want, "canonical text");
        gtid_release(&s);
    }
}

static void malformed(void)
{
    static const char *const rows[] = {
        "x",
        ",",
        U1,
        U1 ":",
        U1 ":0",
        U1 ":1-",
        U1 ":5-3",
        U1 ":-3",
        U1 ":1 2",
        U1 ":1,",
        "," U1 ":1",
        U1 ":1:",
        U1 ":1,," U2 ":1",
        U1 ":tag",
        U1 ":tag:",
        U1 ":tag:other:1",
        U1 ":1:tag",
        U1 ":1tag:1",
        U1 ":ta-g:1",
        U1 ":ta.g:1",
        U1 ":abcdefghijklmnopqrstuvwxyz0123456:1",
        U1 ":9223372036854775808",
        U1 ":1-99999999999999999999",
        "3e11fa47-71ca-11e1-9e33-c80aa942956g:1",
        "3e11fa47-71ca-11e1-9e33-c80aa94295:1",
        U1 ":1,0-1-100",
        "0-1-100," U1 ":1",
        "0-1",
        "0-1-",
        "0--1-1",
        "-0-1-1",
        "0-1-1-1",
        "0-1-1:2",
        "0-1-1,",
        "4294967296-1-1",
        "0-4294967296-1",
        "0-1-18446744073709551616",
        "0-1-5..4",
        "0-1-0..4",
        "0-1-5..",
        "0 -1-5",
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct gtid_set s = set_of(U1 ":1-9");
        struct err e = {0};

        tap_ok(gtid_parse(&s, rows[i], &e) == -1 && e.code == ERR_FORMAT && s.count == 0 &&
                   s.kind == GTID_NONE,
               "refused: \"%s\"", rows[i]);
        gtid_release(&s);
    }
}

static void names_the_item(void)
{
    struct gtid_set s = GTID_INIT;
    struct err e = {0};

    gtid_parse(&s, U1 ":1-5," U2 ":x-7," U2 ":3", &e);
    tap_is(e.text, "GTID set: \"" U2 ":x-7\" is not uuid:interval", "the bad item of a MySQL set");
    gtid_parse(&s, "0-1-5,bad,1-1-1", &e);
    tap_is(e.text, "GTID set: \"bad\" is neither uuid:interval nor domain-server-sequence",
           "the bad item of a MariaDB list");
}

static void operations(void)
{
    static const struct {
        const char *a, *b, *both, *minus;
        int contains, equal, conflict;
    } rows[] = {
        {"",                 "",                         "",                         "",                1, 1, 0},
        {U1 ":1-5",          "",                         U1 ":1-5",                  U1 ":1-5",         1, 0, 0},
        {"",                 U1 ":1-5",                  U1 ":1-5",                  "",                0, 0, 0},
        {U1 ":1-9",          U1 ":3-4:7",                U1 ":1-9",                  U1 ":1-2:5-6:8-9", 1, 0, 0},
        {U1 ":1-5",          U1 ":5-9",                  U1 ":1-9",                  U1 ":1-4",         0, 0, 0},
        {U1 ":1-5",          U1 ":6-9",                  U1 ":1-9",                  U1 ":1-5",         0, 0, 0},
        {U1 ":1-5:t:1-5",    U1 ":t:2",                  U1 ":1-5:t:1-5",            U1 ":1-5:t:1:3-5", 1, 0, 0},
        {U1 ":1-5",          U1 ":t:1-5",                U1 ":1-5:t:1-5",            U1 ":1-5",         0, 0, 0},
        {U1 ":1-5," U2 ":1", U2 ":1," U1 ":1-5",         U1 ":1-5," U2 ":1",         "",                1, 1, 0},
        {U1 ":1-5",          U2 ":1-5",                  U1 ":1-5," U2 ":1-5",       U1 ":1-5",         0, 0, 0},
        {U1 ":1-5:8-9",      U1 ":4-8",                  U1 ":1-9",                  U1 ":1-3:9",       0, 0, 0},
        {"0-1-100",          "0-1-50",                   "0-1-100",                  "0-1-51..100",     1, 0, 0},
        {"0-1-50",           "0-1-100",                  "0-1-100",                  "",                0, 0, 0},
        {"0-1-100,1-2-7",    "1-2-7",                    "0-1-100,1-2-7",            "0-1-100",         1, 0, 0},
        {"0-1-100",          "1-1-100",                  "0-1-100,1-1-100",          "0-1-100",         0, 0, 0},
        {"0-1-100",          "0-2-100",                  "0-1-100",                  "",                1, 0, 1},
        {"0-1-100",          "0-2-90",                   "0-1-100",                  "0-1-91..100",     1, 0, 0},
        {"0-1-100,5-1-9",    "4-1-9,5-3-9",              "0-1-100,4-1-9,5-1-9",      "0-1-100",         0, 0, 1},
        {"0-1-100",          "0-2-18446744073709551615", "0-2-18446744073709551615", "",                0, 0, 0},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct gtid_set a = set_of(rows[i].a), b = set_of(rows[i].b), out = GTID_INIT;

        tap_ok(gtid_contains(&a, &b) == rows[i].contains, "row %zu: contains", i);
        tap_ok(gtid_equal(&a, &b) == rows[i].equal && gtid_equal(&b, &a) == rows[i].equal,
               "row %zu: equal", i);
        tap_ok(gtid_conflict(&a, &b) == rows[i].conflict &&
                   gtid_conflict(&b, &a) == rows[i].conflict,
               "row %zu: conflict", i);
        gtid_minus(&out, &a, &b);
        prints(&out, rows[i].minus, "minus");
        gtid_copy(&out, &a);
        gtid_union(&out, &b);
        prints(&out, rows[i].both, "union");
        gtid_release(&a);
        gtid_release(&b);
        gtid_release(&out);
    }
}

/* Sets of different families never contain or hold anything of each other. */
static void families(void)
{
    struct gtid_set my = set_of("00000001-0000-0000-0000-000000000000:1-5"),
                    maria = set_of("1-1-5");
    struct gtid_set out = GTID_INIT, none = GTID_INIT;

    tap_ok(!gtid_contains(&my, &maria) && !gtid_contains(&maria, &my), "families: contains");
    tap_ok(!gtid_equal(&my, &maria) && !gtid_conflict(&my, &maria), "families: equal, conflict");
    gtid_minus(&out, &maria, &my);
    prints(&out, "1-1-5", "families: minus takes nothing away");
    gtid_union(&out, &my);
    prints(&out, "1-1-5", "families: union takes nothing in");
    tap_ok(gtid_contains(&my, &none) && gtid_contains(&none, &none) && !gtid_contains(&none, &my),
           "the empty set is in every set");
    gtid_release(&out);
    gtid_release(&my);
    gtid_release(&maria);
}

static void adding(void)
{
    struct gtid_set s = GTID_INIT, maria = GTID_INIT, more = set_of(U1 ":1-3:t:5"), borrowed;
    struct gtid_range r = more.range[0], d = {.first = 1, .last = 9, .server_id = 4};

    for (uint64_t n = 20; n > 0; n -= 2) {
        r.first = r.last = n;
        gtid_add(&s, &r);
    }
    prints(&s, U1 ":2:4:6:8:10:12:14:16:18:20", "added one by one, backwards");
    tap_ok(gtid_count(&s) == 10 && s.kind == GTID_MYSQL, "counted");
    r.first = 5;
    r.last = 17;
    gtid_add(&s, &r);
    prints(&s, U1 ":2:4-18:20", "one range swallows many");
    gtid_add(&s, &s.range[0]);
    prints(&s, U1 ":2:4-18:20", "a range of the set itself changes nothing");
    r.first = 9;
    r.last = 8;
    gtid_add(&s, &r);
    prints(&s, U1 ":2:4-18:20", "an empty range changes nothing");
    borrowed = more;
    borrowed.cap = 0;
    gtid_add(&borrowed, &s.range[1]);
    prints(&borrowed, U1 ":1-18:t:5", "a borrowed set is copied before it changes");
    prints(&more, U1 ":1-3:t:5", "and the lender keeps its own");
    gtid_add(&maria, &d);
    prints(&maria, "0-4-9", "a range with a server id begins a MariaDB set");
    d.last = 12;
    d.server_id = 5;
    gtid_add(&maria, &d);
    prints(&maria, "0-5-12", "the later writer counts");
    gtid_release(&maria);
    maria = set_of("0-1-18446744073709551615,1-1-3");
    tap_ok(gtid_count(&maria) == UINT64_MAX, "a count too large stays at the largest number");
    gtid_release(&borrowed);
    gtid_release(&s);
    gtid_release(&more);
    gtid_release(&maria);
}

static void of_uuid(void)
{
    struct gtid_set s = set_of(U1 ":1-3:t:5," U2 ":7"), out = set_of(U2 ":1");

    gtid_of_uuid(&out, &s, U1);
    prints(&out, U1 ":1-3:t:5", "of one uuid, tags included");
    gtid_of_uuid(&s, &s, "4F22FA47-71CA-11E1-9E33-C80AA9429562");
    prints(&s, U2 ":7", "in place, upper case");
    gtid_of_uuid(&out, &s, U1);
    tap_ok(out.count == 0 && out.kind == GTID_NONE, "of a uuid that does not occur: empty");
    gtid_of_uuid(&out, &s, "nonsense");
    tap_ok(out.count == 0, "of no uuid at all: empty");
    gtid_release(&s);
    gtid_release(&out);
}

/* The model: 4 keys (two uuids, with and without a tag) of 64 transactions each. */
#define KEYS 4
static const char *const key_text[KEYS] = {U1 ":", U1 ":t:", U2 ":", U2 ":zz:"};

struct model {
    uint64_t bits[KEYS];
};

static uint64_t seed = 88172645463325252u;

static unsigned below(unsigned n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)(seed >> 33) % n;
}

static void random_set(struct gtid_set *s, struct model *m)
{
    struct buf text = BUF_INIT;
    struct err e = {0};
    unsigned items = below(30), longest = 1 + below(12);

    memset(m, 0, sizeof(*m));
    for (unsigned i = 0; i < items; i++) {
        unsigned key = below(KEYS), first = 1 + below(64), last = first + below(longest);

        last = last > 64 ? 64 : last;
        buf_addf(&text, "%s%s%u-%u", i ? "," : "", key_text[key], first, last);
        for (unsigned n = first; n <= last; n++)
            m->bits[key] |= (uint64_t)1 << (n - 1);
    }
    if (gtid_parse(s, text.data, &e) < 0)
        printf("# %s\n", e.text);
    buf_release(&text);
}

/* Canonical text straight from the bits. */
static void model_print(const struct model *m, struct buf *out)
{
    static const char *const tags[KEYS] = {"", ":t", "", ":zz"};

    for (unsigned k = 0; k < KEYS; k++) {
        int first_of_uuid = k % 2 == 0 || m->bits[k - 1] == 0;

        if (m->bits[k] && first_of_uuid)
            buf_addf(out, "%s%s", out->len ? "," : "", k < 2 ? U1 : U2);
        if (m->bits[k])
            buf_adds(out, tags[k]);
        for (unsigned n = 0; n < 64; n++) {
            unsigned end = n;

            while (end < 64 && m->bits[k] >> end & 1)
                end++;
            if (end == n)
                continue;
            buf_addf(out, end - n > 1 ? ":%u-%u" : ":%u", n + 1, end);
            n = end;
        }
    }
}

static int same(const struct gtid_set *s, const struct model *m)
{
    struct buf got = BUF_INIT, want = BUF_INIT;
    uint64_t count = 0;
    int ok;

    gtid_print(s, &got);
    model_print(m, &want);
    for (unsigned k = 0; k < KEYS; k++)
        count += (uint64_t)__builtin_popcountll(m->bits[k]);
    ok = strcmp(got.data, want.data) == 0 && gtid_count(s) == count &&
         (s->kind == GTID_NONE) == (count == 0);
    if (!ok)
        printf("#   got:  %s\n#   want: %s\n", got.data, want.data);
    buf_release(&got);
    buf_release(&want);
    return ok;
}

static int check_round(void)
{
    struct gtid_set a = GTID_INIT, b = GTID_INIT, out = GTID_INIT;
    struct model ma, mb, both = {{0}}, minus = {{0}};
    int within = 1, ok;

    random_set(&a, &ma);
    random_set(&b, &mb);
    for (unsigned k = 0; k < KEYS; k++) {
        both.bits[k] = ma.bits[k] | mb.bits[k];
        minus.bits[k] = ma.bits[k] & ~mb.bits[k];
        within &= minus.bits[k] == 0;
    }
    ok = same(&a, &ma) && same(&b, &mb);
    gtid_minus(&out, &a, &b);
    ok = ok && same(&out, &minus);
    gtid_union(&out, &b);
    ok = ok && same(&out, &both) && gtid_contains(&out, &a) && gtid_contains(&out, &b);
    ok = ok && gtid_contains(&b, &a) == within;
    ok = ok && gtid_equal(&a, &b) == (memcmp(&ma, &mb, sizeof(ma)) == 0);
    gtid_copy(&out, &a);
    for (size_t i = b.count; i > 0; i--)
        gtid_add(&out, &b.range[i - 1]);
    ok = ok && same(&out, &both);
    gtid_release(&a);
    gtid_release(&b);
    gtid_release(&out);
    return ok;
}

static void random_sets(void)
{
    int good = 0;

    while (good < 5000 && check_round())
        good++;
    tap_ok(good == 5000, "5000 pairs of random sets agree with the bitmap model");
}

/* A text of exactly GTID_TEXT_MAX bytes in descending order; every other transaction is missing. */
static void at_the_cap(void)
{
    struct buf text = BUF_INIT, printed = BUF_INIT;
    struct gtid_set s = GTID_INIT, again = GTID_INIT;
    struct err e = {0};
    unsigned n = 900000, intervals = 0;

    buf_adds(&text, U1);
    for (; text.len + 7 <= GTID_TEXT_MAX; n -= 2, intervals++)
        buf_addf(&text, ":%u", n);
    while (text.len < GTID_TEXT_MAX)
        buf_addc(&text, ' ');
    tap_ok(gtid_parse(&s, text.data, &e) == 0 && s.count == intervals, "text at the cap is read");
    gtid_print(&s, &printed);
    tap_ok(gtid_parse(&again, printed.data, &e) == 0 && gtid_equal(&s, &again),
           "and its print reads as the same set");
    buf_addc(&text, ' ');
    tap_ok(gtid_parse(&s, text.data, &e) == -1 && e.code == ERR_FORMAT, "one byte more is refused");
    buf_release(&text);
    buf_release(&printed);
    gtid_release(&s);
    gtid_release(&again);
}

int main(void)
{
    canonical();
    malformed();
    names_the_item();
    operations();
    families();
    adding();
    of_uuid();
    random_sets();
    at_the_cap();
    return tap_done();
}
