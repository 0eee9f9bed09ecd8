/* The manager's end of one agent: `kagemusha-node agent` over an SSH session that stays open. Knows
 * no policy. */
#ifndef KAGEMUSHA_AGENT_H
#define KAGEMUSHA_AGENT_H

#include "common/json.h"
#include "common/ssh.h"
#include "common/wire.h"

struct agent; /* owns its session and one thread; calls may come from any thread */

/* An unasked line ({"event":..}) or, with NULL, the end of the session. Runs on the agent's own
 * thread: hand it over and return. */
typedef void agent_event_fn(struct json_object *event, void *arg);
struct agent_listener {
    agent_event_fn *on_event;
    void *arg;
};

/* Logs in, starts `<node_path> agent`, reads the greeting. ERR_SSH: the host cannot be reached;
 * ERR_WORLD: it can, but the program is missing or of another protocol (the text has the install
 * line). */
int agent_open(struct agent **out, const struct ssh_target *t, const char *node_path,
               struct agent_listener listener, int64_t deadline_ms, struct err *e);
void agent_close(struct agent **a);
/* Asks for a sign of life each every_ms from now on (4 s until told otherwise). Half of that
 * without an answer is told once as {"event":"silent"}, until the agent is heard again. */
void agent_pace(struct agent *a, int every_ms);
/* 1 while the session lives. */
int agent_alive(struct agent *a);
const struct wire_greeting *agent_greeting(const struct agent *a);

/* Sends {"op":op} with the members of req (which may be NULL; it is taken over) and waits for the
 * reply with its id. reply: the caller puts it; NULL if not wanted. An {"ok":false} reply becomes
 * an error with its code and text. */
int agent_call(struct agent *a, const char *op, struct json_object *req, struct json_object **reply,
               int64_t deadline_ms, struct err *e);

/* Sends the same without waiting; the reply is not looked at. A lost session is no error. */
void agent_send(struct agent *a, const char *op, struct json_object *req);

#endif
