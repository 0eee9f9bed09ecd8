/* Did a server stop cleanly? Read off the last binlog (decision 2). */
#ifndef KAGEMUSHA_NODE_LASTBINLOG_H
#define KAGEMUSHA_NODE_LASTBINLOG_H

#include "common/err.h"

#include <limits.h>
#include <stdint.h>

enum node_stop { NODE_STOP_UNKNOWN, NODE_STOP_CLEAN, NODE_STOP_CRASH };

struct node_last_binlog {
    char path[PATH_MAX];
    int64_t size_bytes;
    enum node_stop stop;
};

/* The last file named in an index; relative names are below the index's directory. */
int node_binlog_last_of_index(const char *index, char *out, unsigned size, struct err *e);
/* The file prefix.N of dir with the highest number N. */
int node_binlog_last_of_dir(const char *dir, const char *prefix, char *out, unsigned size,
                            struct err *e);
/* Clean: a Stop event is the last one and the format event is not marked as in use. Crash: it is
 * marked so. Everything else, encrypted files too, is unknown. */
int node_binlog_stop(const char *path, struct node_last_binlog *out, struct err *e);

#endif
