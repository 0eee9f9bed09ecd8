/* What is wrong: a snapshot becomes one verdict, by a table of predicates read from top to bottom.
 * Pure. */
#ifndef KAGEMUSHA_DIAGNOSE_H
#define KAGEMUSHA_DIAGNOSE_H

#include "manager/decide/topo.h"

/* name, exit of the check, sentence */
/* clang-format off */
#define VERDICTS(X)                                                                                \
    X(UNKNOWN,          "unknown")                                                                 \
    X(NOBODY,           "nobody answers")                                                          \
    X(GALERA,           "Galera")                                                                  \
    X(GROUP_REPLICATION,"Group Replication")                                                       \
    X(MULTI_SOURCE,     "multi-source replication")                                                \
    X(NO_REPLICA,       "no replica")                                                              \
    X(RING,             "ring")                                                                    \
    X(TWO_MASTERS,      "two masters")                                                             \
    X(FOREIGN_MASTER,   "master not configured")                                                   \
    X(STRAY,            "a server that replicates from nobody")                                    \
    X(MULTI_TIER,       "multi-tier")                                                              \
    X(WRONG_MASTER,     "not the master")                                                          \
    X(DENIED,           "a server refuses us")                                                     \
    X(SELF,             "everything silent at once")                                               \
    X(STOOD_STILL,      "we stood still")                                                          \
    X(ALIVE,            "alive")                                                                   \
    X(READ_ONLY,        "read-only")                                                               \
    X(SEMISYNC,         "semi-sync blocked")                                                       \
    X(UNATTACHED,       "cut off from its replicas")                                               \
    X(FULL,             "disk full")                                                               \
    X(STALLED,          "storage stalled")                                                         \
    X(REFUSING,         "refusing us")                                                             \
    X(SATURATED,        "saturated")                                                               \
    X(HIDDEN,           "cut off from us only")                                                    \
    X(CONTRADICTED,     "contradicted")                                                            \
    X(FENCED,           "fenced")                                                                  \
    X(RETURNING,        "crashed and coming back")                                                 \
    X(CRASHED,          "crashed")                                                                 \
    X(STOPPED,          "stopped cleanly")                                                         \
    X(HUNG,             "hung")                                                                    \
    X(HOST_SILENT,      "host silent")                                                             \
    X(SILENT,           "silent")                                                                  \
    X(DOUBTED,          "doubted")
/* clang-format on */

#define X(word, text) VERDICT_##word,
enum verdict_kind { VERDICTS(X) VERDICT_COUNT };
#undef X

enum mode { MODE_UNKNOWN, MODE_POSITION, MODE_MYSQL_GTID, MODE_MARIADB_GTID };

struct verdict {
    enum verdict_kind kind;
    int master;       /* the group's master, NO_HOST when it cannot be told */
    int dead;         /* 1: the verdict calls for a failover */
    int answers;      /* 1: the master answers our SQL, whatever else is wrong with it */
    int broken;       /* 1: not a group we can serve; nothing may be done */
    char reason[512]; /* the sentence: host, fact, fix */
};

/* out is overwritten whole. Cannot fail. */
void diagnose(const struct topo *t, struct verdict *out);
const char *verdict_word(enum verdict_kind k);

/* The way the group recovers (MariaDB by Using_Gtid). */
enum mode diagnose_mode(const struct topo *t, int master);
const char *mode_text(enum mode m);
/* MHA's number for its log line "GTID failover mode = N". */
int mode_mha(enum mode m);

/* 1 when the host is alive and follows the master: what MHA calls an alive slave. */
int is_alive_slave(const struct topo *t, int master, int host);

#endif
