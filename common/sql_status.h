/* Reading a server: one function per question, typed rows out, no decision. Statement texts come
 * from dialect. */
#ifndef KAGEMUSHA_SQL_STATUS_H
#define KAGEMUSHA_SQL_STATUS_H

#include "common/binpos.h"
#include "common/db.h"
#include "common/dialect.h"
#include "common/gtid.h"

#define SQL_NAME_BYTES   256
#define SQL_CHANNELS_MAX 16

/* A connection that knows its dialect. */
struct sql {
    struct db *db;
    struct version version;
    const struct dialect *dialect;
};

/* db_open + version + dialect + session settings: utf8mb4, sql_mode '' (so that a backslash in a
 * literal means one thing), wait_timeout one day, lock waits 2 s, no limit on statement time. */
int sql_open(struct sql *s, const struct db_target *t, int64_t deadline_ms, struct err *e);
void sql_close(struct sql *s);

struct sql_server {
    char version_text[128];
    uint32_t server_id;
    char uuid[40]; /* "" on MariaDB and before 5.6 */
    char hostname[SQL_NAME_BYTES];
    char datadir[1024];
    char pid_file[1024];
    int read_only, super_read_only; /* super: -1 where the variable does not exist */
    int log_bin, log_slave_updates, relay_log_purge, relay_log_recovery;
    char binlog_format[16];
    char gtid_mode[24]; /* MySQL: OFF, OFF_PERMISSIVE, ON_PERMISSIVE, ON; MariaDB: "" */
    int gtid_strict_mode;
    uint32_t gtid_domain_id;
    int workers;           /* parallel appliers configured */
    int slave_net_timeout; /* seconds */
    int wsrep_on, group_replication;
    int event_scheduler;                 /* 1 when ON */
    int semisync_master, semisync_slave; /* enabled; -1 where the plugin is not there */
    int skip_name_resolve;
};
/* All of it in one round trip. */
int sql_read_server(struct sql *s, struct sql_server *out, int64_t deadline_ms, struct err *e);

/* SHOW MASTER STATUS and kin: position "" when log_bin is off. */
struct sql_binlog {
    struct binpos at;
    char do_db[1024], ignore_db[1024];
};
int sql_read_binlog(struct sql *s, struct sql_binlog *out, int64_t deadline_ms, struct err *e);

/* MySQL: @@gtid_executed, @@gtid_purged, the others left as they are. MariaDB: executed =
 * @@gtid_current_pos united with @@gtid_binlog_pos; slave_pos, binlog_pos; purged left as it is.
 * Sets are initialised by the caller. */
struct sql_gtids {
    struct gtid_set executed, purged, slave_pos, binlog_pos;
};
int sql_read_gtids(struct sql *s, struct sql_gtids *out, int64_t deadline_ms, struct err *e);
void sql_gtids_release(struct sql_gtids *g);

/* One replication channel (MySQL) or connection (MariaDB); the unnamed one has name "". */
struct sql_channel {
    char name[SQL_NAME_BYTES];
    char master_host[SQL_NAME_BYTES];
    char master_user[SQL_NAME_BYTES];
    int master_port;
    uint32_t master_server_id;
    char master_uuid[40];
    int io_running; /* 0 No, 1 Yes, 2 Connecting or Preparing */
    int sql_running;
    char io_state[SQL_NAME_BYTES], sql_state[SQL_NAME_BYTES];
    int io_errno, sql_errno;
    char io_error[512], sql_error[512];
    struct binpos read,
        exec; /* in the master's binlog: Master_Log_File:Read.., Relay_Master_Log_File:Exec.. */
    struct binpos relay;    /* Relay_Log_File:Relay_Log_Pos */
    int64_t relay_space;    /* bytes */
    int64_t seconds_behind; /* -1: NULL */
    int64_t sql_delay;      /* configured delay, seconds */
    int auto_position;      /* MySQL Auto_Position=1 */
    char using_gtid[16];    /* MariaDB: "No", "Slave_Pos", "Current_Pos"; MySQL "" */
    struct gtid_set
        retrieved; /* MySQL Retrieved_Gtid_Set; MariaDB Gtid_IO_Pos (empty with Using_Gtid=No) */
    char filters[6][512]; /* Replicate_Do_DB, Ignore_DB, Do_Table, Ignore_Table, Wild_Do_,
                             Wild_Ignore_ */
    int ssl_allowed;
    int64_t heartbeats; /* received, -1 unknown; for "did it hear anything since" */
};
struct sql_channels {
    struct sql_channel item[SQL_CHANNELS_MAX];
    size_t count;
};
/* One round trip, on MySQL a second one for the heartbeats. The struct is 100 KB: not for the
 * stack. */
int sql_read_channels(struct sql *s, struct sql_channels *out, int64_t deadline_ms, struct err *e);
void sql_channels_release(struct sql_channels *c);

/* On a semi-synchronous master: sessions that wait for an acknowledgement, replicas that could give
 * one. Both 0 without the plugin. */
int sql_read_semisync(struct sql *s, int *waiting, int *clients, int64_t deadline_ms,
                      struct err *e);
/* For how long the server process has been running. */
int sql_read_uptime(struct sql *s, int64_t *seconds, int64_t deadline_ms, struct err *e);
/* SELECT 1. */
int sql_ping(struct sql *s, int64_t deadline_ms, struct err *e);
/* MHA's INSERT ping: infra.chk_masterha. */
int sql_ping_insert(struct sql *s, int64_t deadline_ms, struct err *e);

struct sql_session {
    uint64_t id;
    char user[SQL_NAME_BYTES], host[SQL_NAME_BYTES], command[64], state[128], info[128];
    int64_t time_s;
};
struct sql_sessions {
    struct sql_session *item; /* heap */
    size_t count;
};
/* SHOW PROCESSLIST; the caller releases. */
int sql_read_sessions(struct sql *s, struct sql_sessions *out, int64_t deadline_ms, struct err *e);
void sql_sessions_release(struct sql_sessions *l);

/* Does the account have REPLICATION SLAVE (any host row, roles counted where they can be read)? 1,
 * 0. */
int sql_has_repl_privilege(struct sql *s, const char *user, int *yes, int64_t deadline_ms,
                           struct err *e);
/* The files of the binlog index, oldest first, as names and sizes; none with log_bin off. ERR_WORLD
 * when there are more than max. */
struct sql_binlog_file {
    char name[BINPOS_FILE_BYTES];
    uint64_t bytes;
};
int sql_read_binlog_files(struct sql *s, struct sql_binlog_file *out, size_t max, size_t *count,
                          int64_t deadline_ms, struct err *e);

/* After so long without a statement the server ends this session, and with it its locks. */
int sql_set_idle_limit(struct sql *s, int seconds, int64_t deadline_ms, struct err *e);
/* The path of the binlog index on the server's host, "" when it keeps none. */
int sql_read_binlog_index(struct sql *s, char *out, size_t size, int64_t deadline_ms,
                          struct err *e);
/* Where its relay logs are: their path up to the dot, "" when the server does not tell. */
struct sql_relay_logs {
    char base[4096], datadir[4096];
};
int sql_read_relay_logs(struct sql *s, struct sql_relay_logs *out, int64_t deadline_ms,
                        struct err *e);

#endif
