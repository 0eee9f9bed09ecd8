/* Runs a plan: lanes, deadlines, undo, point of no return. It knows no kind of step; those are two
 * tables indexed by kind (step.h). What it did is in the struct, for the second plan and the
 * report.
 */
#ifndef KAGEMUSHA_EXEC_H
#define KAGEMUSHA_EXEC_H

#include "common/gtid.h"
#include "manager/act/group.h"
#include "manager/act/hooks.h"
#include "manager/act/journal.h"
#include "manager/decide/failover.h"

#include <stdatomic.h>

#define EXEC_STEPS_MAX (4 * PLAN_STEPS_MAX) /* two plans, and what was done before us */

enum step_result { STEP_NOT_RUN, STEP_OK, STEP_ALREADY, STEP_FAILED, STEP_UNDONE };

/* What may prove that the old master cannot write (decision 6). */
enum proof {
    PROOF_AGENT_KILLED = 1,
    PROOF_POWER_OFF = 2,
    PROOF_VIP_VERIFIED = 4,
    PROOF_NONE_BY_POLICY = 8,
    PROOF_FROZEN = 16, /* alive, read-only and seen so (decision 8) */
    PROOF_EARLIER = 32 /* an earlier manager had one, or it would not have opened the new master */
};

/* One step as it went. */
struct exec_done {
    const struct step *step;
    enum plan_part part;
    int n;       /* its number in the plan */
    int earlier; /* a manager before this one had begun it */
    enum step_result result;
    int64_t begin_us, us; /* begin: monotonic */
    char text[TOPO_TEXT]; /* what a step has to say, or its error */
};

/* What is known of a host while plans run. Only the lane of the host writes it. */
struct exec_host {
    pthread_mutex_t busy;    /* held while a step uses the host's SQL session */
    pthread_mutex_t opening; /* held while its agent is looked for, and opened again */
    struct agent *ended;     /* the one before it: another lane may still be asking it */
    int lost;                /* left out of the rest */
    char reason[TOPO_TEXT];
    char kept[TOPO_TEXT];    /* what was done there and could not be taken back, and why */
    int locked;              /* this session holds the failover lock, or */
    int monitor_lock;        /* with this, the monitor's */
    int followed;            /* it replicates from the new master */
    char channel[TOPO_NAME]; /* its replication channel's name, once read */
};

struct exec {
    struct group *g;
    const struct topo *t;      /* the snapshot the running plan was made from */
    const struct topo *before; /* that of the first plan: what an undo goes back to */
    const struct plan *p;
    enum mode mode;
    struct journal *journal;
    /* Where the dead master's data are likely to be, "" when its agent has watched it and knows. */
    char datadir[1024];
    int ssh_usable; /* the dead master's host answers SSH: the hooks' stopssh */
    struct exec_host host[TOPO_HOSTS_MAX];
    struct exec_done done[EXEC_STEPS_MAX]; /* of all plans, in order of the plan */
    int dones;
    /* slots */
    unsigned proof; /* of enum proof */
    struct binpos position;
    struct binpos reached; /* position mode: how far the new master is in the dead one's log */
    struct gtid_set level;
    struct binpos final; /* where the old master ended (SLOT_FINAL) */
    struct gtid_set final_set;
    /* how far it went */
    int phase;       /* enum phase: the last one that began; -1 before the first */
    int past_return; /* the point of no return is behind us */
    int opened;      /* the new master is writable */
    int gave_back;   /* the old master was started again and is writable */
    int vip_moved;   /* seen on the new master */
    /* Of an online switch: when writes began to be refused, and when they were taken again (0: not
     * yet); a start hook that failed behind writes on the new master. */
    int64_t stopped_us, resumed_us;
    int hook_failed;
    int lease_ms;          /* how long the locks outlive us when we stand still */
    atomic_int lost_lease; /* we stood still, and the locks are gone: nothing more is touched, not
                              even to undo */
    atomic_llong tick_ms;  /* the keeper's last round: it is old when we stood still */
    atomic_int stood;      /* how often it was old, and */
    atomic_int looked;     /* for how many of these all locks were seen held afterwards */
    volatile int *cancel;  /* somebody outside wants it to end, or NULL */
    atomic_int stop;       /* a lane failed: the others end before their next step */
    pthread_mutex_t state;
    pthread_t keeper; /* pings idle sessions, so that their locks stay (decision 12) */
    atomic_int keeping;
};

/* A few hundred KB: the caller has it on the heap. Starts the keeper. */
void exec_init(struct exec *x, struct group *g, struct journal *j);
/* Releases every lock that is still held, and ends the keeper. Sessions stay open. */
void exec_release(struct exec *x);

/* Checks p and runs it to the end; t and p live as long as x. A step that stops it before the point
 * of no return undoes, in reverse, what this and earlier plans of x did, to the values of the
 * snapshot; after it nothing is undone. -1 with the failing step's sentence. */
int exec_plan(struct exec *x, const struct topo *t, const struct plan *p, struct err *e);
/* Takes the failover lock of a host for x. */
int exec_lock(struct exec *x, int host, int64_t deadline_ms, struct err *e);
/* A new session in place of a broken one, and the lock that went with it as soon as its server has
 * noticed. The host's busy is held. -1: there is none. */
int exec_renew_session(struct exec *x, int host, int64_t deadline_ms);
/* Undoes all that was done. For whoever finds between two plans that there is no going on. Failures
 * are logged and journaled. */
void exec_undo(struct exec *x);

#endif
