/* The reader's window, for its own files only. */
#ifndef KAGEMUSHA_NODE_BINLOG_READER_WINDOW_H
#define KAGEMUSHA_NODE_BINLOG_READER_WINDOW_H

#include "node/binlog/reader.h"

/* `need` bytes (a window at most) of the file from offset on, valid until the next look; *have is
 * how many there are, fewer only at the end of the file. NULL with e: ERR_IO. */
const unsigned char *binlog_look(struct binlog_reader *r, uint64_t offset, size_t need,
                                 size_t *have, struct err *e);
/* The check sum of the event whose header is in ev: 1 right, 0 wrong or not all there, -1 ERR_IO.
 */
int binlog_sum_is_right(struct binlog_reader *r, const struct binlog_event *ev, struct err *e);
/* Ends the reading at r->next. Returns 0. */
int binlog_end_at(struct binlog_reader *r, enum binlog_end_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Ends the reading at r->next, where the event in ev is not good, as torn or as corrupt. 0 or -1.
 */
int binlog_end_bad(struct binlog_reader *r, const struct binlog_event *ev, const char *why,
                   struct err *e);
/* Ends the reading for an event that passes the end of the file. */
int binlog_end_beyond(struct binlog_reader *r, const struct binlog_event *ev, struct err *e);

#endif
