/* Private to monitor: the pinger, a thread with a session of its own that pings the master each
 * interval and holds MHA's monitor lock. A ping that hangs delays nobody. */
#ifndef KAGEMUSHA_MONITOR_PING_H
#define KAGEMUSHA_MONITOR_PING_H

#include "common/conf.h"
#include "common/err.h"

#include <stdint.h>

enum ping_type { PING_SELECT, PING_CONNECT, PING_INSERT };
enum ping_stage { PING_STAGE_CONNECT, PING_STAGE_LOCK, PING_STAGE_PING };

struct ping {
    int ok;
    enum ping_stage stage; /* where it failed */
    struct err err;
    int64_t begun_ms, us; /* monotonic; how long it took */
    int locked;           /* this session holds the monitor lock */
    int refused;          /* another session holds it at the moment */
    int taken;            /* 1: another manager has held the monitor lock for too long */
};

struct pinger;

/* The words of the log: "SELECT", "CONNECT", "INSERT". */
const char *ping_type_text(enum ping_type t);
enum ping_type ping_type_of(const struct conf_server *s);

/* The first ping is made at once. s must live as long as the pinger. wake_fd, an eventfd, is
 * written at each result. */
int pinger_start(struct pinger **out, const struct conf_server *s, int wake_fd, struct err *e);
/* The newest result, once: 1, or 0 when there is none since the last call. */
int pinger_take(struct pinger *p, struct ping *out);
/* The next ping is made at once. */
void pinger_hurry(struct pinger *p);
/* No more pings. 1 when its thread has ended or will without a wait. */
void pinger_stop(struct pinger *p);
int pinger_busy(struct pinger *p);
/* Stops, waits for a ping under way, frees. */
void pinger_free(struct pinger **p);

#endif
