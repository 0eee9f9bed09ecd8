/* A client connection whose deadlines hold whatever the client library does: it lives in a child
 * process that tells through shared memory what it is doing, and is killed when it is late.
 * It knows nothing of ledgers or samples. */
#ifndef KAGEMUSHA_T_LAB_SESSION_H
#define KAGEMUSHA_T_LAB_SESSION_H

#include <mysql.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum session_state {
    SESSION_IDLE,
    SESSION_CONNECTING,
    SESSION_ASKING,
};

/* Shared with the child, and outlives it. */
struct session_shared {
    _Atomic int state;
    _Atomic uint64_t since_us; /* when the state was entered, monotonic */
    _Atomic uint64_t n;        /* last number given out */
    _Atomic uint64_t acked;
    _Atomic uint64_t errors;
    _Atomic uint64_t connects;
    _Atomic uint64_t began_us; /* of the attempt under way */
    _Atomic uint64_t last_ack_us;
    _Atomic uint64_t max_gap_us;
};

struct session {
    const char *name;
    const char *host; /* an address, so that no resolver takes part */
    unsigned port;
    char user[64];
    char password[128];
    uint64_t connect_us; /* deadlines of the two busy states */
    uint64_t stall_us;
    struct session_shared *shared;
    pid_t child;
    uint64_t kills;
    void (*run)(struct session *s);  /* the child's work; never returns */
    void (*late)(struct session *s); /* told to the parent after a kill; may be NULL */
};

/* Microseconds of the monotonic clock, which all programs of the machine share. */
uint64_t session_now_us(void);

/* Sleeps that long, through signals. */
void session_sleep_us(uint64_t us);

/* Reads user and password, one a line, and makes the shared memory. 0, or -1 after a message. */
int session_init(struct session *s, const char *login_path);

/* Splits "ADDRESS[:PORT]" in place; the port is 3306 if there is none. 0, or -1 after a message. */
int session_target(struct session *s, char *text);

/* In the child: one attempt. NULL on failure; *server_id is asked for at once. */
MYSQL *session_connect(struct session *s, uint64_t *server_id);

/* In the child: one statement without a result. Returns the server's error number, 0 on success. */
unsigned session_ask(struct session *s, MYSQL *m, const char *text, size_t length);

/* In the parent: keeps the children running and in time until SIGTERM or SIGINT, then ends them. */
void session_supervise(struct session *list, size_t count);

#endif
