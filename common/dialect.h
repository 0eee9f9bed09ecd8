/* What each server family and version says in its own words: statement texts and column names, one
 * table. Pure. MySQL 5.6 to 9.7 and MariaDB 10.5 to 12; 5.7, 8.0 and 8.4 by documentation, not run
 * (decision 36). */
#ifndef KAGEMUSHA_DIALECT_H
#define KAGEMUSHA_DIALECT_H

#include "common/buf.h"
#include "common/err.h"

enum family { FAMILY_UNKNOWN, FAMILY_MYSQL, FAMILY_MARIADB };

struct version {
    enum family family;
    int major, minor, patch;
};

/* From the text of VERSION(): "8.0.35-0ubuntu0.22.04.1", "10.11.19-MariaDB-0+deb12u1",
 * "5.6.24-log". */
int version_parse(const char *text, struct version *out, struct err *e);
/* <0, 0, >0 by major, minor, patch; the family is not looked at. */
int version_cmp(const struct version *a, const struct version *b);
int version_at_least(const struct version *v, int major, int minor, int patch);
const char *family_text(enum family f); /* "MySQL", "MariaDB", "unknown" */

/* The statements that differ; NULL where the server has no such thing. One row per range of
 * versions. */
struct dialect {
    const char *name; /* "mysql-5.6", "mysql-8.4", "mariadb-10.5" */
    enum family family;
    int from_major, from_minor,
        from_patch; /* this row serves from here up to the next row of the family */
    int tested;     /* 1: run against a real server of this range by the tests */
    const char *show_replica_status; /* all channels; MariaDB: SHOW ALL SLAVES STATUS */
    const char *show_binlog_status;
    const char *start_replica, *stop_replica, *start_io, *stop_io, *start_sql, *stop_sql;
    const char *reset_replica, *reset_replica_all;
    const char *change_source; /* "CHANGE REPLICATION SOURCE TO", "CHANGE MASTER TO" */
    const char *source_prefix; /* "SOURCE_" or "MASTER_" as used inside CHANGE */
    const char *auto_position; /* "SOURCE_AUTO_POSITION=1"; MariaDB: "MASTER_USE_GTID=slave_pos" */
    const char *no_auto_position;
    const char *get_public_key; /* "GET_SOURCE_PUBLIC_KEY=1" or NULL */
    /* The shapes below have a %s for each argument; dialect_fill() puts them in. */
    const char *channel_clause;   /* quoted name, at the end; MariaDB has it elsewhere: NULL */
    const char *wait_position;    /* quoted file, position, seconds; a channel is a 4th argument */
    const char *wait_gtid;        /* quoted set, seconds */
    const char *parallel_workers; /* system variable */
    const char *super_read_only;  /* system variable or NULL */
    /* Query (columns User, Host) of the unlocked accounts that may write through read_only. */
    const char *user_privileges;
};

/* The row for a server. ERR_WORLD "MySQL 5.5.62 is not supported: ..." for what is outside. */
int dialect_find(const struct version *v, const struct dialect **out, struct err *e);
extern const struct dialect dialect_table[]; /* ends with name NULL */

/* Appends the shape with each %s replaced by the next of args, as it is. */
void dialect_fill(struct buf *out, const char *shape, const char *const *args);

#endif
