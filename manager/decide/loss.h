/* What of a dead master's log the new master does not have: the ledger of a failover. Pure. */
#ifndef KAGEMUSHA_LOSS_H
#define KAGEMUSHA_LOSS_H

#include "common/buf.h"
#include "manager/decide/diagnose.h"
#include "manager/decide/topo.h"

struct loss {
    enum mode mode;
    int known; /* the dead master's log was read to its end: nothing else can be missing */
    char why[TOPO_TEXT];         /* why it was not read */
    int missing;                 /* something that is known of is not on the new master */
    struct gtid_set gtids;       /* GTID modes: what is missing; release by loss_release */
    struct gtid_set reached_set; /* and what is not */
    struct binpos reached;       /* position mode: up to where the new master has it */
    struct binpos end;           /* and where the log ends, as far as is known */
    int64_t cut_bytes; /* behind the last complete transaction: never acknowledged to anybody */
    uint32_t unseen;   /* hosts that nobody could ask what they have received */
};

/* What the new master has of it. */
struct loss_reached {
    const struct gtid_set *set; /* GTID modes */
    struct binpos at;           /* position mode: its place in the dead master's log */
};

/* t: the snapshot behind the fence. out is overwritten whole. Cannot fail. */
void loss_find(const struct topo *t, int dead, enum mode mode, const struct loss_reached *reached,
               struct loss *out);
void loss_release(struct loss *l);
/* "none", "lost" or "unknown". */
const char *loss_word(const struct loss *l);
/* What is lost or could be, as one sentence. */
void loss_print(const struct topo *t, int dead, const struct loss *l, struct buf *out);

/* The server that most others replicate from; NO_HOST when none does. */
int loss_master(const struct topo *t);
/* GTID modes: what a host has executed and the master has not. out is initialised. 1 when, besides,
 * both have a sequence number of MariaDB from different servers. */
int loss_only_there(const struct topo *t, int master, int host, struct gtid_set *out);

#endif
