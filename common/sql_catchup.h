/* A replica is pointed at a replay server on its own host for a while, and back again with every
 * setting that was touched (which a CHANGE resets or the replay server has no use for: host, port,
 * account, TLS, public key, heartbeat, retries, delay, compression, the way to find its place).
 * Knows no policy. */
#ifndef KAGEMUSHA_SQL_CATCHUP_H
#define KAGEMUSHA_SQL_CATCHUP_H

#include "common/json.h"
#include "common/sql_status.h"

/* The settings of one channel as they were. */
struct sql_catchup {
    char channel[SQL_NAME_BYTES];
    char host[SQL_NAME_BYTES], user[SQL_NAME_BYTES];
    int port;
    int auto_position;   /* MySQL */
    char using_gtid[16]; /* MariaDB: "No", "Slave_Pos", "Current_Pos" */
    int ssl;
    int public_key;         /* -1: the server has no such setting; in what follows too */
    char heartbeat_s[32];   /* "" unknown */
    int64_t connect_retry;  /* seconds */
    int64_t retry_count;    /* -1 */
    int64_t delay_s;        /* -1 */
    char compression[64];   /* "" */
    int applier_may_run_on; /* the server takes a CHANGE while its SQL thread runs: nothing that was
                               received is lost, a transaction received in part goes on. May be
                               cleared: where the way to find the place changes, both must stop */
};

/* A replay server runs on the replica's own host. */
#define SQL_CATCHUP_HOST "127.0.0.1"

/* Where the channel is pointed at. */
struct sql_catchup_to {
    const char *host;
    int port;
    const char *user, *password; /* both NULL: the server keeps its own */
    const struct binpos *from;   /* NULL: by GTID, as the channel did; else by position */
    const struct binpos *relay;  /* NULL, or where the SQL thread stands in the relay logs: they are
                                    kept then, which CHANGE otherwise deletes */
};

/* ERR_WORLD when the server has no such channel. */
int sql_catchup_save(struct sql *s, const char *channel, struct sql_catchup *out,
                     int64_t deadline_ms, struct err *e);
/* CHANGE to the replay server: no TLS, no compression, no delay, retries each second. The IO thread
 * must be stopped, and the SQL thread where applier_may_run_on is 0. An error's text has no piece
 * of the password. */
int sql_catchup_point(struct sql *s, const struct sql_catchup *c, const struct sql_catchup_to *to,
                      int64_t deadline_ms, struct err *e);
/* CHANGE back to what was saved. to->host NULL: the saved one. */
int sql_catchup_restore(struct sql *s, const struct sql_catchup *c, const struct sql_catchup_to *to,
                        int64_t deadline_ms, struct err *e);

/* The saved settings as an object, for a note on the host: there is no password in it. */
struct json_object *sql_catchup_to_json(const struct sql_catchup *c);
/* Only what the note tells is set. */
void sql_catchup_from_json(struct json_object *o, struct sql_catchup *c);

/* The server_id that a replay server presents: the master's, or, where nobody knows it, any that is
 * not the replica's own. */
uint32_t sql_catchup_server_id(uint32_t master, uint32_t own);

/* Directory and name of the relay logs, "/var/lib/mysql/relay-bin"; "" when the server does not
 * tell. */
int sql_read_relay_base(struct sql *s, char *out, size_t size, int64_t deadline_ms, struct err *e);

#endif
