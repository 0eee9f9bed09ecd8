/* Private to ssh_libssh2*.c: one session of libssh2. */
#ifndef KAGEMUSHA_SSH_LIBSSH2_H
#define KAGEMUSHA_SSH_LIBSSH2_H

#include "common/ssh_internal.h"

#include <libssh2.h>

struct lib_session {
    struct ssh base;
    LIBSSH2_SESSION *lib;
    int fd;
    int broken; /* a call was given up half-way: nothing more can be sent */
};

/* After a call returned rc: 1 when it must be repeated (and may do something now), 0 when it is
 * done, well or badly, -1 when the deadline has passed. */
int lib_again(struct lib_session *s, long rc, int64_t deadline_ms, const char *what, struct err *e);
/* Sets the error for a failed library call. */
int lib_error(struct lib_session *s, const char *what, struct err *e);

/* ssh_libssh2_login.c: the handshake on a connected socket, with the host's key checked, and the
 * login. *why tells a refusal from other errors. */
int lib_shake_hands(struct lib_session *s, const struct ssh_target *t, int64_t deadline_ms,
                    enum ssh_refusal *why, struct err *e);
int lib_log_in(struct lib_session *s, const struct ssh_target *t, int64_t deadline_ms,
               enum ssh_refusal *why, struct err *e);

#endif
