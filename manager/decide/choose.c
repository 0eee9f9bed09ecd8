/* The ballot: what every host has received, the bars against it, and the order among those that are
 * left. */
#include "manager/decide/choose.h"

#include "manager/decide/source.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* MHA's delay rule: this many bytes behind the latest, or in an earlier file, is
 * too far. */
#define DELAY_BYTES 100000000

struct ballot {
    const struct topo *t;
    int master;
    enum mode mode;
    int base;
    struct gtid_set received[TOPO_HOSTS_MAX]; /* GTID modes; without what is errant */
    struct gtid_set errant[TOPO_HOSTS_MAX];   /* what nobody else has and no master wrote */
};

static int is_gtid(const struct ballot *b)
{
    return b->mode == MODE_MYSQL_GTID || b->mode == MODE_MARIADB_GTID;
}

static const struct topo_host *host_of(const struct ballot *b, int i)
{
    return &b->t->host[i];
}

/* 1 when a has received all that b has. */
static int covers(const struct ballot *b, int a, int other)
{
    if (is_gtid(b))
        return gtid_contains(&b->received[a], &b->received[other]);
    return binpos_cmp(&host_of(b, a)->repl.read, &host_of(b, other)->repl.read) >= 0;
}

/* Among equals, who has applied more: it is writable sooner. */
static int applied_more(const struct ballot *b, int a, int other)
{
    return binpos_cmp(&host_of(b, a)->repl.exec, &host_of(b, other)->repl.exec) > 0;
}

/* A replica whose applier is broken may still be the one that received most, but it cannot be
 * replicated from. */
static int can_be_base(const struct ballot *b, int i)
{
    return is_alive_slave(b->t, b->master, i) && host_of(b, i)->repl.sql_errno == 0;
}

static void find_base(struct ballot *b)
{
    b->base = NO_HOST;
    for (int i = 0; i < b->t->hosts; i++) {
        if (!can_be_base(b, i))
            continue;
        if (b->base == NO_HOST || !covers(b, b->base, i) ||
            (is_gtid(b) && covers(b, i, b->base) && applied_more(b, i, b->base)))
            b->base = i;
    }
}

/* Bars: 1 and a reason when the host must not become master. */
static int is_down(const struct ballot *b, int i, char *why)
{
    const struct topo_host *h = host_of(b, i);

    if (h->reach == REACH_UP)
        return 0;
    return snprintf(why, TOPO_TEXT, "MySQL cannot be reached%s%s", *h->reach_text ? ": " : "",
                    h->reach_text);
}

static int is_no_slave(const struct ballot *b, int i, char *why)
{
    if (is_alive_slave(b->t, b->master, i))
        return 0;
    return snprintf(why, TOPO_TEXT, "it does not replicate from the master");
}

static int is_no_master(const struct ballot *b, int i, char *why)
{
    return host_of(b, i)->no_master ? snprintf(why, TOPO_TEXT, "no_master is set") : 0;
}

static int is_paused(const struct ballot *b, int i, char *why)
{
    return host_of(b, i)->paused ? snprintf(why, TOPO_TEXT, "kept out by an operator (pause)") : 0;
}

static int has_no_binlog(const struct ballot *b, int i, char *why)
{
    return host_of(b, i)->log_bin ? 0 : snprintf(why, TOPO_TEXT, "log_bin is off");
}

/* A newer major version than the oldest replica's cannot be replicated from safely. */
static int is_newer(const struct ballot *b, int i, char *why)
{
    const struct version *v = &host_of(b, i)->version;

    for (int o = 0; o < b->t->hosts; o++) {
        const struct version *w = &host_of(b, o)->version;

        if (!is_alive_slave(b->t, b->master, o))
            continue;
        if (v->major > w->major || (v->major == w->major && v->minor > w->minor))
            return snprintf(why, TOPO_TEXT, "its version %d.%d is newer than %d.%d of %s", v->major,
                            v->minor, w->major, w->minor, topo_name(b->t, o));
    }
    return 0;
}

static int has_applier_error(const struct ballot *b, int i, char *why)
{
    const struct topo_repl *r = &host_of(b, i)->repl;

    if (r->sql_errno == 0)
        return 0;
    return snprintf(why, TOPO_TEXT, "its SQL thread stopped with error %d: %.180s", r->sql_errno,
                    r->sql_error);
}

static int is_delayed(const struct ballot *b, int i, char *why)
{
    int64_t s = host_of(b, i)->repl.delay_s;

    return s > 0 ? snprintf(why, TOPO_TEXT, "it is a delayed replica (%" PRId64 " s)", s) : 0;
}

static int is_too_far_behind(const struct ballot *b, int i, char *why)
{
    const struct binpos *latest, *exec = &host_of(b, i)->repl.exec;

    if (!b->t->check_repl_delay || b->t->planned || b->base == NO_HOST)
        return 0;
    latest = &host_of(b, b->base)->repl.read;
    if (binpos_number(latest->file) > binpos_number(exec->file))
        return snprintf(why, TOPO_TEXT,
                        "it has not applied up to the latest binlog file (check_repl_delay)");
    if (binpos_gap(exec, latest) <= DELAY_BYTES)
        return 0;
    return snprintf(why, TOPO_TEXT, "it is %" PRId64 " bytes behind (check_repl_delay)",
                    binpos_gap(exec, latest));
}

/* Transactions of b's that belong to no master: all uuids but the dead master's. */
static void without_master(const struct ballot *b, const struct gtid_set *from,
                           struct gtid_set *out)
{
    struct gtid_set of_master = GTID_INIT;
    const char *uuid = host_of(b, b->master)->uuid;

    for (int i = 0; !*uuid && i < b->t->hosts; i++)
        uuid = host_of(b, i)->repl.master == b->master ? host_of(b, i)->repl.master_uuid : uuid;
    gtid_of_uuid(&of_master, from, uuid);
    gtid_minus(out, from, &of_master);
    gtid_release(&of_master);
}

/* What every other host has, the dead master's last seen set included. 0 when nobody else is known.
 */
static int of_the_others(const struct ballot *b, int host, struct gtid_set *out)
{
    int known = 0;

    for (int o = 0; o < b->t->hosts; o++) {
        struct gtid_set executed = topo_view(b->t, host_of(b, o)->executed);

        if (o == host || (executed.count == 0 && b->received[o].count == 0))
            continue;
        known = 1;
        gtid_union(out, &executed);
        gtid_union(out, &b->received[o]);
    }
    return known;
}

static void find_errant(struct ballot *b, int i)
{
    struct gtid_set executed = topo_view(b->t, host_of(b, i)->executed);
    struct gtid_set others = GTID_INIT, extra = GTID_INIT;

    if (of_the_others(b, i, &others)) {
        gtid_minus(&extra, &executed, &others);
        without_master(b, &extra, &b->errant[i]);
    }
    gtid_release(&others);
    gtid_release(&extra);
}

/* Errant transactions are no merit: who has received most is judged without them. */
static void find_received(struct ballot *b)
{
    for (int i = 0; i < b->t->hosts; i++) {
        if (is_gtid(b) && i != b->master)
            topo_received(b->t, i, &b->received[i]);
    }
    for (int i = 0; b->mode == MODE_MYSQL_GTID && i < b->t->hosts; i++) {
        if (i != b->master)
            find_errant(b, i);
    }
    for (int i = 0; i < b->t->hosts; i++) {
        struct gtid_set clean = GTID_INIT;

        if (b->errant[i].count == 0)
            continue;
        gtid_minus(&clean, &b->received[i], &b->errant[i]);
        gtid_release(&b->received[i]);
        b->received[i] = clean;
    }
}

static int has_errant(const struct ballot *b, int i, char *why)
{
    struct buf text = BUF_INIT;

    if (b->errant[i].count == 0)
        return 0;
    gtid_print(&b->errant[i], &text);
    snprintf(why, TOPO_TEXT, "it has transactions that nobody else has: %.200s", text.data);
    buf_release(&text);
    return 1;
}

/* MariaDB: one sequence number, two servers that wrote it. The one that wrote it itself is the one
 * astray. */
static int parted_from(const struct ballot *b, int i)
{
    for (size_t n = 0; b->mode == MODE_MARIADB_GTID && n < b->received[i].count; n++) {
        if (b->received[i].range[n].server_id != host_of(b, i)->server_id)
            continue;
        for (int o = 0; o < b->t->hosts; o++) {
            if (o != i && gtid_conflict(&b->received[i], &b->received[o]))
                return o;
        }
    }
    return NO_HOST;
}

static int has_parted(const struct ballot *b, int i, char *why)
{
    int other = parted_from(b, i);

    if (other == NO_HOST)
        return 0;
    return snprintf(why, TOPO_TEXT, "it wrote transactions itself that %s has from another server",
                    topo_name(b->t, other));
}

/* In the GTID modes the others fetch from the new master what they lack, so its binlog must hold
 * what it applied. */
static int cannot_serve(const struct ballot *b, int i, char *why)
{
    return is_gtid(b) && !host_of(b, i)->log_slave_updates
               ? snprintf(why, TOPO_TEXT, "log_slave_updates is off: it could not serve the others")
               : 0;
}

static int has_source(const struct ballot *b, int i)
{
    struct wanted w = {.t = b->t, .dead = b->master, .base = b->base, .mode = b->mode};
    enum source kind;

    return source_next(&w, i, 0, &kind) != NO_HOST;
}

/* GTID: may it get what it lacks by ordinary replication from the base? 0 and the reason when not.
 */
static int is_served(const struct ballot *b, int i, char *why)
{
    const struct topo_host *base = host_of(b, b->base);
    const char *base_name = topo_name(b->t, b->base);
    struct gtid_set purged = topo_view(b->t, base->purged);

    if (!base->log_bin || !base->log_slave_updates)
        snprintf(why, TOPO_TEXT, "it lacks what only %s has, whose binlog does not hold it",
                 base_name);
    else if (b->errant[b->base].count)
        snprintf(why, TOPO_TEXT,
                 "it lacks what only %s has, which would bring transactions of its own", base_name);
    else if (!gtid_contains(&b->received[i], &purged))
        snprintf(why, TOPO_TEXT, "it lacks what %s has purged from its binlogs", base_name);
    else
        return 1;
    return 0;
}

/* What it lacks of what others have received must be readable: from the dead master's log, from
 * relay logs, or (GTID) from the base's binlogs. */
static int cannot_be_levelled(const struct ballot *b, int i, char *why)
{
    if (b->t->planned || b->base == NO_HOST || i == b->base || covers(b, i, b->base) ||
        has_source(b, i))
        return 0;
    if (is_gtid(b))
        return !is_served(b, i, why);
    if (b->t->allow_data_loss)
        return 0;
    return snprintf(why, TOPO_TEXT, "it lacks what only %s has received", topo_name(b->t, b->base));
}

typedef int bar_fn(const struct ballot *b, int i, char *why);

static bar_fn *const bars[] = {
    is_down,    is_no_slave,       is_no_master,       is_paused,         has_no_binlog,
    is_newer,   has_applier_error, is_delayed,         is_too_far_behind, has_errant,
    has_parted, cannot_serve,      cannot_be_levelled,
};

static int is_barred(const struct ballot *b, int i, char *why)
{
    for (size_t n = 0; n < sizeof(bars) / sizeof(bars[0]); n++) {
        if (bars[n](b, i, why))
            return 1;
    }
    return 0;
}

/* Criteria: 1 when the host has the quality. The order of the lines is the order of importance;
 * equals stay in the configuration's order, which is contract. */
static int by_candidate(const struct ballot *b, const struct choice *c, int i)
{
    (void)c;
    return host_of(b, i)->candidate_master;
}

static int by_latest(const struct ballot *b, const struct choice *c, int i)
{
    return b->t->latest_priority && !b->t->planned && c->latest[i];
}

/* A note of the last scan: it breaks a tie and bars nobody (decision 25). */
static int by_room(const struct ballot *b, const struct choice *c, int i)
{
    (void)c;
    return host_of(b, i)->narrow == 0;
}

static const struct criterion {
    int (*has)(const struct ballot *b, const struct choice *c, int i);
    const char *reason;
} criteria[] = {
    {by_candidate, "candidate_master is set"                          },
    {by_latest,    "it has received all that any replica has"         },
    {by_room,      "its AUTO_INCREMENT columns have the master's room"},
};
#define CRITERIA (sizeof(criteria) / sizeof(criteria[0]))

/* Why a beats the host chosen so far; NULL when it does not. */
static const char *beats(const struct ballot *b, const struct choice *c, int a)
{
    for (size_t n = 0; n < CRITERIA; n++) {
        int mine = criteria[n].has(b, c, a), theirs = criteria[n].has(b, c, c->new_master);

        if (mine != theirs)
            return mine ? criteria[n].reason : NULL;
    }
    return NULL;
}

/* The first criterion that the chosen host meets and some other eligible host does not, else the
 * order. */
static void say_why_chosen(const struct ballot *b, struct choice *c)
{
    const char *reason = "first in the configuration's order";
    int others = 0;

    for (size_t n = CRITERIA; n-- > 0;) {
        others = 0;
        for (int i = 0; i < b->t->hosts; i++) {
            if (i == c->new_master || i == b->master || c->barred[i])
                continue;
            others++;
            if (criteria[n].has(b, c, c->new_master) && !criteria[n].has(b, c, i))
                reason = criteria[n].reason;
        }
    }
    if (others == 0)
        reason = "no other is eligible";
    snprintf(c->reason[c->new_master], TOPO_TEXT, "CHOSEN: %s", reason);
}

static void say_eligible(struct choice *c, int i)
{
    snprintf(c->reason[i], TOPO_TEXT, "eligible%s", c->latest[i] ? "" : ", behind the latest");
}

static void hold_ballot(const struct ballot *b, struct choice *c)
{
    char unused[TOPO_TEXT];

    for (int i = 0; i < b->t->hosts; i++) {
        if (i == b->master)
            continue;
        c->latest[i] =
            b->base != NO_HOST && is_alive_slave(b->t, b->master, i) && covers(b, i, b->base);
        c->barred[i] = is_barred(b, i, c->reason[i]);
        c->served[i] = is_gtid(b) && b->base != NO_HOST && is_served(b, i, unused);
        c->errant[i] = b->errant[i].count > 0;
        c->parted[i] = parted_from(b, i) != NO_HOST;
    }
    for (int i = 0; i < b->t->hosts; i++) {
        if (i == b->master || c->barred[i])
            continue;
        say_eligible(c, i);
        if (c->new_master == NO_HOST || beats(b, c, i))
            c->new_master = i;
    }
    if (c->new_master != NO_HOST)
        say_why_chosen(b, c);
}

/* An operator's choice replaces ours unless the host is barred. */
static void force(const struct ballot *b, struct choice *c)
{
    int i = b->t->forced;

    if (i == NO_HOST || i == c->new_master)
        return;
    if (c->new_master != NO_HOST)
        say_eligible(c, c->new_master);
    c->new_master = c->barred[i] || i == b->master ? NO_HOST : i;
    if (c->new_master != NO_HOST)
        snprintf(c->reason[i], TOPO_TEXT, "CHOSEN: the operator named it");
}

/* Whoever is promoted with less room needs an ALTER soon. */
static void warn_of_room(const struct topo *t, struct choice *c, int i)
{
    size_t len = strlen(c->reason[i]);

    if (t->host[i].narrow && !c->barred[i])
        snprintf(c->reason[i] + len, TOPO_TEXT - len, "; AUTO_INCREMENT: %s",
                 t->host[i].narrow_text);
}

void choose(const struct topo *t, int master, enum mode mode, struct choice *c)
{
    struct ballot b = {.t = t, .master = master, .mode = mode};

    memset(c, 0, sizeof(*c));
    c->new_master = NO_HOST;
    find_received(&b);
    find_base(&b);
    c->base = b.base;
    hold_ballot(&b, c);
    force(&b, c);
    if (master != NO_HOST)
        snprintf(c->reason[master], TOPO_TEXT, "the master");
    for (int i = 0; i < t->hosts; i++) {
        if (i != master)
            warn_of_room(t, c, i);
        gtid_release(&b.received[i]);
        gtid_release(&b.errant[i]);
    }
}

void choice_add_reason(const struct topo *t, int host, const char *why, char *text, size_t size)
{
    size_t len = strlen(text);

    snprintf(text + len, size - len, "%s%s: %s", len ? "; " : "", topo_label(t, host), why);
}

int choice_refuse(const struct topo *t, int master, const struct choice *c, struct err *e)
{
    char text[ERR_TEXT_BYTES - 64] = "";

    for (int i = 0; i < t->hosts; i++)
        if (i != master && c->barred[i])
            choice_add_reason(t, i, c->reason[i], text, sizeof(text));
    return err_set(e, ERR_WORLD, "no replica can become the master: %s", text);
}

void choice_print(const struct topo *t, const struct choice *c, struct buf *out)
{
    for (int i = 0; i < t->hosts; i++) {
        if (*c->reason[i])
            buf_addf(out, "  %-12s %s%s\n", topo_name(t, i), c->barred[i] ? "barred: " : "",
                     c->reason[i]);
    }
}
