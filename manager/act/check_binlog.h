/* The binlog servers of the configuration ([binlogN]): does SSH work there, does the agent, are the
 * master's binlogs to be read. */
#ifndef KAGEMUSHA_CHECK_BINLOG_H
#define KAGEMUSHA_CHECK_BINLOG_H

#include "manager/act/group.h"
#include "manager/decide/preflight.h"

/* Appends to out: a warning for each that is of no use, an error when none is left. prefix: of the
 * master's binlog files ("mysql-bin"), "" when not known. */
void check_binlog_servers(const struct group *g, const char *prefix, int64_t deadline_ms,
                          struct findings *out);

#endif
