/* The built-in VIP (decision 10): agents move it over the open sessions; never removed before the
 * dead server's sockets are closed (decision 11d). */
#include "common/clock.h"
#include "manager/act/step.h"

#include <stdlib.h>
#include <string.h>

/* "192.0.2.10/24@eth0"; length and interface may be left out. */
static struct json_object *vip_of(const struct conf_server *s)
{
    struct json_object *o = json_object_new_object();
    size_t len = strcspn(s->writer_vip, "/@");
    const char *slash = strchr(s->writer_vip, '/'), *at = strchr(s->writer_vip, '@');
    json_object_object_add(o, "addr", json_object_new_string_len(s->writer_vip, (int)len));
    if (slash)
        json_put_int(o, "len", strtol(slash + 1, NULL, 10));
    if (at)
        json_put_str(o, "dev", at + 1);
    return o;
}

/* The reply, which the caller puts, or NULL with e. */
static struct json_object *call(struct exec *x, int host, const char *op, int64_t deadline_ms,
                                struct err *e)
{
    struct json_object *reply = NULL;
    struct agent *a = step_agent(x, host, e);
    if (!a)
        return NULL;
    if (deadline_ms == INT64_MAX)
        deadline_ms = clock_mono_ms() + STEP_SQL_MS;
    if (agent_call(a, op, vip_of(x->g->host[host].conf), &reply, deadline_ms, e) < 0)
        return NULL;
    return reply;
}

int step_vip_add(struct exec *x, struct exec_done *d, int64_t deadline_ms, struct err *e)
{
    if (!x->past_return)
        return err_set(e, ERR_BUG, "the VIP is given before the point of no return");
    struct json_object *reply = call(x, d->step->host, "vip_add", deadline_ms, e);
    if (!reply)
        return -1;
    if (json_get_bool(reply, "was_there", 0))
        d->result = STEP_ALREADY;
    json_object_put(reply);
    x->vip_moved = 1;
    x->resumed_us = clock_mono_us();
    return 0;
}

int step_vip_del(struct exec *x, struct exec_done *d, int64_t deadline_ms, struct err *e)
{
    struct json_object *reply = call(x, d->step->host, "vip_del", deadline_ms, e);
    if (!reply)
        return -1;
    if (!json_get_bool(reply, "was_there", 1))
        d->result = STEP_ALREADY;
    json_object_put(reply);
    return 0;
}

int step_vip_probe(struct exec *x, int asker, int *answers, struct err *e)
{
    struct json_object *reply = call(x, asker, "vip_probe", INT64_MAX, e);
    if (!reply)
        return -1;
    *answers = json_get_bool(reply, "answered", 1);
    json_object_put(reply);
    return 0;
}

/* Announced once more after the removal, then asked for from a replica: that somebody answers is
 * the effect, not the exit code of a call. */
int step_vip_announce(struct exec *x, struct exec_done *d, int64_t deadline_ms, struct err *e)
{
    struct json_object *reply = call(x, d->step->host, "vip_announce", deadline_ms, e);
    if (!reply)
        return -1;
    json_object_put(reply);
    for (int i = 0; i < x->g->hosts; i++) {
        int answers = 0;
        if (i == d->step->host || i == x->p->dead || step_vip_probe(x, i, &answers, e) < 0)
            continue;
        if (!answers)
            return err_set(e, ERR_WORLD, "nobody answers for the VIP, asked from %s",
                           topo_label(x->t, i));
        step_say(d, "seen from %s", topo_label(x->t, i));
        return 0;
    }
    step_say(d, "no other agent could be asked who answers");
    return 0;
}
