/* Messages of DogStatsD; see output.h. Each set of tags is a metric that is paid for: columns are
 * sent one by one only where that tells something, the others as maxima by server and type. */
#include "manager/scan/output.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SENT_USAGE 0.2
#define SENT_DAYS  365
#define TAG_MAX    190

/* Tags end at a comma, a bar or a line's end, and are 200 characters at most. */
static void add_tag(struct buf *out, const char *key, const char *value, const char *before)
{
    size_t n;

    buf_addf(out, "%s%s:", before, key);
    for (n = 0; n < TAG_MAX && value[n]; n++)
        buf_addc(out, (char)((unsigned char)value[n] < 0x20 || strchr(",|#", value[n]) ? '_'
                                                                                       : value[n]));
}

static void add_server_tags(struct buf *out, const struct scan_server *s)
{
    add_tag(out, "group", s->group, "|#");
    add_tag(out, "server", s->name, ",");
}

static void add_column_tags(struct buf *out, const struct scan_finding *f)
{
    add_server_tags(out, f->server);
    add_tag(out, "schema", f->column->schema, ",");
    add_tag(out, "table", f->column->table, ",");
    add_tag(out, "column", f->column->column, ",");
    add_tag(out, "column_type", scan_column_class(f->column), ",");
}

static void add_gauge(struct buf *out, const char *name, double value)
{
    buf_addf(out, "kagemusha.autoinc.%s:%.10g|g", name, value);
}

static int is_sent(const struct scan_finding *f)
{
    if (f->level == SCAN_UNJUDGED)
        return 0;
    return f->level > SCAN_FINE || f->usage >= SENT_USAGE || (f->days_known && f->days < SENT_DAYS);
}

static void add_column(struct buf *out, const struct scan_finding *f)
{
    add_gauge(out, "usage_ratio", f->usage);
    add_column_tags(out, f);
    buf_addc(out, '\n');
    if (!f->days_known || isinf(f->days))
        return;
    add_gauge(out, "days_left", f->days);
    add_column_tags(out, f);
    buf_addc(out, '\n');
}

/* Findings are sorted by severity, not by server and type: a row each is searched. */
struct maximum {
    const struct scan_server *server;
    const char *class;
    double usage, days;
};

static void take_maximum(struct maximum *m, size_t *count, const struct scan_finding *f)
{
    const char *class = scan_column_class(f->column);
    size_t i;

    for (i = 0; i < *count; i++)
        if (m[i].server == f->server && strcmp(m[i].class, class) == 0)
            break;
    if (i == *count)
        m[(*count)++] = (struct maximum){f->server, class, 0, INFINITY};
    if (f->usage > m[i].usage)
        m[i].usage = f->usage;
    if (f->days_known && f->days < m[i].days)
        m[i].days = f->days;
}

#define CLASSES 16

static void add_maxima(const struct scan_report *r, struct buf *out)
{
    struct maximum *m = mem_zalloc((r->servers * CLASSES + 1) * sizeof(*m));
    size_t count = 0, i;

    for (i = 0; i < r->findings; i++)
        if (r->finding[i].level != SCAN_UNJUDGED && !r->finding[i].ignored)
            take_maximum(m, &count, &r->finding[i]);
    for (i = 0; i < count; i++) {
        add_gauge(out, "max_usage_ratio", m[i].usage);
        add_server_tags(out, m[i].server);
        add_tag(out, "column_type", m[i].class, ",");
        buf_addc(out, '\n');
        if (isinf(m[i].days))
            continue;
        add_gauge(out, "min_days_left", m[i].days);
        add_server_tags(out, m[i].server);
        add_tag(out, "column_type", m[i].class, ",");
        buf_addc(out, '\n');
    }
    free(m);
}

static void add_server(const struct scan_report *r, const struct scan_server *s, struct buf *out)
{
    static const char *const states[] = {"unjudged", "ok", "warning", "critical"};
    const struct {
        const char *name;
        double value;
    } gauges[] = {
        {"scan.ok",               s->answer == SCAN_COMPLETE},
        {"scan.duration_seconds", (double)s->took_ms / 1000 },
        {"scan.tables",           (double)s->tables         }
    };
    size_t counts[4] = {0}, worst = SCAN_FINE, i;

    for (i = 0; i < sizeof(gauges) / sizeof(gauges[0]); i++) {
        add_gauge(out, gauges[i].name, gauges[i].value);
        add_server_tags(out, s);
        buf_addc(out, '\n');
    }
    for (i = 0; i < r->findings; i++)
        if (r->finding[i].server == s && !r->finding[i].ignored) {
            counts[r->finding[i].level]++;
            worst = r->finding[i].level > worst ? r->finding[i].level : worst;
        }
    for (i = 0; i < 4; i++) {
        add_gauge(out, "columns", (double)counts[i]);
        add_server_tags(out, s);
        add_tag(out, "state", states[i], ",");
        buf_addc(out, '\n');
    }
    if (s->answer != SCAN_COMPLETE && worst < SCAN_CRITICAL)
        worst = SCAN_CRITICAL + 1;
    buf_addf(out, "_sc|kagemusha.autoinc|%zu", worst - SCAN_FINE);
    add_server_tags(out, s);
    if (s->answer != SCAN_COMPLETE) {
        const char *p;

        buf_adds(out, "|m:");
        for (p = s->error; *p; p++)
            buf_addc(out, (char)((unsigned char)*p < 0x20 || *p == '|' ? '_' : *p));
    }
    buf_addc(out, '\n');
}

/* Lengths are bytes; a bar in a text is none of ours. */
static void add_event(const struct scan_finding *f, struct buf *out)
{
    struct buf title = BUF_INIT, text = BUF_INIT;
    size_t i;

    buf_adds(&title, "AUTO_INCREMENT: ");
    scan_print_name(f->column, &title);
    buf_addf(&text, "%s on %s (%s): ", scan_column_class(f->column), f->server->group,
             f->server->name);
    scan_finding_text(f, &text);
    for (i = 0; i < title.len; i++)
        if (strchr("|\n\r", title.data[i]))
            title.data[i] = '_';
    for (i = 0; i < text.len; i++)
        if (strchr("|\n\r", text.data[i]))
            text.data[i] = '_';
    buf_addf(out, "_e{%zu,%zu}:%s|%s|s:kagemusha|t:%s", title.len, text.len, title.data, text.data,
             f->level == SCAN_CRITICAL ? "error" : "warning");
    add_column_tags(out, f);
    buf_addc(out, '\n');
    buf_release(&title);
    buf_release(&text);
}

void scan_print_statsd(const struct scan_report *r, struct buf *out)
{
    size_t i;

    for (i = 0; i < r->servers; i++)
        add_server(r, &r->server[i], out);
    add_maxima(r, out);
    for (i = 0; i < r->findings; i++) {
        const struct scan_finding *f = &r->finding[i];

        if (f->ignored)
            continue;
        if (is_sent(f))
            add_column(out, f);
        if (f->before != SCAN_UNJUDGED && f->level > f->before && f->level > SCAN_FINE)
            add_event(f, out);
    }
}
