/* The secondary check script, run beside the loop; see monitor_state.h. */
#include "common/buf.h"
#include "common/clock.h"
#include "common/log.h"
#include "manager/act/hooks.h"
#include "manager/act/monitor_state.h"
#include "manager/act/thread.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#define NOT_CONFIGURED (-1)
#define NOT_KNOWN_YET  (-2)

struct monitor_side {
    struct group *g;
    int master;
    pthread_t thread;
    atomic_int result; /* as monitor_side_result */
    int code;
    struct err err;
};

/* Exit code 0 alone means dead; everything else forbids a failover. */
static void *side_main(void *arg)
{
    struct monitor_side *s = arg;
    uint64_t one = 1;

    s->code = hook_secondary_check(s->g->conf, s->g->host[s->master].conf, &s->err);
    atomic_store(&s->result, s->code < 0 ? NOT_CONFIGURED : s->code != 0);
    if (write(s->g->wake_fd, &one, sizeof(one)) < 0)
        return NULL; /* full: the loop is awake */
    return NULL;
}

void monitor_side_start(struct group *g, int master)
{
    const char *script = g->host[master].conf->secondary_check_script;
    struct monitor_side *s;

    if (g->side || !script || !*script)
        return;
    s = mem_zalloc(sizeof(*s));
    s->g = g;
    s->master = master;
    atomic_store(&s->result, NOT_KNOWN_YET);
    log_info(NULL, "Executing secondary network check script: %s", script);
    if (thread_start(&s->thread, side_main, s, NULL) < 0)
        free(s);
    else
        g->side = s;
}

int monitor_side_result(struct group *g)
{
    return g->side ? atomic_load(&g->side->result) : NOT_CONFIGURED;
}

int monitor_side_busy(const struct group *g)
{
    return g->side && atomic_load(&g->side->result) == NOT_KNOWN_YET;
}

/* A script that still runs is kept: its answer may serve the next series. */
void monitor_side_forget(struct group *g)
{
    if (g->side && !monitor_side_busy(g))
        monitor_side_free(g);
}

void monitor_side_free(struct group *g)
{
    if (!g->side)
        return;
    pthread_join(g->side->thread, NULL);
    free(g->side);
    g->side = NULL;
}
