/* A snapshot of the replication group: what was configured and what was seen, stamped once, then
 * const. Text in, text out: the text is the fixture format, and what every run saves beside its
 * journal. Knows no password. */
#ifndef KAGEMUSHA_TOPO_H
#define KAGEMUSHA_TOPO_H

#include "common/binpos.h"
#include "common/buf.h"
#include "common/dialect.h"
#include "common/err.h"
#include "common/gtid.h"

#include <stdint.h>

#define TOPO_HOSTS_MAX 32
#define TOPO_NAME      64
#define TOPO_TEXT      256
#define NO_HOST        (-1)

/* What our own SQL session knows of a server. */
enum reach { REACH_UNKNOWN, REACH_UP, REACH_DENIED, REACH_REFUSED, REACH_SILENT };
/* The agent on its host: up; SSH works but the program does not; no SSH. */
enum agent_reach { AGENT_UNKNOWN, AGENT_UP, AGENT_MISSING, AGENT_UNREACHABLE };
/* The mysqld process as its agent sees it. */
enum life { LIFE_UNKNOWN, LIFE_RUNNING, LIFE_FROZEN, LIFE_DYING, LIFE_GONE };
/* How the process ended, from its last binlog file (decision 2). */
enum ending { ENDING_UNKNOWN, ENDING_CLEAN, ENDING_CRASH };
/* What a replica's agent got when it connected to the master's port (decision 1). */
enum sight { SIGHT_UNKNOWN, SIGHT_GREETING, SIGHT_ACCEPTED, SIGHT_REFUSED, SIGHT_SILENT };
/* What the agent's write probe on the binlog's file system says (decision 4). */
enum storage {
    STORAGE_UNKNOWN,
    STORAGE_OK,
    STORAGE_SLOW,
    STORAGE_STALLED,
    STORAGE_FULL,
    STORAGE_NO_RIGHT,
    STORAGE_FAILED
};
enum thread_state { THREAD_NO, THREAD_YES, THREAD_CONNECTING };
enum gtid_mode { GTID_MODE_OFF, GTID_MODE_OFF_PERMISSIVE, GTID_MODE_ON_PERMISSIVE, GTID_MODE_ON };
/* How a replica finds its place in the master's binlog. */
enum follow { FOLLOW_POSITION, FOLLOW_AUTO_POSITION, FOLLOW_SLAVE_POS, FOLLOW_CURRENT_POS };
/* The kind of proof that a policy accepts (decision 6). */
enum fence_policy { FENCE_PROOF, FENCE_MHA };

/* What would hold up, or be broken by, a stop of writes. */
enum busy_kind {
    BUSY_UPDATE, /* a statement that is no SELECT or SHOW */
    BUSY_QUERY,  /* any statement */
    BUSY_TRX,    /* an open transaction that has changed rows, running or idle */
    BUSY_DDL,
    BUSY_XA, /* prepared, with or without a session */
    BUSY_BACKUP,
    BUSY_KINDS
};
struct topo_busy {
    int count;
    int64_t longest_s;    /* of those that are counted */
    char text[TOPO_TEXT]; /* the longest: session, account, statement */
};

/* Where an operation that did not end has left a replica of the dead master. */
enum moved {
    MOVED_NO,
    MOVED_TO_HEIR,
    MOVED_ASIDE /* to a base, or to a catch-up on its own host */
};
/* What is known of such an operation (decision 13). */
enum interrupted {
    INTERRUPTED_NO,
    INTERRUPTED_JOURNAL,
    INTERRUPTED_NOTE,  /* its steps are not known */
    INTERRUPTED_SWITCH /* an online switch: its old master lives, or did */
};

/* Ranges [first, first + count) of topo.gtid. */
struct topo_set {
    uint32_t first, count;
};

/* The channel through which a host follows its master. */
struct topo_repl {
    char master_host[TOPO_TEXT];
    int master_port;
    int master; /* index of that host, NO_HOST when it is not configured; filled by topo_link */
    enum thread_state io, sql;
    int io_errno, sql_errno;
    char io_error[TOPO_TEXT], sql_error[TOPO_TEXT];
    struct binpos read, exec;  /* in the master's binlog */
    struct binpos relay;       /* exec in its own relay logs */
    struct topo_set retrieved; /* MySQL: Retrieved_Gtid_Set; MariaDB: Gtid_IO_Pos */
    enum follow follow;
    int64_t behind_s; /* -1: unknown */
    int64_t delay_s;  /* configured */
    int heard;        /* it received something after our first missed ping */
    char master_uuid[40];
    char user[TOPO_NAME];
    char channel[TOPO_NAME];     /* its name, "" for the unnamed one */
    char filters[2 * TOPO_TEXT]; /* the six replicate_* lists as one text, "" for none */
};

/* What only a check asks a host (known: it was asked). */
struct topo_fitness {
    int known;
    int sync_binlog, flush_log, info_in_file, binlog_encrypted;
    int semisync_on, semisync_clients; /* -1: no plugin */
    int64_t clock_ahead_ms;            /* of the manager's */
    int64_t disk_free_mb;              /* where its binlogs are; -1: not known */
    int disk_free_percent;
    char missing[TOPO_TEXT];    /* privileges that our account lacks */
    char account[TOPO_TEXT];    /* 'user'@'host' of ours, as the server has it */
    char agent_text[TOPO_TEXT]; /* why the agent is not there */
};

struct topo_host {
    /* configured */
    char name[TOPO_NAME]; /* section: server1 */
    char host[TOPO_TEXT], ip[64];
    int port;
    int candidate_master, no_master, ignore_fail, multi_tier_slave, skip_reset_slave;
    int has_shutdown_script, has_ip_script, has_online_script;
    /* state kept by us */
    int retired; /* a master that we replaced, not yet rejoined (decision 14) */
    int paused;  /* kept out of the choice by an operator (decision 39) */
    int narrow;  /* AUTO_INCREMENT columns with less room than the master's, by the last scan */
    char narrow_text[TOPO_TEXT]; /* the worst of them; with narrow 0 a note that is too old to count
                                  */
    /* of an operation that did not end */
    int was_replica, was_read_only; /* before it; was_replica: of the dead master */
    char begun[TOPO_TEXT];          /* words of the steps that were begun here and not taken back */
    char done[TOPO_TEXT];           /* those of them that are known to have ended well */
    enum moved moved;               /* resume_decide(): the planner may take it for a replica of
                                       the dead master, which it is not any more */
    /* reach */
    enum reach reach;
    char reach_text[TOPO_TEXT]; /* the error's text */
    enum agent_reach agent;
    char agent_caps[TOPO_NAME];
    enum life life;
    enum ending ending;
    int came_back;    /* its process ended, and another one was started, since the first sign */
    enum sight sight; /* of the master, from here */
    enum storage storage;
    int vip; /* it holds writer_vip, as its agent sees it */
    /* the server itself; valid when reach is REACH_UP */
    struct version version;
    char version_text[TOPO_NAME];
    uint32_t server_id;
    char uuid[40];
    int read_only, super_read_only, log_bin, log_slave_updates, relay_log_purge;
    int relay_log_recovery, workers, slave_net_timeout, semisync_master, semisync_slave;
    int semisync_waiting; /* sessions that wait for a replica's acknowledgement */
    int semisync_clients; /* replicas that could give one */
    int catching_up;      /* a catch-up that did not end points it to its own host (decision 18) */
    int galera, group_replication;
    char binlog_format[16];
    enum gtid_mode gtid_mode;
    struct binpos binlog; /* its own */
    char binlog_do_db[TOPO_TEXT], binlog_ignore_db[TOPO_TEXT];
    struct topo_set executed, purged;
    /* what else can be read there, as its agent sees it */
    int tail_known;            /* the dead master: its own binlogs were looked at behind its end */
    struct binpos tail_end;    /* end of the last complete transaction in them */
    struct topo_set tail;      /* GTIDs in them that nobody alive has received */
    int64_t tail_bytes;        /* behind what the best replica has received */
    int64_t tail_cut_bytes;    /* of a transaction that was never completed */
    char tail_text[TOPO_TEXT]; /* why they cannot be read, "" if they can */
    struct binpos relay_first; /* a replica: first coordinate of the master in its relay logs */
    /* a replica: what the agent's vault holds there of the dead master's log, beyond what anybody
       has received */
    struct binpos vault_first, vault_end;
    struct topo_set vault;
    int repl_grant; /* repl_user may replicate from here: 1 yes, 0 no, -1 not looked at */
    struct topo_busy busy[BUSY_KINDS]; /* looked at for an online switch only */
    struct topo_fitness fit;
    int channels;          /* replication channels that follow servers of the group */
    struct topo_repl repl; /* the first of them; with none an unnamed one that follows another */
    /* Channels that are somebody else's: never touched, and what they bring is not the group's. */
    int others, others_run;      /* how many, and whose SQL thread runs */
    char others_text[TOPO_TEXT]; /* one of them: "'legacy' from db9:3306" */
    struct topo_set foreign;     /* what came through them */
};

/* A binlog server ([binlogN]): a host with a copy of the master's binlogs, and perhaps no mysqld.
 * As the peer of a step it is TOPO_SERVER(its index). */
#define TOPO_SERVER(i) (TOPO_HOSTS_MAX + (i))
struct topo_server {
    char name[TOPO_NAME]; /* section: binlog1 */
    char host[TOPO_TEXT];
    enum agent_reach agent;
    char text[TOPO_TEXT]; /* why it cannot be read, "" if it can or was not asked */
    /* what its copy holds of the dead master's log, beyond what anybody has received */
    struct binpos first, end;
    struct topo_set held;
};

/* The group: what applies to all hosts. */
struct topo {
    char app[TOPO_NAME];
    int64_t taken_wall_ms;
    int master; /* the master being watched or named by the operator; NO_HOST: find it */
    int fenced; /* the master's death is proved already: plan B */
    enum fence_policy fence;
    /* an operation that did not end */
    enum interrupted interrupted;
    int interrupted_s, resume_window_s; /* since its last line; how long it may be resumed */
    int heir;                    /* whom it promotes, once past its point of no return; NO_HOST */
    int opened;                  /* that host, once it takes writes; NO_HOST */
    struct binpos opened_at;     /* its position then, as noted; no file: not known */
    char noted_proof[TOPO_NAME]; /* of the fence: "agent-killed power-off" */
    int forced;                  /* --new_master_host, or NO_HOST */
    int writer_vip;              /* a VIP is configured */
    int latest_priority, check_repl_delay, check_repl_filter, use_gtid_auto_pos;
    int skip_change_master, skip_disable_read_only, wait_until_gtid_in_sync, allow_data_loss;
    int skip_save_master_binlog;
    /* of an online switch */
    int planned; /* the master lives and is to be replaced: nothing can be lost by waiting */
    int orig_master_is_new_slave, skip_lock_all_tables, flush_tables;
    int running_updates_limit, running_seconds_limit, seconds_behind_master;
    int ssh_reachable; /* the dead master's host: -1 not probed, 0, 1 */
    int misses;        /* missed pings in a row */
    int misses_needed;
    int stood_still; /* we did not run for a while, or our clock jumped: nothing seen before counts
                      */
    int ride;        /* on_crash_restart=ride, and the time for it has not passed */
    int secondary;   /* secondary_check_script: -1 not configured or not asked, 0 says dead, 1 says
                        alive */
    struct topo_host host[TOPO_HOSTS_MAX];
    int hosts;
    struct topo_server *server;
    int servers;
    struct gtid_range *gtid; /* the arena of all sets */
    uint32_t gtids, gtid_cap;
};

/* An empty snapshot with the defaults of the configuration. The caller frees. */
struct topo *topo_new(void);
/* One that will have so many hosts and no more: the others cost no memory. */
struct topo *topo_new_of(int hosts);
void topo_free(struct topo **t);
struct topo *topo_copy(const struct topo *t);

/* So many binlog servers, all zero; once. */
void topo_add_servers(struct topo *t, int servers);

/* Puts a set into the arena. */
struct topo_set topo_keep(struct topo *t, const struct gtid_set *s);
/* A borrowed view of it; never release it. */
struct gtid_set topo_view(const struct topo *t, struct topo_set ref);

/* Fills repl.master of all hosts from master_host and port (host name or address), and takes out of
 * executed what a foreign channel brought to that host alone. Doing it again changes nothing. */
void topo_link(struct topo *t);
/* The name of the channel by which the host follows the group's master, or would: that of the
 * other replicas. */
const char *topo_channel(const struct topo *t, int host);
/* The host with that section name, host name or address; port 0 matches any. NO_HOST if none. */
int topo_find(const struct topo *t, const char *host, int port);
/* "db1(192.0.2.1:3306)", as MHA names hosts; "binlog1(db9)" for a TOPO_SERVER(). Points into a ring
 * of buffers of the calling thread. */
const char *topo_label(const struct topo *t, int host);

/* "db1", "binlog1", or "db1:3307" where several servers of the group have that host name. As
 * topo_label(). */
const char *topo_name(const struct topo *t, int host);

/* The fixture format. Only what differs from the default is printed. ERR_FORMAT with the line's
 * number. */
void topo_print(const struct topo *t, struct buf *out);
int topo_parse(const char *text, struct topo **out, struct err *e);

/* What a host has received: executed united with retrieved (GTID modes). out is initialised. */
void topo_received(const struct topo *t, int host, struct gtid_set *out);

#endif
