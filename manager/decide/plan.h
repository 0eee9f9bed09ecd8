/* A plan is data: a list of steps. It has no conditions and no loops; what would need an `if` is a
 * fact for the planner. Knows nothing of how a step is done. */
#ifndef KAGEMUSHA_PLAN_H
#define KAGEMUSHA_PLAN_H

#include "common/buf.h"
#include "common/err.h"
#include "manager/decide/topo.h"

#define PLAN_STEPS_MAX 256

/* kind, word in the journal, sentence (%h the step's host, %p its peer) */
/* clang-format off */
#define STEP_KINDS(X)                                                                              \
    X(LOCK,            "lock",            "take the failover lock on %h")                          \
    X(START_SQL,       "start-sql",       "start the SQL thread of %h")                            \
    X(STOP_IO,         "stop-io",         "stop the IO thread of %h")                              \
    X(HOOK_IP_STOP,    "hook-ip-stop",    "call master_ip_failover_script to take the address from %h") \
    X(HOOK_SHUTDOWN,   "hook-shutdown",   "call shutdown_script for %h")                           \
    X(FENCE_AGENT,     "fence-agent",     "kill mysqld of %h, hold its supervisor, see it gone")   \
    X(PROOF,           "proof",           "demand the proof that %h cannot write")                 \
    X(WAIT_APPLIED,    "wait-applied",    "wait until %h has applied all it has received")         \
    X(WAIT_BASE,       "wait-base",       "wait until %h has what %p has received")                \
    X(FOLLOW_BASE,     "follow-base",     "let %h replicate from %p, which has received more")     \
    X(RESCUE,          "rescue",          "give %h what it lacks and %p can be read for")            \
    X(READ_POSITION,   "read-position",   "read the binlog position of %h")                        \
    X(NO_RETURN,       "no-return",       "---- point of no return: %h becomes the master ----")   \
    X(HOOK_IP_START,   "hook-ip-start",   "call master_ip_failover_script to give %h the address") \
    X(OPEN,            "open",            "set read_only=0 on %h")                                 \
    X(VIP_ADD,         "vip-add",         "give the VIP to %h and announce it")                    \
    X(VIP_DEL,         "vip-del",         "take the VIP from %h")                                  \
    X(VIP_ANNOUNCE,    "vip-announce",    "announce the VIP of %h again, see who answers")         \
    X(END_CATCHUP,     "end-catchup",     "put back the replication settings of %h, whose catch-up did not end") \
    X(FORGET_MASTER,   "forget-master",   "make %h forget its master")                             \
    X(FOLLOW,          "follow",          "let %h replicate from %p")                              \
    X(WAIT_LEVEL,      "wait-level",      "wait until %h has what %p had when it opened")          \
    X(LEAVE,           "leave",           "leave %h out")                                          \
    X(UNGUARD,         "unguard",         "end the guard on %h: it may be started by hand")        \
    X(UNLOCK,          "unlock",          "release the failover lock on %h")                       \
    X(LOCK_MONITOR,    "lock-monitor",    "take the monitor lock on %h")                           \
    X(FLUSH_TABLES,    "flush-tables",    "flush the tables of %h")                                \
    X(SEMISYNC_OFF,    "semisync-off",    "let %h commit without waiting for a replica")           \
    X(WAIT_NEAR,       "wait-near",       "wait until %h is close behind %p")                      \
    X(HOOK_CHANGE_STOP, "hook-change-stop", "call master_ip_online_change_script to stop writes on %h") \
    X(FREEZE,          "freeze",          "set read_only=1 on %h, see that it holds")              \
    X(LOCK_TABLES,     "lock-tables",     "lock all tables of %h against privileged writers")      \
    X(READ_FINAL,      "read-final",      "read where %h ends")                                    \
    X(WAIT_FINAL,      "wait-final",      "wait until %h has all that %p wrote")                   \
    X(HOOK_CHANGE_START, "hook-change-start", "call master_ip_online_change_script to start writes on %h") \
    X(END_CLIENTS,     "end-clients",     "end the client sessions of %h")                         \
    X(UNLOCK_TABLES,   "unlock-tables",   "unlock the tables of %h")                               \
    X(DEMOTE,          "demote",          "prepare %h to be a replica of %p")                      \
    X(SEMISYNC_ON,     "semisync-on",     "give %h its semi-synchronous commits back")             \
    X(UNLOCK_MONITOR,  "unlock-monitor",  "release the monitor lock on %h")
/* clang-format on */

#define X(kind, word, text) STEP_##kind,
enum step_kind { STEP_KINDS(X) STEP_KIND_COUNT };
#undef X

/* What a failing step does to the rest. The zero value is the safe one. */
enum on_fail {
    STOP_AND_UNDO, /* before the point of no return undo in reverse, after it stop and tell */
    DROP_HOST,     /* this host is lost, the others go on */
    NOTE_ONLY
};

/* MHA's phases, by which people read its log. */
enum phase {
    PHASE_CHECK,      /* 1 */
    PHASE_SHUTDOWN,   /* 2 */
    PHASE_REJECT,     /* 2 of an online switch */
    PHASE_LATEST,     /* 3.1 */
    PHASE_SAVE,       /* 3.2 */
    PHASE_NEW_MASTER, /* 3.3 */
    PHASE_TAKE_OVER,  /* 3 of an online switch */
    PHASE_SLAVES,     /* 4 */
    PHASE_SWITCH,     /* 4 of an online switch */
    PHASE_CLEANUP,    /* 5 */
    PHASE_COUNT
};

/* Known only at run time: written by one step, read by later ones. */
enum slot {
    SLOT_NONE,
    SLOT_PROOF,
    SLOT_FINAL,    /* where the old master ended when it was frozen */
    SLOT_POSITION, /* where the new master opened; in position mode also how far it had come in the
                      dead master's log, which is where a later RESCUE brings the others */
    SLOT_COUNT
};

/* What a rescue reads on its peer. */
enum source { SOURCE_BINLOG, SOURCE_SERVER, SOURCE_VAULT, SOURCE_RELAY };

struct step {
    enum step_kind kind;
    enum on_fail on_fail;
    enum phase phase;
    int host, peer; /* NO_HOST where there is none */
    int beside; /* may run beside steps of other hosts around it; those of one host stay in order */
    enum slot reads, writes;
    enum follow follow;   /* FOLLOW, FOLLOW_BASE */
    enum source source;   /* RESCUE */
    int budget_ms;        /* 0: waits by progress */
    char note[TOPO_TEXT]; /* the reason, shown behind the sentence */
};

/* A failover's plan A and plan B; the one plan of an online switch. */
enum plan_part { PLAN_FENCE, PLAN_PROMOTE, PLAN_SWITCH };

struct plan {
    enum plan_part part;
    int dead;       /* the master that is replaced */
    int new_master; /* NO_HOST in a fence plan that could not choose yet */
    struct step step[PLAN_STEPS_MAX];
    int steps;
};

/* Appends a zeroed step and returns it, or NULL when the plan is full (ERR_BUG by plan_check). */
struct step *plan_add(struct plan *p, enum step_kind kind, enum phase phase, int host);

/* "wait-applied": the word in journal and log. */
const char *step_word(enum step_kind kind);
/* 1 when the step's word is in a list of words parted by blanks. */
int step_in_words(const char *words, enum step_kind kind);
const char *phase_title(enum phase p); /* "Phase 2: Dead Master Shutdown Phase" */
/* One step as a sentence, without number. */
void step_print(const struct topo *t, const struct step *s, struct buf *out);
void plan_print(const struct topo *t, const struct plan *p, struct buf *out);

/* The safety case. Pure; runs in every test and before every execution. ERR_BUG names the rule that
 * is broken: a proof of fence before any OPEN; one promotion; every replica followed or left with a
 * reason; no slot read before it is written; nothing with an undo behind the point of no return. */
int plan_check(const struct topo *t, const struct plan *p, struct err *e);
/* The same for PLAN_SWITCH (plan_check_switch.c): the new master is close before writes stop;
 * nothing opens it before the old one is frozen, its end is read and applied; siblings and the old
 * master move behind the point of no return; what stops writes has an undo. */
int plan_check_switch(const struct topo *t, const struct plan *p, struct err *e);

/* 1 for the kinds whose effect can be taken back exactly. */
int step_has_undo(enum step_kind kind);

#endif
