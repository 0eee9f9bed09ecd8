/* The extract as it comes in from the manager: frames on standard input become a file without a
 * name, which is gone with the process. Knows nothing of what the bytes mean. */
#ifndef KAGEMUSHA_NODE_REPLAY_SPOOL_H
#define KAGEMUSHA_NODE_REPLAY_SPOOL_H

#include "common/frame.h"

struct spool {
    struct buf in; /* of standard input, not yet understood */
    size_t at;
    int fd; /* the file, -1 before spool_open */
    uint64_t bytes;
    char path[32]; /* by which this process can open it */
};

#define SPOOL_INIT                                                                                 \
    {                                                                                              \
        .in = BUF_INIT, .fd = -1                                                                   \
    }

/* Makes the file, mode 0600, in dir. ERR_IO. */
int spool_open(struct spool *s, const char *dir, struct err *e);
void spool_release(struct spool *s);

/* Waits for one frame: 1; 0 at the end of the input; -1 ERR_TIMEOUT when none came for silence_ms,
 * ERR_IO, ERR_FORMAT. f is valid until the next call. */
int spool_frame(struct spool *s, struct frame *f, int silence_ms, struct err *e);
/* Takes frames into the file up to FRAME_END. */
int spool_fill(struct spool *s, int silence_ms, struct err *e);

#endif
