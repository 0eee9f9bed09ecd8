/* Who listens on a TCP port of this host, by the kernel's socket diagnosis and /proc. */
#ifndef KAGEMUSHA_NODE_LISTEN_H
#define KAGEMUSHA_NODE_LISTEN_H

#include <stddef.h>
#include <sys/types.h>

#define NODE_LISTEN_MAX 16

struct node_listener {
    char addr[46];
    unsigned long inode;
};

/* Listening sockets that a connection to ip:port would reach; ip NULL or empty: all of that port.
 * At most NODE_LISTEN_MAX. The number found. */
size_t node_listen_find(int port, const char *ip, struct node_listener out[NODE_LISTEN_MAX]);
/* The process that holds the socket, 0 if none can be seen. Processes that look like a database
 * server are searched first. */
pid_t node_listen_owner(unsigned long inode);

#endif
