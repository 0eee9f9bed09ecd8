/* How fast a wait comes to its end, told while it lasts: the log every few seconds, `status` at
 * each look, the watchdog by the same (decision 33: by progress, never by a fixed time). */
#ifndef KAGEMUSHA_PACE_H
#define KAGEMUSHA_PACE_H

#include "manager/act/exec.h"

struct pace {
    const struct exec *x;
    int host;
    const char *unit; /* "transactions", "bytes" */
    int64_t left;     /* of these; negative: not known */
    int64_t first_left, first_ms;
    int64_t moved_ms, reported_ms;
};

/* unit lives as long as the wait. */
void pace_begin(struct pace *p, const struct exec *x, int host, const char *unit);
/* One look: what is left now, and whether anything else moved since the last. also: what more is
 * to be told ("" nothing). */
void pace_look(struct pace *p, int64_t left, int moved, const char *also);
/* 1 when nothing has moved for so long that nothing will. */
int pace_has_stalled(const struct pace *p);
/* "12 of 400 transactions left, about 3 s". */
void pace_print(const struct pace *p, struct buf *out);

#endif
