/* What the agent of a host sees there; see observe.h. */
#include "common/clock.h"
#include "manager/act/observe_host.h"

#include <stdlib.h>
#include <string.h>

#define ANSWER_MS 1000 /* decision 33 */

/* The request that names an instance; the address tells several on one host apart. */
struct json_object *observe_instance(const struct conf_server *s)
{
    struct json_object *req = json_object_new_object();

    json_put_int(req, "port", s->port);
    json_put_str(req, "ip", s->ip);
    if (s->master_pid_file && *s->master_pid_file)
        json_put_str(req, "pid_file", s->master_pid_file);
    return req;
}

/* Not found counts as gone only where everything can be seen: as root, and nobody listens. */
static enum life life_of(const struct group_host *gh, struct json_object *reply)
{
    struct json_object *listening;

    if (json_get_int(reply, "pid", 0) > 0)
        return LIFE_RUNNING;
    if (agent_greeting(gh->agent)->uid == 0 &&
        json_object_object_get_ex(reply, "listening", &listening) &&
        json_object_array_length(listening) == 0)
        return LIFE_GONE;
    return LIFE_UNKNOWN;
}

/* A session that is open says nothing yet of a host whose cable was cut a second ago: its agent
 * must answer now. */
void observe_life(struct observing *ob, int host)
{
    struct group_host *gh = &ob->g->host[host];
    struct topo_host *h = &ob->t->host[host];
    const char *op = ob->o->life_known ? "ping" : "locate";
    struct json_object *req = ob->o->life_known ? NULL : observe_instance(gh->conf), *reply;
    int64_t deadline_ms = clock_mono_ms() + ANSWER_MS;
    struct err e = {0};

    if (deadline_ms > ob->o->deadline_ms)
        deadline_ms = ob->o->deadline_ms;
    if (agent_call(gh->agent, op, req, &reply, deadline_ms, &e) < 0) {
        if (e.code == ERR_TIMEOUT || e.code == ERR_SSH) {
            h->agent = AGENT_UNREACHABLE;
            gh->ssh_ok = 0;
        }
        return;
    }
    gh->ssh_ok = 1;
    if (!ob->o->life_known)
        h->life = life_of(gh, reply);
    json_object_put(reply);
}

enum storage observe_storage(const char *word)
{
    static const char *const words[] = {"unknown", "ok",       "slow",  "stalled",
                                        "full",    "no-right", "failed"};

    for (int i = STORAGE_UNKNOWN; i <= STORAGE_FAILED; i++)
        if (strcmp(word, words[i]) == 0)
            return (enum storage)i;
    return STORAGE_UNKNOWN;
}

/* writer_vip is "addr/len[@dev]" (decision 10). */
static struct json_object *vip_request(const char *text)
{
    struct json_object *req = json_object_new_object();
    size_t addr_len = strcspn(text, "/@");
    const char *slash = strchr(text, '/'), *at = strchr(text, '@');

    json_object_object_add(req, "addr", json_object_new_string_len(text, (int)addr_len));
    if (slash)
        json_put_int(req, "len", strtol(slash + 1, NULL, 10));
    if (at)
        json_put_str(req, "dev", at + 1);
    return req;
}

void observe_vip(struct observing *ob, int host)
{
    struct group_host *gh = &ob->g->host[host];
    struct json_object *reply;

    if (agent_call(gh->agent, "vip_check", vip_request(gh->conf->writer_vip), &reply,
                   ob->o->deadline_ms, NULL) < 0)
        return;
    ob->t->host[host].vip = json_get_bool(reply, "present", 0);
    json_object_put(reply);
}
