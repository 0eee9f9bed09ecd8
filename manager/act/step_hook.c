/* MHA's scripts as steps. What they say is a claim; what counts as proof is decided elsewhere. */
#include "manager/act/step.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A manager that resumes kills and awaits a left-over script by this line. */
static void hook_started(pid_t pgid, void *arg)
{
    struct exec *x = arg;
    struct json_object *o = json_object_new_object();
    struct err e;
    json_put_str(o, "rec", "hook");
    json_put_int(o, "pgid", pgid);
    json_put_int(o, "start", hook_born(pgid));
    (void)journal_line(x->journal, o, 1, &e);
}

void step_hook_call(struct exec *x, int orig, int next, struct hook_call *h)
{
    *h = (struct hook_call){.orig = x->g->host[orig].conf,
                            .next = next == NO_HOST ? NULL : x->g->host[next].conf,
                            .ssh_usable = x->ssh_usable,
                            .started = hook_started,
                            .started_arg = x};
}

static void call_of(struct exec *x, int next, struct hook_call *h)
{
    step_hook_call(x, x->p->dead, next, h);
}

static int result_of(enum hook_result r, struct exec_done *d)
{
    if (r == HOOK_FAILED)
        return -1;
    if (r == HOOK_WARN)
        step_say(d, "exit code 10: a warning");
    return 0;
}

int step_hook_ip_stop(struct exec *x, struct exec_done *d, int64_t deadline_ms, struct err *e)
{
    struct hook_call h;
    (void)deadline_ms;
    call_of(x, NO_HOST, &h);
    return result_of(hook_ip_stop(x->g->conf, &h, e), d);
}

/* The address goes back only to a server that takes writes again. */
int step_hook_ip_back(struct exec *x, struct exec_done *d, int64_t deadline_ms, struct err *e)
{
    struct hook_call h;
    (void)deadline_ms;
    if (!x->gave_back) {
        step_say(d, "%s takes no writes: the address stays away", topo_label(x->t, x->p->dead));
        return 0;
    }
    call_of(x, x->p->dead, &h);
    return result_of(hook_ip_start(x->g->conf, &h, e), d);
}

/* Exit code 0: powered off, so that nothing there answers SSH any more. 10: mysqld was killed and
 * the host is up. */
int step_hook_shutdown(struct exec *x, struct exec_done *d, int64_t deadline_ms, struct err *e)
{
    struct hook_call h;
    (void)deadline_ms;
    call_of(x, NO_HOST, &h);
    enum hook_result r = hook_shutdown_stop(x->g->conf, &h, e);
    if (r == HOOK_OK) {
        pthread_mutex_lock(&x->state);
        x->proof |= PROOF_POWER_OFF;
        pthread_mutex_unlock(&x->state);
        x->ssh_usable = 0;
        step_say(d, "powered off, says the script");
        return 0;
    }
    x->ssh_usable = r == HOOK_WARN;
    if (r == HOOK_WARN)
        step_say(d, "mysqld killed and the host up, says the script");
    return r == HOOK_FAILED ? -1 : 0;
}

int step_hook_ip_start(struct exec *x, struct exec_done *d, int64_t deadline_ms, struct err *e)
{
    struct hook_call h;
    (void)deadline_ms;
    call_of(x, d->step->host, &h);
    return result_of(hook_ip_start(x->g->conf, &h, e), d);
}
