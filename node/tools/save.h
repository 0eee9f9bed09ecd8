/* The events of log files from a coordinate on, as one file that mysqlbinlog and servers can read:
 * the head of the first file, then what follows. */
#ifndef KAGEMUSHA_NODE_TOOLS_SAVE_H
#define KAGEMUSHA_NODE_TOOLS_SAVE_H

#include "node/extract/files.h"

struct save_result {
    uint64_t events; /* behind the head; what belongs to files is not counted */
    uint64_t bytes;
    uint64_t torn_bytes; /* at the end of the last file: left out */
};

/* Writes what files hold from `start` of the first one on into fd. named: NULL, or the master's
 * coordinate that is told in front of it, where the first file's head tells another. ERR_IO,
 * ERR_FORMAT, ERR_WORLD. */
int save_events(const struct extract_files *files, uint64_t start, const struct binpos *named,
                int fd, struct save_result *out, struct err *e);

#endif
