/* What a running manager tells of one group: state, pings, verdict, replicas, the failover under
 * way. Whoever works on the group writes it, status files and metrics read it; a short lock, and
 * nothing that waits under it. Knows no server and no file. */
#ifndef KAGEMUSHA_BOARD_H
#define KAGEMUSHA_BOARD_H

#include "manager/act/status.h"
#include "manager/decide/topo.h"

#define BOARD_STEPS 96
#define BOARD_LABEL 128

/* A server, as the last light look saw it. */
struct board_host {
    char label[BOARD_LABEL]; /* "db2(192.0.2.2:3306)" */
    char host[BOARD_LABEL];
    int port, up, replica, io, sql;
    int64_t behind_s; /* -1 unknown */
    int paused, retired;
    char reason[TOPO_TEXT]; /* why it would be promoted or not, "" not known */
};

struct board_step {
    char word[16];
    char host[BOARD_LABEL];
    int result; /* of enum step_result */
    int64_t us;
};

/* A failover: the last one or the one under way. */
struct board_failover {
    int64_t begun_wall_ms, ended_wall_ms; /* 0: not */
    int code;                             /* its exit code, -1 under way */
    int64_t us;
    char dead[BOARD_LABEL], new_master[BOARD_LABEL];
    char phase[64];
    char doing[TOPO_TEXT]; /* the step that began last, as a sentence */
    char note[TOPO_TEXT];  /* how far it is */
    char text[512];        /* how it ended */
    struct board_step step[BOARD_STEPS];
    int steps;
};

struct board_view {
    char app[BOARD_LABEL], file[TOPO_TEXT];
    enum status_code state;
    int64_t state_wall_ms; /* since when */
    char master[TOPO_TEXT];
    int64_t ping_us, ping_wall_ms; /* the last good one; 0 none yet */
    int misses;
    int64_t sign_ms; /* monotonic: the first sign of trouble of this series, 0 all is well */
    char verdict[32], reason[512];
    int possible; /* a failover now would find a plan: 1, 0, -1 not known */
    char possible_reason[512];
    char candidate[BOARD_LABEL]; /* who would be promoted */
    int candidates;              /* how many could */
    int64_t looked_wall_ms;
    struct board_host host[TOPO_HOSTS_MAX];
    int hosts;
    int64_t paused_until_wall_ms; /* 0: not paused */
    char pause_reason[TOPO_TEXT];
    char error[512]; /* why it is not watched at the moment */
    struct board_failover last;
    uint64_t failovers[3]; /* by result: all well, partial, failed */
};

struct board;
/* An empty one. The caller frees it when nobody writes or reads any more. */
struct board *board_new(const char *app, const char *file);
void board_free(struct board **b);

/* The view, locked: change it and hand it back at once. */
struct board_view *board_edit(struct board *b);
void board_done(struct board *b);
/* A copy. */
void board_read(struct board *b, struct board_view *out);
/* Counts the changes, but not pings: they are worth no file. */
uint64_t board_version(struct board *b);

/* The shorthands below do nothing without a board: commands that only look have none. */
void board_state(struct board *b, enum status_code c, const char *master);
/* A ping's result: us is how long a good one took, -1 for a miss. */
void board_ping(struct board *b, int64_t us, int misses);
/* How far a long step is, for status: "73% of 1.2 GB". Any thread. */
void board_note(struct board *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The caller promises to be heard again within ms; board_late_ms tells for how long a promise has
 * been broken. What the watchdog is fed by. */
void board_beat(struct board *b, int64_t ms);
int64_t board_late_ms(struct board *b);

/* One JSON object and a newline. */
void board_json(const struct board_view *v, struct buf *out);

#endif
