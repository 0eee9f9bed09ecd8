/* A group at run time: its configuration and what is open to each host. One thread per host works
 * on it; a dead host never delays a live one. */
#ifndef KAGEMUSHA_GROUP_H
#define KAGEMUSHA_GROUP_H

#include "common/conf.h"
#include "common/sql_repl.h"
#include "manager/act/agent.h"
#include "manager/decide/topo.h"

#include <pthread.h>

struct board;
struct group;
struct group_opener; /* group_mend.c */

/* What the agents' threads tell: host index, and the event or, with NULL, the end of its session.
 */
typedef void group_event_fn(void *listener, int host, struct json_object *event);

struct group_host {
    struct group *group;
    const struct conf_server *conf;
    struct sql sql; /* observing and executing; holds the failover lock while an operation runs
                       (decision 12) */
    struct err sql_err;
    struct agent *agent; /* NULL when there is none */
    struct err agent_err;
    int ssh_ok;  /* the host answers SSH, whether or not the agent is there; -1 not tried */
    int retired; /* a master that was replaced here and has not come back (decision 14) */
    int paused;  /* kept out of the choice by an operator (pause.h) */
    int narrow;  /* AUTO_INCREMENT columns with less room than the master's (headroom.h) */
    char narrow_text[TOPO_TEXT];
    int vip_known; /* the agent was told about the VIP */
    struct group_opener *opener;
};

struct group {
    struct conf *conf;
    struct group_host host[TOPO_HOSTS_MAX]; /* same order as conf->server and topo->host */
    int hosts;
    enum fence_policy fence;
    int wake_fd;                  /* eventfd: whoever has something for the watch loop writes it */
    struct pinger *pinger;        /* the watch loop's; one that hangs is left to group_release */
    struct monitor_side *side;    /* its secondary check, likewise */
    struct monitor_vault *vault;  /* what keeps the replicas' relay logs, likewise */
    int borrowed;                 /* the configuration is another group's */
    int64_t paused_until_wall_ms; /* only watched until then; 0: acted on (pause.h) */
    char paused[2 * TOPO_TEXT];   /* the pause as a sentence */
    struct topo *seen;     /* what its verdict rests on, for the failover that follows, or NULL */
    int64_t seen_ms;       /* monotonic */
    struct survey *survey; /* its look at the replicas, likewise */
    struct board *board;   /* where it is told what happens; NULL with commands that only look */
    pthread_mutex_t listen_lock;
    group_event_fn *on_event; /* for all agents */
    void *listener;
};

/* Takes the configuration over, and reads who was replaced here. Opens nothing. */
void group_init(struct group *g, struct conf *conf, enum fence_policy fallback);
void group_release(struct group *g);
/* The same hosts with sessions of its own; from lives longer. */
void group_borrow(struct group *g, const struct group *from);

/* What a host is reached by, from its section. */
void group_db_target(const struct conf_server *s, struct db_target *t);
/* TLS of replication, from the section of the server that becomes the source. */
void group_repl_tls(const struct conf_server *s, struct sql_tls *t);
void group_ssh_target(const struct conf *c, const struct conf_server *s, struct ssh_target *t,
                      struct buf *known_hosts);

/* Runs fn(group, host index, arg) for every host with its bit in mask, all beside each other, and
 * waits for all. Each fn keeps its own deadline. */
typedef void group_fn(struct group *g, int host, void *arg);
void group_each(struct group *g, uint32_t mask, group_fn *fn, void *arg);
#define GROUP_ALL UINT32_MAX
/* Two kinds of work, all beside each other. */
struct group_part {
    uint32_t mask;
    group_fn *fn;
};
void group_each_two(struct group *g, struct group_part one, struct group_part two, void *arg);

/* Opens what is not open yet: SQL, and agents with GROUP_AGENTS. Failures are kept in sql_err and
 * agent_err, not returned. */
enum group_open { GROUP_SQL = 1, GROUP_AGENTS = 2 };
void group_open(struct group *g, uint32_t mask, unsigned what, int64_t deadline_ms);
/* Closes sessions that are known to be dead, so that group_open opens them again. A session that
 * waits for nothing and is readable has been closed by its server. */
void group_drop_dead(struct group *g, uint32_t mask);
/* A bit for every host. */
uint32_t group_mask(const struct group *g);
#define GROUP_SQL_MS 4000 /* MHA's connect test */
/* One session of a host, handed to the caller; it takes at most GROUP_SQL_MS, or for an agent
 * ssh_connection_timeout, whatever the deadline. */
int group_open_sql(const struct group_host *h, struct sql *out, int64_t deadline_ms, struct err *e);
int group_open_agent(struct group_host *h, struct agent **out, int64_t deadline_ms, struct err *e);
/* The agent of any section, also of one that is no server of the group ([binlogN]). */
int group_open_section(const struct conf *c, const struct conf_server *s, struct agent **out,
                       struct agent_listener listener, int64_t deadline_ms, struct err *e);
/* Makes agent (or, with NULL, the error) what is known of the host. */
void group_note_agent(struct group_host *h, struct agent *agent, const struct err *e);
/* 1 when its agent ended and nobody has asked for another since: the host need not be gone. */
int group_agent_lost(const struct group_host *h);
/* The agents' events go there from now on; NULL: nowhere. When it returns no earlier listener is
 * running. */
void group_listen(struct group *g, group_event_fn *fn, void *listener);

/* Reopens lost sessions in the background, each host with a growing pause between attempts: takes
 * over what was opened since the last call, and starts what is due. Never waits; wake_fd is written
 * when there is something to take over. The hosts whose agent is new. */
uint32_t group_mend(struct group *g, uint32_t mask, unsigned what);
/* 1 while an attempt is under way: group_release would wait for it. */
int group_mend_busy(const struct group *g);
/* Waits for attempts under way and forgets them. */
void group_mend_end(struct group *g);

#endif
