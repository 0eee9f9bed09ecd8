/* Who is promoted, with a reason for every host. MHA's rules and order on received
 * sets. Pure. */
#ifndef KAGEMUSHA_CHOOSE_H
#define KAGEMUSHA_CHOOSE_H

#include "manager/decide/diagnose.h"
#include "manager/decide/topo.h"

struct choice {
    int new_master; /* NO_HOST if all are barred */
    int base;       /* the replica that has received most; NO_HOST without one */
    int barred[TOPO_HOSTS_MAX];
    int latest[TOPO_HOSTS_MAX]; /* has received as much as base */
    int served[TOPO_HOSTS_MAX]; /* GTID: the base's binlogs hold what it lacks */
    int errant[TOPO_HOSTS_MAX]; /* it has transactions that nobody else has */
    int parted[TOPO_HOSTS_MAX]; /* MariaDB: its history is not the others' */
    char reason[TOPO_HOSTS_MAX][TOPO_TEXT];
};

/* master: the dead one, as diagnose() names it. c is overwritten whole. Cannot fail. */
void choose(const struct topo *t, int master, enum mode mode, struct choice *c);
/* The refusal where all are barred: ERR_WORLD, each with its reason. */
int choice_refuse(const struct topo *t, int master, const struct choice *c, struct err *e);
/* Adds "db2(192.0.2.2:3306): why" to a list of them, as far as there is room. */
void choice_add_reason(const struct topo *t, int host, const char *why, char *text, size_t size);
void choice_print(const struct topo *t, const struct choice *c, struct buf *out);

#endif
