/* The writer's address; see vip.h. */
#include "node/vip.h"

#include "common/clock.h"
#include "node/agent.h"
#include "node/neigh.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#define PROBE_MAX_MS 500

static const int64_t announce_after_ms[] = {150, 1000};

void node_vip_init(struct node_vip *v)
{
    memset(v, 0, sizeof(*v));
    v->netlink = node_netlink_open(NULL);
    v->packet = node_neigh_packet();
    v->icmp6 = node_neigh_icmp6();
}

static int read_addr(struct json_object *req, struct node_addr *out, struct err *e)
{
    const char *text = json_get_str(req, "addr", "");
    int64_t len = json_get_int(req, "len", strchr(text, ':') ? 128 : 32);

    return node_addr_parse(text, len > 0 && len < 256 ? (unsigned)len : 0, out, e);
}

/* The interface named in the request, or the one on whose subnet the address lies. */
static int choose_dev(struct agent *a, struct json_object *req, const struct node_addr *addr,
                      unsigned *ifindex, struct err *e)
{
    const char *dev = json_get_str(req, "dev", "");
    int found;

    if (*dev) {
        *ifindex = if_nametoindex(dev);
        return *ifindex ? 0 : err_errno(e, ERR_CONFIG, "there is no interface %s", dev);
    }
    found = node_netlink_route(a->vip.netlink, addr, e);
    if (found < 0)
        return -1;
    if (found == 0)
        return err_set(e, ERR_CONFIG,
                       "no interface of this host is on the subnet of %s: name one as "
                       "address/length@interface",
                       json_get_str(req, "addr", ""));
    *ifindex = (unsigned)found;
    return 0;
}

static void put_dev(struct json_object *reply, unsigned ifindex)
{
    char name[IF_NAMESIZE] = "";

    json_put_str(reply, "dev", if_indextoname(ifindex, name) ? name : NULL);
}

static void announce_later(struct node_vip *v, const struct node_addr *addr, unsigned ifindex)
{
    int64_t now = clock_mono_ms();
    size_t n = 0;

    for (size_t i = 0; i < NODE_VIP_PENDING && n < 2; i++) {
        if (v->pending[i].due_ms)
            continue;
        v->pending[i].due_ms = now + announce_after_ms[n++];
        v->pending[i].addr = *addr;
        v->pending[i].ifindex = ifindex;
    }
}

static int same_addr(const struct node_addr *a, const struct node_addr *b)
{
    return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static void forget(struct node_vip *v, const struct node_addr *addr)
{
    for (size_t i = 0; i < NODE_VIP_PENDING; i++)
        if (v->pending[i].due_ms && same_addr(&v->pending[i].addr, addr))
            v->pending[i].due_ms = 0;
}

/* An address that is there but could not be announced is told as such: no failure, since some
 * interfaces know no neighbours. */
static void announce(struct node_vip *v, const struct node_addr *addr, unsigned ifindex,
                     struct json_object *reply)
{
    struct err e = {0};
    int rc;

    forget(v, addr);
    announce_later(v, addr, ifindex);
    rc = node_neigh_announce(v->packet, v->icmp6, addr, ifindex, &e);
    json_put_bool(reply, "announced", rc == 0);
    if (rc)
        json_put_str(reply, "why", e.text);
}

int node_vip_add(struct agent *a, struct json_object *req, struct json_object *reply, struct err *e)
{
    struct node_addr addr;
    unsigned ifindex, len;
    int holder, added = 0;

    if (read_addr(req, &addr, e))
        return -1;
    holder = node_netlink_holder(a->vip.netlink, &addr, &len, e);
    if (holder < 0)
        return -1;
    ifindex = (unsigned)holder;
    if (!holder && choose_dev(a, req, &addr, &ifindex, e))
        return -1;
    if (!holder)
        added = node_netlink_set(a->vip.netlink, &addr, ifindex, 1, e);
    if (added < 0)
        return -1;
    json_put_bool(reply, "present", 1);
    json_put_bool(reply, "was_there", !added);
    put_dev(reply, ifindex);
    announce(&a->vip, &addr, ifindex, reply);
    return 0;
}

/* The device that has the address of the request, 0: none of this host's. */
static int find_holder(struct agent *a, struct json_object *req, struct node_addr *addr,
                       struct err *e)
{
    unsigned len;

    return read_addr(req, addr, e) ? -1 : node_netlink_holder(a->vip.netlink, addr, &len, e);
}

int node_vip_announce(struct agent *a, struct json_object *req, struct json_object *reply,
                      struct err *e)
{
    struct node_addr addr;
    int holder = find_holder(a, req, &addr, e);

    if (holder < 0)
        return -1;
    if (holder == 0)
        return err_set(e, ERR_WORLD, "%s is not on this host", json_get_str(req, "addr", ""));
    put_dev(reply, (unsigned)holder);
    announce(&a->vip, &addr, (unsigned)holder, reply);
    return 0;
}

int node_vip_del(struct agent *a, struct json_object *req, struct json_object *reply, struct err *e)
{
    struct node_addr addr;
    int holder, removed = 0;

    if (read_addr(req, &addr, e))
        return -1;
    forget(&a->vip, &addr);
    holder = node_netlink_holder(a->vip.netlink, &addr, &addr.len, e);
    if (holder > 0)
        removed = node_netlink_set(a->vip.netlink, &addr, (unsigned)holder, 0, e);
    if (holder < 0 || removed < 0)
        return -1;
    json_put_bool(reply, "present", 0);
    json_put_bool(reply, "was_there", removed);
    return 0;
}

int node_vip_check(struct agent *a, struct json_object *req, struct json_object *reply,
                   struct err *e)
{
    struct node_addr addr;
    int holder = find_holder(a, req, &addr, e);

    if (holder < 0)
        return -1;
    json_put_bool(reply, "present", holder > 0);
    put_dev(reply, (unsigned)holder);
    return 0;
}

int node_vip_probe_begin(struct agent *a, struct json_object *req, struct json_object *reply,
                         struct err *e)
{
    struct node_addr addr;
    unsigned len, ifindex = 0;
    int holder;

    (void)reply;
    if (read_addr(req, &addr, e))
        return -1;
    holder = node_netlink_holder(a->vip.netlink, &addr, &len, e);
    if (holder < 0 || (holder == 0 && choose_dev(a, req, &addr, &ifindex, e)))
        return -1;
    json_put_bool(req, "held_here", holder > 0);
    json_put_int(req, "ifindex", ifindex);
    return 0;
}

int node_vip_probe_work(struct json_object *req, struct json_object *reply, struct err *e)
{
    int64_t timeout = json_get_int(req, "timeout_ms", PROBE_MAX_MS);
    int64_t deadline = clock_mono_ms() + (timeout > PROBE_MAX_MS ? PROBE_MAX_MS : timeout);
    int held = json_get_bool(req, "held_here", 0), answered;
    unsigned char mac[NODE_MAC_BYTES];
    struct node_addr addr;
    char text[3 * NODE_MAC_BYTES];

    json_put_bool(reply, "present", held);
    json_put_bool(reply, "answered", held);
    if (held)
        return 0;
    if (read_addr(req, &addr, e))
        return -1;
    answered = node_neigh_ask(&addr, (unsigned)json_get_int(req, "ifindex", 0), deadline, mac, e);
    if (answered < 0)
        return -1;
    json_put_bool(reply, "answered", answered);
    if (answered) {
        snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
                 mac[3], mac[4], mac[5]);
        json_put_str(reply, "mac", text);
    }
    return 0;
}

void node_vip_tick(struct node_vip *v, int64_t now_ms)
{
    for (size_t i = 0; i < NODE_VIP_PENDING; i++) {
        struct node_announce *n = &v->pending[i];

        if (!n->due_ms || now_ms < n->due_ms)
            continue;
        n->due_ms = 0;
        node_neigh_announce(v->packet, v->icmp6, &n->addr, n->ifindex, NULL);
    }
}

int64_t node_vip_next_ms(const struct node_vip *v, int64_t now_ms, int64_t limit)
{
    for (size_t i = 0; i < NODE_VIP_PENDING; i++)
        if (v->pending[i].due_ms && v->pending[i].due_ms - now_ms < limit)
            limit = v->pending[i].due_ms - now_ms;
    return limit;
}
