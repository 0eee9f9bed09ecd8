/* Asks whether a server that was away greets again, without ever waiting and without a session: a
 * connection of the client library to a host that swallows packets cannot be ended early. */
#ifndef KAGEMUSHA_KNOCK_H
#define KAGEMUSHA_KNOCK_H

#include "common/conf.h"

#include <stdint.h>

struct knock {
    int fd, connected;
    int64_t begun_ms;
};
#define KNOCK_INIT                                                                                 \
    (struct knock)                                                                                 \
    {                                                                                              \
        .fd = -1                                                                                   \
    }

/* Called now and then: 1 when the server has greeted since the last call, 0 not yet. One that takes
 * the connection and is silent is waited for on that same connection: each new one would count as
 * an aborted handshake when it wakes up (max_connect_errors). */
int knock_try(struct knock *k, const struct conf_server *s);
void knock_end(struct knock *k);

#endif
