/* Building a report; see session.h. */
#include "manager/scan/session.h"

#include "manager/scan/history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Fewer tables than this share of the last scan's is worth a word: a grant may have been lost. */
#define TABLES_SHARE 0.9
#define PLOT_POINTS  64

static size_t count_columns(const struct scan_report *r)
{
    size_t n = 0, i;

    for (i = 0; i < r->servers; i++)
        n += r->server[i].columns;
    return n;
}

/* At most PLOT_POINTS of the points, the last one among them. */
static void keep_plot(struct scan_finding *f, const struct scan_kept *k)
{
    size_t every = (k->n + PLOT_POINTS - 1) / PLOT_POINTS, i;

    if (k->n < 2 || f->column->state != SCAN_MEASURED)
        return;
    f->plot = mem_alloc(PLOT_POINTS * sizeof(*f->plot));
    for (i = (k->n - 1) % every; i < k->n; i += every)
        f->plot[f->plot_points++] = k->p[i];
}

static int judge_one(struct scan_report *r, struct scan_history *h, struct scan_finding *f,
                     struct scan_kept *k, struct err *e)
{
    if (h && scan_history_load(h, f, 0, r->now_s, k, e) != 0)
        return -1;
    scan_judge(f, r->rules, k->p, h ? k->n : 0, r->now_s);
    f->before = h ? k->before : SCAN_UNJUDGED;
    if (h && r->plots)
        keep_plot(f, k);
    return h ? scan_history_keep(h, f, k->series, r->now_s, e) : 0;
}

static void judge_all(struct scan_report *r)
{
    size_t i;

    for (i = 0; i < r->findings; i++) {
        free(r->finding[i].plot);
        (void)judge_one(r, NULL, &r->finding[i], &(struct scan_kept){0}, NULL);
    }
}

static int judge_with(struct scan_report *r, struct scan_history *h, struct err *e)
{
    struct scan_kept k = {0};
    size_t i;
    int rc = 0;

    for (i = 0; rc == 0 && i < r->findings; i++)
        rc = judge_one(r, h, &r->finding[i], &k, e);
    free(k.p);
    return rc;
}

static int keep_runs(struct scan_report *r, struct scan_history *h, struct err *e)
{
    size_t i;

    for (i = 0; i < r->servers; i++) {
        struct scan_server *s = &r->server[i];
        uint64_t before;

        if (scan_history_keep_run(h, s, r->now_s, &before, e) != 0)
            return -1;
        if (s->answer == SCAN_COMPLETE && (double)s->tables < TABLES_SHARE * (double)before) {
            s->answer = SCAN_PARTIAL;
            snprintf(s->error, sizeof(s->error),
                     "%zu tables are seen, %llu were at the last scan: if they were not dropped, a"
                     " privilege was",
                     s->tables, (unsigned long long)before);
        }
    }
    return 0;
}

static int with_history(struct scan_report *r, const struct scan_memory *m, struct err *e)
{
    struct scan_history *h = NULL;
    int rc = -1;

    if (scan_history_open(&h, m->path, e) != 0)
        return -1;
    if (scan_history_begin(h, e) == 0) {
        rc = judge_with(r, h, e);
        if (rc == 0 && m->whole)
            rc = keep_runs(r, h, e);
        if (rc == 0)
            rc = scan_history_commit(h, e);
        else
            scan_history_rollback(h);
    }
    if (rc == 0)
        rc = scan_history_tidy(h, r->now_s, m->max_bytes, e);
    scan_history_close(&h);
    return rc;
}

int scan_report_build(struct scan_report *r, const struct scan_memory *m, struct err *e)
{
    size_t i, k, n = 0;
    int rc = 0;

    r->plots = m->plots;
    r->findings = count_columns(r);
    r->finding = mem_zalloc(r->findings * sizeof(*r->finding));
    for (i = 0; i < r->servers; i++)
        for (k = 0; k < r->server[i].columns; k++, n++) {
            r->finding[n].server = &r->server[i];
            r->finding[n].column = &r->server[i].column[k];
        }
    if (m->path)
        rc = with_history(r, m, e);
    if (!m->path || rc != 0)
        judge_all(r);
    if (r->findings)
        qsort(r->finding, r->findings, sizeof(*r->finding), scan_finding_cmp);
    scan_report_count(r);
    return rc;
}

void scan_report_release(struct scan_report *r)
{
    size_t i;

    for (i = 0; i < r->findings; i++)
        free(r->finding[i].plot);
    free(r->finding);
    r->finding = NULL;
    r->findings = 0;
}
