/* Statements that change replication or writability: one function each, idempotent ("already so" is
 * success). */
#ifndef KAGEMUSHA_SQL_REPL_H
#define KAGEMUSHA_SQL_REPL_H

#include "common/sql_status.h"

#define SQL_LOCK_MONITOR  "MHA_Master_High_Availability_Monitor"
#define SQL_LOCK_FAILOVER "MHA_Master_High_Availability_Failover"

/* channel: "" for the unnamed one; in every function. A channel that does not exist is stopped and
 * forgotten already; starting it is ERR_SQL, naming one on MySQL 5.6 is ERR_WORLD.
 * MariaDB with Using_Gtid: the first START of either thread while both are stopped deletes all
 * relay logs. Never have both stopped there, be it by sql_stop_replica or by the two others, while
 * anything received is not applied (decision 11c); the planner obeys, these functions do not look.
 * With an unreachable master stopping the IO thread takes 2.0 s on MySQL 9, and up to
 * slave_net_timeout on MariaDB 11.8, also when the master accepts and is silent: the server goes on
 * stopping when the caller's deadline ends the session, and with the session its locks. */
int sql_start_io(struct sql *s, const char *channel, int64_t deadline_ms, struct err *e);
int sql_start_sql(struct sql *s, const char *channel, int64_t deadline_ms, struct err *e);
int sql_start_replica(struct sql *s, const char *channel, int64_t deadline_ms, struct err *e);
int sql_stop_io(struct sql *s, const char *channel, int64_t deadline_ms, struct err *e);
int sql_stop_sql(struct sql *s, const char *channel, int64_t deadline_ms, struct err *e);
int sql_stop_replica(struct sql *s, const char *channel, int64_t deadline_ms, struct err *e);
/* RESET REPLICA ALL: the server forgets its master. Both threads must be stopped. */
int sql_forget_master(struct sql *s, const char *channel, int64_t deadline_ms, struct err *e);

/* TLS and the account's key exchange of a channel, as configured (decision 40). -1 and NULL: left
 * out, the server keeps its own. */
struct sql_tls {
    int on, verify;
    const char *ca, *cert, *key; /* paths on the database host */
    int public_key;              /* -1: asked for where TLS is off and the dialect has it */
};
enum sql_follow { SQL_FOLLOW_POSITION, SQL_FOLLOW_GTID };
struct sql_change {
    const char *channel;
    const char *host;
    int port;
    const char *user, *password; /* NULL: left out, the server keeps its own */
    enum sql_follow follow;
    struct binpos from;        /* SQL_FOLLOW_POSITION */
    const struct sql_tls *tls; /* NULL: all of it is kept */
    const char *using_gtid;    /* MariaDB with SQL_FOLLOW_GTID: "slave_pos" or "current_pos" */
};
/* CHANGE MASTER / CHANGE REPLICATION SOURCE with nothing but what is named (decision 40: what a
 * host had, it keeps), except that the heartbeat period is kept by naming it, and the public key is
 * asked for where the dialect has it and TLS is off. An error's text has no piece of the password.
 * Both threads must be stopped. */
int sql_change_source(struct sql *s, const struct sql_change *c, int64_t deadline_ms,
                      struct err *e);

/* 1 when none of the workers of a parallel applier is at work: what they were given is applied, or
 * is a transaction that does not go on. 0; -1. */
int sql_workers_idle(struct sql *s, int64_t deadline_ms, struct err *e);

/* Waits at the server in slices so that the deadline holds. *done: 1 reached, 0 the deadline came
 * first. ERR_WORLD when the SQL thread is not running or stopped with an error (the text carries
 * it). "Reached" is looked at first, and counts with the SQL thread stopped too. The session
 * survives a wait whose deadline comes first. */
int sql_wait_position(struct sql *s, const char *channel, const struct binpos *p,
                      int64_t deadline_ms, int *done, struct err *e);
int sql_wait_gtid(struct sql *s, const char *channel, const struct gtid_set *set,
                  int64_t deadline_ms, int *done, struct err *e);

/* SET GLOBAL read_only (and super_read_only=0 before it when clearing, where it exists). Setting 1
 * waits at most 2 s for locks. */
int sql_set_read_only(struct sql *s, int on, int64_t deadline_ms, struct err *e);
int sql_set_super_read_only(struct sql *s, int on, int64_t deadline_ms, struct err *e);
/* Promotion (decision 12): clears read_only only while this very session holds the failover lock,
 * reads back. ERR_WORLD "the failover lock is lost" otherwise. */
int sql_open_for_writes(struct sql *s, int64_t deadline_ms, struct err *e);

/* GET_LOCK without waiting: ERR_WORLD names the connection that holds it. The session's
 * wait_timeout becomes 15 s (decision 12): while it holds a lock it must be used, or sql_ping()ed,
 * at least each 5 s, also during hooks and waits elsewhere. MySQL 5.6 drops the first lock of a
 * session at the second: one lock a session. */
int sql_lock(struct sql *s, const char *name, int64_t deadline_ms, struct err *e);
int sql_unlock(struct sql *s, const char *name, int64_t deadline_ms, struct err *e);
/* 1 when this session holds it. */
int sql_lock_held(struct sql *s, const char *name, int *held, int64_t deadline_ms, struct err *e);
/* Appends who holds it to who; nothing when nobody does. */
int sql_lock_holder(struct sql *s, const char *name, struct buf *who, int64_t deadline_ms,
                    struct err *e);

/* SET GLOBAL relay_log_purge; KILL. */
int sql_set_relay_log_purge(struct sql *s, int on, int64_t deadline_ms, struct err *e);
int sql_kill_session(struct sql *s, uint64_t id, int64_t deadline_ms,
                     struct err *e); /* no such session is success */

#endif
