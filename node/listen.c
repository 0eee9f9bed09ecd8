/* Listening sockets; see listen.h. */
#include "node/listen.h"

#include "node/proc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define STATE_LISTEN 10u
#define ANSWER_BYTES 8192 /* the largest that the kernel sends unasked */
#define ANSWER_MS    200

struct entry {
    char addr[46];
    int port;
    unsigned state;
    unsigned long inode;
};

/* The address is written as 32-bit words in the host's byte order. An IPv4 address in IPv6 clothes
 * is undressed. */
static int parse_address(const char *hex, char *out, size_t size)
{
    struct in6_addr a6;
    size_t words = strlen(hex) / 8;
    uint32_t word[4] = {0};

    if (words != 1 && words != 4)
        return -1;
    for (size_t i = 0; i < words; i++) {
        char part[9];

        memcpy(part, hex + i * 8, 8);
        part[8] = '\0';
        word[i] = (uint32_t)strtoul(part, NULL, 16);
    }
    if (words == 1)
        return inet_ntop(AF_INET, word, out, (socklen_t)size) ? 0 : -1;
    memcpy(&a6, word, sizeof(a6));
    if (IN6_IS_ADDR_V4MAPPED(&a6))
        return inet_ntop(AF_INET, &word[3], out, (socklen_t)size) ? 0 : -1;
    return inet_ntop(AF_INET6, &a6, out, (socklen_t)size) ? 0 : -1;
}

/* "  0: 00000000:0CEA 00000000:0000 0A 0:0 0:0 0 uid 0 inode": local address, port, state, inode.
 */
static int parse_entry(char *line, struct entry *out)
{
    char *field[10], *colon, *word;
    size_t n = 0;

    while (n < 10 && (word = strsep(&line, " \n")))
        if (*word)
            field[n++] = word;
    if (n < 10 || !(colon = strchr(field[1], ':')))
        return -1;
    *colon = '\0';
    out->port = (int)strtol(colon + 1, NULL, 16);
    out->state = (unsigned)strtoul(field[3], NULL, 16);
    out->inode = strtoul(field[9], NULL, 10);
    return parse_address(field[1], out->addr, sizeof(out->addr));
}

static int reaches(const char *addr, const char *ip)
{
    if (!ip || !*ip || strcmp(addr, ip) == 0 || strcmp(addr, "::") == 0)
        return 1;
    return strcmp(addr, "0.0.0.0") == 0 && !strchr(ip, ':');
}

/* The kernel lists the listening sockets first, so thousands of connections cost nothing. */
static size_t find_in(const char *path, int port, const char *ip, struct node_listener *out,
                      size_t n)
{
    FILE *f = fopen(path, "re");
    char line[512];
    struct entry s;

    if (!f)
        return n;
    if (!fgets(line, sizeof(line), f)) {
        fclose(f);
        return n;
    }
    while (n < NODE_LISTEN_MAX && fgets(line, sizeof(line), f)) {
        if (parse_entry(line, &s))
            continue;
        if (s.state != STATE_LISTEN)
            break;
        if (s.port != port || !reaches(s.addr, ip))
            continue;
        snprintf(out[n].addr, sizeof(out[n].addr), "%s", s.addr);
        out[n++].inode = s.inode;
    }
    fclose(f);
    return n;
}

/* Who asks for which port, and what was found; out has room for NODE_LISTEN_MAX. */
struct found {
    int port;
    const char *ip;
    struct node_listener *out;
    size_t n;
};

static void take_socket(const struct inet_diag_msg *m, struct found *f)
{
    const struct in6_addr *a6 = (const void *)m->id.idiag_src;
    struct node_listener *l = &f->out[f->n];

    if (f->n >= NODE_LISTEN_MAX || ntohs(m->id.idiag_sport) != f->port)
        return;
    if (m->idiag_family == AF_INET)
        inet_ntop(AF_INET, m->id.idiag_src, l->addr, sizeof(l->addr));
    else if (IN6_IS_ADDR_V4MAPPED(a6))
        inet_ntop(AF_INET, &m->id.idiag_src[3], l->addr, sizeof(l->addr));
    else
        inet_ntop(AF_INET6, a6, l->addr, sizeof(l->addr));
    l->inode = m->idiag_inode;
    f->n += reaches(l->addr, f->ip) != 0;
}

/* One datagram of the answer. 1 when it was the last, -1 when the kernel refuses. */
static int take_answer(const char *bytes, size_t len, struct found *f)
{
    struct nlmsghdr h;

    for (size_t at = 0; at + sizeof(h) <= len; at += NLMSG_ALIGN(h.nlmsg_len)) {
        struct inet_diag_msg m;

        memcpy(&h, bytes + at, sizeof(h));
        if (h.nlmsg_type == NLMSG_DONE)
            return 1;
        if (h.nlmsg_type == NLMSG_ERROR || h.nlmsg_len < NLMSG_LENGTH(sizeof(m)))
            return -1;
        memcpy(&m, bytes + at + NLMSG_HDRLEN, sizeof(m));
        take_socket(&m, f);
    }
    return 0;
}

static int ask_family(int fd, unsigned char family, struct found *f)
{
    struct {
        struct nlmsghdr h;
        struct inet_diag_req_v2 r;
    } q = {
        .h = {.nlmsg_len = sizeof(q),
              .nlmsg_type = SOCK_DIAG_BY_FAMILY,
              .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
        .r = {.sdiag_family = family,
              .sdiag_protocol = IPPROTO_TCP,
              .idiag_states = 1u << STATE_LISTEN       },
    };
    char bytes[ANSWER_BYTES];
    int rc = 0;

    if (send(fd, &q, sizeof(q), 0) < 0)
        return -1;
    while (rc == 0) {
        ssize_t got = recv(fd, bytes, sizeof(bytes), 0);

        if (got < 0 && errno == EINTR)
            continue;
        rc = got <= 0 ? -1 : take_answer(bytes, (size_t)got, f);
    }
    return rc;
}

/* The kernel's socket diagnosis walks the listening sockets only, where /proc/net/tcp walks a table
 * made for all connections of the machine: 0.1 ms against 10. 0, or -1 where it is not built in. */
static int ask_kernel(struct found *f)
{
    struct timeval limit = {.tv_usec = ANSWER_MS * 1000};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG), rc;

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    rc = ask_family(fd, AF_INET, f) > 0 && ask_family(fd, AF_INET6, f) > 0 ? 0 : -1;
    close(fd);
    return rc;
}

size_t node_listen_find(int port, const char *ip, struct node_listener out[NODE_LISTEN_MAX])
{
    struct found f = {.port = port, .ip = ip, .out = out};
    size_t n;

    if (ask_kernel(&f) == 0)
        return f.n;
    n = find_in("/proc/net/tcp", port, ip, out, 0);
    return find_in("/proc/net/tcp6", port, ip, out, n);
}

static int holds(pid_t pid, const char *target)
{
    char path[32], link[64];
    struct dirent *d;
    DIR *fds;
    int found = 0;

    snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    fds = opendir(path);
    if (!fds)
        return 0;
    while (!found && (d = readdir(fds))) {
        char name[sizeof(d->d_name) + 4];

        if (d->d_name[0] == '.')
            continue;
        snprintf(name, sizeof(name), "fd/%s", d->d_name);
        found = node_proc_link(pid, name, link, sizeof(link)) == 0 && strcmp(link, target) == 0;
    }
    closedir(fds);
    return found;
}

static int looks_like_server(pid_t pid)
{
    struct node_stat st;

    return node_proc_stat(pid, &st) == 0 &&
           (strstr(st.comm, "mysqld") || strstr(st.comm, "mariad"));
}

pid_t node_listen_owner(unsigned long inode)
{
    char target[40];
    pid_t found = 0;
    DIR *proc = opendir("/proc");

    if (!proc)
        return 0;
    snprintf(target, sizeof(target), "socket:[%lu]", inode);
    for (int wanted = 1; wanted >= 0 && !found; wanted--) {
        pid_t pid;

        rewinddir(proc);
        while (!found && (pid = node_proc_next(proc)))
            if (looks_like_server(pid) == wanted && holds(pid, target))
                found = pid;
    }
    closedir(proc);
    return found;
}
