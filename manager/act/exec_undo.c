/* The way back before the point of no return, and what an operation holds open from its beginning
 * to its end. */
#include "common/clock.h"
#include "common/log.h"
#include "manager/act/step.h"

#include <stdio.h>
#include <string.h>

void exec_init(struct exec *x, struct group *g, struct journal *j)
{
    memset(x, 0, sizeof *x);
    x->g = g;
    x->journal = j;
    x->phase = -1;
    pthread_mutex_init(&x->state, NULL);
    for (int i = 0; i < TOPO_HOSTS_MAX; i++) {
        pthread_mutex_init(&x->host[i].busy, NULL);
        pthread_mutex_init(&x->host[i].opening, NULL);
    }
    x->lease_ms = g->conf->server[0].lock_lease * 1000;
    exec_keep(x);
}

static void unlock_host(struct group *g, int host, void *arg)
{
    struct exec *x = arg;
    struct err e;
    (void)g;
    const char *name = x->host[host].monitor_lock ? SQL_LOCK_MONITOR : SQL_LOCK_FAILOVER;
    if (x->host[host].locked && !x->lost_lease &&
        sql_unlock(&x->g->host[host].sql, name, clock_mono_ms() + STEP_SQL_MS, &e) < 0)
        log_warning("unlock-failed", "%s; the lock ends with the session", e.text);
    x->host[host].locked = 0;
}

void exec_release(struct exec *x)
{
    uint32_t locked = 0;
    exec_keep_end(x);
    for (int i = 0; i < x->g->hosts; i++)
        if (x->host[i].locked)
            locked |= UINT32_C(1) << i;
    if (locked)
        group_each(x->g, locked, unlock_host, x);
    for (int i = 0; i < x->g->hosts; i++)
        agent_close(&x->host[i].ended);
    gtid_release(&x->level);
    gtid_release(&x->final_set);
}

/* A step that failed may have done half of its work, and every undo is harmless where there is
 * nothing to take back. */
static void undo_step(struct exec *x, struct exec_done *d)
{
    struct err e;
    step_fn *undo = step_undo(d->step->kind);
    if (!undo || (d->result != STEP_OK && d->result != STEP_FAILED))
        return;
    struct exec_done u = *d;
    u.text[0] = '\0';
    u.result = STEP_UNDONE;
    u.begin_us = clock_mono_us();
    pthread_mutex_lock(&x->host[d->step->host].busy);
    int rc = undo(x, &u, INT64_MAX, &e);
    if (rc < 0 && e.code == ERR_CONNECT &&
        exec_renew_session(x, d->step->host, clock_mono_ms() + STEP_SQL_MS) == 0)
        rc = undo(x, &u, INT64_MAX, &e);
    pthread_mutex_unlock(&x->host[d->step->host].busy);
    u.us = clock_mono_us() - u.begin_us;
    if (rc < 0) {
        u.result = STEP_FAILED;
        snprintf(u.text, sizeof u.text, "%.*s", (int)sizeof u.text - 1, e.text);
        struct exec_host *h = &x->host[d->step->host];
        snprintf(h->kept, sizeof h->kept, "%s: %.200s", step_word(d->step->kind), e.text);
        log_error("undo-failed", "taking back %s on %s: %s", step_word(d->step->kind),
                  topo_label(x->t, d->step->host), e.text);
    } else {
        d->result = STEP_UNDONE;
        log_info("undone", "%s on %s is taken back%s%s", step_word(d->step->kind),
                 topo_label(x->t, d->step->host), u.text[0] ? ": " : "", u.text);
    }
    exec_journal_end(x, &u, "undo");
}

/* An address goes back to the old master only once that takes writes again. */
void exec_undo(struct exec *x)
{
    struct err e;
    if (x->dones == 0 || exec_still_ours(x, &e) < 0)
        return;
    log_warning("undo", "nothing is promoted: what was done is taken back");
    for (int i = x->dones - 1; i >= 0; i--)
        if (x->done[i].step->kind != STEP_HOOK_IP_STOP)
            undo_step(x, &x->done[i]);
    for (int i = x->dones - 1; i >= 0; i--)
        if (x->done[i].step->kind == STEP_HOOK_IP_STOP)
            undo_step(x, &x->done[i]);
}
