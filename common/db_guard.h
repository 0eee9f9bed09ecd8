/* Deadlines for blocking calls on sockets: one thread per process that shuts a socket down when the
 * time of a call is up. Private to common/db; it knows no database. */
#ifndef KAGEMUSHA_DB_GUARD_H
#define KAGEMUSHA_DB_GUARD_H

#include "common/err.h"

#include <stdint.h>

/* One call under watch; lives on the caller's stack from begin to end. */
struct db_guard {
    int fd;
    int64_t deadline_ms;
    int fired;
    struct db_guard *next;
};

/* Starts and ends the thread. */
int db_guard_start(struct err *e);
void db_guard_stop(void);

/* fd must stay open until db_guard_end(): hand over a descriptor that only the caller closes. */
void db_guard_begin(struct db_guard *g, int fd, int64_t deadline_ms);
/* 1 when the deadline came first and the socket was shut down. */
int db_guard_end(struct db_guard *g);

#endif
