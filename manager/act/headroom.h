/* The note of the last scan on servers that have less AUTO_INCREMENT room than the master
 * (decision 25): a small file in the manager's work directory, so that a choice asks no server. */
#ifndef KAGEMUSHA_HEADROOM_H
#define KAGEMUSHA_HEADROOM_H

#include "manager/act/group.h"

struct headroom {
    char host[TOPO_TEXT];
    int port;
    int narrow; /* columns */
    char text[TOPO_TEXT];
};

struct headrooms {
    struct headroom item[TOPO_HOSTS_MAX];
    int count;
};

/* Replaces the note. ERR_IO. */
int headrooms_write(const char *workdir, const char *app, const struct headrooms *all,
                    struct err *e);
/* Reads the note into g's hosts; without one that can be read nothing is known of them. What
 * several full scans in a row should have renewed and did not is only told: narrow stays 0,
 * narrow_text says how old it is. */
void headroom_apply(struct group *g);

#endif
