/* Where a report goes: files that others read at any time, and sockets of an agent. */
#ifndef KAGEMUSHA_SCAN_SEND_H
#define KAGEMUSHA_SCAN_SEND_H

#include "common/buf.h"
#include "common/err.h"

/* Sends lines as datagrams, as many whole lines to each as fit. to: "host:port" (UDP) or "/path" or
 * "unix:/path". Paced; an agent that is restarting is tried once more. ERR_IO with how many were
 * lost. */
int scan_send_statsd(const char *to, const struct buf *lines, struct err *e);

#endif
