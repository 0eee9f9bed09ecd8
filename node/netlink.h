/* Addresses of this host through one rtnetlink socket that stays open. */
#ifndef KAGEMUSHA_NODE_NETLINK_H
#define KAGEMUSHA_NODE_NETLINK_H

#include "common/err.h"

#include <netinet/in.h>

/* An address with its prefix length, of either family. */
struct node_addr {
    int family; /* AF_INET or AF_INET6 */
    unsigned char bytes[16];
    unsigned len; /* prefix */
};

/* text: "192.0.2.7" or "2001:db8::7". ERR_FORMAT. */
int node_addr_parse(const char *text, unsigned len, struct node_addr *out, struct err *e);
size_t node_addr_bytes(const struct node_addr *a);

/* The socket, or -1 with e. */
int node_netlink_open(struct err *e);
/* Adds (1) or removes (0) the address. 1 changed, 0 it was so already, -1 e. */
int node_netlink_set(int fd, const struct node_addr *a, unsigned ifindex, int present,
                     struct err *e);
/* The interface that holds the address (any prefix length, written to *len): its index, 0 none, -1
 * e. */
int node_netlink_holder(int fd, const struct node_addr *a, unsigned *len, struct err *e);
/* The interface on whose own subnet the address lies: its index, 0 none (a gateway is between), -1
 * e. */
int node_netlink_route(int fd, const struct node_addr *a, struct err *e);

#endif
