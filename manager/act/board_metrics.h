/* The boards of all groups as metrics: one family after the other, over all groups. */
#ifndef KAGEMUSHA_BOARD_METRICS_H
#define KAGEMUSHA_BOARD_METRICS_H

#include "manager/act/board.h"
#include "manager/act/metrics.h"

struct board_metrics; /* the families under way */

/* Begin, one call for each group's view, end: which appends all families to the page and frees. */
struct board_metrics *board_metrics_begin(struct metrics_page *p);
void board_metrics_add(struct board_metrics *m, const struct board_view *v);
void board_metrics_end(struct board_metrics **m);

#endif
