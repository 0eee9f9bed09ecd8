/* The seconds of a failover; see predict.h. */
#include "manager/decide/predict.h"

#define SQL_MS       10    /* a statement that commits something */
#define STOP_MS      50    /* an IO thread that stops */
#define FENCE_MS     100   /* kill to proof, with 1 GB of memory to give back */
#define VIP_MS       50    /* added, announced, seen */
#define HOOK_MS      1000  /* a script with an SSH login in it */
#define WAIT_MS      50    /* a wait that finds nothing to do */
#define BYTES_PER_MS 20000 /* carried over SSH and applied */

/* Waits end when the lag that is there now has been applied. */
static int64_t lag_ms(const struct topo *t, int host)
{
    const struct topo_repl *r = &t->host[host].repl;

    return r->behind_s > 0 ? r->behind_s * 1000 : 0;
}

static int64_t rescue_ms(const struct topo *t, const struct failover *f)
{
    int64_t bytes = t->host[f->verdict.master].tail_bytes;

    return 4 * SQL_MS + (bytes > 0 ? bytes / BYTES_PER_MS : 0);
}

static int64_t step_ms(const struct topo *t, const struct failover *f, const struct step *s)
{
    switch ((int)s->kind) {
    case STEP_STOP_IO:
        return STOP_MS;
    case STEP_FENCE_AGENT:
        return FENCE_MS;
    case STEP_HOOK_IP_STOP:
    case STEP_HOOK_IP_START:
    case STEP_HOOK_SHUTDOWN:
        return HOOK_MS;
    case STEP_WAIT_APPLIED:
    case STEP_WAIT_LEVEL:
    case STEP_WAIT_BASE:
        return WAIT_MS + lag_ms(t, s->host);
    case STEP_RESCUE:
        return rescue_ms(t, f);
    case STEP_VIP_ADD:
    case STEP_VIP_DEL:
    case STEP_VIP_ANNOUNCE:
        return VIP_MS;
    case STEP_FOLLOW:
    case STEP_FOLLOW_BASE:
    case STEP_FORGET_MASTER:
    case STEP_END_CATCHUP:
        return 4 * SQL_MS;
    default:
        return SQL_MS;
    }
}

/* Steps beside each other take as long as the longest host among them. */
static int64_t add_plan(const struct topo *t, const struct failover *f, const struct plan *p,
                        int64_t *open_ms)
{
    int64_t done = 0, lane[TOPO_HOSTS_MAX] = {0}, longest = 0;

    for (int i = 0; i < p->steps; i++) {
        const struct step *s = &p->step[i];
        int64_t ms = step_ms(t, f, s);

        if (s->beside) {
            lane[s->host] += ms;
            longest = lane[s->host] > longest ? lane[s->host] : longest;
        } else {
            done += ms;
        }
        if (i + 1 == p->steps || !p->step[i + 1].beside || !s->beside) {
            done += longest;
            longest = 0;
            for (int h = 0; h < TOPO_HOSTS_MAX; h++)
                lane[h] = 0;
        }
        if (open_ms && (s->kind == STEP_OPEN || s->kind == STEP_VIP_ADD))
            *open_ms = done;
    }
    return done;
}

void predict(const struct topo *t, const struct failover *f, struct prediction *out)
{
    int64_t fence = add_plan(t, f, &f->fence, NULL), open = 0;
    int64_t promote = add_plan(t, f, &f->promote, &open);

    out->open_ms = fence + (open ? open : promote);
    out->done_ms = fence + promote;
}
