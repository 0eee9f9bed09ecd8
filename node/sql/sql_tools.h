/* MHA's programs for database hosts that need SQL, in a program of their own,
 * kagemusha-node-sql: only it needs the client library (decision 27). */
#ifndef KAGEMUSHA_NODE_SQL_TOOLS_H
#define KAGEMUSHA_NODE_SQL_TOOLS_H

#include "common/sql_status.h"

/* The exit status of each. */
int purge_relay_logs_main(int argc, char **argv);
int apply_diff_relay_logs_main(int argc, char **argv);

/* Whoever lists processes sees the command line, whose words lie behind the first one: the password
 * goes into secret, and x's stand in its place. */
void tool_take_secret(const char **password, char *first_word, char *secret, size_t size);

/* 1 when host is this one: loopback, a name with localhost in it, the own name, or an address of an
 * interface. */
int is_this_host(const char *host);

/* How long one statement may take. */
#define SQL_TOOL_MS 30000

#endif
