/* Private to operation_resume*.c: what is found of an operation that did not end, and how it is
 * handed to the executor. */
#ifndef KAGEMUSHA_ACT_RESUME_H
#define KAGEMUSHA_ACT_RESUME_H

#include "manager/act/exec.h"
#include "manager/act/operation_run.h"
#include "manager/act/story.h"
#include "manager/decide/resume.h"

/* The note of another manager's journal on any agent. One of this machine whose journal is here and
 * closed was left behind, and is taken away. 1 found, 0 none. */
int resume_find_note(struct group *g, struct story *s, struct err *e);

#define RESUME_SEEDS_MAX (STORY_STEPS_MAX + 3 * TOPO_HOSTS_MAX + 2)
/* What earlier managers did becomes what x did, so that an undo takes it back too; and what they
 * noted of proof and position is known. step: room for RESUME_SEEDS_MAX, as long as x lives. */
void resume_seed(struct exec *x, const struct story *s, struct step *step);

/* The journal goes on, or (from a note) a new one begins, with a line that says what was decided.
 */
int operation_journal_resume(struct operation_run *r, const struct story *s,
                             const struct resume *what, struct err *e);
/* It ends without anything having been done: others have gone on. */
void operation_journal_superseded(struct operation_run *r, const char *reason);
/* The end of an operation that was taken back. up: the old master takes writes. */
void operation_resume_end(struct operation_run *r, int up);

#endif
