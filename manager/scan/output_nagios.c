/* Nagios and Icinga; see output.h. */
#include "manager/scan/output.h"

#include <string.h>

#define ROWS_MAX 50

/* A label may hold neither quote nor equals sign; no line may hold a bar. */
static void add_safe(struct buf *out, const char *text, const char *banned)
{
    for (; *text; text++)
        buf_addc(out, (char)((unsigned char)*text < 0x20 || strchr(banned, *text) ? '_' : *text));
}

static void add_perfdata(struct buf *out, const struct scan_report *r)
{
    const struct scan_thresholds *t = &r->rules->level;
    struct buf name = BUF_INIT;
    size_t i, shown = 0;

    buf_addf(out, "columns=%zu;;;0 critical=%zu;;0;0 warning=%zu;0;;0", r->totals.columns,
             r->totals.critical, r->totals.warning);
    for (i = 0; i < r->findings && shown < 10; i++) {
        const struct scan_finding *f = &r->finding[i];

        if (f->level <= SCAN_FINE || f->ignored)
            continue;
        buf_clear(&name);
        buf_addf(&name, "%s ", f->server->group);
        scan_print_name(f->column, &name);
        buf_adds(out, " '");
        add_safe(out, name.data, "'=|");
        buf_addf(out, "'=%.2f%%;%.4g;%.4g;0;100", f->usage * 100, t->warn_usage * 100,
                 t->crit_usage * 100);
        shown++;
    }
    buf_release(&name);
}

static void add_rows(struct buf *out, const struct scan_report *r)
{
    size_t i, shown = 0;

    for (i = 0; i < r->servers; i++) {
        if (r->server[i].answer == SCAN_COMPLETE)
            continue;
        buf_addf(out, "UNKNOWN %s: ", r->server[i].name);
        add_safe(out, r->server[i].error, "|");
        buf_addc(out, '\n');
    }
    for (i = 0; i < r->findings && shown < ROWS_MAX; i++) {
        const struct scan_finding *f = &r->finding[i];
        struct buf text = BUF_INIT;

        if (f->level <= SCAN_FINE || f->ignored)
            continue;
        buf_addf(&text, "%s %s ", f->level == SCAN_CRITICAL ? "CRITICAL" : "WARNING",
                 f->server->group);
        scan_print_name(f->column, &text);
        buf_addf(&text, " (%s): ", scan_column_class(f->column));
        scan_finding_text(f, &text);
        add_safe(out, text.data, "|");
        buf_addc(out, '\n');
        buf_release(&text);
        shown++;
    }
}

void scan_print_nagios(const struct scan_report *r, struct buf *out)
{
    static const char *const words[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};
    struct buf summary = BUF_INIT;

    scan_print_summary(r, &summary);
    buf_addf(out, "AUTOINC %s - ", words[scan_report_exit(r)]);
    add_safe(out, summary.data, "|");
    buf_adds(out, " | ");
    add_perfdata(out, r);
    buf_addc(out, '\n');
    add_rows(out, r);
    buf_release(&summary);
}
