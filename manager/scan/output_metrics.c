/* Prometheus text and OpenMetrics; see output.h. */
#include "manager/scan/output.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define DAY_S 86400.0

struct family {
    const char *name, *unit, *help; /* unit "" for none: it must end the name */
};

static void begin(struct buf *out, int openmetrics, const struct family *f)
{
    buf_addf(out, "# TYPE %s gauge\n", f->name);
    if (openmetrics && *f->unit)
        buf_addf(out, "# UNIT %s %s\n", f->name, f->unit);
    buf_addf(out, "# HELP %s %s\n", f->name, f->help);
}

static void add_label(struct buf *out, const char *name, const char *value, const char *end)
{
    buf_addf(out, "%s=\"", name);
    for (; *value; value++) {
        if (*value == '\\' || *value == '"')
            buf_addf(out, "\\%c", *value);
        else if (*value == '\n')
            buf_adds(out, "\\n");
        else
            buf_addc(out, *value);
    }
    buf_addf(out, "\"%s", end);
}

static void add_server_labels(struct buf *out, const struct scan_server *s, const char *end)
{
    add_label(out, "group", s->group, ",");
    add_label(out, "server", s->name, end);
}

static void add_column_labels(struct buf *out, const char *name, const struct scan_finding *f)
{
    buf_addf(out, "%s{", name);
    add_server_labels(out, f->server, ",");
    add_label(out, "schema", f->column->schema, ",");
    add_label(out, "table", f->column->table, ",");
    add_label(out, "column", f->column->column, ",");
    add_label(out, "column_type", scan_column_class(f->column), "} ");
}

static void add_value(struct buf *out, double v)
{
    if (isinf(v))
        buf_adds(out, "+Inf\n");
    else
        buf_addf(out, "%.17g\n", v);
}

static int is_measured(const struct scan_finding *f)
{
    return f->column->state == SCAN_MEASURED || f->column->state == SCAN_UNUSED;
}

static void add_usage(const struct scan_report *r, int openmetrics, struct buf *out)
{
    static const struct family f = {"kagemusha_autoinc_usage_ratio", "ratio",
                                    "Share of the column's range already handed out."};
    size_t i;

    begin(out, openmetrics, &f);
    for (i = 0; i < r->findings; i++) {
        if (!is_measured(&r->finding[i]))
            continue;
        add_column_labels(out, f.name, &r->finding[i]);
        add_value(out, r->finding[i].usage);
    }
}

enum whole { NEXT, LIMIT, LEFT };

static void add_whole(const struct scan_report *r, int openmetrics, enum whole what,
                      struct buf *out)
{
    static const struct family families[] = {
        [NEXT] = {"kagemusha_autoinc_next_value",  "", "The value that may be handed out next."},
        [LIMIT] = {"kagemusha_autoinc_limit_value", "", "The last value of the column's type."  },
        [LEFT] = {"kagemusha_autoinc_left",        "", "Values that can still be handed out."  },
    };
    size_t i;

    begin(out, openmetrics, &families[what]);
    for (i = 0; i < r->findings; i++) {
        const struct scan_finding *f = &r->finding[i];
        const uint64_t values[] = {
            [NEXT] = f->counter.next, [LIMIT] = f->counter.limit, [LEFT] = f->left};

        if (!is_measured(f))
            continue;
        add_column_labels(out, families[what].name, f);
        buf_addf(out, "%" PRIu64 "\n", values[what]);
    }
}

static void add_exhaustion(const struct scan_report *r, int openmetrics, struct buf *out)
{
    static const struct family f = {
        "kagemusha_autoinc_exhaustion_seconds", "seconds",
        "Time until the column is full at its present growth; +Inf when it does not grow."};
    size_t i;

    begin(out, openmetrics, &f);
    for (i = 0; i < r->findings; i++) {
        if (!is_measured(&r->finding[i]) || !r->finding[i].days_known)
            continue;
        add_column_labels(out, f.name, &r->finding[i]);
        add_value(out, r->finding[i].days * DAY_S);
    }
}

/* 0 fine, 1 warning, 2 critical: thresholds by rule are judged here and nowhere else. */
static void add_level(const struct scan_report *r, int openmetrics, struct buf *out)
{
    static const struct family f = {
        "kagemusha_autoinc_level", "",
        "Judgement with the site's rules: 0 ok, 1 warning, 2 critical; ignored ones are 0."};
    size_t i;

    begin(out, openmetrics, &f);
    for (i = 0; i < r->findings; i++) {
        const struct scan_finding *one = &r->finding[i];

        if (one->level == SCAN_UNJUDGED)
            continue;
        add_column_labels(out, f.name, one);
        buf_addf(out, "%d\n", one->ignored ? 0 : (int)one->level - (int)SCAN_FINE);
    }
}

enum server_value { SCAN_OK_VALUE, SCAN_TOOK, SCAN_TABLES, SCAN_COLUMNS, SCAN_AT };

static void add_of_servers(const struct scan_report *r, int openmetrics, enum server_value what,
                           struct buf *out)
{
    /* clang-format off */
    static const struct family families[] = {
        [SCAN_OK_VALUE] = {"kagemusha_autoinc_scan_ok", "",
                           "1 when the server was read in full, 0 when not."},
        [SCAN_TOOK]     = {"kagemusha_autoinc_scan_duration_seconds", "seconds",
                           "How long reading the server took."},
        [SCAN_TABLES]   = {"kagemusha_autoinc_scan_tables", "", "Tables that were seen."},
        [SCAN_COLUMNS]  = {"kagemusha_autoinc_scan_columns", "", "Columns that were seen."},
        [SCAN_AT]       = {"kagemusha_autoinc_last_success_timestamp_seconds", "seconds",
                           "When the server was last read in full."},
    };
    /* clang-format on */
    size_t i;

    begin(out, openmetrics, &families[what]);
    for (i = 0; i < r->servers; i++) {
        const struct scan_server *s = &r->server[i];
        const double values[] = {[SCAN_OK_VALUE] = s->answer == SCAN_COMPLETE,
                                 [SCAN_TOOK] = (double)s->took_ms / 1000,
                                 [SCAN_TABLES] = (double)s->tables,
                                 [SCAN_COLUMNS] = (double)s->columns,
                                 [SCAN_AT] = (double)r->now_s};

        if (what == SCAN_AT && s->answer != SCAN_COMPLETE)
            continue;
        buf_addf(out, "%s{", families[what].name);
        add_server_labels(out, s, "} ");
        add_value(out, values[what]);
    }
}

void scan_print_families(const struct scan_report *r, int openmetrics, struct buf *out)
{
    static const enum server_value values[] = {SCAN_OK_VALUE, SCAN_TOOK, SCAN_TABLES, SCAN_COLUMNS,
                                               SCAN_AT};
    size_t i;

    add_usage(r, openmetrics, out);
    add_exhaustion(r, openmetrics, out);
    add_level(r, openmetrics, out);
    add_whole(r, openmetrics, NEXT, out);
    add_whole(r, openmetrics, LIMIT, out);
    add_whole(r, openmetrics, LEFT, out);
    for (i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        add_of_servers(r, openmetrics, values[i], out);
}

void scan_print_metrics(const struct scan_report *r, int openmetrics, struct buf *out)
{
    scan_print_families(r, openmetrics, out);
    if (openmetrics)
        buf_adds(out, "# EOF\n");
}
