/* One failover while it runs: what its parts (operation*.c, report.c) hand to each other. */
#ifndef KAGEMUSHA_OPERATION_RUN_H
#define KAGEMUSHA_OPERATION_RUN_H

#include "manager/act/exec.h"
#include "manager/act/operation.h"
#include "manager/decide/loss.h"

struct operation_run {
    struct group *g;
    const struct operation *op;
    const struct conf_server *section; /* the dead master's */
    struct topo *first, *second;       /* before and behind the fence; NULL until seen */
    struct topo *behind; /* resumed behind the opening: what was seen behind the fence; else NULL */
    struct failover *plan_a, *plan_b; /* decided from them */
    struct exec *x;
    struct journal journal;
    int confirmed;            /* the new master that a human agreed to, or NO_HOST */
    int64_t begin_ms, end_ms; /* monotonic */
    /* What lies between the steps: looking, deciding, writing down; before plan A and before B. */
    int64_t look_us[2], decide_us[2], write_us[2];
    int64_t begin_wall_ms;
    struct loss loss; /* valid when a server was opened */
    int resumed;      /* an earlier manager had begun it */
    int code;         /* exit code so far */
    struct err why;   /* with code 1, and ERR_NONE otherwise */
};

/* From nothing to phase 1: nothing is looked at yet. op lives as long as r. */
void operation_run_init(struct operation_run *r, struct group *g, const struct operation *op);
/* Closes the journal; the locks are exec_release()d before. */
void operation_run_release(struct operation_run *r);

/* operation_check.c: phase 1. What forbids a failover before anything is looked at: flags of
 * earlier ones. */
int operation_check_flags(struct operation_run *r, struct err *e);
/* Observes the group, and connects to the old master once with 1 s, beside each
 * other. Sets r->first. */
void operation_look(struct operation_run *r);
/* Takes what the watch loop saw last as r->first, if that is young enough: 1, else 0. */
int operation_take_seen(struct operation_run *r);
/* What a snapshot must know of the command that asks for it. */
void operation_apply_options(const struct operation_run *r, struct topo *t);
/* Where the dead master's data are likely to be, for an agent that has not watched it. */
void operation_guess_datadir(struct operation_run *r);
/* Again, behind the fence. Sets r->second. */
void operation_look_again(struct operation_run *r);

/* operation_ask.c: MHA's questions. ERR_WORLD when the answer is no. */
int operation_ask_dead(struct operation_run *r, struct err *e);
/* May set another new master and decide anew. */
int operation_ask_new_master(struct operation_run *r, struct err *e);

/* operation_journal.c: opens the journal with its header, snapshot and plans; copies the header to
 * every agent. */
int operation_journal_begin(struct operation_run *r, struct err *e);
int operation_journal_second(struct operation_run *r, struct err *e);
/* The same of what is finished behind the opening, beside what was seen before it. */
int operation_journal_finish(struct operation_run *r, struct err *e);
/* Names the note on a host's agent: dir, name. */
struct json_object *operation_note_request(const struct group *g, int host);
/* The closing line, and the copies taken away. */
void operation_journal_end(struct operation_run *r);

/* operation_end.c: exit code from what was done; then flags, report, scripts, status file. */
int operation_result(const struct operation_run *r);
void operation_end(struct operation_run *r);

/* 1 when the host belongs to what was to be repointed, and was not. */
int operation_left_out(const struct operation_run *r, int host);

#endif
