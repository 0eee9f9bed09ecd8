/* After a scan of the master: what room its replicas have, as a note for the next promotion. */
#ifndef KAGEMUSHA_SCAN_HEADROOM_H
#define KAGEMUSHA_SCAN_HEADROOM_H

#include "manager/scan/collect.h"

/* Reads the replicas that may be promoted one after the other, server_ms at most for each, and
 * replaces the group's note. One that does not answer is not in it. */
int scan_headroom_note(const char *file, const char *global_conf, const struct scan_server *master,
                       const struct scan_ask *ask, int server_ms, struct err *e);

#endif
