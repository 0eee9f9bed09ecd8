/* A group at run time: its configuration and what is open to each host. One thread per host works
 * on it; a dead host never delays a live one. */
#ifndef KAGEMUSHA_GROUP_H
#define KAGEMUSHA_GROUP_H

#include "common/conf.h"
#include "common/sql_repl.h"
#include "manager/act/agent.h"
#include "manager/decide/topo.h"

struct group_host {
    const struct conf_server *conf;
    struct sql sql; /* observing and executing; holds the failover lock while an operation runs
                       (decision 12) */
    struct err sql_err;
    struct agent *agent; /* NULL when there is none */
    struct err agent_err;
    int ssh_ok;    /* the host answers SSH, whether or not the agent is there; -1 not tried */
    int vip_known; /* the agent was told about the VIP */
};

struct group {
    struct conf *conf;
    struct group_host host[TOPO_HOSTS_MAX]; /* same order as conf->server and topo->host */
    int hosts;
    enum fence_policy fence;
    agent_event_fn *on_event; /* for all agents; arg is the struct group_host * */
};

/* Takes the configuration over. Opens nothing. */
void group_init(struct group *g, struct conf *conf, enum fence_policy fallback);
void group_release(struct group *g);

/* What a host is reached by, from its section. */
void group_db_target(const struct conf_server *s, struct db_target *t);
void group_ssh_target(const struct conf *c, const struct conf_server *s, struct ssh_target *t,
                      struct buf *known_hosts);

/* Runs fn(group, host index, arg) for every host with its bit in mask, all beside each other, and
 * waits for all. Each fn keeps its own deadline. */
typedef void group_fn(struct group *g, int host, void *arg);
void group_each(struct group *g, uint32_t mask, group_fn *fn, void *arg);
#define GROUP_ALL UINT32_MAX

/* Opens what is not open yet: SQL, and agents with GROUP_AGENTS. Failures are kept in sql_err and
 * agent_err, not returned. */
enum group_open { GROUP_SQL = 1, GROUP_AGENTS = 2 };
void group_open(struct group *g, uint32_t mask, unsigned what, int64_t deadline_ms);

#endif
