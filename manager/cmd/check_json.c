/* A check as JSON; see check_print.h. */
#include "manager/cmd/check_print.h"

#include "common/json.h"

#include <stdio.h>
#include <stdlib.h>

static struct json_object *replication(const struct topo_host *h)
{
    static const char *const threads[] = {"no", "yes", "connecting"};
    struct json_object *o = json_object_new_object();
    char at[BINPOS_FILE_BYTES + 24];

    json_put_str(o, "master_host", h->repl.master_host);
    json_put_int(o, "master_port", h->repl.master_port);
    json_put_str(o, "io", threads[h->repl.io]);
    json_put_str(o, "sql", threads[h->repl.sql]);
    json_put_int(o, "behind_s", h->repl.behind_s);
    json_put_str(o, "received", binpos_print(&h->repl.read, at, sizeof(at)));
    return o;
}

static struct json_object *server(const struct topo *t, const struct verdict *v, int i)
{
    static const char *const agents[] = {"unknown", "up", "missing", "unreachable"};
    const struct topo_host *h = &t->host[i];
    struct json_object *o = json_object_new_object();

    json_put_str(o, "section", h->name);
    json_put_str(o, "host", h->host);
    json_put_str(o, "ip", h->ip);
    json_put_int(o, "port", h->port);
    json_put_bool(o, "up", h->reach == REACH_UP);
    json_put_bool(o, "master", i == v->master);
    json_put_str(o, "version", h->version_text);
    json_put_bool(o, "read_only", h->read_only);
    json_put_str(o, "agent", agents[h->agent]);
    if (h->reach == REACH_UP && h->channels > 0)
        json_object_object_add(o, "replication", replication(h));
    return o;
}

static struct json_object *findings(const struct check *c)
{
    struct json_object *list = json_object_new_array();

    for (int i = 0; i < c->findings.count; i++) {
        const struct finding *f = &c->findings.item[i];
        struct json_object *o = json_object_new_object();

        json_put_str(o, "level", finding_word(f->level));
        json_put_str(o, "host", f->host == NO_HOST ? NULL : topo_name(c->seen, f->host));
        json_put_str(o, "text", f->text);
        json_object_array_add(list, o);
    }
    return list;
}

static struct json_object *rehearsals(const struct topo *t, int master)
{
    struct json_object *list = json_object_new_array();
    struct rehearsal *r = mem_zalloc(sizeof(*r) * TOPO_HOSTS_MAX);

    check_rehearse(t, master, r);
    for (int i = 0; i < t->hosts; i++) {
        struct json_object *o = json_object_new_object();

        if (i == master) {
            json_object_put(o);
            continue;
        }
        json_put_str(o, "host", topo_name(t, i));
        json_put_bool(o, "possible", r[i].possible);
        if (r[i].possible) {
            json_put_int(o, "open_ms", r[i].seconds.open_ms);
            json_put_int(o, "done_ms", r[i].seconds.done_ms);
        } else {
            json_put_str(o, "why", r[i].why);
        }
        json_object_array_add(list, o);
    }
    free(r);
    return list;
}

void check_print_json(const struct check *c, const struct verdict *v, int ok)
{
    const struct topo *t = c->seen;
    struct json_object *o = json_object_new_object(), *servers = json_object_new_array();

    json_put_str(o, "app", t->app);
    json_put_bool(o, "ok", ok);
    json_put_str(o, "verdict", verdict_word(v->kind));
    json_put_str(o, "verdict_text", v->reason);
    json_put_str(o, "mode", v->broken ? NULL : mode_text(diagnose_mode(t, v->master)));
    for (int i = 0; i < t->hosts; i++)
        json_object_array_add(servers, server(t, v, i));
    json_object_object_add(o, "servers", servers);
    json_object_object_add(o, "findings", findings(c));
    if (!v->broken)
        json_object_object_add(o, "rehearsal", rehearsals(t, v->master));
    puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(o);
}

void check_print_json_error(const char *text)
{
    struct json_object *o = json_object_new_object();

    json_put_bool(o, "ok", 0);
    json_put_str(o, "error", text);
    puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(o);
}
