/* How fast a wait comes to its end; see pace.h. */
#include "manager/act/pace.h"

#include "common/clock.h"
#include "common/log.h"
#include "manager/act/board.h"
#include "manager/act/step.h"

void pace_begin(struct pace *p, const struct exec *x, int host, const char *unit)
{
    int64_t now = clock_mono_ms();
    *p = (struct pace){.x = x,
                       .host = host,
                       .unit = unit,
                       .left = -1,
                       .first_left = -1,
                       .moved_ms = now,
                       .reported_ms = now};
}

void pace_print(const struct pace *p, struct buf *out)
{
    int64_t done = p->first_left - p->left, took = p->moved_ms - p->first_ms;
    if (p->left < 0) {
        buf_addf(out, "an unknown number of %s left", p->unit);
        return;
    }
    if (p->left >= p->first_left || took <= 0) {
        buf_addf(out, "%lld %s left", (long long)p->left, p->unit);
        return;
    }
    buf_addf(out, "%lld of %lld %s left, about %lld s", (long long)p->left,
             (long long)p->first_left, p->unit,
             (long long)((double)p->left * (double)took / (double)done / 1000.0 + 0.5));
}

static void tell(struct pace *p, const char *also)
{
    struct buf text = BUF_INIT;
    int64_t now = clock_mono_ms();
    pace_print(p, &text);
    if (also[0])
        buf_addf(&text, ", %s", also);
    const char *label = topo_label(p->x->t, p->host);
    board_note(p->x->g->board, "%s: %s", label, text.data);
    board_beat(p->x->g->board, STEP_BEAT_MS);
    if (now - p->reported_ms >= STEP_REPORT_MS) {
        p->reported_ms = now;
        log_info("wait", "%s: %s", label, text.data);
    }
    buf_release(&text);
}

void pace_look(struct pace *p, int64_t left, int moved, const char *also)
{
    int64_t now = clock_mono_ms();
    if (p->first_left < 0 || left > p->first_left) {
        p->first_left = left;
        p->first_ms = now;
    }
    if (moved || left != p->left)
        p->moved_ms = now;
    p->left = left;
    tell(p, also);
}

int pace_has_stalled(const struct pace *p)
{
    return clock_mono_ms() - p->moved_ms > STEP_STALL_MS;
}
