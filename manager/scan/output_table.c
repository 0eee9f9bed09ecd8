/* The people's table; see output.h. */
#include "manager/scan/output.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* A terminal that is not wide gets short bars; names that do not fit stand on a line of their own,
 * under NOTES. */
#define BAR_CELLS  20
#define BAR_SHORT  8
#define WIDE       110
#define BEHIND_BAR 58 /* what a row holds beside its bar, before the names */
#define NOTES      "\n         "

int scan_view_shows(const struct scan_view *v, const struct scan_finding *f)
{
    if (v->type && strcmp(scan_column_class(f->column), v->type) != 0)
        return 0;
    return f->level > SCAN_FINE || f->usage >= v->min_usage;
}

void scan_print_name(const struct scan_column *c, struct buf *out)
{
    buf_addf(out, "%s.%s", c->schema, c->table);
    if (*c->column)
        buf_addf(out, ".%s", c->column);
}

/* Nothing a name holds may move the cursor or change colours. */
static void add_plain(struct buf *out, const char *text)
{
    for (; *text; text++)
        buf_addc(out, (char)((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text));
}

static const char *colour_of(const struct scan_finding *f)
{
    if (f->ignored || f->level == SCAN_UNJUDGED)
        return "2";
    if (f->level == SCAN_CRITICAL)
        return "1;31";
    return f->level == SCAN_WARNING ? "33" : "32";
}

static void add_painted(struct buf *out, const struct scan_view *v, const char *code,
                        const char *text)
{
    if (v->colours)
        buf_addf(out, "\033[%sm%s\033[0m", code, text);
    else
        buf_adds(out, text);
}

static unsigned bar_cells(const struct scan_view *v)
{
    return v->width > 0 && v->width < WIDE ? BAR_SHORT : BAR_CELLS;
}

/* Eighths of a cell, so that 97 and 99 per cent look different. */
static void add_bar(struct buf *out, const struct scan_view *v, const struct scan_finding *f)
{
    static const char *const part[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    double share = f->usage < 1 ? f->usage : 1;
    unsigned width = bar_cells(v), eighths = (unsigned)(share * width * 8), cells = eighths / 8, i;
    struct buf bar = BUF_INIT;

    for (i = 0; i < cells; i++)
        buf_adds(&bar, "█");
    buf_adds(&bar, part[eighths % 8]);
    add_painted(out, v, colour_of(f), bar.data);
    for (i = cells + (eighths % 8 != 0); i < width; i++)
        buf_addc(out, ' ');
    buf_release(&bar);
}

static void add_days(struct buf *out, const struct scan_finding *f)
{
    if (!f->days_known)
        buf_addf(out, "%12s", "-");
    else if (isinf(f->days))
        buf_addf(out, "%12s", "no growth");
    else if (f->days >= 36500)
        buf_addf(out, "%12s", "> 100 years");
    else
        buf_addf(out, "%10.0f d", f->days);
}

static void add_left(struct buf *out, const struct scan_finding *f)
{
    static const char *const units[] = {"", "K", "M", "G", "T", "P", "E"};
    double n = (double)f->left;
    size_t unit = 0;

    if (f->left < 100000) {
        buf_addf(out, "%8" PRIu64, f->left);
        return;
    }
    while (n >= 1000) {
        n /= 1000;
        unit++;
    }
    buf_addf(out, "%7.1f%s", n, units[unit]);
}

/* Cells of a terminal, at most: letters of three bytes and more may be two wide. */
static int cells_of(const char *text)
{
    int n = 0;

    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;

        n += c < 0x80 || c >= 0xc0 ? 1 + (c >= 0xe0) : 0;
    }
    return n;
}

static void add_measures(struct buf *out, const struct scan_view *v, const struct scan_finding *f)
{
    static const char *const words[] = {"-       ", "ok      ", "WARNING ", "CRITICAL"};
    enum scan_state state = f->column->state;

    add_painted(out, v, colour_of(f), f->ignored ? "ignored " : words[f->level]);
    buf_addc(out, ' ');
    if (state == SCAN_MEASURED || state == SCAN_UNUSED) {
        add_bar(out, v, f);
        buf_addf(out, " %6.1f%%", f->usage * 100);
        add_left(out, f);
        add_days(out, f);
    } else {
        buf_addf(out, "%*s", (int)bar_cells(v) + 8 + 8 + 12, "not measurable");
    }
    buf_addf(out, "  %-18s", scan_column_class(f->column));
}

static void add_notes(struct buf *out, const struct scan_finding *f)
{
    struct buf text = BUF_INIT;

    if (f->level > SCAN_FINE || f->column->state == SCAN_PER_GROUP) {
        scan_finding_text(f, &text);
        buf_adds(out, NOTES);
        add_plain(out, text.data);
    }
    if (f->rule && (*f->rule->owner || *f->rule->reason)) {
        buf_adds(out, NOTES);
        add_plain(out, f->rule->owner);
        buf_adds(out, *f->rule->owner && *f->rule->reason ? ": " : "");
        add_plain(out, f->rule->reason);
    }
    buf_release(&text);
}

static void add_finding(struct buf *out, const struct scan_view *v, const struct scan_finding *f,
                        int many)
{
    struct buf name = BUF_INIT;

    if (many)
        buf_addf(&name, "%s ", f->server->group);
    scan_print_name(f->column, &name);
    add_measures(out, v, f);
    if (v->width > 0 && (int)bar_cells(v) + BEHIND_BAR + cells_of(name.data) > v->width)
        buf_adds(out, NOTES);
    else
        buf_addc(out, ' ');
    add_plain(out, name.data);
    add_notes(out, f);
    buf_addc(out, '\n');
    buf_release(&name);
}

/* What a connection says of itself begins with where it was to go. */
static const char *without_name(const struct scan_server *s)
{
    size_t len = strlen(s->name);
    int named = strncmp(s->error, s->name, len) == 0 && strncmp(s->error + len, ": ", 2) == 0;

    return named ? s->error + len + 2 : s->error;
}

static void add_servers(struct buf *out, const struct scan_report *r, const struct scan_view *v)
{
    size_t i;

    for (i = 0; i < r->servers; i++) {
        const struct scan_server *s = &r->server[i];

        if (s->answer == SCAN_COMPLETE)
            continue;
        add_painted(out, v, "1;31", s->answer == SCAN_FAILED ? "FAILED  " : "PARTIAL ");
        buf_addf(out, " %s ", s->name);
        if (strcmp(s->group, s->name) != 0)
            buf_addf(out, "(%s) ", s->group);
        buf_adds(out, "- ");
        add_plain(out, without_name(s));
        buf_addc(out, '\n');
    }
}

void scan_print_summary(const struct scan_report *r, struct buf *out)
{
    const struct scan_totals *t = &r->totals;

    buf_addf(out, "%zu critical, %zu warning of %zu column%s on %zu server%s", t->critical,
             t->warning, t->columns, t->columns == 1 ? "" : "s", t->servers,
             t->servers == 1 ? "" : "s");
    if (t->unjudged)
        buf_addf(out, ", %zu not measurable", t->unjudged);
    if (t->ignored)
        buf_addf(out, ", %zu ignored", t->ignored);
    if (t->complete < t->servers)
        buf_addf(out, ", %zu server%s not read in full", t->servers - t->complete,
                 t->servers - t->complete == 1 ? "" : "s");
    if (r->findings > 0 && !r->finding[0].ignored && r->finding[0].level != SCAN_UNJUDGED) {
        buf_adds(out, "; worst ");
        scan_print_name(r->finding[0].column, out);
        buf_adds(out, " ");
        scan_finding_text(&r->finding[0], out);
    }
}

void scan_print_table(const struct scan_report *r, const struct scan_view *v, struct buf *out)
{
    size_t shown = 0, hidden = 0, i;

    add_servers(out, r, v);
    for (i = 0; i < r->findings; i++) {
        int in_view = scan_view_shows(v, &r->finding[i]);

        if (in_view && (v->top == 0 || shown < v->top)) {
            if (shown++ == 0)
                buf_addf(out, "%-8s %-*s %7s %7s %11s  %-18s %s%s\n", "", (int)bar_cells(v), "",
                         "used", "left", "days", "type", r->servers > 1 ? "group " : "", "column");
            add_finding(out, v, &r->finding[i], r->servers > 1);
        } else {
            hidden += in_view != 0;
        }
    }
    if (hidden)
        buf_addf(out, "... and %zu more (--top 0 shows all)\n", hidden);
    scan_print_summary(r, out);
    buf_addc(out, '\n');
}
