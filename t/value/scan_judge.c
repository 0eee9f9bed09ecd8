/* From facts to findings: growth over kept points, days left, levels, sentences, the statement that
 * makes room. */
#include "manager/scan/judge.h"
#include "t/tap.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DAY 86400
#define NOW (INT64_C(20000) * DAY)

static const struct scan_rules no_rules = {.level = SCAN_THRESHOLDS_DEFAULT};

struct subject {
    struct scan_server server;
    struct scan_column column;
    struct scan_finding f;
};

static void column_of(struct subject *x, enum scan_type type, int is_unsigned, uint64_t next)
{
    memset(x, 0, sizeof(*x));
    snprintf(x->server.name, sizeof(x->server.name), "db1:3306");
    snprintf(x->server.group, sizeof(x->server.group), "app1");
    x->column = (struct scan_column){.schema = "shop",
                                     .table = "orders",
                                     .column = "id",
                                     .type_text = "",
                                     .engine = "InnoDB",
                                     .source = "",
                                     .state = SCAN_MEASURED,
                                     .type = type,
                                     .is_unsigned = is_unsigned};
    x->column.counter = (struct scan_counter){
        .next = next, .limit = scan_limit(type, is_unsigned), .first = 1, .step = 1, .offset = 1};
}

static void judged(struct subject *x, const struct scan_rules *rules, struct scan_point *p,
                   size_t n)
{
    x->f.server = &x->server;
    x->f.column = &x->column;
    scan_judge(&x->f, rules, p, n, NOW);
}

static void says(const struct subject *x, const char *want)
{
    struct buf text = BUF_INIT;

    scan_finding_text(&x->f, &text);
    tap_is(text.data, want, want);
    buf_release(&text);
}

static void alters(enum scan_type type, int is_unsigned, enum scan_kind kind, const char *want)
{
    struct subject x;
    struct buf text = BUF_INIT;

    column_of(&x, type, is_unsigned, 1);
    x.column.table = "or`ders";
    x.column.kind = kind;
    judged(&x, &no_rules, NULL, 0);
    scan_finding_alter(&x.f, &text);
    tap_is(text.data, want, *want ? want : "nothing is wider");
    buf_release(&text);
}

/* Points one a day, the last one now, growing by so much each day. */
static size_t daily(struct scan_point *p, size_t n, uint64_t last, uint64_t per_day)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (struct scan_point){NOW - (int64_t)(n - 1 - i) * DAY, last - (n - 1 - i) * per_day};
    return n;
}

static void levels(void)
{
    static const struct {
        enum scan_type type;
        int is_unsigned;
        uint64_t next;
        enum scan_level want;
        unsigned causes;
    } rows[] = {
        {SCAN_INT,     0, 1,                    SCAN_FINE,     0                             },
        {SCAN_INT,     0, 1503238553,           SCAN_FINE,     0                             },
        {SCAN_INT,     0, 1503238555,           SCAN_WARNING,  SCAN_BY_USAGE                 },
        {SCAN_INT,     0, 1825361102,           SCAN_CRITICAL, SCAN_BY_USAGE                 },
        {SCAN_INT,     1, 1825361102,           SCAN_FINE,     0                             },
        {SCAN_INT,     0, 2147483648,           SCAN_CRITICAL, SCAN_BY_USAGE | SCAN_IS_FULL  },
        {SCAN_TINYINT, 0, 300,                  SCAN_CRITICAL, SCAN_BY_USAGE | SCAN_IS_BEYOND},
        {SCAN_BIGINT,  1, 9223372036854775808U, SCAN_FINE,     0                             },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct subject x;

        column_of(&x, rows[i].type, rows[i].is_unsigned, rows[i].next);
        judged(&x, &no_rules, NULL, 0);
        tap_ok(x.f.level == rows[i].want && x.f.causes == rows[i].causes, "%s at %" PRIu64 " is %s",
               scan_column_class(&x.column), rows[i].next, scan_level_text(rows[i].want));
    }
}

static void not_measurable(void)
{
    struct subject x;

    column_of(&x, SCAN_TINYINT, 0, 1);
    x.column.state = SCAN_PER_GROUP;
    x.column.engine = "MyISAM";
    judged(&x, &no_rules, NULL, 0);
    tap_ok(x.f.level == SCAN_UNJUDGED, "a counter per group is not judged");
    says(&x, "counted per group of the key's leading columns (MyISAM): look at MAX by hand");
    x.column.state = SCAN_CYCLES;
    judged(&x, &no_rules, NULL, 0);
    says(&x, "begins anew when it is full");
    column_of(&x, SCAN_TYPE_UNKNOWN, 0, 1);
    judged(&x, &no_rules, NULL, 0);
    tap_ok(x.f.level == SCAN_UNJUDGED, "a type without a limit is not judged");
    column_of(&x, SCAN_INT, 0, 1);
    x.column.state = SCAN_UNUSED;
    judged(&x, &no_rules, NULL, 0);
    tap_ok(x.f.level == SCAN_FINE, "a table that was never filled is fine");
}

static void forecasts(void)
{
    struct scan_point p[40];
    struct subject x;

    column_of(&x, SCAN_INT, 0, 1000000000);
    judged(&x, &no_rules, p, daily(p, 29, 1000000000, 10000000));
    tap_ok(x.f.days_known && x.f.days > 114.7 && x.f.days < 114.8, "10 million a day: 114.7 days");
    tap_ok(x.f.level == SCAN_WARNING && x.f.causes == SCAN_BY_DAYS, "few days are a warning");
    says(&x, "46.6 % used, 115 days left");

    judged(&x, &no_rules, p, daily(p, 29, 1000000000, 0));
    tap_ok(x.f.days_known && isinf(x.f.days) && x.f.level == SCAN_FINE, "no growth, no end");
    says(&x, "46.6 % used, does not grow");

    judged(&x, &no_rules, p, daily(p, 2, 1000000000, 90000000));
    tap_ok(!x.f.days_known, "two points are no forecast");

    /* One backfill of 400 million does not bend the median. */
    daily(p, 29, 1000000000, 1000000);
    for (int i = 0; i < 14; i++)
        p[i].value -= 400000000;
    judged(&x, &no_rules, p, 29);
    tap_ok(x.f.growth.month.median > 900000 && x.f.growth.month.median < 40000000,
           "a backfill in the middle: the median stays near (%.0f)", x.f.growth.month.median);
    tap_ok(x.f.days_low <= x.f.days && x.f.days <= x.f.days_high,
           "the days are within their range");
}

static void acceleration(void)
{
    struct scan_point p[80];
    struct subject x;
    size_t n = daily(p, 28, 1000000000, 1000000);

    for (size_t i = 0; i < 28; i++)
        p[i].at_s -= DAY;
    for (size_t i = 0; i < 25; i++)
        p[n++] = (struct scan_point){NOW - (24 - (int64_t)i) * 3600, 1000000000 + i * 2000000};
    column_of(&x, SCAN_INT, 0, p[n - 1].value);
    judged(&x, &no_rules, p, n);
    tap_ok(x.f.causes & SCAN_IS_FASTER && x.f.level >= SCAN_WARNING,
           "48 million a day after one million: told today");
}

static void epochs(void)
{
    struct scan_point p[40];
    struct subject x;

    /* MySQL shows one less of a table nobody has opened. */
    daily(p, 20, 5000, 10);
    p[10].value = p[9].value - 1;
    tap_ok(scan_growth_cut(p, 20, 1) == 0 && p[10].value == p[9].value, "-1 is noise, levelled");
    /* Recreated. */
    daily(p, 20, 5000, 10);
    for (int i = 12; i < 20; i++)
        p[i].value = (uint64_t)(i - 11) * 100;
    tap_ok(scan_growth_cut(p, 20, 1) == 12, "a fall of more is a new epoch");
    column_of(&x, SCAN_INT, 0, p[19].value);
    judged(&x, &no_rules, p, 20);
    tap_ok(x.f.growth.points == 8 && x.f.growth.month.median > 99 && x.f.growth.month.median < 101,
           "its slope is its own, and none is negative");
    /* 1 % of a large value. */
    p[0].value = 1000000;
    p[1].value = 991000;
    p[2].value = 980000;
    tap_ok(scan_growth_cut(p, 3, 1) == 2, "less than 1 %% is levelled, more is cut");
    p[0].value = 100;
    p[1].value = 81;
    tap_ok(scan_growth_cut(p, 2, 10) == 0, "two steps of ten are noise");
}

static void children_and_texts(void)
{
    struct subject x;

    column_of(&x, SCAN_INT, 0, 2200000000);
    x.column.kind = SCAN_CHILD;
    x.column.source = "shop.users";
    judged(&x, &no_rules, NULL, 0);
    says(&x, "100.0 % used, set beyond the limit to 2200000000: the next insert fails, holds values"
             " of shop.users");
    column_of(&x, SCAN_INT, 0, 2147483648);
    judged(&x, &no_rules, NULL, 0);
    says(&x, "100.0 % used, no value is left: inserts fail, or overwrite the last row");

    alters(SCAN_TINYINT, 0, SCAN_AUTO,
           "ALTER TABLE `shop`.`or``ders` MODIFY `id` BIGINT NOT NULL AUTO_INCREMENT");
    alters(SCAN_INT, 1, SCAN_AUTO,
           "ALTER TABLE `shop`.`or``ders` MODIFY `id` BIGINT UNSIGNED NOT NULL AUTO_INCREMENT");
    alters(SCAN_BIGINT, 0, SCAN_AUTO,
           "ALTER TABLE `shop`.`or``ders` MODIFY `id` BIGINT UNSIGNED NOT NULL AUTO_INCREMENT");
    alters(SCAN_BIGINT, 1, SCAN_AUTO, "");
    alters(SCAN_INT, 0, SCAN_CHILD, "ALTER TABLE `shop`.`or``ders` MODIFY `id` BIGINT");
    alters(SCAN_INT, 0, SCAN_SEQUENCE, "");
}

static void ends(void)
{
    static const struct {
        size_t critical, warning, servers, complete;
        int want;
    } rows[] = {
        {0, 0, 2, 2, 0},
        {0, 3, 2, 2, 1},
        {1, 3, 2, 2, 2},
        {1, 0, 2, 1, 2},
        {0, 0, 2, 1, 3},
        {0, 1, 2, 0, 3},
        {0, 0, 0, 0, 0},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scan_report r = {
            .totals = {.critical = rows[i].critical,
                       .warning = rows[i].warning,
                       .servers = rows[i].servers,
                       .complete = rows[i].complete}
        };

        tap_ok(scan_report_exit(&r) == rows[i].want,
               "%zu critical, %zu warning, %zu of %zu servers: exit %d", rows[i].critical,
               rows[i].warning, rows[i].complete, rows[i].servers, rows[i].want);
    }
}

static void sorting(void)
{
    static const uint64_t next[] = {5, 2147483648, 1900000000, 1600000000, 40};
    struct subject x[5];
    struct scan_finding f[5];

    for (size_t i = 0; i < 5; i++) {
        column_of(&x[i], SCAN_INT, 0, next[i]);
        judged(&x[i], &no_rules, NULL, 0);
        f[i] = x[i].f;
    }
    qsort(f, 5, sizeof(f[0]), scan_finding_cmp);
    tap_ok(f[0].counter.next == next[1] && f[1].counter.next == next[2] &&
               f[2].counter.next == next[3] && f[3].counter.next == next[4] &&
               f[4].counter.next == next[0],
           "worst first");
}

static const char rules_text[] = "# site\n"
                                 "[defaults]\n"
                                 "warn_usage = 0.5\n"
                                 "crit_days=10\n"
                                 "[rule]\n"
                                 "schema = shop\n"
                                 "table = legacy_*\n"
                                 "ignore = yes\n"
                                 "until = 2024-10-05\n"
                                 "reason = \"goes away in October\"\n"
                                 "owner = team-a\n"
                                 "[rule]\n"
                                 "group=app1\n"
                                 "table = orders\n"
                                 "limit = 2147483647\n"
                                 "crit_usage = 0.95\n"
                                 "[rule]\n"
                                 "server = db9:*\n"
                                 "ignore = yes\n"
                                 "reason = test\n";

static void rules(void)
{
    struct scan_rules r;
    struct err e = {0};
    struct subject x;

    tap_ok(scan_rules_parse(&r, "rules", rules_text, &e) == 0, "rules are read (%s)", e.text);
    tap_ok(r.rules == 3 && r.level.warn_usage > 0.49 && r.level.warn_usage < 0.51 &&
               r.level.crit_days < 10.5 && r.level.warn_days > 179,
           "defaults of the site, and our own for the rest");

    column_of(&x, SCAN_BIGINT, 0, 2000000000);
    judged(&x, &r, NULL, 0);
    tap_ok(x.f.counter.limit == 2147483647 && x.f.level == SCAN_WARNING,
           "an application's limit below the column's counts");
    x.column.counter.next = 2100000000;
    judged(&x, &r, NULL, 0);
    tap_ok(x.f.level == SCAN_CRITICAL, "its own threshold");

    column_of(&x, SCAN_INT, 0, 2147483648);
    x.column.table = "legacy_x";
    x.f.server = &x.server;
    x.f.column = &x.column;
    scan_judge(&x.f, &r, NULL, 0, INT64_C(1728086399));
    tap_ok(x.f.ignored && strcmp(x.f.rule->owner, "team-a") == 0 && x.f.level == SCAN_CRITICAL,
           "ignored until the last second of the day before, with its owner");
    scan_judge(&x.f, &r, NULL, 0, INT64_C(1728086400));
    tap_ok(!x.f.ignored && (x.f.causes & SCAN_IGNORE_ENDED), "then no more, and it says so");
    column_of(&x, SCAN_INT, 0, 2147483648);
    snprintf(x.server.group, sizeof(x.server.group), "app2");
    snprintf(x.server.name, sizeof(x.server.name), "db9:3307");
    judged(&x, &r, NULL, 0);
    tap_ok(x.f.ignored, "ignored by server");
    scan_rules_release(&r);
}

static void bad_rules(void)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"table = x\n",                     "r line 1: [defaults] or [rule] must stand before the first key"},
        {"[rules]\n",                       "r line 1: a section is [defaults] or [rule]"                   },
        {"[rule]\nspeed = 4\n",             "r line 2: there is no key \"speed\""                           },
        {"[defaults]\ntable = x\n",         "r line 2: table belongs into a [rule]"                         },
        {"[rule]\nwarn_usage = 85\n",       "r line 2: a share is a number from 0 to 1, as 0.85"            },
        {"[rule]\nwarn_usage = 0.8x\n",     "r line 2: a share is a number from 0 to 1, as 0.85"            },
        {"[rule]\nwarn_usage = nan\n",      "r line 2: a share is a number from 0 to 1, as 0.85"            },
        {"[rule]\n\nwarn_days=-1\n",        "r line 3: days are a number from 0 to 36500"                   },
        {"[rule]\nuntil = 31.1.2027\n",     "r line 2: a date is year-month-day, as 2027-01-31"             },
        {"[rule]\nlimit = -4\n",            "r line 2: limit is a whole number from 1, as 2147483647"       },
        {"[rule]\nlimit = 1e9\n",           "r line 2: limit is a whole number from 1, as 2147483647"       },
        {"[rule]\nignore = maybe\n",        "r line 2: ignore is yes or no"                                 },
        {"[rule]\nignore = yes\ntable=x\n", "r line 1: a rule with ignore needs a reason"                   },
        {"[rule]\ntable\n",                 "r line 2: a line is [section], key = value, or begins with #"  },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scan_rules r;
        struct err e = {0};

        tap_ok(scan_rules_parse(&r, "r", rows[i].text, &e) == -1, "refused: row %zu", i);
        tap_is(e.text, rows[i].want, rows[i].want);
        scan_rules_release(&r);
    }
}

int main(void)
{
    levels();
    not_measurable();
    forecasts();
    acceleration();
    epochs();
    children_and_texts();
    ends();
    sorting();
    rules();
    bad_rules();
    return tap_done();
}
