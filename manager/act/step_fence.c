/* Fence and proof (decisions 6 to 9): mysqld killed and seen gone, and the way back. */
#include "common/clock.h"
#include "common/log.h"
#include "manager/act/observe_host.h"
#include "manager/act/report.h"
#include "manager/act/step.h"

#include <stdlib.h>
#include <string.h>

#define FENCE_MS 3000
#define ANSWER_MS                                                                                  \
    300 /* the agent's own deadline comes first, so that it can say what is missing                \
         */
#define GIVE_BACK_MS 60000 /* a server that was killed recovers first */
#define LOOK_MS      100

static void add_proof(struct exec *x, enum proof p)
{
    pthread_mutex_lock(&x->state);
    x->proof |= (unsigned)p;
    pthread_mutex_unlock(&x->state);
}

/* What the agent did and what it found missing: the last of its steps tells most. */
static void say_steps(struct exec_done *d, struct json_object *reply)
{
    struct json_object *steps = NULL;
    const char *text = json_get_str(reply, "supervisor", "");
    if (*text)
        step_say(d, "supervisor: %s", text);
    if (json_object_object_get_ex(reply, "steps", &steps))
        for (size_t i = 0; i < json_object_array_length(steps); i++)
            log_debug("fence", "%s", json_object_get_string(json_object_array_get_idx(steps, i)));
}

int step_fence_agent(struct exec *x, struct exec_done *d, int64_t deadline_ms, struct err *e)
{
    struct json_object *reply = NULL, *o;
    int host = d->step->host, rc = 0;
    const struct conf_server *conf = x->g->host[host].conf;
    struct agent *a = step_agent(x, host, e);
    if (!a)
        return -1;
    if (deadline_ms == INT64_MAX)
        deadline_ms = clock_mono_ms() + FENCE_MS;
    o = observe_instance(conf);
    if (*conf->fence_command)
        json_put_str(o, "fence_command", conf->fence_command);
    if (x->datadir[0])
        json_put_str(o, "datadir", x->datadir);
    json_put_int(o, "budget_ms", clock_left_ms(deadline_ms));
    if (agent_call(a, "fence", o, &reply, deadline_ms + ANSWER_MS, e) < 0)
        return -1;
    say_steps(d, reply);
    if (json_get_bool(reply, "proved", 0))
        add_proof(x, PROOF_AGENT_KILLED);
    else
        rc =
            err_set(e, ERR_WORLD, "not proved: %s", json_get_str(reply, "text", "no reason given"));
    json_object_put(reply);
    return rc;
}

/* Where mysqld could not be killed but its host obeys: the address taken away there, and nobody
 * else answers for it. */
static void try_vip_proof(struct exec *x)
{
    struct exec_done d = {0};
    struct step s = {.kind = STEP_VIP_DEL, .host = x->p->dead};
    struct err e;
    d.step = &s;
    if (!*x->g->host[x->p->dead].conf->writer_vip)
        return;
    if (step_vip_del(x, &d, clock_mono_ms() + STEP_SQL_MS, &e) < 0) {
        log_warning("vip-proof", "%s", e.text);
        return;
    }
    for (int i = 0; i < x->g->hosts; i++) {
        int answers = 1;
        if (i == x->p->dead || step_vip_probe(x, i, &answers, &e) < 0)
            continue;
        if (!answers)
            add_proof(x, PROOF_VIP_VERIFIED);
        return;
    }
}

int step_proof(struct exec *x, struct exec_done *d, int64_t deadline_ms, struct err *e)
{
    (void)deadline_ms;
    if (!x->proof)
        try_vip_proof(x);
    if (!x->proof && x->g->fence == FENCE_MHA) {
        log_warning("fence-none",
                    "NO PROOF THAT %s CANNOT WRITE: going on because fence_required=mha",
                    topo_label(x->t, d->step->host));
        x->proof = PROOF_NONE_BY_POLICY;
    }
    if (!x->proof)
        return err_set(e, ERR_WORLD,
                       "there is no proof that %s cannot write any more: its agent did not see "
                       "mysqld gone, and no shutdown_script reported power off",
                       topo_label(x->t, d->step->host));
    report_proof(x->proof, d->text, sizeof d->text);
    return 0;
}

/* A session to the old master, once it answers again. */
static int reopen(struct exec *x, int host, struct err *e)
{
    struct db_target t;
    struct group_host *h = &x->g->host[host];
    int64_t deadline = clock_mono_ms() + GIVE_BACK_MS;
    group_db_target(h->conf, &t);
    sql_close(&h->sql);
    while (sql_open(&h->sql, &t, clock_mono_ms() + STEP_SQL_MS, e) < 0) {
        if (clock_mono_ms() >= deadline)
            return err_wrap(e, "it was started again, but does not answer");
        clock_sleep_ms(LOOK_MS);
    }
    return 0;
}

/* It may have been killed but in name: an earlier manager ended before its fence had begun. */
static int answers(struct exec *x, int host)
{
    struct sql s = {0};
    struct err e;
    int up = group_open_sql(&x->g->host[host], &s, clock_mono_ms() + STEP_SQL_MS, &e) == 0;
    sql_close(&s);
    return up;
}

/* Decision 9: no suicide. Never after power off, and never once another server may have opened. The
 * others are locked by us and read-only, so the old master may be what it was. */
int step_give_back(struct exec *x, struct exec_done *d, int64_t deadline_ms, struct err *e)
{
    int host = d->step->host;
    (void)deadline_ms;
    if (x->past_return || (x->proof & PROOF_POWER_OFF))
        return err_set(e, ERR_WORLD, "NO MASTER: %s is powered off and is not started by us",
                       topo_label(x->t, host));
    struct agent *a = step_agent(x, host, e);
    if (!a)
        return -1;
    struct json_object *o = observe_instance(x->g->host[host].conf);
    json_put_bool(o, "start", !answers(x, host));
    x->proof = 0;
    if (agent_call(a, "release", o, NULL, clock_mono_ms() + GIVE_BACK_MS, e) < 0 ||
        reopen(x, host, e) < 0)
        return -1;
    struct sql *s = &x->g->host[host].sql;
    struct sql_server *now = mem_zalloc(sizeof *now);
    int rc = sql_read_server(s, now, clock_mono_ms() + STEP_SQL_MS, e);
    if (rc == 0 && now->read_only)
        rc = sql_set_read_only(s, 0, clock_mono_ms() + STEP_SQL_MS, e);
    free(now);
    if (rc < 0)
        return err_wrap(e, "%s runs again, but is not known to be writable",
                        topo_label(x->t, host));
    x->gave_back = 1;
    step_say(d, "%s runs again and takes writes", topo_label(x->t, host));
    return 0;
}

/* What the agent did not find running it left alone, a process that it could not hold stays
 * guarded. */
int step_unguard(struct exec *x, struct exec_done *d, int64_t deadline_ms, struct err *e)
{
    struct json_object *reply = NULL, *o;
    int host = d->step->host;
    struct agent *a = step_agent(x, host, e);
    if (!a)
        return -1;
    o = observe_instance(x->g->host[host].conf);
    json_put_bool(o, "unless_supervised", 1);
    if (agent_call(a, "release", o, &reply, deadline_ms, e) < 0)
        return -1;
    const char *why = json_get_str(reply, "kept", "");
    int ended = json_get_bool(reply, "guard_ended", 0);
    if (*why)
        step_say(d, "it stays: %s", why);
    else if (!ended)
        d->result = STEP_ALREADY;
    json_object_put(reply);
    return 0;
}
