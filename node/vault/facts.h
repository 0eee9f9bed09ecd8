/* What a relay log that is not written any more holds: whose events, up to which coordinate of
 * their master, under which GTIDs. Knows nothing of where the file lies. */
#ifndef KAGEMUSHA_NODE_VAULT_FACTS_H
#define KAGEMUSHA_NODE_VAULT_FACTS_H

#include "common/binpos.h"
#include "common/gtid.h"

/* The coordinate of the event at an offset of a relay log; offset 0: none is known. */
#define VAULT_HINT_BEGIN 4u /* of the first event */
struct vault_hint {
    uint64_t offset;
    struct binpos at;
};

struct vault_facts {
    int known;
    uint32_t source_id; /* server_id of the master that it came from; 0: nothing tells */
    uint64_t events;    /* the master's */
    struct binpos end;  /* behind the last of them, in the master's log; "" when not known */
    uint64_t nameless;  /* transactions that say to have no GTID */
    struct gtid_set gtids;
    struct binpos next; /* where the file that follows begins, if no connection intervenes */
};

/* Reads the file behind fd by offset, headers only. hint: NULL, or where the file begins if it does
 * not tell. ERR_IO, ERR_FORMAT. out is overwritten; release it in any case. */
int vault_facts_read(int fd, const struct vault_hint *hint, struct vault_facts *out, struct err *e);
void vault_facts_release(struct vault_facts *f);

/* What the manager told of a replica: how far it has applied. */
struct vault_told {
    uint32_t source_id;                 /* the server_id of its master, 0: not known */
    struct binpos exec;                 /* applied up to there, in the master's log */
    char relay_file[BINPOS_FILE_BYTES]; /* which is here in its relay logs */
    uint64_t relay_pos;
    struct gtid_set executed; /* empty when not told */
};

/* 1: all of the file is applied: by its master's coordinates if it has the same master, and by
 * GTIDs where both sides tell them; with another master by GTIDs alone. */
int vault_facts_applied(const struct vault_facts *f, const struct vault_told *told);

#endif
