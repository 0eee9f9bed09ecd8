/* Notes about catch-ups, and requests for logs; see rescue.h. */
#include "common/clock.h"
#include "manager/act/rescue.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* The note is synced: a disk that stalls for some seconds is no reason to lose what can be read. */
#define PUT_MS  8000
#define NOTE_MS 2000

static struct json_object *note_request(const struct group_host *h)
{
    struct json_object *o = json_object_new_object();
    char name[160];

    snprintf(name, sizeof name, "catchup-%s-%d.json", h->group->conf->app, h->conf->port);
    for (char *p = name; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("._-", *p))
            *p = '_';
    json_put_str(o, "dir", h->conf->remote_workdir);
    json_put_str(o, "name", name);
    return o;
}

int rescue_note_put(struct rescue *r, struct err *e)
{
    struct group_host *h = &r->x->g->host[r->host];
    const struct conf_server *dead = r->x->g->host[r->dead].conf;
    struct json_object *o, *saved = sql_catchup_to_json(&r->saved);
    struct buf text = BUF_INIT;
    int rc;

    json_put_str(saved, "master_host", dead->hostname);
    json_put_int(saved, "master_port", dead->port);
    json_print(saved, &text);
    json_object_put(saved);
    o = note_request(h);
    json_put_str(o, "text", text.data);
    buf_release(&text);
    rc = agent_call(h->agent, "note_put", o, NULL, clock_mono_ms() + PUT_MS, e);
    return rc ? err_wrap(e, "the note of the catch-up") : 0;
}

void rescue_note_del(struct rescue *r)
{
    struct group_host *h = &r->x->g->host[r->host];

    if (h->agent)
        agent_call(h->agent, "note_del", note_request(h), NULL, clock_mono_ms() + NOTE_MS, NULL);
}

int rescue_note_read(struct group_host *h, struct json_object **out, int64_t deadline_ms)
{
    struct json_object *reply = NULL;
    const char *text;
    int found = 0;

    *out = NULL;
    if (!h->agent ||
        agent_call(h->agent, "note_get", note_request(h), &reply, deadline_ms, NULL) < 0)
        return 0;
    text = json_get_str(reply, "text", "");
    found = json_parse(text, strlen(text), out, NULL) == 0;
    json_object_put(reply);
    return found;
}

struct json_object *rescue_ask_binlogs(const struct conf_server *c, const char *file)
{
    struct json_object *o = json_object_new_object();
    const char *dot = strrchr(file, '.');

    json_put_str(o, "kind", "binlog");
    json_put_str(o, "dirs", c->master_binlog_dir);
    json_object_object_add(o, "prefix",
                           json_object_new_string_len(file, dot ? (int)(dot - file) : 0));
    return o;
}

struct json_object *rescue_ask_vault(const struct conf_server *c)
{
    struct json_object *o = json_object_new_object();

    json_put_str(o, "kind", "vault");
    json_put_str(o, "dir", c->remote_workdir);
    json_put_int(o, "port", c->port);
    json_put_str(o, "ip", c->ip);
    return o;
}

/* The files of a named channel have its name, with what is no letter encoded, behind the base name.
 */
static void put_prefix(struct json_object *o, const char *base, const struct sql_channel *c)
{
    const char *file = strrchr(c->relay.file, '/'), *dot;

    file = file ? file + 1 : c->relay.file;
    dot = strrchr(file, '.');
    if (*c->name && dot)
        json_object_object_add(o, "prefix", json_object_new_string_len(file, (int)(dot - file)));
    else
        json_put_str(o, "prefix", base);
}

/* Where the SQL thread stands ties relay logs to the master's coordinates, where none of the files
 * does. */
int rescue_ask_relay_logs(struct sql *s, const struct sql_channel *c, struct json_object **out,
                          int64_t deadline_ms, struct err *e)
{
    char base[1024], *slash;
    struct json_object *o;

    *out = NULL;
    if (sql_read_relay_base(s, base, sizeof base, deadline_ms, e) < 0)
        return -1;
    slash = strrchr(base, '/');
    if (!slash)
        return err_set(e, ERR_WORLD, "the server does not tell where its relay logs are");
    *slash = '\0';
    o = json_object_new_object();
    json_put_str(o, "kind", "relay");
    json_put_str(o, "dirs", base);
    put_prefix(o, slash + 1, c);
    json_put_str(o, "relay_file", c->relay.file);
    json_put_u64(o, "relay_pos", c->relay.pos);
    json_put_str(o, "relay_at_file", c->exec.file);
    json_put_u64(o, "relay_at_pos", c->exec.pos);
    *out = o;
    return 0;
}
