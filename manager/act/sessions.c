/* Sessions of clients; see sessions.h. */
#include "manager/act/sessions.h"

#include <string.h>

int session_is_client(const struct sql *s, const struct sql_session *c)
{
    return c->id != db_connection_id(s->db) && strncmp(c->command, "Binlog Dump", 11) != 0 &&
           strcmp(c->user, "system user") != 0 && strcmp(c->user, "event_scheduler") != 0 &&
           strcmp(c->command, "Daemon") != 0;
}

int session_runs(const struct sql_session *c)
{
    return strcmp(c->command, "Sleep") != 0 && strcmp(c->command, "Connect") != 0;
}

int sessions_end(struct sql *s, int running, int64_t deadline_ms, struct err *e)
{
    struct sql_sessions l;
    int n = 0, rc = 0;
    if (sql_read_sessions(s, &l, deadline_ms, e) < 0)
        return -1;
    for (size_t i = 0; rc == 0 && i < l.count; i++) {
        if (!session_is_client(s, &l.item[i]) || (running && !session_runs(&l.item[i])))
            continue;
        rc = sql_kill_session(s, l.item[i].id, deadline_ms, e);
        n++;
    }
    sql_sessions_release(&l);
    return rc < 0 ? -1 : n;
}
