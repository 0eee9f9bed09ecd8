/* What the journal of an operation that did not end tells, or the note of it on an agent: who did
 * what to whom, which steps had begun, and the values before. Reads only; decides nothing. */
#ifndef KAGEMUSHA_STORY_H
#define KAGEMUSHA_STORY_H

#include "manager/act/group.h"
#include "manager/act/journal.h"
#include "manager/decide/plan.h"

#include <sys/types.h>

#define STORY_STEPS_MAX 256
#define STORY_HOOKS_MAX 8

/* A step that was begun and not taken back. */
struct story_step {
    enum step_kind kind;
    int host, peer;
    int done;   /* it is known to have ended well */
    int was_so; /* it found nothing to do: there is nothing to take back */
};

struct story {
    enum interrupted kind;        /* INTERRUPTED_NO: there is none */
    char dir[JOURNAL_PATH_BYTES]; /* of the journal; of a note: where its manager has it */
    int local;                    /* that directory is here, and can be gone on with */
    char manager[256], command[64];
    int next;        /* whom the header names as the new master; NO_HOST */
    int dead;        /* host index; NO_HOST when the configuration has it no more */
    int64_t last_ms; /* wall time of its last line */
    int closed;
    struct topo *before; /* the values before, for whoever takes back */
    uint32_t replicas;   /* of the dead master, before */
    struct binpos opened_at;
    struct binpos reached; /* where the new master was in the dead one's log before it opened, */
    struct gtid_set level; /* or by GTID what it had */
    char proof[TOPO_NAME];
    struct story_step step[STORY_STEPS_MAX];
    int steps;
    struct {
        pid_t pgid;
        long long born;
    } hook[STORY_HOOKS_MAX]; /* scripts that were started and are not known to have ended */
    int hooks;
};

/* Reads the journal in dir. A last line that was torn is no error. A few 10 KB: on the heap. */
int story_read(const struct group *g, const char *dir, struct story *s, struct err *e);
/* From the text of a note: the journal's first line. */
int story_of_note(const struct group *g, const char *text, struct story *s, struct err *e);
void story_release(struct story *s); /* safe on a zeroed one */

/* Puts what is told into a snapshot: interrupted, was_*, begun, done, opened_at, noted_proof. */
void story_tell(const struct story *s, struct topo *t);

/* The snapshot behind the fence, a file in the journal's directory. */
#define STORY_BEHIND "snapshot-b.topo"
/* It, read back; the caller frees it. NULL where there is none here, or where it is not about the
 * hosts of t in their order. */
struct topo *story_read_behind(const struct story *s, const struct topo *t);

/* The values before, as a journal's header has them: one object a host. */
struct json_object *journal_hosts(const struct topo *t);

#endif
