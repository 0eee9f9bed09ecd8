/* Scans inside `kagemusha manage`: every group with a scan_interval, in a thread of its own with
 * sessions of its own, so that no watch and no failover ever waits for one. SIGHUP brings the
 * groups that are new. */
#ifndef KAGEMUSHA_SCAN_SCHEDULE_H
#define KAGEMUSHA_SCAN_SCHEDULE_H

#include "manager/act/service.h"

struct scan_schedule;

/* Makes s, whose confs and rules.global_conf are set, the host of a schedule. The caller frees it
 * when the service has ended; one that still hangs in a connection is left to the process's end. */
struct scan_schedule *scan_schedule_new(struct service *s);
void scan_schedule_free(struct scan_schedule **x);

#endif
