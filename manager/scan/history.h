/* The values of earlier scans, in an SQLite file: by group, so that a series outlives a failover.
 * Hourly for two days, then every six hours for two weeks, then daily for two years. */
#ifndef KAGEMUSHA_SCAN_HISTORY_H
#define KAGEMUSHA_SCAN_HISTORY_H

#include "common/err.h"
#include "manager/scan/collect.h"
#include "manager/scan/judge.h"

struct scan_history;

/* Opens or makes the file; an older layout is brought up to date, a newer one refused. ERR_IO with
 * what to do. */
int scan_history_open(struct scan_history **out, const char *path, struct err *e);
void scan_history_close(struct scan_history **h);

/* Everything between belongs together: one transaction. */
int scan_history_begin(struct scan_history *h, struct err *e);
int scan_history_commit(struct scan_history *h, struct err *e);
void scan_history_rollback(struct scan_history *h);

/* The points of the last 29 days (and with all of them, from the beginning), oldest first, and how
 * it was judged last. *p is made larger as needed (realloc); the caller frees it. */
struct scan_kept {
    int64_t series; /* 0: not seen before */
    struct scan_point *p;
    size_t n, cap;
    enum scan_level before;
};
int scan_history_load(struct scan_history *h, const struct scan_finding *f, int all, int64_t now_s,
                      struct scan_kept *k, struct err *e);
/* Keeps the present value and judgement; an earlier value of the same hour gives way. */
int scan_history_keep(struct scan_history *h, const struct scan_finding *f, int64_t series,
                      int64_t now_s, struct err *e);
/* A line about the server; the tables that the last full scan of its group saw, 0 for none. */
int scan_history_keep_run(struct scan_history *h, const struct scan_server *s, int64_t now_s,
                          uint64_t *tables_before, struct err *e);

/* The tables of a group that are worth a look more often: with a finding, 30 % used, or full within
 * a year. */
struct scan_watched {
    struct scan_table *table; /* NULL: the group was never scanned */
    size_t count;
    struct scan_texts texts;
};
int scan_history_watched(struct scan_history *h, const char *group, struct scan_watched *out,
                         struct err *e);
void scan_watched_release(struct scan_watched *w);

/* Thins what has grown old, and beyond max_bytes shortens the past; at most once a day unless the
 * file is too large. */
int scan_history_tidy(struct scan_history *h, int64_t now_s, int64_t max_bytes, struct err *e);

#endif
