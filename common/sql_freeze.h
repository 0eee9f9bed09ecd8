/* Stopping a living server's writes, and what would be in the way: the statements of an online
 * switch. One function each. */
#ifndef KAGEMUSHA_SQL_FREEZE_H
#define KAGEMUSHA_SQL_FREEZE_H

#include "common/sql_status.h"

/* Stops writes: super_read_only=1 where the dialect has it, else read_only=1, waiting at most a
 * second for locks of others; read back. ERR_SQL, ERR_WORLD when it does not hold. */
int sql_freeze(struct sql *s, int64_t deadline_ms, struct err *e);
/* The inverse, to the values before; super -1 where there is no such variable. */
int sql_unfreeze(struct sql *s, int read_only, int super_read_only, int64_t deadline_ms,
                 struct err *e);
/* *frozen: 1 when nobody but accounts that may write through read_only can write. */
int sql_is_frozen(struct sql *s, int *frozen, int64_t deadline_ms, struct err *e);

/* FLUSH NO_WRITE_TO_BINLOG TABLES. */
int sql_flush_tables(struct sql *s, int64_t deadline_ms, struct err *e);
/* FLUSH TABLES WITH READ LOCK, waiting at most a second; the lock ends with the session. */
int sql_lock_tables(struct sql *s, int64_t deadline_ms, struct err *e);
int sql_unlock_tables(struct sql *s, int64_t deadline_ms, struct err *e);

/* The side of semi-synchronous replication that waits in commits; 1 and 0 are "enabled". ERR_WORLD
 * without the plugin. */
int sql_set_semisync_master(struct sql *s, int on, int64_t deadline_ms, struct err *e);

/* MariaDB: SET GLOBAL gtid_slave_pos. Replication must be stopped. */
int sql_set_gtid_slave_pos(struct sql *s, const struct gtid_set *pos, int64_t deadline_ms,
                           struct err *e);

/* MariaDB: @@gtid_binlog_state, appended: the last transaction of every server in every domain. */
int sql_read_binlog_state(struct sql *s, struct buf *out, int64_t deadline_ms, struct err *e);

/* Open transactions that have changed rows, with the session that has them (0: none). */
struct sql_trx {
    uint64_t session;
    int64_t age_s, rows;
};
struct sql_trxs {
    struct sql_trx *item; /* heap */
    size_t count;
};
int sql_read_trxs(struct sql *s, struct sql_trxs *out, int64_t deadline_ms, struct err *e);
void sql_trxs_release(struct sql_trxs *l);

/* Prepared XA transactions, and the first one's name; 0 where the account may not ask. */
int sql_read_xa(struct sql *s, int *count, char *first, size_t size, int64_t deadline_ms,
                struct err *e);
/* 1 and a word for it when somebody holds a backup's lock, as far as the server lets it be seen. */
int sql_read_backup(struct sql *s, int *held, char *what, size_t size, int64_t deadline_ms,
                    struct err *e);

/* Scheduled events. */
struct sql_event {
    char name[2 * SQL_NAME_BYTES]; /* schema.event, quoted as identifiers */
    char status[32];               /* ENABLED, DISABLED, SLAVESIDE_DISABLED ... */
    uint32_t originator;           /* server_id */
};
struct sql_events {
    struct sql_event *item; /* heap */
    size_t count;
};
int sql_read_events(struct sql *s, struct sql_events *out, int64_t deadline_ms, struct err *e);
void sql_events_release(struct sql_events *l);
/* ALTER EVENT ... ENABLE; written to the binlog. */
int sql_enable_event(struct sql *s, const struct sql_event *event, int64_t deadline_ms,
                     struct err *e);

#endif
