/* Starting a server again, in a session of its own, as it was started before. */
#ifndef KAGEMUSHA_NODE_LAUNCH_H
#define KAGEMUSHA_NODE_LAUNCH_H

#include "common/json.h"

#include <sys/types.h>

/* launch: as node_launch_describe() made it. The pid, or -1 with e. */
pid_t node_launch(struct json_object *launch, struct err *e);
/* A command line for /bin/sh, in a session of its own. */
pid_t node_launch_command(const char *command, struct err *e);

#endif
