/* Starting a server again, in a session of its own, as it was started before. */
#ifndef KAGEMUSHA_NODE_LAUNCH_H
#define KAGEMUSHA_NODE_LAUNCH_H

#include "common/json.h"

/* launch: as node_launch_describe() made it. 0 once the program has been loaded, or -1 with e. */
int node_launch(struct json_object *launch, struct err *e);
/* The same with a command line for /bin/sh. */
int node_launch_command(const char *command, struct err *e);

#endif
