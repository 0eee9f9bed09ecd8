/* An old master's way back; see rejoin.h. */
#include "manager/decide/rejoin.h"

#include "common/binpos.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int is_up(const struct topo *t, int i, int host)
{
    return i != host && t->host[i].reach == REACH_UP;
}

/* A server that answers, replicates from nobody and takes writes; the one that replicas follow
 * comes before one that nobody follows. */
int rejoin_master(const struct topo *t, int host, struct err *e)
{
    int master = NO_HOST, head = NO_HOST;

    for (int i = 0; i < t->hosts; i++) {
        const struct topo_host *h = &t->host[i];
        int up = h->repl.master;

        if (!is_up(t, i, host))
            continue;
        if (h->channels == 0 && head != NO_HOST)
            return err_set(e, ERR_WORLD,
                           "%s and %s both replicate from nobody: which is the master?",
                           topo_label(t, head), topo_label(t, i)),
                   NO_HOST;
        if (h->channels == 0)
            head = i;
        else if (up != NO_HOST && up != host && t->host[up].channels == 0)
            master = up;
    }
    if (head == NO_HOST || (master != NO_HOST && master != head))
        return err_set(e, ERR_WORLD, "no server of the group that answers is its master"), NO_HOST;
    if (t->host[head].read_only)
        return err_set(e, ERR_WORLD, "%s would be the master, but it is read-only",
                       topo_label(t, head)),
               NO_HOST;
    return head;
}

struct last {
    uint32_t domain, server;
    uint64_t seq;
};

/* The next "domain-server-sequence"; 1, 0 at the end, -1. */
static int next_last(const char **text, struct last *out, struct err *e)
{
    unsigned long long v[3];
    char *end;

    while (**text == ',' || **text == ' ' || **text == '\n')
        (*text)++;
    if (!**text)
        return 0;
    for (int i = 0; i < 3; i++) {
        errno = 0;
        v[i] = strtoull(*text, &end, 10);
        if (errno || end == *text || (i < 2 && *end != '-'))
            return err_set(e, ERR_FORMAT, "not a binlog state: \"%.60s\"", *text);
        *text = end + (i < 2);
    }
    *out = (struct last){(uint32_t)v[0], (uint32_t)v[1], v[2]};
    return 1;
}

/* The last sequence number of that server in that domain, 0 if there is none. */
static int find_last(const char *state, const struct last *want, uint64_t *seq, struct err *e)
{
    struct last l = {0};
    int rc;

    *seq = 0;
    while ((rc = next_last(&state, &l, e)) > 0) {
        if (l.domain == want->domain && l.server == want->server && l.seq > *seq)
            *seq = l.seq;
    }
    return rc;
}

static void add_range(struct gtid_set *out, const struct last *l, uint64_t first)
{
    struct gtid_range r = {.server_id = l->server, .first = first, .last = l->seq};

    for (int i = 0; i < 4; i++)
        r.uuid[i] = (unsigned char)(l->domain >> (24 - 8 * i));
    gtid_add(out, &r);
}

/* Where a server's own part can begin: behind what the others know of it, and behind the last of
 * every other server of mine that they know whole. */
static int find_floor(const char *mine, const char *theirs, const struct last *l, uint64_t *floor,
                      struct err *e)
{
    struct last other = {0};
    uint64_t known;
    int rc;

    if (find_last(theirs, l, floor, e) < 0)
        return -1;
    while ((rc = next_last(&mine, &other, e)) > 0) {
        if (other.domain != l->domain || other.server == l->server || other.seq >= l->seq)
            continue;
        if (find_last(theirs, &other, &known, e) < 0)
            return -1;
        if (known >= other.seq && other.seq > *floor)
            *floor = other.seq;
    }
    return rc;
}

int rejoin_errant_mariadb(const char *mine, const char *theirs, struct gtid_set *errant,
                          struct err *e)
{
    const char *rest = mine;
    struct last l = {0};
    uint64_t known, floor;
    int rc;

    while ((rc = next_last(&rest, &l, e)) > 0) {
        if (find_last(theirs, &l, &known, e) < 0 || find_floor(mine, theirs, &l, &floor, e) < 0)
            return -1;
        if (l.seq > known)
            add_range(errant, &l, floor + 1);
    }
    return rc;
}
