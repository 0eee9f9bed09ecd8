/* JSON, JSON lines and CSV; see output.h. Written by hand: tens of thousands of rows, and 64-bit
 * unsigned numbers to the last digit. */
#include "manager/scan/output.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>

static void add_string(struct buf *out, const char *text)
{
    buf_addc(out, '"');
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;

        if (c == '"' || c == '\\')
            buf_addf(out, "\\%c", c);
        else if (c < 0x20)
            buf_addf(out, "\\u%04x", c);
        else
            buf_addc(out, (char)c);
    }
    buf_addc(out, '"');
}

static void add_member(struct buf *out, const char *key, const char *text)
{
    buf_addf(out, ",\"%s\":", key);
    add_string(out, text);
}

/* Neither infinity nor "unknown" is a number of JSON. */
static void add_number(struct buf *out, const char *key, int known, double value)
{
    if (known && isfinite(value))
        buf_addf(out, ",\"%s\":%.10g", key, value);
    else
        buf_addf(out, ",\"%s\":null", key);
}

static void add_time(struct buf *out, int64_t at_s)
{
    char text[32] = "";
    time_t t = (time_t)at_s;
    struct tm tm;

    if (gmtime_r(&t, &tm))
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
    add_string(out, text);
}

static void add_server(struct buf *out, const struct scan_server *s)
{
    static const char *const words[] = {"failed", "partial", "complete"};

    buf_adds(out, "{\"kind\":\"server\"");
    add_member(out, "server", s->name);
    add_member(out, "group", s->group);
    add_member(out, "version", s->version);
    add_member(out, "answer", words[s->answer]);
    add_member(out, "error", s->error);
    buf_addf(out,
             ",\"took_ms\":%lld,\"schemas\":%zu,\"tables\":%zu,\"columns\":%zu"
             ",\"auto_increment_increment\":%" PRIu64 ",\"auto_increment_offset\":%" PRIu64 "}",
             s->took_ms, s->schemas, s->tables, s->columns, s->increment, s->offset);
}

static const char *kind_text(const struct scan_column *c)
{
    static const char *const words[] = {"auto_increment", "sequence", "nextval", "logical_fk"};

    return words[c->kind];
}

static const char *state_text(const struct scan_column *c)
{
    static const char *const words[] = {"unreadable", "measured", "unused", "per_group", "cycles"};

    return words[c->state];
}

static void add_causes(struct buf *out, unsigned causes)
{
    static const char *const words[] = {"usage",  "days",   "full",
                                        "beyond", "faster", "ignore_ended"};
    const char *comma = "";
    size_t i;

    buf_adds(out, ",\"causes\":[");
    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (!(causes & (1U << i)))
            continue;
        buf_addf(out, "%s\"%s\"", comma, words[i]);
        comma = ",";
    }
    buf_addc(out, ']');
}

static void add_growth(struct buf *out, const struct scan_finding *f)
{
    const struct scan_growth *g = &f->growth;

    add_number(out, "days_left", f->days_known, f->days);
    add_number(out, "days_left_low", f->days_known, f->days_low);
    add_number(out, "days_left_high", f->days_known, f->days_high);
    buf_addf(out, ",\"grows\":%s", !f->days_known ? "null" : isinf(f->days) ? "false" : "true");
    add_number(out, "per_day_24h", g->day.median >= 0, g->day.median);
    add_number(out, "per_day_7d", g->week.median >= 0, g->week.median);
    add_number(out, "per_day_28d", g->month.median >= 0, g->month.median);
}

static void add_rule(struct buf *out, const struct scan_finding *f)
{
    buf_addf(out, ",\"ignored\":%s", f->ignored ? "true" : "false");
    if (!f->rule)
        return;
    add_member(out, "owner", f->rule->owner);
    add_member(out, "reason", f->rule->reason);
}

static void add_tag(struct buf *out, const char *key, const char *value, const char *comma)
{
    struct buf both = BUF_INIT;

    buf_addf(&both, "%s:%s", key, value);
    add_string(out, both.data);
    buf_adds(out, comma);
    buf_release(&both);
}

/* As Datadog wants them, so that its check need know nothing. */
static void add_tags(struct buf *out, const struct scan_finding *f)
{
    const struct scan_column *c = f->column;

    buf_adds(out, ",\"tags\":[");
    add_tag(out, "group", f->server->group, ",");
    add_tag(out, "server", f->server->name, ",");
    add_tag(out, "schema", c->schema, ",");
    add_tag(out, "table", c->table, ",");
    add_tag(out, "column", c->column, ",");
    add_tag(out, "column_type", scan_column_class(c), "]");
}

static void add_column(struct buf *out, const struct scan_finding *f)
{
    const struct scan_column *c = f->column;
    int measured = c->state == SCAN_MEASURED || c->state == SCAN_UNUSED;
    struct buf text = BUF_INIT;

    buf_adds(out, "{\"kind\":\"column\"");
    add_member(out, "server", f->server->name);
    add_member(out, "group", f->server->group);
    add_member(out, "schema", c->schema);
    add_member(out, "table", c->table);
    add_member(out, "column", c->column);
    add_member(out, "column_type", scan_column_class(c));
    add_member(out, "definition", c->type_text);
    add_member(out, "engine", c->engine);
    add_member(out, "source", c->source);
    add_member(out, "counts", kind_text(c));
    add_member(out, "state", state_text(c));
    add_member(out, "level", scan_level_text(f->level));
    add_causes(out, f->causes);
    if (measured)
        buf_addf(out, ",\"next\":%" PRIu64 ",\"limit\":%" PRIu64 ",\"left\":%" PRIu64,
                 f->counter.next, f->counter.limit, f->left);
    else
        buf_adds(out, ",\"next\":null,\"limit\":null,\"left\":null");
    add_number(out, "usage_ratio", measured, f->usage);
    add_growth(out, f);
    add_rule(out, f);
    scan_finding_text(f, &text);
    add_member(out, "text", text.data);
    add_tags(out, f);
    buf_addc(out, '}');
    buf_release(&text);
}

void scan_print_json(const struct scan_report *r, const struct scan_view *v, struct buf *out)
{
    const struct scan_totals *t = &r->totals;
    struct buf summary = BUF_INIT;
    const char *comma = "";
    size_t i;

    scan_print_summary(r, &summary);
    buf_adds(out, "{\"time\":");
    add_time(out, r->now_s);
    buf_addf(out, ",\"timestamp\":%" PRId64 ",\"status\":%d", r->now_s, scan_report_exit(r));
    add_member(out, "summary", summary.data);
    buf_addf(out,
             ",\"totals\":{\"servers\":%zu,\"complete\":%zu,\"columns\":%zu,\"ok\":%zu,"
             "\"warning\":%zu,\"critical\":%zu,\"unjudged\":%zu,\"ignored\":%zu},\"servers\":[",
             t->servers, t->complete, t->columns, t->fine, t->warning, t->critical, t->unjudged,
             t->ignored);
    for (i = 0; i < r->servers; i++) {
        buf_adds(out, i ? ",\n" : "\n");
        add_server(out, &r->server[i]);
    }
    buf_adds(out, "],\"columns\":[");
    for (i = 0; i < r->findings; i++) {
        if (!scan_view_shows(v, &r->finding[i]))
            continue;
        buf_addf(out, "%s\n", comma);
        add_column(out, &r->finding[i]);
        comma = ",";
    }
    buf_adds(out, "]}\n");
    buf_release(&summary);
}

void scan_print_jsonl(const struct scan_report *r, const struct scan_view *v, struct buf *out)
{
    size_t i;

    for (i = 0; i < r->servers; i++) {
        add_server(out, &r->server[i]);
        buf_addc(out, '\n');
    }
    for (i = 0; i < r->findings; i++) {
        if (!scan_view_shows(v, &r->finding[i]))
            continue;
        add_column(out, &r->finding[i]);
        buf_addc(out, '\n');
    }
}

/* A quote within quotes is doubled. A text that a spreadsheet would run as a formula is kept as
 * text. */
static void add_field(struct buf *out, const char *text)
{
    buf_adds(out, strchr("=+-@", *text) && *text ? "\"'" : "\"");
    for (; *text; text++) {
        if (*text == '"')
            buf_addc(out, '"');
        buf_addc(out, *text);
    }
    buf_adds(out, "\",");
}

static void add_csv_number(struct buf *out, int known, double value, const char *end)
{
    if (known && isfinite(value))
        buf_addf(out, "%.10g", value);
    buf_adds(out, end);
}

static void add_csv_row(struct buf *out, const struct scan_finding *f)
{
    const struct scan_column *c = f->column;

    add_field(out, f->server->group);
    add_field(out, f->server->name);
    add_field(out, c->schema);
    add_field(out, c->table);
    add_field(out, c->column);
    add_field(out, scan_column_class(c));
    add_field(out, scan_level_text(f->level));
    if (c->state == SCAN_MEASURED || c->state == SCAN_UNUSED)
        buf_addf(out, "%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%.10g,", f->counter.next,
                 f->counter.limit, f->left, f->usage);
    else
        buf_adds(out, ",,,,");
    add_csv_number(out, f->days_known, f->days, ",");
    add_csv_number(out, f->days_known, f->days_low, ",");
    add_csv_number(out, f->days_known, f->days_high, ",");
    add_csv_number(out, f->growth.month.median >= 0, f->growth.month.median, ",");
    buf_addf(out, "%s\r\n", f->ignored ? "yes" : "no");
}

void scan_print_csv(const struct scan_report *r, const struct scan_view *v, struct buf *out)
{
    size_t i;

    buf_adds(out, "group,server,schema,table,column,column_type,level,next,limit,left,usage_ratio,"
                  "days_left,days_left_low,days_left_high,per_day_28d,ignored\r\n");
    for (i = 0; i < r->findings; i++)
        if (scan_view_shows(v, &r->finding[i]))
            add_csv_row(out, &r->finding[i]);
}
