/* A request for what lies in logs, as the agent's `tail` and the program `extract` are given it,
 * becomes a list of files and a question. */
#ifndef KAGEMUSHA_NODE_LOGS_H
#define KAGEMUSHA_NODE_LOGS_H

#include "common/json.h"
#include "node/extract/extract.h"

struct node_logs {
    struct extract_files files;
    struct gtid_set have, whole;
    struct buf fds;         /* int after int, of a vault's files */
    struct extract_ask ask; /* over the fields above */
};

/* Members of o: kind ("binlog", "relay", "vault"); index, or dirs (separated by commas) and prefix;
 * for a vault dir, port, ip, source_id of the master meant (0: the last one), and lost: only what
 * is not applied and its server, which applies the relay log `reading`, does not come to any more;
 * by position after_file, after_pos, until_file, until_pos; by GTID have, whole; for relay logs
 * relay_file, relay_pos, relay_at_file, relay_at_pos. Neither after_file nor have: all there is.
 * out is initialised here; release it in any case. */
int node_logs_read(struct json_object *o, struct node_logs *out, struct err *e);
void node_logs_release(struct node_logs *l);

/* Adds what the report says to a reply: first, end, cut, available as file and pos; bytes, events,
 * transactions, set, cut_bytes, has_gap, why. */
void node_logs_report(const struct extract_report *r, struct json_object *o);

#endif
