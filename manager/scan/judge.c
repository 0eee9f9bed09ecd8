/* Judging; see judge.h. */
#include "manager/scan/judge.h"

#include "common/db.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A burn rate that has changed this much is told before the month's slope knows of it. */
#define FASTER_TIMES 5.0
#define FASTER_DAYS  90.0

/* Days until the distance is used up at so much a day. */
static double days_at(uint64_t distance, double per_day)
{
    if (distance == 0)
        return 0;
    return per_day > 0 ? (double)distance / per_day : INFINITY;
}

static double larger(double a, double b)
{
    return a > b ? a : b;
}

/* Of the two that are known; -1 is no slope. */
static double smaller_known(double a, double b)
{
    if (a < 0 || b < 0)
        return larger(a, b);
    return a < b ? a : b;
}

static void forecast(struct scan_finding *f)
{
    const struct scan_growth *g = &f->growth;
    uint64_t distance = scan_counter_distance(&f->counter);
    double fast = larger(g->week.median, g->month.median);

    f->days_known = fast >= 0;
    if (!f->days_known)
        return;
    f->days = days_at(distance, fast);
    f->days_low = days_at(distance, larger(fast, larger(g->week.p90, g->month.p90)));
    f->days_high = days_at(distance, smaller_known(g->week.median, g->month.median));
    if (g->day.median > 0 && g->month.median >= 0 &&
        g->day.median > FASTER_TIMES * g->month.median &&
        days_at(distance, g->day.median) < FASTER_DAYS)
        f->causes |= SCAN_IS_FASTER;
}

static double told(double own, double fallback)
{
    return own >= 0 ? own : fallback;
}

static void grade(struct scan_finding *f, const struct scan_rules *rules)
{
    struct scan_thresholds t = rules->level;

    if (f->rule) {
        t.warn_usage = told(f->rule->level.warn_usage, t.warn_usage);
        t.crit_usage = told(f->rule->level.crit_usage, t.crit_usage);
        t.warn_days = told(f->rule->level.warn_days, t.warn_days);
        t.crit_days = told(f->rule->level.crit_days, t.crit_days);
    }
    f->level = SCAN_FINE;
    if (f->causes & SCAN_IS_FASTER)
        f->level = SCAN_WARNING;
    if (f->usage >= t.warn_usage) {
        f->causes |= SCAN_BY_USAGE;
        f->level = SCAN_WARNING;
    }
    if (f->days_known && f->days < t.warn_days) {
        f->causes |= SCAN_BY_DAYS;
        f->level = SCAN_WARNING;
    }
    if (f->usage >= t.crit_usage || (f->days_known && f->days < t.crit_days) ||
        (f->causes & (SCAN_IS_FULL | SCAN_IS_BEYOND)))
        f->level = SCAN_CRITICAL;
}

static void apply_rule(struct scan_finding *f, int64_t now_s)
{
    const struct scan_rule *r = f->rule;

    if (!r)
        return;
    if (r->limit && r->limit < f->counter.limit)
        f->counter.limit = r->limit;
    if (!r->ignore)
        return;
    f->ignored = r->until_s == 0 || now_s < r->until_s;
    if (!f->ignored)
        f->causes |= SCAN_IGNORE_ENDED;
}

/* One value more than the type has is how MariaDB shows a full column; more than that was set by
 * hand. */
static int is_beyond(const struct scan_counter *c)
{
    uint64_t step = c->step ? c->step : 1;

    return c->next > c->limit && c->next - c->limit > step;
}

void scan_judge(struct scan_finding *f, const struct scan_rules *rules, struct scan_point *p,
                size_t n, int64_t now_s)
{
    const struct scan_column *c = f->column;
    size_t cut;

    *f = (struct scan_finding){.server = f->server,
                               .column = c,
                               .rule = scan_rules_find(rules, f->server, c),
                               .counter = c->counter};
    f->growth.day = f->growth.week = f->growth.month = (struct scan_slope){-1, -1};
    apply_rule(f, now_s);
    if ((c->state != SCAN_MEASURED && c->state != SCAN_UNUSED) || f->counter.limit == 0)
        return;
    f->usage = scan_counter_usage(&f->counter);
    f->left = scan_counter_left(&f->counter);
    if (is_beyond(&f->counter))
        f->causes |= SCAN_IS_BEYOND;
    else if (scan_counter_full(&f->counter))
        f->causes |= SCAN_IS_FULL;
    if (n > 0 && c->state == SCAN_MEASURED) {
        cut = scan_growth_cut(p, n, f->counter.step);
        scan_growth_of(p + cut, n - cut, now_s, &f->growth);
        forecast(f);
    }
    grade(f, rules);
}

/* Without a forecast a column is sorted behind all that have one. */
static double sort_days(const struct scan_finding *f)
{
    return f->days_known ? f->days : INFINITY;
}

int scan_finding_cmp(const void *a, const void *b)
{
    const struct scan_finding *x = a, *y = b;
    int rc;

    if (x->ignored != y->ignored)
        return x->ignored - y->ignored;
    if (x->level != y->level)
        return (int)y->level - (int)x->level;
    if (x->usage > y->usage || x->usage < y->usage)
        return x->usage > y->usage ? -1 : 1;
    if (sort_days(x) > sort_days(y) || sort_days(x) < sort_days(y))
        return sort_days(x) < sort_days(y) ? -1 : 1;
    rc = strcmp(x->server->name, y->server->name);
    return rc ? rc : scan_column_cmp(x->column, y->column);
}

const char *scan_level_text(enum scan_level l)
{
    static const char *const words[] = {"unjudged", "ok", "warning", "critical"};

    return words[l];
}

static void add_state(const struct scan_finding *f, struct buf *out)
{
    switch (f->column->state) {
    case SCAN_UNREADABLE:
        buf_adds(out, "the value cannot be read");
        return;
    case SCAN_PER_GROUP:
        buf_addf(out, "counted per group of the key's leading columns (%s): look at MAX by hand",
                 f->column->engine);
        return;
    case SCAN_CYCLES:
        buf_adds(out, "begins anew when it is full");
        return;
    case SCAN_MEASURED:
    case SCAN_UNUSED:
        buf_addf(out, "%.1f %% used", (f->usage < 1 ? f->usage : 1) * 100);
    }
}

static void add_days(const struct scan_finding *f, struct buf *out)
{
    if (!f->days_known)
        return;
    if (isinf(f->days))
        buf_adds(out, ", does not grow");
    else if (round(f->days_low) == round(f->days_high))
        buf_addf(out, ", %.0f days left", f->days);
    else if (isinf(f->days_high))
        buf_addf(out, ", %.0f days left (%.0f or more)", f->days, f->days_low);
    else
        buf_addf(out, ", %.0f days left (%.0f to %.0f)", f->days, f->days_low, f->days_high);
}

void scan_finding_text(const struct scan_finding *f, struct buf *out)
{
    add_state(f, out);
    if (f->column->state != SCAN_MEASURED && f->column->state != SCAN_UNUSED)
        return;
    if (f->causes & SCAN_IS_BEYOND)
        buf_addf(out, ", set beyond the limit to %" PRIu64 ": the next insert fails",
                 f->counter.next);
    else if (f->causes & SCAN_IS_FULL)
        buf_adds(out, ", no value is left: inserts fail, or overwrite the last row");
    else
        add_days(f, out);
    if (f->causes & SCAN_IS_FASTER)
        buf_addf(out, ", %.0f a day since yesterday against %.0f before", f->growth.day.median,
                 f->growth.month.median);
    if (f->causes & SCAN_IGNORE_ENDED)
        buf_adds(out, ", its ignore has ended");
    if (f->column->kind == SCAN_CHILD || f->column->kind == SCAN_NEXTVAL)
        buf_addf(out, ", holds values of %s", f->column->source);
}

/* Signed to unsigned of the same width is no gain worth a rebuild: one goes to BIGINT at once, and
 * only from there to BIGINT UNSIGNED. */
void scan_finding_alter(const struct scan_finding *f, struct buf *out)
{
    const struct scan_column *c = f->column;
    int last = c->type == SCAN_BIGINT, is_unsigned = last || c->is_unsigned;

    if (c->kind == SCAN_SEQUENCE || (last && c->is_unsigned) || c->type == SCAN_TYPE_UNKNOWN)
        return;
    buf_adds(out, "ALTER TABLE ");
    db_quote_name(out, c->schema);
    buf_addc(out, '.');
    db_quote_name(out, c->table);
    buf_adds(out, " MODIFY ");
    db_quote_name(out, c->column);
    buf_addf(out, " %s", scan_type_sql(SCAN_BIGINT, is_unsigned));
    if (c->kind == SCAN_AUTO)
        buf_adds(out, " NOT NULL AUTO_INCREMENT");
}

static void count_one(struct scan_totals *t, const struct scan_finding *f)
{
    t->columns++;
    if (f->ignored)
        t->ignored++;
    else if (f->level == SCAN_CRITICAL)
        t->critical++;
    else if (f->level == SCAN_WARNING)
        t->warning++;
    else if (f->level == SCAN_FINE)
        t->fine++;
    else
        t->unjudged++;
}

void scan_report_count(struct scan_report *r)
{
    size_t i;

    memset(&r->totals, 0, sizeof(r->totals));
    r->totals.servers = r->servers;
    for (i = 0; i < r->servers; i++)
        r->totals.complete += r->server[i].answer == SCAN_COMPLETE;
    for (i = 0; i < r->findings; i++)
        count_one(&r->totals, &r->finding[i]);
}

int scan_report_exit(const struct scan_report *r)
{
    if (r->totals.critical)
        return 2;
    if (r->totals.complete < r->totals.servers)
        return 3;
    return r->totals.warning ? 1 : 0;
}
