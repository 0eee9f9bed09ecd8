/* Private to monitor: the state of one watch loop. */
#ifndef KAGEMUSHA_MONITOR_STATE_H
#define KAGEMUSHA_MONITOR_STATE_H

#include "manager/act/board.h"
#include "manager/act/monitor.h"
#include "manager/act/monitor_ping.h"
#include "manager/act/observe.h"
#include "manager/act/status.h"

#define MONITOR_ROUND_MS 1000
/* An observation: the agents' probes wait 1 s (decision 1), and their answers must come back. */
#define MONITOR_SIGHT_MS 1200
/* How old evidence may be that a new miss is judged by. */
#define MONITOR_FRESH_MS 1500

/* What agents told; written by their threads under the lock. */
struct monitor_told {
    enum life life;
    enum ending ending;
    int came_back;             /* it ended, and another one was started since */
    enum storage storage;      /* its binlog's file system */
    int64_t dying_us, gone_us; /* when it was told, monotonic; 0 never */
    int look;                  /* it tells of a trouble, or of its end */
    int silent;                /* it does not answer us */
    int news;                  /* something to look at */
};

struct watch {
    struct group *g;
    const struct monitor *m;
    int master;
    int64_t interval_ms;
    pthread_mutex_t lock;
    struct monitor_told told;

    /* the loop's own */
    int misses;
    int void_misses;       /* those of them that fell when we reached nobody: our own failing */
    struct ping last;      /* the newest ping */
    enum reach reach;      /* what it says */
    int hung_up;           /* the idle session to the master ended, not looked at yet */
    struct err denied;     /* the last refusal that was logged */
    int64_t first_sign_us; /* of this series; 0 when all is well */
    struct observe_heard heard[TOPO_HOSTS_MAX];
    struct topo *seen; /* the newest evidence of this series, or NULL */
    int64_t seen_ms;
    struct verdict verdict;
    int judged;                 /* verdict holds */
    int64_t stop_wait_until_ms; /* a stopped or crashed master may return until then; 0 none */
    int look_again;             /* at the next turn */
    int stood;                  /* we stood still: what is seen next is not acted on */
    enum status_code status;
    int64_t writable_ms;            /* the master took writes when the watch began; 0 it did not */
    int owner;                      /* nobody else holds the monitor lock */
    char binlog_index[4096];        /* on the master's host */
    int started;                    /* the first good ping was logged */
    int64_t pauses_ms, pause_told;  /* when the pauses were read; which one was told of */
    int held;                       /* the pause that holds a failover back was told of */
    int64_t due_ms, wall_offset_ms; /* to notice that we were stopped */
};

/* secondary_check_script beside the loop (monitor_side.c): started at the first miss. */
void monitor_side_start(struct group *g, int master);
/* topo.secondary: -1 not configured; -2 not known yet. */
int monitor_side_result(struct group *g);
/* Forgets the answer: the next series asks again. */
void monitor_side_forget(struct group *g);
int monitor_side_busy(const struct group *g);
void monitor_side_free(struct group *g);

/* The vaults of the replicas (monitor_vault.c, decision 19). A thread asks how far they are. */
void monitor_vault_start(struct group *g, int master);
/* Passes it on to the agents; fresh: those that are new. Waits for no replica. */
void monitor_vault_tell(struct group *g, uint32_t fresh);
/* An agent's event `vault`; may come from any thread. */
void monitor_vault_log(const struct group *g, int host, struct json_object *event);
/* Bids the thread end, and waits for it. */
void monitor_vault_stop(struct group *g);
void monitor_vault_free(struct group *g);

/* Opens everything, checks the group, finds the master (monitor_start.c). ERR_*: no watching. */
int monitor_start(struct watch *w, struct err *e);
/* Lets the master's agent watch its mysqld. Not waiting longer than deadline_ms. */
void monitor_watch_agent(struct watch *w, int64_t deadline_ms);

/* Looks at all hosts and judges; logs a verdict that is new (monitor_judge.c). */
void monitor_observe(struct watch *w, int64_t deadline_ms);
/* Judges what was seen by what is known now. 1: fail over. */
int monitor_judge(struct watch *w);
void monitor_series_end(struct watch *w);

/* Writes the status file when the state is new, else touches it if the state is PING_OK. */
void monitor_status(struct watch *w, enum status_code c);

#endif
