/* What a check found, for people (a table, findings, a rehearsal) and for programs (JSON). */
#ifndef KAGEMUSHA_CHECK_PRINT_H
#define KAGEMUSHA_CHECK_PRINT_H

#include "manager/act/check.h"
#include "manager/decide/predict.h"

/* What would become of a candidate: decided as in earnest, with the master dead and this one
 * forced. */
struct rehearsal {
    int possible;
    char why[ERR_TEXT_BYTES]; /* when it is not */
    struct prediction seconds;
};

/* Each host that is not the master; its order is the snapshot's. */
void check_rehearse(const struct topo *t, int master, struct rehearsal *out);

/* The table, the findings, the rehearsal. c->seen: the snapshot they are about. */
void check_print(const struct check *c, const struct verdict *v);
/* One object on one line. ok: no finding is an error. */
void check_print_json(const struct check *c, const struct verdict *v, int ok);
/* The same where nothing could be checked. */
void check_print_json_error(const char *text);

#endif
