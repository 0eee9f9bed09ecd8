/* A page for people; see output.h. Everything is in it: no script, no picture, nothing from
 * elsewhere, so that it can be mailed and kept. */
#include "manager/scan/output.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>

#define PLOT_WIDTH  220
#define PLOT_HEIGHT 36
/* Rows of one table: a browser shows some thousand well. */
#define ROWS_MAX 2000

static const char head[] =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
    "<title>AUTO_INCREMENT headroom</title>\n<style>\n"
    ":root{--fg:#1c2430;--bg:#fff;--dim:#667;--line:#e3e6ea;--ok:#2e7d32;--warn:#b26a00;"
    "--crit:#c62828;--bar:#eceff3}\n"
    "@media(prefers-color-scheme:dark){:root{--fg:#e6e9ee;--bg:#14181e;--dim:#98a2b0;"
    "--line:#2b323c;--ok:#66bb6a;--warn:#ffb74d;--crit:#ef6b6b;--bar:#262d37}}\n"
    "body{font:15px/1.45 system-ui,'DejaVu Sans',sans-serif;color:var(--fg);background:var(--bg);"
    "margin:2rem auto;max-width:1280px;padding:0 1.5rem}\n"
    "h1{font-size:1.5rem;margin:0 0 .2rem}h2{font-size:1.1rem;margin:2rem 0 .5rem}"
    "p.sub{color:var(--dim);margin:0 0 1rem}\n"
    ".cards{display:flex;flex-wrap:wrap;gap:.8rem}.card{border:1px solid var(--line);"
    "border-radius:.5rem;padding:.6rem 1rem;min-width:7.5rem}.card b{display:block;"
    "font-size:1.6rem;font-variant-numeric:tabular-nums}\n"
    "table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.35rem .7rem;"
    "border-bottom:1px solid var(--line);vertical-align:middle}th{color:var(--dim);"
    "font-weight:600;font-size:.85rem}th.n,td.n{text-align:right;font-variant-numeric:tabular-nums;"
    "white-space:nowrap}\n"
    ".name{overflow-wrap:anywhere;min-width:16rem}.why{color:var(--dim);font-size:.85rem}\n"
    ".ok{color:var(--ok)}.warning{color:var(--warn)}.critical{color:var(--crit)}"
    ".unjudged,.ignored{color:var(--dim)}\n"
    "svg.bar rect{fill:var(--bar)}svg .use.ok{fill:var(--ok)}svg .use.warning{fill:var(--warn)}"
    "svg .use.critical{fill:var(--crit)}svg .use.unjudged,svg .use.ignored{fill:var(--dim)}\n"
    "svg polyline{fill:none;stroke:currentColor;stroke-width:1.5}"
    "svg polygon{fill:currentColor;opacity:.12}\n"
    "</style></head><body>\n";

static void add_text(struct buf *out, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;

        if (c == '&')
            buf_adds(out, "&amp;");
        else if (c == '<')
            buf_adds(out, "&lt;");
        else if (c == '>')
            buf_adds(out, "&gt;");
        else if (c == '"')
            buf_adds(out, "&quot;");
        else if (c < 0x20 || c == 0x7f)
            buf_addc(out, ' ');
        else
            buf_addc(out, (char)c);
    }
}

static const char *class_of(const struct scan_finding *f)
{
    return f->ignored ? "ignored" : scan_level_text(f->level);
}

static void add_card(struct buf *out, const char *class, size_t n, const char *what)
{
    buf_addf(out, "<div class=\"card\"><b class=\"%s\">%zu</b>%s</div>\n", class, n, what);
}

static void add_cards(struct buf *out, const struct scan_report *r)
{
    const struct scan_totals *t = &r->totals;

    buf_adds(out, "<div class=\"cards\">\n");
    add_card(out, t->critical ? "critical" : "", t->critical, "critical");
    add_card(out, t->warning ? "warning" : "", t->warning, "warnings");
    add_card(out, "ok", t->fine, "fine");
    add_card(out, "", t->unjudged, "not measurable");
    add_card(out, "", t->ignored, "ignored by a rule");
    add_card(out, t->complete < t->servers ? "critical" : "", t->servers - t->complete,
             "servers not read in full");
    add_card(out, "", t->servers, "servers");
    buf_adds(out, "</div>\n");
}

static void add_servers(struct buf *out, const struct scan_report *r)
{
    static const char *const words[] = {"failed", "partial", "complete"};
    size_t i;

    buf_adds(out, "<h2>Servers</h2>\n<table><tr><th>group</th><th>server</th><th>version</th>"
                  "<th>read</th><th class=\"n\">tables</th><th class=\"n\">columns</th>"
                  "<th class=\"n\">took</th></tr>\n");
    for (i = 0; i < r->servers; i++) {
        const struct scan_server *s = &r->server[i];

        buf_adds(out, "<tr><td>");
        add_text(out, s->group);
        buf_adds(out, "</td><td>");
        add_text(out, s->name);
        buf_adds(out, "</td><td>");
        add_text(out, s->version);
        buf_addf(out, "</td><td class=\"%s\">%s", s->answer == SCAN_COMPLETE ? "ok" : "critical",
                 words[s->answer]);
        if (*s->error) {
            buf_adds(out, "<div class=\"why\">");
            add_text(out, s->error);
            buf_adds(out, "</div>");
        }
        buf_addf(out,
                 "</td><td class=\"n\">%zu</td><td class=\"n\">%zu</td>"
                 "<td class=\"n\">%.2f s</td></tr>\n",
                 s->tables, s->columns, (double)s->took_ms / 1000);
    }
    buf_adds(out, "</table>\n");
}

static void add_bar(struct buf *out, const struct scan_finding *f)
{
    double share = f->usage < 1 ? f->usage : 1;

    buf_addf(out,
             "<svg class=\"bar\" width=\"120\" height=\"12\" role=\"img\" aria-label=\"%.1f%%\">"
             "<rect width=\"120\" height=\"12\" rx=\"3\"/>"
             "<rect class=\"use %s\" width=\"%.1f\" height=\"12\" rx=\"3\"/></svg>",
             share * 100, class_of(f), share * 120);
}

/* Coordinates "x,y x,y" of the points. */
static void add_points(struct buf *out, const struct scan_point *p, size_t n)
{
    int64_t from = p[0].at_s, span = p[n - 1].at_s - from;
    double low = (double)p[0].value, high = low;
    size_t i;

    for (i = 1; i < n; i++) {
        double v = (double)p[i].value;

        low = v < low ? v : low;
        high = v > high ? v : high;
    }
    for (i = 0; i < n; i++) {
        double x = (double)(p[i].at_s - from) / (double)span * PLOT_WIDTH;
        double y = high > low ? ((double)p[i].value - low) / (high - low) : 0;

        buf_addf(out, "%s%.1f,%.1f", i ? " " : "", x, PLOT_HEIGHT - 2 - y * (PLOT_HEIGHT - 4));
    }
}

static void add_plot(struct buf *out, const struct scan_finding *f)
{
    const struct scan_point *p = f->plot;
    size_t n = f->plot_points;

    if (n < 2 || p[n - 1].at_s == p[0].at_s)
        return;
    buf_addf(out,
             "<svg width=\"%d\" height=\"%d\" role=\"img\" aria-label=\"history\" class=\"%s\">"
             "<polygon points=\"0,%d ",
             PLOT_WIDTH, PLOT_HEIGHT, class_of(f), PLOT_HEIGHT);
    add_points(out, p, n);
    buf_addf(out, " %d,%d\"/><polyline points=\"", PLOT_WIDTH, PLOT_HEIGHT);
    add_points(out, p, n);
    buf_addf(out, "\"/></svg><div class=\"why\">%.0f days</div>",
             (double)(p[n - 1].at_s - p[0].at_s) / 86400);
}

static void add_days(struct buf *out, const struct scan_finding *f)
{
    if (!f->days_known)
        buf_adds(out, "not known");
    else if (isinf(f->days))
        buf_adds(out, "no growth");
    else if (f->days >= 36500)
        buf_adds(out, "&gt; 100 years");
    else
        buf_addf(out, "%.0f", f->days);
}

static void add_row(struct buf *out, const struct scan_finding *f)
{
    struct buf text = BUF_INIT, name = BUF_INIT;
    int measured = f->column->state == SCAN_MEASURED || f->column->state == SCAN_UNUSED;

    scan_print_name(f->column, &name);
    buf_addf(out, "<tr><td class=\"%s\">%s</td><td class=\"name\">", class_of(f), class_of(f));
    add_text(out, name.data);
    buf_adds(out, "<div class=\"why\">");
    add_text(out, f->server->group);
    if (f->level > SCAN_FINE || !measured) {
        scan_finding_text(f, &text);
        buf_adds(out, ": ");
        add_text(out, text.data);
    }
    if (f->rule && (*f->rule->owner || *f->rule->reason)) {
        buf_adds(out, " &#8212; ");
        add_text(out, f->rule->owner);
        buf_adds(out, *f->rule->owner && *f->rule->reason ? ": " : "");
        add_text(out, f->rule->reason);
    }
    buf_addf(out, "</div></td><td>%s</td><td>", scan_column_class(f->column));
    if (measured) {
        add_bar(out, f);
        buf_addf(out, "</td><td class=\"n\">%.1f %%</td><td class=\"n\">%" PRIu64, f->usage * 100,
                 f->left);
    } else {
        buf_adds(out, "</td><td class=\"n\"></td><td class=\"n\">");
    }
    buf_adds(out, "</td><td class=\"n\">");
    add_days(out, f);
    buf_adds(out, "</td><td>");
    add_plot(out, f);
    buf_adds(out, "</td></tr>\n");
    buf_release(&text);
    buf_release(&name);
}

/* One table for each type, as on the dashboards: nobody reads a signed column against the unsigned
 * limit. */
static void add_class(struct buf *out, const struct scan_report *r, const struct scan_view *v,
                      const char *class, const char *title)
{
    size_t shown = 0, all = 0, i;

    for (i = 0; i < r->findings; i++) {
        const struct scan_finding *f = &r->finding[i];

        if (strcmp(scan_column_class(f->column), class) != 0 || !scan_view_shows(v, f))
            continue;
        if (all++ == 0)
            buf_addf(out,
                     "<h2>%s</h2>\n<table><tr><th></th><th>column</th><th>type</th><th></th>"
                     "<th class=\"n\">used</th><th class=\"n\">left</th><th class=\"n\">days left"
                     "</th><th>history</th></tr>\n",
                     title);
        if (shown < ROWS_MAX) {
            add_row(out, f);
            shown++;
        }
    }
    if (all)
        buf_adds(out, "</table>\n");
    if (all > shown)
        buf_addf(out, "<p class=\"sub\">and %zu more that are less full</p>\n", all - shown);
}

void scan_print_html(const struct scan_report *r, const struct scan_view *v, struct buf *out)
{
    static const char *const classes[][2] = {
        {"bigint_signed",      "BIGINT"                                       },
        {"bigint_unsigned",    "BIGINT UNSIGNED"                              },
        {"int_unsigned",       "INT UNSIGNED"                                 },
        {"int_signed",         "INT (signed)"                                 },
        {"mediumint_unsigned", "MEDIUMINT UNSIGNED"                           },
        {"mediumint_signed",   "MEDIUMINT (signed)"                           },
        {"smallint_unsigned",  "SMALLINT UNSIGNED"                            },
        {"smallint_signed",    "SMALLINT (signed)"                            },
        {"tinyint_unsigned",   "TINYINT UNSIGNED"                             },
        {"tinyint_signed",     "TINYINT (signed)"                             },
        {"float",              "FLOAT"                                        },
        {"double",             "DOUBLE"                                       },
        {"sequence",           "Sequences"                                    },
        {"logical_fk",         "Columns that are narrower than what they hold"},
        {"unknown",            "Other types"                                  },
    };
    struct buf summary = BUF_INIT;
    char time[40] = "";
    time_t t = (time_t)r->now_s;
    struct tm tm;
    size_t i;

    if (gmtime_r(&t, &tm))
        strftime(time, sizeof(time), "%Y-%m-%d %H:%M UTC", &tm);
    scan_print_summary(r, &summary);
    buf_adds(out, head);
    buf_addf(out, "<h1>AUTO_INCREMENT headroom</h1>\n<p class=\"sub\">%s: ", time);
    add_text(out, summary.data);
    buf_adds(out, "</p>\n");
    add_cards(out, r);
    for (i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
        add_class(out, r, v, classes[i][0], classes[i][1]);
    add_servers(out, r);
    buf_adds(out, "</body></html>\n");
    buf_release(&summary);
}
