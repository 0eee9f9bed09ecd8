/* A report in the forms that people and programs read. Each function appends to a buf and cannot
 * fail; nothing here judges. */
#ifndef KAGEMUSHA_SCAN_OUTPUT_H
#define KAGEMUSHA_SCAN_OUTPUT_H

#include "manager/scan/judge.h"

/* What of a report is shown. */
struct scan_view {
    size_t top;       /* rows, 0: all */
    double min_usage; /* findings below are left out unless they are bad */
    const char *type; /* only this class ("int_signed"), NULL: all */
    int colours;
    int width; /* of the terminal, columns; 0: as wide as it likes */
};
int scan_view_shows(const struct scan_view *v, const struct scan_finding *f);

/* The people's table: servers that failed, findings worst first, a line of totals. */
void scan_print_table(const struct scan_report *r, const struct scan_view *v, struct buf *out);
/* "2 critical, 5 warning of 16000 columns on 12 servers; worst db.t.id 97.1 % used ..." */
void scan_print_summary(const struct scan_report *r, struct buf *out);

/* One object; numbers of 64 bits as they are, which jq before 1.7 rounds. */
void scan_print_json(const struct scan_report *r, const struct scan_view *v, struct buf *out);
/* One object a line: servers, then columns; "kind" tells which. */
void scan_print_jsonl(const struct scan_report *r, const struct scan_view *v, struct buf *out);
/* RFC 4180 with a header. */
void scan_print_csv(const struct scan_report *r, const struct scan_view *v, struct buf *out);

/* Prometheus text 0.0.4, or OpenMetrics 1.0. */
void scan_print_families(const struct scan_report *r, int openmetrics, struct buf *out);
/* The same with OpenMetrics' last line: a whole page. */
void scan_print_metrics(const struct scan_report *r, int openmetrics, struct buf *out);

/* Messages of DogStatsD, one a line. */
void scan_print_statsd(const struct scan_report *r, struct buf *out);

/* Nagios and Icinga: status line with perfdata, then a line for each finding. */
void scan_print_nagios(const struct scan_report *r, struct buf *out);

/* A page without script or anything from elsewhere; well-formed XML too. */
void scan_print_html(const struct scan_report *r, const struct scan_view *v, struct buf *out);

/* "schema.table.column" as people write it; a sequence has no column. */
void scan_print_name(const struct scan_column *c, struct buf *out);

#endif
