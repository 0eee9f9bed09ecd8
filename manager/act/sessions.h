/* Sessions of clients on a server: telling them from ours and from replication's, and ending them.
 */
#ifndef KAGEMUSHA_SESSIONS_H
#define KAGEMUSHA_SESSIONS_H

#include "common/sql_repl.h"

/* 1 for sessions that are neither s itself nor needed by replication or the server. */
int session_is_client(const struct sql *s, const struct sql_session *c);
/* 1 inside a statement. */
int session_runs(const struct sql_session *c);
/* Ends sessions of clients; with running only those inside a statement. How many, or -1. */
int sessions_end(struct sql *s, int running, int64_t deadline_ms, struct err *e);

#endif
