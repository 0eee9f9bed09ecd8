/* Servers and agents become a snapshot: all hosts beside each other, one deadline. Decides nothing.
 */
#ifndef KAGEMUSHA_OBSERVE_H
#define KAGEMUSHA_OBSERVE_H

#include "manager/act/group.h"
#include "manager/decide/topo.h"

/* What a replica had received at the first look after a missed ping (decision 1). */
struct observe_heard {
    int known;
    struct binpos read;
    int64_t heartbeats;
};

struct observe {
    unsigned what;   /* enum group_open: SQL only, or agents too (life of the process, VIP, caps) */
    uint32_t skip;   /* hosts that are not contacted by SQL (the master assumed dead) */
    uint32_t sights; /* replicas whose agents connect to the master's port once (decision 1) */
    uint32_t mute;   /* hosts whose agents are known not to answer: not asked again */
    int master;      /* for topo.master, life and sights; NO_HOST: not known */
    int64_t deadline_ms; /* monotonic */
    int life_known;      /* the caller watches the master's process itself: its life is not asked */
    int vaults;          /* ask what agents hold of relay logs that their servers have lost */
    int tails;           /* read what the dead master's disk holds beyond what was received */
    int grants;          /* look up repl_user's privilege on every server with a binlog */
    struct observe_heard *heard; /* TOPO_HOSTS_MAX of them: filled by the first observation,
                                    compared by later ones; NULL: nobody asks */
};

/* A new snapshot with the group's configuration and what was seen; topo_link has been called. Never
 * fails: what could not be seen is in it. The caller frees. Policy fields that belong to a command
 * (forced, misses, fenced ...) are the caller's to set. */
struct topo *observe(struct group *g, const struct observe *o);

/* The members of a request that name the instance of a section on its host: port, ip, pid_file. */
struct json_object *observe_instance(const struct conf_server *s);

/* What an error of our own session says of the server. */
enum reach observe_reach(const struct err *e);

/* A word of the agent's events "storage". */
enum storage observe_storage(const char *word);

/* What is known of the agent, without asking it: h's agent and agent_caps. */
void observe_agent(const struct group_host *gh, struct topo_host *h);

/* Only the configured part. */
struct topo *observe_nothing(const struct group *g);

#endif
