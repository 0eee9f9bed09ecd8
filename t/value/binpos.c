/* Binary log positions: order by number, text form, gaps. */
#include "common/binpos.h"
#include "t/tap.h"

static struct binpos at(const char *file, uint64_t pos)
{
    struct binpos p = {"", pos};

    snprintf(p.file, sizeof(p.file), "%s", file);
    return p;
}

static int sign(int n)
{
    return (n > 0) - (n < 0);
}

static void order(void)
{
    static const struct {
        const char *a;
        uint64_t a_pos;
        const char *b;
        uint64_t b_pos;
        int want;
    } rows[] = {
        {"mysql-bin.000007",     4,          "mysql-bin.000007",      4,    0 },
        {"mysql-bin.000007",     4,          "mysql-bin.000007",      5,    -1},
        {"mysql-bin.000007",     4294967296, "mysql-bin.000007",      5,    1 },
        {"mysql-bin.000007",     900,        "mysql-bin.000008",      4,    -1},
        {"mysql-bin.999999",     900,        "mysql-bin.1000000",     4,    -1},
        {"mysql-bin.1000000",    4,          "mysql-bin.999999",      900,  1 },
        {"mysql-bin.2147483647", 4,          "mysql-bin.10000000000", 4,    -1},
        {"a.b.000009",           4,          "a.b.000010",            4,    -1},
        {"host-a-bin.000009",    4,          "host-b-bin.000001",     4,    -1},
        {"bin.000009",           4,          "bin2.000001",           4,    -1},
        {"",                     0,          "mysql-bin.000001",      0,    -1},
        {"mysql-bin.000001",     0,          "",                      9999, 1 },
        {"",                     1,          "",                      2,    0 },
        {"noext",                4,          "noext.000001",          4,    -1},
        {"noext",                4,          "noext",                 3,    1 },
        {"x.index",              4,          "x.000001",              4,    1 },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct binpos a = at(rows[i].a, rows[i].a_pos), b = at(rows[i].b, rows[i].b_pos);

        tap_ok(sign(binpos_cmp(&a, &b)) == rows[i].want &&
                   sign(binpos_cmp(&b, &a)) == -rows[i].want,
               "%s:%llu against %s:%llu, both ways", a.file, (unsigned long long)a.pos, b.file,
               (unsigned long long)b.pos);
    }
}

static void number(void)
{
    tap_ok(binpos_number("mysql-bin.000007") == 7, "number with zeros");
    tap_ok(binpos_number("a.b.1000000") == 1000000, "number behind the last dot");
    tap_ok(binpos_number("mysql-bin") == -1, "no dot, no number");
    tap_ok(binpos_number("mysql-bin.") == -1, "nothing behind the dot");
    tap_ok(binpos_number("mysql-bin.00a") == -1, "letters are no number");
    tap_ok(binpos_number("x.9223372036854775807") == INT64_MAX, "the largest number");
    tap_ok(binpos_number("x.9223372036854775808") == -1, "one more is no number");
    tap_ok(binpos_number("") == -1, "empty name");
}

static void good_text(const char *text)
{
    struct binpos p = {"", 0};
    struct err e = {0};
    char out[BINPOS_FILE_BYTES + 24];

    tap_ok(binpos_parse(text, &p, &e) == 0, "reads %.40s", text);
    tap_is(binpos_print(&p, out, sizeof(out)), text, "and prints it again");
}

static void bad_text(const char *text)
{
    struct binpos p = at("kept", 1);
    struct err e = {0};

    tap_ok(binpos_parse(text, &p, &e) == -1 && e.code == ERR_FORMAT && strcmp(p.file, "kept") == 0,
           "refuses \"%.40s\"", text);
}

static void text(void)
{
    static const char *const bad[] = {
        "",      ":4",        "mysql-bin.000001", "a.1:", "a.1:-4",
        "a.1:x", "dir/a.1:4", "a.1: 4",           "none", "a.1:18446744073709551616"};
    char longest[BINPOS_FILE_BYTES + 8], out[BINPOS_FILE_BYTES + 24];
    struct binpos none = {"", 7};

    good_text("mysql-bin.000007:1234");
    good_text("mysql-bin.1000000:4");
    good_text("odd:name.000001:4");
    good_text("a.1:18446744073709551615");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        bad_text(bad[i]);
    memset(longest, 'x', sizeof(longest));
    memcpy(longest + BINPOS_FILE_BYTES - 1, ":4", 3);
    good_text(longest);
    memset(longest, 'x', sizeof(longest));
    memcpy(longest + BINPOS_FILE_BYTES, ":4", 3);
    bad_text(longest);
    tap_is(binpos_print(&none, out, sizeof(out)), "none", "no position prints none");
}

static void gap(void)
{
    struct binpos a = at("m.000001", 100), b = at("m.000001", 350), c = at("m.000002", 350);
    struct binpos none = at("", 0), far = at("m.000001", UINT64_MAX);

    tap_ok(binpos_gap(&a, &b) == 250, "bytes within a file");
    tap_ok(binpos_gap(&a, &a) == 0, "level is 0");
    tap_ok(binpos_gap(&b, &a) == -1, "backwards is -1");
    tap_ok(binpos_gap(&a, &c) == -1, "two files: -1");
    tap_ok(binpos_gap(&none, &a) == -1 && binpos_gap(&none, &none) == -1, "no position: -1");
    tap_ok(binpos_gap(&a, &far) == -1, "a gap past 2^63: -1");
}

int main(void)
{
    order();
    number();
    text();
    gap();
    return tap_done();
}
