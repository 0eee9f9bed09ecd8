/* Private to step_rescue.c, rescue_*.c and observe_tail.c: one replica is given what it lacks. */
#ifndef KAGEMUSHA_RESCUE_H
#define KAGEMUSHA_RESCUE_H

#include "common/sql_catchup.h"
#include "manager/act/bulk.h"
#include "manager/act/step.h"

#define RESCUE_OPEN_MS 5000 /* the two programs */

/* One catch-up while it runs. */
struct rescue {
    struct exec *x;
    struct exec_done *d;
    int host, peer, dead;
    struct sql *s;
    int by_gtid;
    struct sql_channel channel; /* as it was; release channel.retrieved */
    struct sql_catchup saved;
    struct gtid_set have; /* by GTID: what the replica has */
    struct gtid_set want; /* by GTID: what it must have in the end */
    struct binpos after;  /* by position: where it goes on */
    struct binpos target; /* by position: where it must end */
    struct bulk from, to;
    int port;
    char password[64];
    int lends_password; /* the server is given one of ours for a while, and then its own again */
    uint64_t bytes, transactions; /* of the extract */
    int64_t pinged_ms;            /* the SQL session was used last */
    int pointed;                  /* the replica has been pointed at the replay server */
    int stopped;                  /* both of its threads were stopped for it */
    int applier_failed;           /* its SQL thread stopped with an error: no other try helps */
};

/* rescue_serve.c: both programs are started, the extract is handed over, the replay server listens:
 * r->port, r->password, r->target or r->want. 1; 0 when there is nothing that the replica lacks;
 * -1. */
int rescue_serve(struct rescue *r, struct err *e);
/* What the replay server says of itself, as a sign of life in both directions: bytes sent, and why
 * it turned somebody away ("" if it did not). */
int rescue_ask_state(struct rescue *r, uint64_t *sent, char *refusal, size_t size, struct err *e);

/* rescue_back.c: the settings that r->saved knows, with both threads as they ran, and the note
 * taken away. failed: what the replica has received is kept where the server lets it. */
int rescue_put_back(struct rescue *r, int failed, struct err *e);
int rescue_stop_threads(struct rescue *r, struct err *e);
void rescue_choose_login(struct rescue *r);
/* 1 when r->channel is amid a catch-up, perhaps another manager's: r->saved is what its note says.
 */
int rescue_take_note(struct rescue *r);

/* rescue_note.c: the note on the replica's host that a catch-up is under way (decision 18). put and
 * del need the agent there; without one they do nothing. */
int rescue_note_put(struct rescue *r, struct err *e);
void rescue_note_del(struct rescue *r);
/* The member `key` of such a note names the master that is really meant. 1 there is one, else 0. */
int rescue_note_read(struct group_host *h, struct json_object **out, int64_t deadline_ms);

/* A request for the logs of a host, with directories and names: kind "binlog", "vault" or "relay".
 * file: any log file of the dead master. */
struct json_object *rescue_ask_binlogs(const struct conf_server *c, const char *file);
struct json_object *rescue_ask_vault(const struct conf_server *c);
int rescue_ask_relay_logs(struct sql *s, const struct sql_channel *c, struct json_object **out,
                          int64_t deadline_ms, struct err *e);

#endif
