/* The steps: one function a kind that does it, one that takes it back. Each re-checks at the server
 * what it relies on, on the same connection, just before; "already so" is success. */
#ifndef KAGEMUSHA_STEP_H
#define KAGEMUSHA_STEP_H

#include "manager/act/exec.h"

/* d->text may be given a remark; d->result may be set to STEP_ALREADY. deadline_ms: monotonic,
 * INT64_MAX for steps that wait by progress. */
typedef int step_fn(struct exec *x, struct exec_done *d, int64_t deadline_ms, struct err *e);

/* The tables, as switches without default: a new kind of step breaks the build until it is here. */
step_fn *step_run(enum step_kind kind);
step_fn *step_undo(enum step_kind kind); /* NULL where there is nothing to take back */

/* What the executor tells of a step (exec_log.c); rec: "end" or "undo". */
int exec_journal_begin(struct exec *x, const struct exec_done *d, struct err *e);
void exec_journal_end(struct exec *x, const struct exec_done *d, const char *rec);
void exec_enter_phase(struct exec *x, enum phase phase);
void exec_log_end(const struct exec *x, const struct exec_done *d);
/* For status: what is being done now. */
void exec_tell_begin(const struct exec *x, const struct step *s);

/* exec_lease.c: keeps the sessions with locks alive; ends that. */
void exec_keep(struct exec *x);
void exec_keep_end(struct exec *x);
/* All sessions, for whoever uses them outside of a step while locks are held: the keeper leaves
 * them alone until they are given back. Returns the deadline for what needs ms: half of the lease
 * at most, behind which servers would end sessions that nobody keeps. */
int64_t exec_take_sessions(struct exec *x, int ms);
void exec_give_sessions(struct exec *x);
/* When we stood still for long: are the locks held? -1 and x->lost_lease when not. */
int exec_still_ours(struct exec *x, struct err *e);
/* 1 when this process has not stood still since its locks were looked at last. */
int exec_on_time(const struct exec *x);

/* The values that the step may change, as they were in the snapshot: "io=yes", "read_only=1". */
void step_before(const struct topo *t, const struct step *s, struct buf *out);

#define STEP_STALL_MS  30000 /* no progress for so long ends a wait (decision 33) */
#define STEP_REPORT_MS 3000  /* a long wait says in the log how far it is */
#define STEP_BEAT_MS   90000 /* what a step may take beyond its budget, or between two looks */
#define STEP_SQL_MS    2000
/* MySQL gives a transaction that was received in part a minute to be completed before the SQL
 * thread stops. */
#define STEP_STOP_MS 75000

/* The open SQL session of the step's host; ERR_CONNECT with what was wrong with it. */
struct sql *step_sql(struct exec *x, int host, struct err *e);
/* The agent on the host, while its session lives; ERR_SSH with what was wrong with it. */
struct agent *step_agent(struct exec *x, int host, struct err *e);
/* The host's channel of this group, read now; without one its master_host is "". The caller
 * releases out->retrieved. */
int step_channel(struct exec *x, int host, struct sql_channel *out, struct err *e);
/* 1 when the channel's master is that host, by name or address. */
int step_is_master(const struct exec *x, const struct sql_channel *c, int host);
/* The same of host's channel, also while a catch-up that another manager began has pointed it to
 * its own host: the look before the plan read from its note whose replica it is (decision 18). */
int step_follows(const struct exec *x, const struct sql_channel *c, int host, int master);
/* Host name, or the address when the replicas name their master by address. */
const char *step_master_name(const struct exec *x, int host);
/* Waits on the host for what the old master wrote (SLOT_FINAL). */
int step_wait_for(struct exec *x, struct exec_done *d, const struct gtid_set *set,
                  const struct binpos *to, int64_t deadline_ms, struct err *e);
/* The call of a script between two servers, journaled when it starts; orig gives the role away. */
void step_hook_call(struct exec *x, int orig, int next, struct hook_call *h);
void step_say(struct exec_done *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

step_fn step_lock, step_unlock, step_leave, step_no_return;         /* step_lock.c */
step_fn step_start_sql, step_stop_sql, step_stop_io, step_start_io; /* step_threads.c */
step_fn step_wait_applied, step_wait_base, step_wait_level;         /* step_wait.c */
step_fn step_follow, step_follow_base, step_follow_previous;        /* step_follow.c */
step_fn step_forget_master, step_open, step_read_position;          /* step_open.c */
step_fn step_rescue;                                                /* step_rescue.c */
step_fn step_rescue_back;                                           /* rescue_back.c */
step_fn step_hook_ip_stop, step_hook_ip_back, step_hook_shutdown;   /* step_hook.c */
step_fn step_hook_ip_start;
step_fn step_fence_agent, step_proof, step_give_back, step_unguard; /* step_fence.c */
step_fn step_vip_add, step_vip_del, step_vip_announce;              /* step_vip.c */
/* An online switch: step_freeze.c, step_switch.c, step_change.c (the hook). */
step_fn step_freeze, step_thaw, step_lock_tables, step_unlock_tables, step_flush_tables;
step_fn step_read_final, step_end_clients;
step_fn step_lock_monitor, step_wait_near, step_wait_final, step_demote, step_semisync_off,
    step_semisync_on;
step_fn step_hook_change_stop, step_hook_change_back, step_hook_change_start,
    step_hook_change_close;

/* Where the VIP is, asked of one agent: 1 somebody answers for it, 0 nobody, -1. */
int step_vip_probe(struct exec *x, int asker, int *answers, struct err *e);

#endif
