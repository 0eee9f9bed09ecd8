/* One connection of the replica: login, then commands; see replay.h. */
#include "node/replay/replay.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum command {
    COM_QUIT = 1,
    COM_QUERY = 3,
    COM_PING = 14,
    COM_BINLOG_DUMP = 18,
    COM_REGISTER_SLAVE = 21,
    COM_BINLOG_DUMP_GTID = 30
};
enum { ER_UNKNOWN_COMMAND = 1047, ER_MASTER_FATAL = 1236 };

static void note(struct replay *r, const char *text)
{
    pthread_mutex_lock(&r->lock);
    snprintf(r->text, sizeof(r->text), "%s", text);
    pthread_mutex_unlock(&r->lock);
}

/* Another replica than the one that is awaited would be given what it may have already. */
static int is_awaited(const struct replay_session *s, uint32_t id, struct err *e)
{
    const struct replay_ask *a = &s->r->ask;

    if (id != 0 && id != a->replica_server_id) {
        err_set(e, ERR_WORLD, "the replica with server_id %u is awaited, %u came",
                a->replica_server_id, id);
        return 0;
    }
    if (a->replica_uuid[0] && s->slave_uuid[0] && strcasecmp(a->replica_uuid, s->slave_uuid) != 0) {
        err_set(e, ERR_WORLD, "the replica %s is awaited, %s came", a->replica_uuid, s->slave_uuid);
        return 0;
    }
    return 1;
}

static int refuse(struct replay_session *s, const struct err *why, struct err *e)
{
    atomic_fetch_add(&s->r->refused, 1);
    note(s->r, why->text);
    return packet_error(&s->conn, ER_MASTER_FATAL, why->text, e);
}

static int register_slave(struct replay_session *s, struct err *e)
{
    const unsigned char *p = (const unsigned char *)s->conn.in.data;
    struct err why = {0};

    if (s->conn.in.len < 5)
        return err_set(e, ERR_FORMAT, "a registration of %zu bytes", s->conn.in.len);
    s->slave_id = p[1] | (uint32_t)p[2] << 8 | (uint32_t)p[3] << 16 | (uint32_t)p[4] << 24;
    if (!is_awaited(s, s->slave_id, &why))
        return refuse(s, &why, e);
    return packet_ok(&s->conn, e);
}

static void take_over_state(struct replay_session *s, struct replay_dump *d)
{
    if (d->by_gtid || !s->has_state)
        return;
    d->by_gtid = 1;
    gtid_copy(&d->have, &s->state);
}

/* 1 when the session may go on, 0 it was ended, -1. */
static int dump(struct replay_session *s, struct err *e)
{
    struct replay_dump d;
    struct err why = {0};
    int rc = replay_dump_read((const unsigned char *)s->conn.in.data, s->conn.in.len, &d, e);

    if (rc == 0) {
        take_over_state(s, &d);
        rc = is_awaited(s, d.server_id, &why) ? replay_dump_run(s, &d, &why) : -1;
        if (rc < 0 && why.code != ERR_IO)
            rc = refuse(s, &why, e);
        else if (rc < 0)
            *e = why;
    }
    gtid_release(&d.have);
    return rc;
}

/* 0 go on, 1 the end, -1. */
static int obey(struct replay_session *s, struct err *e)
{
    switch (s->conn.in.data[0]) {
    case COM_QUIT:
        return 1;
    case COM_PING:
        return packet_ok(&s->conn, e);
    case COM_QUERY:
        return replay_answer(s, s->conn.in.data + 1, e);
    case COM_REGISTER_SLAVE:
        return register_slave(s, e);
    case COM_BINLOG_DUMP:
    case COM_BINLOG_DUMP_GTID:
        return dump(s, e) < 0 ? -1 : 1;
    default:
        return packet_error(&s->conn, ER_UNKNOWN_COMMAND, "Unknown to a replay server", e);
    }
}

int replay_session_run(struct replay *r, int in_fd, int out_fd, struct err *e)
{
    struct replay_session s = {.r = r};
    int rc;

    packet_init(&s.conn, in_fd, out_fd);
    rc = replay_login(&s, e);
    if (rc == 0)
        atomic_fetch_add(&r->refused, 1);
    while (rc == 1) {
        int got = packet_read(&s.conn, e);

        rc = got <= 0 ? got : obey(&s, e);
        rc = rc < 0 ? -1 : rc == 0 && got > 0;
    }
    if (rc < 0)
        note(r, e->text);
    gtid_release(&s.state);
    packet_release(&s.conn);
    return rc;
}
