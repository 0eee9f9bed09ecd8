/* What this host remembers of a fenced instance, over the agent's end and a reboot: one file per
 * address and port. state_dir holds it while the host is up, keep_dir for good; both are fields of
 * the request. */
#ifndef KAGEMUSHA_NODE_RECORD_H
#define KAGEMUSHA_NODE_RECORD_H

#include "common/json.h"
#include "node/instance.h"

#define NODE_STATE_DIR "/run/kagemusha"
#define NODE_KEEP_DIR  "/var/lib/kagemusha"

/* The two directories, or where they are by default. Borrowed from req, or static. */
const char *node_state_dir(struct json_object *req);
const char *node_keep_dir(struct json_object *req);

/* dir/kind-IP-PORT.suffix, "any" where no address is given. -1 when it does not fit. */
int node_record_path(const char *dir, const char *kind, const struct node_target *t, char *out,
                     size_t size);
/* Writes the record into dir, made with 0700 if missing; mode 0600. durable: fsynced. */
int node_record_save(const char *dir, const struct node_target *t, struct json_object *record,
                     int durable, struct err *e);
/* From state_dir, else keep_dir; NULL when there is none. The caller puts it. */
struct json_object *node_record_load(struct json_object *req, const struct node_target *t);
void node_record_remove(struct json_object *req, const struct node_target *t);

/* The process that holds a write lock on the file: 0 nobody, -1 it cannot be told. */
pid_t node_lock_holder(const char *path);

#endif
