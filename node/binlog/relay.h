/* The master's coordinates of what lies in relay logs. Fed with every event of the relay logs in
 * order, over their borders. Knows no transaction. */
#ifndef KAGEMUSHA_NODE_BINLOG_RELAY_H
#define KAGEMUSHA_NODE_BINLOG_RELAY_H

#include "common/binpos.h"
#include "node/binlog/event.h"

enum relay_role {
    RELAY_SKIP, /* the replica's own, or made up by the sender, or a head of a master's file */
    RELAY_EVENT /* the master's: a part of its log */
};

struct relay_walk {
    struct binpos at; /* behind the latest event; file is "" while no event has named it */
    int is_exact;     /* 0: at.pos is not known, since nothing told it */
    uint32_t own_id;  /* server_id of the replica as its own format event says */
    int connected;    /* a connection began since the latest event of the master */
    int is_rough;     /* the latest event did not say where it ends */
    int jumped;       /* and was asked to begin behind where the one before had ended */
};

/* Where an event of the master lies. */
struct relay_place {
    uint64_t start, end; /* in master file walk->at.file, 64 bits */
    int exact_start;     /* 0: start is the end of the event before, or not known (0) */
    int rough;           /* 1: the event does not say where it lies: somewhere behind start */
    int hole;            /* 1: the master has bytes between the event before and this one that the
                            replica did not get or keep: its own events, or those it had already */
    int gap;       /* 1: a connection began further on: what lies between was never asked for */
    int connected; /* 1: the first event of a connection that did not begin where the one before
                        had ended */
};

/* At the beginning of a relay log whose coordinates are not known yet. Owns nothing. */
void relay_init(struct relay_walk *w);
/* Names the coordinate that the next event to be fed begins at: from the status of the replica
 * ((Relay_Log_File, Relay_Log_Pos) is (Relay_Master_Log_File, Exec_Master_Log_Pos)). */
void relay_set(struct relay_walk *w, const struct binpos *at);
/* The role of ev, or -1 with ERR_FORMAT; out is filled with RELAY_EVENT. format: of the latest
 * format event. w->at moves behind it. */
int relay_feed(struct relay_walk *w, const struct binlog_event *ev,
               const struct binlog_format *format, struct relay_place *out, struct err *e);

#endif
