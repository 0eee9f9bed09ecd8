/* The history of a scan: values to the last bit, by group, thinned and bounded; files that are no
 * history; a report that is built on it. */
#include "manager/scan/history.h"
#include "manager/scan/session.h"
#include "t/tap.h"

#include <inttypes.h>
#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY INT64_C(86400)
#define NOW (20000 * DAY + 43200)

static char dir[] = "/tmp/scan_history.XXXXXX";
static const struct scan_rules no_rules = {.level = SCAN_THRESHOLDS_DEFAULT};

static const char *path_of(const char *name)
{
    static char path[300];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return path;
}

static struct scan_finding subject(struct scan_server *s, struct scan_column *c, uint64_t next)
{
    memset(s, 0, sizeof(*s));
    snprintf(s->group, sizeof(s->group), "app1");
    snprintf(s->name, sizeof(s->name), "db1:3306");
    *c = (struct scan_column){.schema = "shop",
                              .table = "o'rders",
                              .column = "id",
                              .type_text = "bigint unsigned",
                              .engine = "InnoDB",
                              .source = "",
                              .state = SCAN_MEASURED,
                              .type = SCAN_BIGINT,
                              .is_unsigned = 1};
    c->counter = (struct scan_counter){
        .next = next, .limit = scan_limit(SCAN_BIGINT, 1), .first = 1, .step = 1, .offset = 1};
    return (struct scan_finding){.server = s, .column = c, .level = SCAN_FINE};
}

static int keep(struct scan_history *h, uint64_t value, int64_t at_s)
{
    struct scan_server s;
    struct scan_column c;
    struct scan_finding f = subject(&s, &c, value);
    struct scan_kept k = {0};
    struct err e = {0};
    int rc = scan_history_load(h, &f, 0, at_s, &k, &e);

    if (rc == 0)
        rc = scan_history_keep(h, &f, k.series, at_s, &e);
    free(k.p);
    if (rc)
        printf("# %s\n", e.text);
    return rc;
}

/* All that is kept before now, from the beginning or of the last month. */
static struct scan_kept kept(struct scan_history *h, const char *group, int all, int64_t now_s)
{
    struct scan_server s;
    struct scan_column c;
    struct scan_finding f = subject(&s, &c, 77);
    struct scan_kept k = {0};
    struct err e = {0};

    snprintf(s.group, sizeof(s.group), "%s", group);
    tap_ok(scan_history_load(h, &f, all, now_s, &k, &e) == 0, "load %s", e.text);
    return k;
}

static void values(void)
{
    static const uint64_t value[] = {1, 9223372036854775807U, 9223372036854775808U,
                                     18446744073709551614U, 18446744073709551615U};
    struct scan_history *h = NULL;
    struct scan_kept k;
    struct err e = {0};
    int same = 1;

    tap_ok(scan_history_open(&h, path_of("values"), &e) == 0, "a new file is made %s", e.text);
    for (size_t i = 0; i < 5; i++)
        keep(h, value[i], NOW - (int64_t)(10 - i) * DAY);
    k = kept(h, "app1", 0, NOW);
    for (size_t i = 0; i < 5; i++)
        same &= k.n > i && k.p[i].value == value[i];
    tap_ok(same && k.n == 6, "values of 64 bits come back in order, the present one last");
    tap_ok(k.p[5].value == 77 && k.p[5].at_s == NOW && k.before == SCAN_FINE,
           "with the last level");
    free(k.p);
    k = kept(h, "app2", 0, NOW);
    tap_ok(k.series == 0 && k.n == 1, "another group has a history of its own");
    free(k.p);
    scan_history_close(&h);
}

static void hours(void)
{
    struct scan_history *h = NULL;
    struct scan_kept k;
    struct err e = {0};

    tap_ok(scan_history_open(&h, path_of("hours"), &e) == 0, "open");
    for (int i = 0; i < 12; i++)
        keep(h, 100 + (uint64_t)i, NOW + 300 * i);
    keep(h, 500, NOW + 3600);
    k = kept(h, "app1", 0, NOW + 7200);
    tap_ok(k.n == 3 && k.p[0].value == 111 && k.p[1].value == 500,
           "one value an hour, the last one");
    free(k.p);
    scan_history_close(&h);
}

static void thinning(void)
{
    struct scan_history *h = NULL;
    struct scan_kept k;
    struct err e = {0};
    size_t young = 0, middle = 0, old = 0;
    int ok = 1;

    tap_ok(scan_history_open(&h, path_of("thin"), &e) == 0 && scan_history_begin(h, &e) == 0,
           "open");
    for (int64_t at = NOW - 60 * DAY; at < NOW; at += 3600)
        ok &= keep(h, (uint64_t)(at - NOW + 61 * DAY), at) == 0;
    tap_ok(ok && scan_history_commit(h, &e) == 0, "60 days, one an hour");
    tap_ok(scan_history_tidy(h, NOW, INT64_C(1) << 30, &e) == 0, "tidy %s", e.text);
    k = kept(h, "app1", 1, NOW);
    for (size_t i = 0; i + 1 < k.n; i++) {
        young += k.p[i].at_s >= NOW - 2 * DAY;
        middle += k.p[i].at_s < NOW - 2 * DAY && k.p[i].at_s >= NOW - 14 * DAY;
        old += k.p[i].at_s < NOW - 14 * DAY;
    }
    tap_ok(young == 48, "hourly for two days (%zu)", young);
    tap_ok(middle >= 48 && middle <= 50, "every six hours for two weeks (%zu)", middle);
    tap_ok(old >= 46 && old <= 48, "daily before (%zu)", old);
    free(k.p);
    k = kept(h, "app1", 0, NOW);
    tap_ok(k.p[0].at_s >= NOW - 29 * DAY, "a judgement loads a month");
    free(k.p);
    tap_ok(scan_history_tidy(h, NOW + 10, 4096, &e) == 0, "bounded: the older half goes");
    k = kept(h, "app1", 1, NOW);
    tap_ok(k.p[0].at_s >= NOW - 31 * DAY && k.p[0].at_s < NOW - 14 * DAY, "the last month stays");
    free(k.p);
    scan_history_close(&h);
}

static void put(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    if (f) {
        fputs(text, f);
        fclose(f);
    }
}

static void no_histories(void)
{
    struct scan_history *h = NULL;
    struct err e = {0};
    sqlite3 *db;
    char *cut;

    put(path_of("garbage"),
        "This is no database, and long enough to be told apart from one that is "
        "only empty. This is no database, and long enough.");
    tap_ok(scan_history_open(&h, path_of("garbage"), &e) == -1 && e.code == ERR_IO && !h &&
               strstr(e.text, "is damaged") && strstr(e.text, "move it away"),
           "a damaged file: %s", e.text);
    tap_ok(scan_history_open(&h, path_of("none/file"), &e) == -1 && !h &&
               strstr(e.text, "unable to open"),
           "no directory: %s", e.text);
    sqlite3_open(path_of("newer"), &db);
    sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL);
    sqlite3_close(db);
    tap_ok(scan_history_open(&h, path_of("newer"), &e) == -1 && strstr(e.text, "newer"),
           "a newer layout: %s", e.text);
    cut = mem_strdup(path_of("values"));
    tap_ok(truncate(cut, 8192) == 0, "a file that was cut");
    if (scan_history_open(&h, cut, &e) == 0) {
        struct scan_server s;
        struct scan_column c;
        struct scan_finding f = subject(&s, &c, 1);
        struct scan_kept k = {0};

        tap_ok(scan_history_load(h, &f, 0, NOW, &k, &e) == -1, "is found out when read: %s",
               e.text);
        free(k.p);
    } else {
        tap_ok(strstr(e.text, "damaged") != NULL, "is found out when opened: %s", e.text);
    }
    scan_history_close(&h);
    free(cut);
}

static void fill(struct scan_server *s, const char *name, size_t tables, uint64_t next)
{
    struct scan_column *c;

    memset(s, 0, sizeof(*s));
    snprintf(s->group, sizeof(s->group), "app1");
    snprintf(s->name, sizeof(s->name), "%s", name);
    s->answer = SCAN_COMPLETE;
    s->tables = tables;
    c = scan_server_add(s);
    c->schema = "shop";
    c->table = "orders";
    c->column = "id";
    c->type = SCAN_INT;
    c->state = SCAN_MEASURED;
    c->counter = (struct scan_counter){
        .next = next, .limit = scan_limit(SCAN_INT, 0), .first = 1, .step = 1, .offset = 1};
}

/* One scan: the finding, as the report has it. */
static struct scan_finding scan(const char *name, size_t tables, uint64_t next, int64_t at_s,
                                enum scan_answer *answer)
{
    struct scan_server s;
    struct scan_report r = {.server = &s, .servers = 1, .rules = &no_rules, .now_s = at_s};
    struct scan_memory m = {.path = path_of("report"), .whole = 1, .max_bytes = 1 << 30};
    struct scan_finding f = {0};
    struct err e = {0};

    fill(&s, name, tables, next);
    if (scan_report_build(&r, &m, &e) != 0)
        printf("# %s\n", e.text);
    if (r.findings == 1)
        f = r.finding[0];
    *answer = s.answer;
    scan_report_release(&r);
    scan_server_release(&s);
    return f;
}

static void reports(void)
{
    enum scan_answer answer;
    struct scan_finding f = {0};

    for (int i = 9; i >= 1; i--)
        f = scan("db1:3306", 100, (uint64_t)(1000000000 - i * 1000000), NOW - i * DAY, &answer);
    tap_ok(answer == SCAN_COMPLETE && f.days_known && f.days > 1148 && f.days < 1149,
           "nine days make a forecast (%.1f)", f.days);
    f = scan("db2:3306", 100, 1600000000, NOW, &answer);
    tap_ok(f.growth.points == 10, "the master is another one, the series goes on");
    tap_ok(f.level == SCAN_WARNING && f.before == SCAN_FINE, "it was fine before");
    scan("db2:3306", 80, 1600000001, NOW + 3600, &answer);
    tap_ok(answer == SCAN_PARTIAL, "a fifth of the tables has gone: not taken for complete");
    f = scan("db2:3306", 100, 20, NOW + 7200, &answer);
    tap_ok(f.growth.points == 1 && !f.days_known, "recreated: a new epoch, no forecast yet");
}

static void without_history(void)
{
    struct scan_server s;
    struct scan_report r = {.server = &s, .servers = 1, .rules = &no_rules, .now_s = NOW};
    struct scan_memory m = {.path = path_of("garbage")};
    struct err e = {0};

    fill(&s, "db1:3306", 1, 2000000000);
    tap_ok(scan_report_build(&r, &m, &e) == -1 && r.findings == 1 &&
               r.finding[0].level == SCAN_CRITICAL && r.totals.critical == 1,
           "a damaged history leaves the rest of the report: %s", e.text);
    scan_report_release(&r);
    scan_server_release(&s);
}

static void remove_all(void)
{
    static const char *const names[] = {"values", "hours", "thin", "garbage", "newer", "report"};
    static const char *const ends[] = {"", "-wal", "-shm"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        for (size_t k = 0; k < 3; k++) {
            char name[64];

            snprintf(name, sizeof(name), "%s%s", names[i], ends[k]);
            (void)unlink(path_of(name));
        }
    (void)rmdir(dir);
}

int main(void)
{
    if (!mkdtemp(dir))
        return 1;
    values();
    hours();
    thinning();
    no_histories();
    reports();
    without_history();
    remove_all();
    return tap_done();
}
