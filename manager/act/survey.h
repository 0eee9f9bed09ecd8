/* A light look at all servers now and then, beside the watch and on sessions of its own: what is
 * wrong with replicas, and whether a failover would find a way now (decision 41). It never delays
 * the watch, and changes nothing. */
#ifndef KAGEMUSHA_SURVEY_H
#define KAGEMUSHA_SURVEY_H

#include "manager/act/group.h"

struct survey;

/* master: host index; writable_ms: when it was seen to take writes last, monotonic, 0 never. The
 * first look is at once. Results go to g->board and as events to the log. ERR_IO. */
int survey_start(struct survey **out, struct group *g, int master, int64_t writable_ms,
                 struct err *e);
/* What the watch knows of the agents: the survey has none of its own. */
void survey_tell_agents(struct survey *s);
/* The next look is at once. */
void survey_hurry(struct survey *s);
/* No more looks. It does not wait; survey_free does. */
void survey_stop(struct survey *s);
/* 1 while survey_free would have to wait for a server. */
int survey_busy(struct survey *s);
void survey_free(struct survey **s);

#endif
