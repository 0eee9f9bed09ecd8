/* One mysqld of this host: which process it is, and who would start it again. Looks only. */
#ifndef KAGEMUSHA_NODE_INSTANCE_H
#define KAGEMUSHA_NODE_INSTANCE_H

#include "common/json.h"
#include "node/listen.h"
#include "node/proc.h"

enum node_supervisor_kind {
    NODE_SUPERVISOR_OTHER, /* somebody whom we do not know how to hold */
    NODE_SUPERVISOR_NONE,
    NODE_SUPERVISOR_SAFE,
    NODE_SUPERVISOR_SYSTEMD
};

struct node_supervisor {
    enum node_supervisor_kind kind;
    pid_t pid; /* 0 with none and systemd */
    uint64_t start_ticks;
    char comm[64];
    char unit[128];
};

struct node_instance {
    pid_t pid; /* 0: not found */
    uint64_t start_ticks;
    unsigned uid;
    char comm[64], exe[PATH_MAX], datadir[PATH_MAX];
    struct node_supervisor supervisor;
    int container; /* it lives in a container's cgroup or in another pid namespace than we do */
    size_t listeners;
    struct node_listener listening[NODE_LISTEN_MAX];
};

/* What a request names an instance by; texts may be NULL. */
struct node_target {
    int port;
    const char *ip, *pid_file, *datadir;
};

/* The fields port, ip, pid_file, datadir of a request. ERR_FORMAT without a port of 1 to 65535. */
int node_target_read(struct json_object *req, struct node_target *t, struct err *e);
/* By the listening socket, then by the pid file (decision 7). Not found: pid 0. */
void node_instance_find(const struct node_target *t, struct node_instance *out);
/* Who would start a process again. */
void node_supervisor_find(pid_t pid, struct node_supervisor *out);

/* Adds the fields of docs/wire.md, operation locate, to o. */
void node_instance_to_json(const struct node_instance *i, struct json_object *o);
/* Reads back what the other one wrote, but for the listening addresses. */
void node_instance_from_json(struct json_object *o, struct node_instance *i);

/* "none", "mysqld_safe", "systemd", "other". Static text. */
const char *node_supervisor_text(enum node_supervisor_kind kind);
/* 1 where systemd runs this host. */
int node_has_systemd(void);

/* How a process is started again: {exe, argv, env, cwd, uid, gid, stderr}. Holds the environment,
 * so it is kept in files of mode 0600 and never sent. NULL when it cannot be read. */
struct json_object *node_launch_describe(pid_t pid);

#endif
