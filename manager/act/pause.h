/* An operator's word that a group is only to be watched, or that a host is not to be promoted,
 * until some time (decision 39): a small file in the manager's work directory. It expires by
 * itself. */
#ifndef KAGEMUSHA_PAUSE_H
#define KAGEMUSHA_PAUSE_H

#include "manager/act/group.h"

/* One pause; until_wall_ms 0: none. */
struct pause {
    int64_t since_wall_ms, until_wall_ms;
    char host[TOPO_TEXT]; /* "" is the group itself */
    int port;
    char by[64], reason[TOPO_TEXT];
};

struct pauses {
    struct pause item[TOPO_HOSTS_MAX + 1];
    int count;
};

/* "<workdir>/<app>.pause.json". */
void pauses_path(const char *workdir, const char *app, struct buf *out);
/* What holds at now_wall_ms; no file: nothing. A file that cannot be understood pauses the group,
 * and the reason says so: somebody wanted something. */
void pauses_read(const char *workdir, const char *app, int64_t now_wall_ms, struct pauses *out);
/* Replaces the file, or removes it when nothing is paused. ERR_IO. */
int pauses_write(const char *workdir, const char *app, const struct pauses *p, struct err *e);
/* The pause of a host, or with host "" that of the group; NULL if there is none. */
const struct pause *pauses_find(const struct pauses *p, const char *host, int port);

/* Reads the file of the group's work directory into g: its hosts' paused, and g->paused. */
void pause_apply(struct group *g);
/* "until Wed Nov 25 23:10:00 2026: REASON (by WHO)" */
void pause_print(const struct pause *p, struct buf *out);

#endif
