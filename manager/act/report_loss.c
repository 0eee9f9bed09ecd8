/* What was lost, in the report, the journal and on the log; see report_loss.h. */
#include "manager/act/report_loss.h"

#include "common/log.h"

#include <stdio.h>

static void add_set(const struct topo *t, int host, struct buf *out)
{
    struct gtid_set received = GTID_INIT;
    topo_received(t, host, &received);
    gtid_print(&received, out);
    gtid_release(&received);
}

void report_received(const struct operation_run *r, struct buf *out)
{
    char text[BINPOS_FILE_BYTES + 24];
    const struct topo *t = r->second ? r->second : r->first;
    const struct failover *f = r->second ? r->plan_b : r->plan_a;
    int base = f->choice.base;
    if (!t || base == NO_HOST)
        return;
    if (f->mode == MODE_POSITION)
        buf_adds(out, binpos_print(&t->host[base].repl.read, text, sizeof text));
    else
        add_set(t, base, out);
}

/* Before a server was opened there is nothing to tell. */
static int is_told(const struct operation_run *r)
{
    return r->x->opened && r->second;
}

/* The snapshot that tells what there was to be had. */
static const struct topo *seen(const struct operation_run *r)
{
    return r->behind ? r->behind : r->second;
}

void report_loss_find(struct operation_run *r)
{
    struct loss_reached reached = {.set = &r->x->level, .at = r->x->reached};
    if (is_told(r))
        loss_find(seen(r), r->op->dead, r->plan_b->mode, &reached, &r->loss);
}

void report_loss(const struct operation_run *r, struct buf *out)
{
    if (!is_told(r))
        return;
    buf_adds(out, "lost          ");
    loss_print(seen(r), r->op->dead, &r->loss, out);
    buf_adds(out, "\n");
}

static void put_place(struct json_object *o, const char *key, const struct binpos *p)
{
    char text[BINPOS_FILE_BYTES + 24];
    if (p->file[0])
        json_put_str(o, key, binpos_print(p, text, sizeof text));
}

static void put_set(struct json_object *o, const char *key, const struct gtid_set *s)
{
    struct buf text = BUF_INIT;
    gtid_print(s, &text);
    json_put_str(o, key, text.data);
    buf_release(&text);
}

static struct json_object *hosts(const struct operation_run *r, uint32_t mask)
{
    struct json_object *list = json_object_new_array();
    for (int i = 0; i < r->second->hosts; i++)
        if (mask & UINT32_C(1) << i)
            json_object_array_add(list, json_object_new_string(topo_label(r->second, i)));
    return list;
}

static void put_extent(struct json_object *o, const struct loss *l)
{
    if (l->mode == MODE_POSITION) {
        put_place(o, "reached", &l->reached);
        put_place(o, "end", &l->end);
        return;
    }
    put_set(o, "reached", &l->reached_set);
    put_set(o, "gtids", &l->gtids);
    json_put_u64(o, "transactions", gtid_count(&l->gtids));
}

struct json_object *report_loss_json(const struct operation_run *r)
{
    const struct loss *l = &r->loss;
    struct buf text = BUF_INIT;
    struct json_object *o;
    if (!is_told(r))
        return NULL;
    o = json_object_new_object();
    json_put_str(o, "state", loss_word(l));
    json_put_bool(o, "tail_read", l->known);
    loss_print(seen(r), r->op->dead, l, &text);
    json_put_str(o, "text", text.data);
    put_extent(o, l);
    json_put_int(o, "unfinished_bytes", l->cut_bytes);
    if (!l->known)
        json_put_str(o, "why", l->why);
    json_object_object_add(o, "unseen", hosts(r, l->unseen));
    buf_release(&text);
    return o;
}

void report_loss_log(const struct operation_run *r)
{
    struct buf text = BUF_INIT;
    if (!is_told(r))
        return;
    loss_print(seen(r), r->op->dead, &r->loss, &text);
    if (!r->loss.missing && r->loss.known)
        log_info("loss", "%s", text.data);
    else
        log_warning("loss", "%s", text.data);
    buf_release(&text);
}
