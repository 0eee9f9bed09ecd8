/* Facts become findings: how full, how many days, how bad. Pure: no server, clock or file. */
#ifndef KAGEMUSHA_SCAN_JUDGE_H
#define KAGEMUSHA_SCAN_JUDGE_H

#include "common/buf.h"
#include "manager/scan/facts.h"
#include "manager/scan/growth.h"
#include "manager/scan/rules.h"

enum scan_level { SCAN_UNJUDGED, SCAN_FINE, SCAN_WARNING, SCAN_CRITICAL };

/* Why a finding is what it is; bits. */
enum scan_cause {
    SCAN_BY_USAGE = 1,
    SCAN_BY_DAYS = 2,
    SCAN_IS_FULL = 4,
    SCAN_IS_BEYOND = 8,    /* set above the limit by hand: the next insert fails */
    SCAN_IS_FASTER = 16,   /* than it used to be, by far */
    SCAN_IGNORE_ENDED = 32 /* a rule ignored it until a day that has come */
};

struct scan_finding {
    const struct scan_server *server;
    const struct scan_column *column;
    const struct scan_rule *rule; /* that fits, or NULL */
    enum scan_level level;
    unsigned causes;
    int ignored;
    enum scan_level before;      /* at the scan before this one; SCAN_UNJUDGED when not known */
    struct scan_counter counter; /* with the application's limit, if there is one */
    double usage;                /* may be above 1 */
    uint64_t left;               /* values */
    struct scan_growth growth;
    int days_known;
    double days, days_low, days_high; /* INFINITY: it does not grow */
    struct scan_point *plot;          /* kept points for a picture, or NULL; owned by the report */
    size_t plot_points;
};

/* f: server and column are set, the rest is filled. p: the kept points of this column, oldest
 * first, the present one last; changed. n may be 0. */
void scan_judge(struct scan_finding *f, const struct scan_rules *rules, struct scan_point *p,
                size_t n, int64_t now_s);

/* Worst first: level, full, usage, then days and names. For qsort. */
int scan_finding_cmp(const void *a, const void *b);

const char *scan_level_text(enum scan_level l); /* "ok", "warning", "critical", "unjudged" */
/* "97.1 % used, 11 days left"; a sentence without names. */
void scan_finding_text(const struct scan_finding *f, struct buf *out);
/* The statement that makes room, "" when there is nothing wider. */
void scan_finding_alter(const struct scan_finding *f, struct buf *out);

/* The counts that summaries show. */
struct scan_totals {
    size_t servers, complete, columns, fine, warning, critical, unjudged, ignored;
};
struct scan_report {
    struct scan_server *server;
    size_t servers;
    struct scan_finding *finding; /* worst first */
    size_t findings;
    const struct scan_rules *rules;
    int64_t now_s;
    int plots; /* findings have points for pictures */
    struct scan_totals totals;
};
void scan_report_count(struct scan_report *r);
/* 2: a critical finding; else 3: something could not be read; else 1: a warning; else 0. */
int scan_report_exit(const struct scan_report *r);

#endif
