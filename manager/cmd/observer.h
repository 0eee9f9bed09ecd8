/* One other host's view of the master's port, over SSH. Nothing need be installed there: the agent
 * is asked where it is, else bash, else sshd itself makes the connection. */
#ifndef KAGEMUSHA_OBSERVER_H
#define KAGEMUSHA_OBSERVER_H

#include "common/err.h"

enum observer_sight { OBSERVER_LOST, OBSERVER_SEES, OBSERVER_SEES_NOT };

struct observer_ask {
    const char *host, *user; /* of the observer */
    const char *options;     /* flags of ssh(1), or NULL */
    int port, timeout_s;
    const char *master_ip;
    int master_port;
    const char *ping_type, *master_user, *master_password; /* or NULL */
};

/* OBSERVER_LOST: it could not be asked. why says how the master was not reached, or what is wrong
 * with the observer. Takes at most about four times the timeout. */
enum observer_sight observer_look(const struct observer_ask *a, struct err *why);

#endif
