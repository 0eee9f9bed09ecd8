/* Who has an address: ARP and IPv6 neighbour messages. */
#ifndef KAGEMUSHA_NODE_NEIGH_H
#define KAGEMUSHA_NODE_NEIGH_H

#include "node/netlink.h"

#include <stdint.h>

#define NODE_MAC_BYTES 6

/* Sockets that announce; -1 without the right. The packet socket receives nothing. */
int node_neigh_packet(void);
int node_neigh_icmp6(void);

/* Tells the link that the address is here: a gratuitous ARP request or an unsolicited neighbour
 * advertisement. */
int node_neigh_announce(int packet, int icmp6, const struct node_addr *a, unsigned ifindex,
                        struct err *e);
/* Asks who has the address. 1 and mac: somebody answered, 0 nobody until the deadline (monotonic
 * ms), -1 e. */
int node_neigh_ask(const struct node_addr *a, unsigned ifindex, int64_t deadline_ms,
                   unsigned char mac[NODE_MAC_BYTES], struct err *e);

#endif
