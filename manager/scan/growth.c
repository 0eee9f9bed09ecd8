/* Slopes; see growth.h. */
#include "manager/scan/growth.h"

#include <stdlib.h>
#include <string.h>

#define DAY_S      86400
#define KEPT_MAX   32
#define SLOPES_MAX (KEPT_MAX * (KEPT_MAX - 1) / 2)

size_t scan_growth_cut(struct scan_point *p, size_t n, uint64_t step)
{
    size_t begin = 0, i;

    for (i = 1; i < n; i++) {
        uint64_t before = p[i - 1].value, least = step > UINT64_MAX / 2 ? UINT64_MAX : 2 * step;
        uint64_t share = before / 100;

        if (p[i].value >= before)
            continue;
        if (before - p[i].value > (share > least ? share : least))
            begin = i;
        else
            p[i].value = before;
    }
    return begin;
}

static int double_cmp(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* The last point of each bucket within the window, newest last. */
static size_t thin(const struct scan_point *p, size_t n, int64_t from_s, int64_t bucket_s,
                   struct scan_point kept[KEPT_MAX])
{
    size_t count = 0, i;

    for (i = 0; i < n; i++) {
        if (p[i].at_s < from_s)
            continue;
        if (count > 0 && p[i].at_s / bucket_s == kept[count - 1].at_s / bucket_s)
            count--;
        if (count == KEPT_MAX) {
            memmove(kept, kept + 1, (KEPT_MAX - 1) * sizeof(*kept));
            count--;
        }
        kept[count++] = p[i];
    }
    return count;
}

static struct scan_slope slope_of(const struct scan_point *p, size_t n, int64_t least_span_s)
{
    struct scan_slope none = {-1, -1}, s;
    double slope[SLOPES_MAX];
    size_t count = 0, i, k;

    if (n < 3 || p[n - 1].at_s - p[0].at_s < least_span_s)
        return none;
    for (i = 0; i < n; i++)
        for (k = i + 1; k < n; k++)
            if (p[k].at_s > p[i].at_s)
                slope[count++] =
                    (double)(p[k].value - p[i].value) * DAY_S / (double)(p[k].at_s - p[i].at_s);
    if (count == 0)
        return none;
    qsort(slope, count, sizeof(*slope), double_cmp);
    s.median = count % 2 ? slope[count / 2] : (slope[count / 2 - 1] + slope[count / 2]) / 2;
    s.p90 = slope[(count - 1) * 9 / 10];
    return s;
}

void scan_growth_of(const struct scan_point *p, size_t n, int64_t now_s, struct scan_growth *out)
{
    struct scan_point kept[KEPT_MAX];
    size_t count;

    out->points = n;
    out->since_s = n ? p[0].at_s : now_s;
    count = thin(p, n, now_s - DAY_S - 1800, 3600, kept);
    out->day = slope_of(kept, count, DAY_S * 3 / 4);
    count = thin(p, n, now_s - 7 * DAY_S, 21600, kept);
    out->week = slope_of(kept, count, DAY_S);
    count = thin(p, n, now_s - 28 * DAY_S, DAY_S, kept);
    out->month = slope_of(kept, count, DAY_S);
}
