/* From servers to a report: history is read and written, everything is judged. */
#ifndef KAGEMUSHA_SCAN_SESSION_H
#define KAGEMUSHA_SCAN_SESSION_H

#include "manager/scan/judge.h"

struct scan_memory {
    const char *path; /* of the history, NULL: none */
    int whole;        /* all schemas were asked for: the number of tables can be compared */
    int plots;        /* keep points of the past for pictures */
    int64_t max_bytes;
};

/* r: server, servers, rules and now_s are set; finding and totals are filled. A history that does
 * not work leaves the forecasts unknown: -1 with e, and the report is complete otherwise. */
int scan_report_build(struct scan_report *r, const struct scan_memory *m, struct err *e);
void scan_report_release(struct scan_report *r); /* findings; servers and rules are the caller's */

#endif
