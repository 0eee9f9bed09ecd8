/* ARP (RFC 826) and neighbour discovery (RFC 4861); see neigh.h. */
#include "node/neigh.h"

#include "common/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/icmp6.h>
#include <netinet/if_ether.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define AGAIN_MS 100 /* a question may be lost */

int node_neigh_packet(void)
{
    return socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

int node_neigh_icmp6(void)
{
    struct icmp6_filter filter;
    int hops = 255, fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6);

    if (fd < 0)
        return -1;
    ICMP6_FILTER_SETBLOCKALL(&filter);
    ICMP6_FILTER_SETPASS(ND_NEIGHBOR_ADVERT, &filter);
    setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof(filter));
    setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof(hops));
    setsockopt(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &hops, sizeof(hops));
    return fd;
}

static int own_mac(unsigned ifindex, unsigned char mac[NODE_MAC_BYTES], struct err *e)
{
    struct ifreq r = {0};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc;

    if (fd < 0)
        return err_errno(e, ERR_IO, "cannot make a socket");
    rc = !if_indextoname(ifindex, r.ifr_name) || ioctl(fd, SIOCGIFHWADDR, &r);
    close(fd);
    if (rc)
        return err_errno(e, ERR_IO, "cannot read the hardware address of interface %u", ifindex);
    if (r.ifr_hwaddr.sa_family != ARPHRD_ETHER)
        return err_set(e, ERR_WORLD, "%s is no Ethernet interface", r.ifr_name);
    memcpy(mac, r.ifr_hwaddr.sa_data, NODE_MAC_BYTES);
    return 0;
}

static int send_arp(int fd, unsigned ifindex, const struct ether_arp *m)
{
    struct sockaddr_ll to = {.sll_family = AF_PACKET,
                             .sll_protocol = htons(ETH_P_ARP),
                             .sll_ifindex = (int)ifindex,
                             .sll_halen = NODE_MAC_BYTES};

    memset(to.sll_addr, 0xff, NODE_MAC_BYTES);
    return sendto(fd, m, sizeof(*m), MSG_DONTWAIT, (struct sockaddr *)(void *)&to, sizeof(to)) < 0
               ? -1
               : 0;
}

/* A request for an address; with the sender's own protocol address in sender it is a gratuitous
 * one, with none (0.0.0.0) a probe, which no cache learns from (RFC 5227). */
static void fill_arp(struct ether_arp *m, const unsigned char mac[NODE_MAC_BYTES],
                     const unsigned char *sender, const unsigned char *target)
{
    memset(m, 0, sizeof(*m));
    m->ea_hdr.ar_hrd = htons(ARPHRD_ETHER);
    m->ea_hdr.ar_pro = htons(ETH_P_IP);
    m->ea_hdr.ar_hln = NODE_MAC_BYTES;
    m->ea_hdr.ar_pln = 4;
    m->ea_hdr.ar_op = htons(ARPOP_REQUEST);
    memcpy(m->arp_sha, mac, NODE_MAC_BYTES);
    if (sender)
        memcpy(m->arp_spa, sender, 4);
    memcpy(m->arp_tpa, target, 4);
}

struct advert {
    struct nd_neighbor_advert na;
    unsigned char type, units, mac[NODE_MAC_BYTES];
};

static int send_icmp6(int fd, unsigned ifindex, const struct in6_addr *to, const struct advert *m)
{
    struct sockaddr_in6 sa = {.sin6_family = AF_INET6, .sin6_addr = *to, .sin6_scope_id = ifindex};

    return sendto(fd, m, sizeof(*m), MSG_DONTWAIT, (struct sockaddr *)(void *)&sa, sizeof(sa)) < 0
               ? -1
               : 0;
}

/* Advertisement and solicitation have the same layout: a header of 8 bytes, the address, an option
 * with a hardware address. The kernel fills the checksum. */
static void fill_icmp6(struct advert *m, int type, const struct node_addr *a,
                       const unsigned char mac[NODE_MAC_BYTES])
{
    memset(m, 0, sizeof(*m));
    m->na.nd_na_type = (unsigned char)type;
    if (type == ND_NEIGHBOR_ADVERT)
        m->na.nd_na_flags_reserved = ND_NA_FLAG_OVERRIDE;
    memcpy(&m->na.nd_na_target, a->bytes, 16);
    m->type = type == ND_NEIGHBOR_ADVERT ? ND_OPT_TARGET_LINKADDR : ND_OPT_SOURCE_LINKADDR;
    m->units = 1;
    memcpy(m->mac, mac, NODE_MAC_BYTES);
}

int node_neigh_announce(int packet, int icmp6, const struct node_addr *a, unsigned ifindex,
                        struct err *e)
{
    unsigned char mac[NODE_MAC_BYTES];
    struct in6_addr all_nodes;
    struct ether_arp arp;
    struct advert advert;

    if (own_mac(ifindex, mac, e))
        return -1;
    if (a->family == AF_INET) {
        fill_arp(&arp, mac, a->bytes, a->bytes);
        if (send_arp(packet, ifindex, &arp))
            return err_errno(e, ERR_IO, "cannot send an ARP announcement");
        return 0;
    }
    inet_pton(AF_INET6, "ff02::1", &all_nodes);
    fill_icmp6(&advert, ND_NEIGHBOR_ADVERT, a, mac);
    if (send_icmp6(icmp6, ifindex, &all_nodes, &advert))
        return err_errno(e, ERR_IO, "cannot send a neighbour advertisement");
    return 0;
}

/* What is asked, and the socket bound to its interface. */
struct question {
    const struct node_addr *addr;
    unsigned ifindex;
    int fd;
    unsigned char mac[NODE_MAC_BYTES]; /* ours */
};

static int open_question(struct question *q, struct err *e)
{
    struct sockaddr_ll here = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP), .sll_ifindex = (int)q->ifindex};

    if (q->addr->family == AF_INET6) {
        q->fd = node_neigh_icmp6();
    } else {
        q->fd = node_neigh_packet();
        if (q->fd >= 0 && bind(q->fd, (struct sockaddr *)(void *)&here, sizeof(here))) {
            close(q->fd);
            q->fd = -1;
        }
    }
    if (q->fd < 0)
        return err_errno(e, errno == EPERM ? ERR_DENIED : ERR_IO, "cannot ask the link");
    return own_mac(q->ifindex, q->mac, e);
}

/* A solicitation goes to the multicast group of the last three bytes of the address. */
static int ask_once(const struct question *q)
{
    struct in6_addr group;
    struct advert solicit;
    struct ether_arp arp;

    if (q->addr->family == AF_INET) {
        fill_arp(&arp, q->mac, NULL, q->addr->bytes);
        return send_arp(q->fd, q->ifindex, &arp);
    }
    inet_pton(AF_INET6, "ff02::1:ff00:0", &group);
    memcpy(group.s6_addr + 13, q->addr->bytes + 13, 3);
    fill_icmp6(&solicit, ND_NEIGHBOR_SOLICIT, q->addr, q->mac);
    return send_icmp6(q->fd, q->ifindex, &group, &solicit);
}

/* 1 and mac when the message says that somebody has the address. */
static int is_answer(const struct question *q, const unsigned char *in, size_t len,
                     unsigned char mac[NODE_MAC_BYTES])
{
    struct ether_arp arp;
    struct advert advert;

    if (q->addr->family == AF_INET) {
        if (len < sizeof(arp))
            return 0;
        memcpy(&arp, in, sizeof(arp));
        memcpy(mac, arp.arp_sha, NODE_MAC_BYTES);
        return memcmp(arp.arp_spa, q->addr->bytes, 4) == 0;
    }
    if (len < sizeof(advert.na))
        return 0;
    memset(&advert, 0, sizeof(advert));
    memcpy(&advert, in, len < sizeof(advert) ? len : sizeof(advert));
    memcpy(mac, advert.mac, NODE_MAC_BYTES);
    return advert.na.nd_na_type == ND_NEIGHBOR_ADVERT &&
           memcmp(&advert.na.nd_na_target, q->addr->bytes, 16) == 0;
}

static int await(const struct question *q, int64_t deadline_ms, unsigned char mac[NODE_MAC_BYTES],
                 struct err *e)
{
    struct pollfd p = {.fd = q->fd, .events = POLLIN};
    int64_t again_ms = 0;
    unsigned char in[256];

    while (clock_left_ms(deadline_ms) > 0) {
        int64_t now = clock_mono_ms();
        ssize_t n;

        if (now >= again_ms) {
            if (ask_once(q) && errno != ENETDOWN)
                return err_errno(e, ERR_IO, "cannot ask the link");
            again_ms = now + AGAIN_MS;
        }
        if (poll(&p, 1, clock_left_ms(again_ms < deadline_ms ? again_ms : deadline_ms)) <= 0)
            continue;
        n = recv(q->fd, in, sizeof(in), MSG_DONTWAIT);
        if (n > 0 && is_answer(q, in, (size_t)n, mac))
            return 1;
    }
    return 0;
}

int node_neigh_ask(const struct node_addr *a, unsigned ifindex, int64_t deadline_ms,
                   unsigned char mac[NODE_MAC_BYTES], struct err *e)
{
    struct question q = {.addr = a, .ifindex = ifindex, .fd = -1};
    int rc = open_question(&q, e);

    if (rc == 0)
        rc = await(&q, deadline_ms, mac, e);
    if (q.fd >= 0)
        close(q.fd);
    return rc;
}
