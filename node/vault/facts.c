/* What a relay log holds; see facts.h. */
#include "node/vault/facts.h"

#include "node/binlog/reader.h"
#include "node/binlog/relay.h"

#include <string.h>

static int is_gtid(unsigned type)
{
    return type == BINLOG_GTID || type == BINLOG_GTID_TAGGED || type == BINLOG_MARIA_GTID ||
           type == BINLOG_ANONYMOUS_GTID;
}

static int note_gtid(struct vault_facts *f, const struct binlog_event *ev, struct err *e)
{
    struct binlog_gtid g;

    if (binlog_read_gtid(ev, &g, NULL, e))
        return -1;
    if (g.kind == BINLOG_GTID_MYSQL || g.kind == BINLOG_GTID_MARIADB)
        gtid_add(&f->gtids, &g.id);
    else
        f->nameless++;
    return 0;
}

static int take(struct vault_facts *f, struct relay_walk *walk, const struct binlog_reader *r,
                const struct binlog_event *ev, struct err *e)
{
    struct relay_place place;
    int role = relay_feed(walk, ev, &r->format, &place, e);

    if (role < 0)
        return -1;
    if (ev->type == BINLOG_FORMAT && !(ev->flags & BINLOG_FLAG_RELAY_LOG))
        f->source_id = ev->server_id;
    if (role != RELAY_EVENT)
        return 0;
    f->events++;
    f->end = walk->at;
    if (!walk->is_exact)
        f->end.file[0] = '\0';
    return is_gtid(ev->type) ? note_gtid(f, ev, e) : 0;
}

int vault_facts_read(int fd, const struct vault_hint *hint, struct vault_facts *out, struct err *e)
{
    struct binlog_reader r = BINLOG_READER_INIT;
    struct binlog_event ev;
    struct relay_walk walk;
    int rc;

    memset(out, 0, sizeof(*out));
    relay_init(&walk);
    if (binlog_open_fd(&r, fd, 0, e))
        return -1;
    while ((rc = binlog_next(&r, &ev, e)) > 0) {
        if (hint && hint->offset && !walk.at.file[0] && ev.offset >= hint->offset)
            relay_set(&walk, &hint->at);
        if (take(out, &walk, &r, &ev, e)) {
            rc = -1;
            break;
        }
    }
    if (rc == 0 && walk.is_exact)
        out->next = walk.at;
    out->known = rc == 0;
    binlog_close(&r);
    return rc;
}

void vault_facts_release(struct vault_facts *f)
{
    gtid_release(&f->gtids);
    memset(f, 0, sizeof(*f));
}

int vault_facts_applied(const struct vault_facts *f, const struct vault_told *told)
{
    int by_gtid = f->gtids.count > 0 && told->executed.kind == f->gtids.kind;

    if (!f->known)
        return 0;
    if (f->events == 0)
        return 1;
    if (by_gtid && !gtid_contains(&told->executed, &f->gtids))
        return 0;
    if (f->source_id && f->source_id == told->source_id && f->end.file[0])
        return told->exec.file[0] && binpos_cmp(&f->end, &told->exec) <= 0;
    return by_gtid && f->nameless == 0;
}
