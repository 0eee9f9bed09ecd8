/* Addresses through rtnetlink; see netlink.h. */
#include "node/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define REPLY_BYTES 8192

struct request {
    struct nlmsghdr h;
    union {
        struct ifaddrmsg addr;
        struct rtmsg route;
    } u;
    char attrs[64];
};

int node_addr_parse(const char *text, unsigned len, struct node_addr *out, struct err *e)
{
    memset(out, 0, sizeof(*out));
    if (inet_pton(AF_INET, text, out->bytes) == 1)
        out->family = AF_INET;
    else if (inet_pton(AF_INET6, text, out->bytes) == 1)
        out->family = AF_INET6;
    else
        return err_set(e, ERR_FORMAT, "'%.64s' is no address", text);
    if (len < 1 || len > node_addr_bytes(out) * 8)
        return err_set(e, ERR_FORMAT, "no prefix length of %s is %u", text, len);
    out->len = len;
    return 0;
}

size_t node_addr_bytes(const struct node_addr *a)
{
    return a->family == AF_INET ? 4 : 16;
}

/* The kernel answers at once; the time limit is for the case that it never does. */
int node_netlink_open(struct err *e)
{
    struct sockaddr_nl self = {.nl_family = AF_NETLINK};
    struct timeval limit = {.tv_sec = 1};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

    if (fd < 0)
        return err_errno(e, ERR_IO, "cannot open a netlink socket");
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    if (bind(fd, (struct sockaddr *)(void *)&self, sizeof(self)) == 0)
        return fd;
    err_errno(e, ERR_IO, "cannot bind a netlink socket");
    close(fd);
    return -1;
}

static void add_attr(struct request *r, unsigned short type, const void *data, size_t bytes)
{
    size_t at = NLMSG_ALIGN(r->h.nlmsg_len);
    struct rtattr attr = {.rta_type = type, .rta_len = (unsigned short)RTA_LENGTH(bytes)};

    memcpy((char *)r + at, &attr, sizeof(attr));
    memcpy((char *)r + at + RTA_LENGTH(0), data, bytes);
    r->h.nlmsg_len = (unsigned)(at + RTA_ALIGN(attr.rta_len));
}

static void begin(struct request *r, unsigned short type, unsigned short flags, size_t body)
{
    static unsigned seq;

    memset(r, 0, sizeof(*r));
    r->h.nlmsg_len = (unsigned)NLMSG_LENGTH(body);
    r->h.nlmsg_type = type;
    r->h.nlmsg_flags = (unsigned short)(NLM_F_REQUEST | flags);
    r->h.nlmsg_seq = ++seq;
}

/* The macros of the kernel's headers mix signed and unsigned lengths. */
static int message_ok(const struct nlmsghdr *h, int left)
{
    return left >= (int)sizeof(*h) && h->nlmsg_len >= sizeof(*h) && h->nlmsg_len <= (unsigned)left;
}

static struct nlmsghdr *next_message(struct nlmsghdr *h, int *left)
{
    int bytes = (int)NLMSG_ALIGN(h->nlmsg_len);

    *left -= bytes;
    return (struct nlmsghdr *)(void *)((char *)h + bytes);
}

static struct rtattr *next_attr(struct rtattr *t, int *left)
{
    int bytes = (int)RTA_ALIGN(t->rta_len);

    *left -= bytes;
    return (struct rtattr *)(void *)((char *)t + bytes);
}

/* Calls each for every message of the answer until it ends. 0, or an errno of the kernel's. */
static int converse(int fd, struct request *r, void (*each)(struct nlmsghdr *h, void *arg),
                    void *arg)
{
    union {
        struct nlmsghdr h;
        char bytes[REPLY_BYTES];
    } in;

    if (send(fd, r, r->h.nlmsg_len, 0) < 0)
        return errno;
    for (;;) {
        ssize_t got = recv(fd, in.bytes, sizeof(in.bytes), 0);
        int left = (int)got;

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got ? errno : EIO;
        for (struct nlmsghdr *h = &in.h; message_ok(h, left); h = next_message(h, &left)) {
            struct nlmsgerr why;

            if (h->nlmsg_seq != r->h.nlmsg_seq)
                continue;
            if (h->nlmsg_type == NLMSG_DONE)
                return 0;
            if (h->nlmsg_type == NLMSG_ERROR) {
                memcpy(&why, NLMSG_DATA(h), sizeof(why));
                return -why.error;
            }
            if (each)
                each(h, arg);
            if (!(h->nlmsg_flags & NLM_F_MULTI))
                return 0;
        }
    }
}

int node_netlink_set(int fd, const struct node_addr *a, unsigned ifindex, int present,
                     struct err *e)
{
    struct request r;
    int rc;

    begin(&r, present ? RTM_NEWADDR : RTM_DELADDR,
          present ? NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL : NLM_F_ACK, sizeof(r.u.addr));
    r.u.addr.ifa_family = (unsigned char)a->family;
    r.u.addr.ifa_prefixlen = (unsigned char)a->len;
    r.u.addr.ifa_index = ifindex;
    /* Duplicate detection would keep an IPv6 address unusable for a second or two. */
    if (a->family == AF_INET6 && present)
        r.u.addr.ifa_flags = IFA_F_NODAD;
    add_attr(&r, IFA_LOCAL, a->bytes, node_addr_bytes(a));
    add_attr(&r, IFA_ADDRESS, a->bytes, node_addr_bytes(a));
    rc = converse(fd, &r, NULL, NULL);
    if (rc == 0)
        return 1;
    if (rc == (present ? EEXIST : EADDRNOTAVAIL))
        return 0;
    errno = rc;
    return err_errno(e, rc == EPERM ? ERR_DENIED : ERR_IO, "cannot %s the address",
                     present ? "add" : "remove");
}

struct holder {
    const struct node_addr *wanted;
    unsigned ifindex, len;
};

static void look_at_addr(struct nlmsghdr *h, void *arg)
{
    struct holder *out = arg;
    struct ifaddrmsg *m = NLMSG_DATA(h);
    size_t bytes = node_addr_bytes(out->wanted);
    int left = (int)IFA_PAYLOAD(h), local = 0;

    if (h->nlmsg_type != RTM_NEWADDR || m->ifa_family != out->wanted->family)
        return;
    /* With a peer address IFA_ADDRESS is the peer's; IPv6 without one has IFA_ADDRESS only. */
    for (struct rtattr *t = IFA_RTA(m); RTA_OK(t, left); t = next_attr(t, &left)) {
        if (t->rta_type == IFA_LOCAL)
            local = 1;
        if ((t->rta_type != IFA_LOCAL && (t->rta_type != IFA_ADDRESS || local)) ||
            RTA_PAYLOAD(t) != bytes || memcmp(RTA_DATA(t), out->wanted->bytes, bytes) != 0)
            continue;
        out->ifindex = m->ifa_index;
        out->len = m->ifa_prefixlen;
    }
}

int node_netlink_holder(int fd, const struct node_addr *a, unsigned *len, struct err *e)
{
    struct holder found = {.wanted = a};
    struct request r;
    int rc;

    begin(&r, RTM_GETADDR, NLM_F_DUMP, sizeof(r.u.addr));
    r.u.addr.ifa_family = (unsigned char)a->family;
    rc = converse(fd, &r, look_at_addr, &found);
    if (rc) {
        errno = rc;
        return err_errno(e, ERR_IO, "cannot list the addresses");
    }
    *len = found.len;
    return (int)found.ifindex;
}

struct route {
    unsigned ifindex;
    int gateway;
};

static void look_at_route(struct nlmsghdr *h, void *arg)
{
    struct route *out = arg;
    struct rtmsg *m = NLMSG_DATA(h);
    int left = (int)RTM_PAYLOAD(h);

    if (h->nlmsg_type != RTM_NEWROUTE)
        return;
    for (struct rtattr *t = RTM_RTA(m); RTA_OK(t, left); t = next_attr(t, &left)) {
        if (t->rta_type == RTA_OIF)
            memcpy(&out->ifindex, RTA_DATA(t), sizeof(out->ifindex));
        if (t->rta_type == RTA_GATEWAY)
            out->gateway = 1;
    }
}

int node_netlink_route(int fd, const struct node_addr *a, struct err *e)
{
    struct route found = {0};
    struct request r;
    int rc;

    begin(&r, RTM_GETROUTE, 0, sizeof(r.u.route));
    r.u.route.rtm_family = (unsigned char)a->family;
    r.u.route.rtm_dst_len = (unsigned char)(node_addr_bytes(a) * 8);
    add_attr(&r, RTA_DST, a->bytes, node_addr_bytes(a));
    rc = converse(fd, &r, look_at_route, &found);
    if (rc == ENETUNREACH || rc == EHOSTUNREACH || (rc == 0 && found.gateway))
        return 0;
    if (rc) {
        errno = rc;
        return err_errno(e, ERR_IO, "cannot look up the route");
    }
    return (int)found.ifindex;
}
