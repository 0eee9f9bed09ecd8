/* How fast a counter grows: the median of the slopes between all pairs of kept points (Theil-Sen),
 * which one backfill or one restart does not bend. Pure. */
#ifndef KAGEMUSHA_SCAN_GROWTH_H
#define KAGEMUSHA_SCAN_GROWTH_H

#include <stddef.h>
#include <stdint.h>

struct scan_point {
    int64_t at_s; /* since 1970 */
    uint64_t value;
};

/* One window's slopes, per day; -1 when there are fewer than 3 points or too short a span. */
struct scan_slope {
    double median, p90;
};
struct scan_growth {
    struct scan_slope day, week, month; /* 24 h, 7 d, 28 d */
    size_t points;                      /* of this epoch */
    int64_t since_s;                    /* its first point */
};

/* Cuts what lies before the last fall of more than 1 % or two steps: there the counter was set
 * anew. Smaller falls are how MySQL shows a table that nobody opened, and are levelled. p is in
 * order of time, and changed; the value is the number of points dropped from its front. */
size_t scan_growth_cut(struct scan_point *p, size_t n, uint64_t step);

/* p: one epoch as scan_growth_cut leaves it. */
void scan_growth_of(const struct scan_point *p, size_t n, int64_t now_s, struct scan_growth *out);

#endif
