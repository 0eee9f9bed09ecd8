/* What a check before anything happens asks of a server beyond its state: settings that endanger
 * data, its clock, the state of semi-sync, what our own account may do. */
#ifndef KAGEMUSHA_SQL_FITNESS_H
#define KAGEMUSHA_SQL_FITNESS_H

#include "common/sql_status.h"

struct sql_fitness {
    int sync_binlog, flush_log;   /* innodb_flush_log_at_trx_commit */
    int info_in_table;            /* 5.6, 5.7: relay_log_info_repository; 1 where there is none */
    int binlog_encrypted;         /* -1 where there is no such setting */
    int semisync_on;              /* it waits for a replica now; -1 without the plugin */
    int semisync_clients;         /* replicas that acknowledge */
    int64_t clock_ahead_ms;       /* of ours; half the round trip is taken off */
    char missing[SQL_NAME_BYTES]; /* privileges that our account lacks, "" for none or unknown */
    char account[SQL_NAME_BYTES]; /* 'user'@'host', as the server matched us */
};

/* Three round trips. */
int sql_read_fitness(struct sql *s, struct sql_fitness *out, int64_t deadline_ms, struct err *e);

#endif
