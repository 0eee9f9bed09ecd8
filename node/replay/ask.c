/* The manager's request to a replay server; see replay.h. */
#include "node/replay/replay.h"

#include <stdio.h>
#include <string.h>

static int take_text(struct json_object *o, const char *key, char *out, size_t size, struct err *e)
{
    const char *text = json_get_str(o, key, "");

    if (strlen(text) >= size)
        return err_set(e, ERR_FORMAT, "%s is too long", key);
    snprintf(out, size, "%s", text);
    return 0;
}

static int take_names(struct json_object *o, struct replay_ask *a, struct err *e)
{
    if (take_text(o, "uuid", a->uuid, sizeof(a->uuid), e) ||
        take_text(o, "version", a->version, sizeof(a->version), e) ||
        take_text(o, "gtid_mode", a->gtid_mode, sizeof(a->gtid_mode), e) ||
        take_text(o, "replica_uuid", a->replica_uuid, sizeof(a->replica_uuid), e) ||
        take_text(o, "after_file", a->after.file, sizeof(a->after.file), e) ||
        take_text(o, "dir", a->dir, sizeof(a->dir), e))
        return -1;
    a->server_id = (uint32_t)json_get_u64(o, "server_id", 0);
    a->replica_server_id = (uint32_t)json_get_u64(o, "replica_server_id", 0);
    return 0;
}

/* Two servers of one id or one uuid take each other's events for their own. */
static int check_names(const struct replay_ask *a, struct err *e)
{
    if (a->server_id == 0 || a->replica_server_id == 0)
        return err_set(e, ERR_FORMAT, "a server_id is missing");
    if (a->server_id == a->replica_server_id)
        return err_set(e, ERR_WORLD, "the dead master and the replica both have server_id %u",
                       a->server_id);
    if (a->uuid[0] && strcasecmp(a->uuid, a->replica_uuid) == 0)
        return err_set(e, ERR_WORLD, "the dead master and the replica both have the uuid %s",
                       a->uuid);
    if (a->dir[0] != '/')
        return err_set(e, ERR_FORMAT, "dir must be an absolute path");
    return 0;
}

int replay_ask_read(struct json_object *o, struct replay_ask *out, struct err *e)
{
    const char *have = json_get_str(o, "have", NULL);
    int64_t port = json_get_int(o, "port", 0);

    memset(out, 0, sizeof(*out));
    if (take_names(o, out, e) || check_names(out, e))
        return -1;
    out->use_sha2 = json_get_bool(o, "sha2", 0);
    out->any_password = json_get_bool(o, "any_password", 0);
    out->peer_uid = (unsigned)json_get_u64(o, "peer_uid", 0);
    out->after.pos = json_get_u64(o, "after_pos", 0);
    out->by_gtid = have != NULL;
    if (port < 0 || port > 65535)
        return err_set(e, ERR_FORMAT, "there is no port %lld", (long long)port);
    out->port = (int)port;
    if (!have && !out->after.file[0])
        return err_set(e, ERR_FORMAT, "neither a position nor a GTID set");
    return have ? gtid_parse(&out->have, have, e) : 0;
}

void replay_ask_release(struct replay_ask *a)
{
    gtid_release(&a->have);
}
