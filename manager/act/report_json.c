/* The report as one JSON object, for programs. */
#include "manager/act/report.h"
#include "manager/act/report_loss.h"

static struct json_object *step_object(const struct topo *t, const struct exec_done *d)
{
    static const char *const words[] = {"not-run", "ok", "already", "failed", "undone"};
    struct json_object *o = json_object_new_object();
    json_put_str(o, "plan", d->part == PLAN_FENCE ? "a" : "b");
    json_put_int(o, "n", d->n);
    json_put_str(o, "word", step_word(d->step->kind));
    json_put_str(o, "host", topo_label(t, d->step->host));
    json_put_str(o, "result", words[d->result]);
    json_put_int(o, "begin_us", d->begin_us);
    json_put_int(o, "us", d->us);
    json_put_str(o, "text", d->text);
    return o;
}

static const char *host_state(const struct operation_run *r, int host)
{
    const struct exec_host *h = &r->x->host[host];
    if (host == r->op->dead)
        return "was-master";
    if (r->x->opened && host == r->plan_b->choice.new_master)
        return "master";
    if (h->lost)
        return operation_left_out(r, host) ? "left-out" : "as-it-was";
    return h->followed ? "follows" : "not-changed";
}

static void add_times(struct json_object *o, const char *key, const int64_t us[2])
{
    struct json_object *list = json_object_new_array();
    for (int i = 0; i < 2; i++)
        json_object_array_add(list, json_object_new_int64(us[i]));
    json_object_object_add(o, key, list);
}

void report_json(const struct operation_run *r, struct buf *out)
{
    char proof[96];
    struct buf text = BUF_INIT;
    const struct topo *t = r->second ? r->second : r->first;
    struct json_object *o = json_object_new_object(), *steps = json_object_new_array(),
                       *hosts = json_object_new_array();
    report_sentence(r, &text);
    json_put_str(o, "sentence", text.data);
    json_put_str(o, "app", r->g->conf->app);
    json_put_int(o, "exit", r->code);
    json_put_str(o, "dead", topo_label(t, r->op->dead));
    json_put_str(o, "new_master",
                 r->x->opened ? topo_label(t, r->plan_b->choice.new_master) : NULL);
    json_put_str(o, "verdict", verdict_word(r->plan_a->verdict.kind));
    json_put_str(o, "reason", r->plan_a->verdict.reason);
    json_put_str(o, "mode", mode_text(r->plan_a->mode));
    json_put_str(o, "proof", report_proof(r->x->proof, proof, sizeof proof));
    json_put_bool(o, "vip_moved", r->x->vip_moved);
    json_put_int(o, "began_ms", r->begin_wall_ms);
    json_put_int(o, "began_us", r->begin_ms * 1000);
    json_put_int(o, "lasted_ms", r->end_ms - r->begin_ms);
    if (r->op->death_seen_ms > 0)
        json_put_int(o, "seen_before_ms", r->begin_ms - r->op->death_seen_ms);
    add_times(o, "look_us", r->look_us);
    add_times(o, "decide_us", r->decide_us);
    add_times(o, "write_us", r->write_us);
    buf_clear(&text);
    report_received(r, &text);
    json_put_str(o, "received", text.data);
    json_object_object_add(o, "loss", report_loss_json(r));
    for (int i = 0; i < t->hosts; i++) {
        struct json_object *h = json_object_new_object();
        json_put_str(h, "host", topo_label(t, i));
        json_put_str(h, "state", host_state(r, i));
        json_put_str(h, "reason", r->x->host[i].reason);
        json_object_array_add(hosts, h);
    }
    json_object_object_add(o, "hosts", hosts);
    for (int i = 0; i < r->x->dones; i++)
        if (!r->x->done[i].earlier)
            json_object_array_add(steps, step_object(t, &r->x->done[i]));
    json_object_object_add(o, "steps", steps);
    buf_clear(&text);
    json_print(o, &text);
    buf_addf(out, "%s\n", text.data);
    buf_release(&text);
    json_object_put(o);
}
