/* The writer's address on this host: add, announce, remove, look (decisions 10, 11d). */
#ifndef KAGEMUSHA_NODE_VIP_H
#define KAGEMUSHA_NODE_VIP_H

#include "common/json.h"
#include "node/netlink.h"

#include <stdint.h>

#define NODE_VIP_PENDING 16

struct agent;

/* An announcement still to be made. */
struct node_announce {
    int64_t due_ms; /* 0: unused */
    struct node_addr addr;
    unsigned ifindex;
};

/* The sockets stay open: closing a packet socket takes the kernel 8 ms. */
struct node_vip {
    int netlink, packet, icmp6; /* -1: not to be had here */
    struct node_announce pending[NODE_VIP_PENDING];
};

/* Opens the sockets; what cannot be opened fails when it is used. */
void node_vip_init(struct node_vip *v);
/* The operations of these names (docs/wire.md), all in the loop. ERR_FORMAT, ERR_CONFIG without an
 * interface, ERR_DENIED, ERR_IO. */
int node_vip_add(struct agent *a, struct json_object *req, struct json_object *reply,
                 struct err *e);
int node_vip_del(struct agent *a, struct json_object *req, struct json_object *reply,
                 struct err *e);
int node_vip_check(struct agent *a, struct json_object *req, struct json_object *reply,
                   struct err *e);
int node_vip_announce(struct agent *a, struct json_object *req, struct json_object *reply,
                      struct err *e);
/* Adds what this host itself knows of the address to the request of a probe. */
int node_vip_probe_begin(struct agent *a, struct json_object *req, struct json_object *reply,
                         struct err *e);
/* Asks the link who has the address, and waits for the answer. */
int node_vip_probe_work(struct json_object *req, struct json_object *reply, struct err *e);

/* Makes the announcements that are due; milliseconds until the next one, at most limit. */
void node_vip_tick(struct node_vip *v, int64_t now_ms);
int64_t node_vip_next_ms(const struct node_vip *v, int64_t now_ms, int64_t limit);

#endif
