/* /metrics (OpenMetrics, or Prometheus's older text for who asks for it) and /healthz on a loopback
 * port. Sources write text from what they know already: a scrape never asks a server, and no watch
 * ever waits for one. */
#ifndef KAGEMUSHA_METRICS_H
#define KAGEMUSHA_METRICS_H

#include "common/buf.h"
#include "common/err.h"

struct metrics;

/* One answer as it is written. */
struct metrics_page {
    struct buf out;
    int open; /* OpenMetrics: counters are announced without their _total */
};

/* Appends whole families: each family's samples stand together, and no two sources write the same.
 * Runs on the server's thread; it must not wait. */
typedef void metrics_fn(struct metrics_page *p, void *arg);
/* 1 when all is well; appends a line for people. */
typedef int metrics_health_fn(struct buf *out, void *arg);

/* listen: "port" or "address:port", a loopback address. ERR_CONFIG. */
int metrics_start(struct metrics **out, const char *listen, struct err *e);
void metrics_stop(struct metrics **m); /* waits for an answer under way */
/* Any thread; what arg points to lives until metrics_stop. ERR_BUG: too many. */
int metrics_add_source(struct metrics *m, metrics_fn *fn, void *arg, struct err *e);
void metrics_set_health(struct metrics *m, metrics_health_fn *fn, void *arg);

/* A family's heading; type: "gauge" or "counter". name has the unit, a counter's no _total. */
void metrics_family(struct metrics_page *p, const char *name, const char *type, const char *help);
/* Appends name="value" with the value escaped, behind a comma where labels stand already. */
void metrics_label(struct buf *labels, const char *name, const char *value);

#endif
