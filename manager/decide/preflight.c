/* The checks before a start, one function each; the table's order is MHA's. */
#include "manager/decide/preflight_facts.h"
#include "manager/decide/roles.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void findings_add(struct findings *f, enum finding_level level, int host, const char *fmt, ...)
{
    struct finding *item;
    va_list ap;

    f->errors += level == FINDING_ERROR;
    f->warnings += level == FINDING_WARNING;
    /* A full list still counts, so that no error is ever hidden by earlier remarks. */
    if (f->count == FINDINGS_MAX)
        return;
    item = &f->item[f->count++];
    item->level = level;
    item->host = host;
    va_start(ap, fmt);
    vsnprintf(item->text, sizeof(item->text), fmt, ap);
    va_end(ap);
}

const char *finding_word(enum finding_level l)
{
    static const char *const words[] = {"error", "warning", "info"};

    return words[l];
}

static int is_slave(const struct preflight_facts *f, int i)
{
    return is_alive_slave(f->t, f->master, i);
}

static void check_master(const struct preflight_facts *f)
{
    const struct topo_host *m = &f->t->host[f->master];

    if (m->reach != REACH_UP)
        findings_add(f->out, FINDING_WARNING, f->master, "the master is not alive: %s",
                     m->reach_text);
    if (m->reach == REACH_UP && m->read_only)
        findings_add(f->out, FINDING_WARNING, f->master,
                     "the master is read-only: SET GLOBAL read_only=0 if that is not meant");
    if (m->reach == REACH_UP && !m->log_bin)
        findings_add(f->out, FINDING_ERROR, f->master,
                     "log_bin is off on the master: nothing can replicate from it");
}

static void check_slave_settings(const struct preflight_facts *f)
{
    for (int i = 0; i < f->t->hosts; i++) {
        const struct topo_host *h = &f->t->host[i];

        if (!is_slave(f, i))
            continue;
        if (!h->read_only)
            findings_add(f->out, FINDING_INFO, i, "read_only=1 is not set on this replica");
        if (h->relay_log_purge && !f->gtid)
            findings_add(
                f->out, FINDING_WARNING, i,
                "relay_log_purge=0 is not set: applied relay logs cannot help others; SET GLOBAL "
                "relay_log_purge=0 and run purge_relay_logs by cron");
        if (!h->log_bin)
            findings_add(f->out, FINDING_WARNING, i,
                         "log_bin is off: this host cannot become the master");
        else if (!h->log_slave_updates && f->gtid)
            findings_add(f->out, FINDING_WARNING, i,
                         "log_slave_updates is off: this host cannot become the master of others");
    }
}

/* Lists are compared as the reader of the snapshot normalised them: sorted, without doubles. */
static void check_filters(const struct preflight_facts *f)
{
    int first = NO_HOST;

    if (!f->t->check_repl_filter)
        return;
    for (int i = 0; i < f->t->hosts; i++) {
        const struct topo_host *h = &f->t->host[i], *a;

        if (!is_slave(f, i))
            continue;
        if (first == NO_HOST)
            first = i;
        a = &f->t->host[first];
        if (strcmp(a->repl.filters, h->repl.filters) != 0)
            findings_add(
                f->out, FINDING_ERROR, i,
                "replication filters differ from %s's (\"%.60s\" and \"%.60s\"): a promotion would "
                "lose tables; make them equal, or set check_repl_filter=0",
                topo_name(f->t, first), h->repl.filters, a->repl.filters);
    }
}

static void check_binlog_filters(const struct preflight_facts *f)
{
    const struct topo_host *m = &f->t->host[f->master];

    for (int i = 0; f->t->check_repl_filter && i < f->t->hosts; i++) {
        const struct topo_host *h = &f->t->host[i];

        if (m->reach != REACH_UP || !is_slave(f, i) || !h->log_bin)
            continue;
        if (strcmp(m->binlog_do_db, h->binlog_do_db) != 0 ||
            strcmp(m->binlog_ignore_db, h->binlog_ignore_db) != 0)
            findings_add(f->out, FINDING_ERROR, i,
                         "binlog_do_db or binlog_ignore_db differs from the master's: as master it "
                         "would not "
                         "log the same; make them equal, or set check_repl_filter=0");
    }
}

static void check_heir(const struct preflight_facts *f)
{
    struct choice *c = mem_zalloc(sizeof(*c));
    struct topo *t = what_if_dead(f->t, f->master);

    /* The delay is a matter of the moment, not of the set-up. */
    t->check_repl_delay = 0;
    /* So is an operator's word. */
    for (int i = 0; i < t->hosts; i++)
        t->host[i].paused = 0;
    choose(t, f->master, f->mode, c);
    if (c->new_master == NO_HOST)
        findings_add(f->out, FINDING_ERROR, NO_HOST, "no replica can become the master");
    for (int i = 0; c->new_master == NO_HOST && i < t->hosts; i++) {
        if (i != f->master)
            findings_add(f->out, FINDING_INFO, i, "barred: %s", c->reason[i]);
    }
    topo_free(&t);
    free(c);
}

static void check_grants(const struct preflight_facts *f)
{
    for (int i = 0; i < f->t->hosts; i++) {
        const struct topo_host *h = &f->t->host[i];

        if (is_slave(f, i) && h->log_bin && !h->no_master && h->repl_grant == 0)
            findings_add(f->out, FINDING_ERROR, i,
                         "the replication account may not replicate from here: GRANT REPLICATION "
                         "SLAVE ON *.* "
                         "TO it on the master");
    }
}

static void check_agents(const struct preflight_facts *f)
{
    for (int i = 0; i < f->t->hosts; i++) {
        const struct topo_host *h = &f->t->host[i];
        enum finding_level level = f->gtid || i == f->master ? FINDING_WARNING : FINDING_ERROR;

        if (f->p->skip_ssh_check || h->reach != REACH_UP)
            continue;
        if (h->agent == AGENT_UNREACHABLE)
            findings_add(f->out, level, i,
                         "SSH does not work: no binlog can be read, nothing killed there");
        else if (h->agent == AGENT_MISSING)
            findings_add(f->out, level, i,
                         "SSH works, kagemusha-node does not: install the package "
                         "kagemusha-node, or set node_path");
        else if (h->agent == AGENT_UP && !strstr(h->agent_caps, "kill"))
            findings_add(f->out, FINDING_WARNING, i,
                         "the agent may not kill mysqld (ssh_user is neither root nor mysql's "
                         "user): a fence "
                         "needs shutdown_script");
    }
}

static void check_dead(const struct preflight_facts *f)
{
    for (int i = 0; i < f->t->hosts; i++) {
        const struct topo_host *h = &f->t->host[i];
        int ignored = h->retired || (h->ignore_fail && f->p->ignore_fail_on_start);

        if (i == f->master || h->reach == REACH_UP)
            continue;
        findings_add(
            f->out, ignored ? FINDING_WARNING : FINDING_ERROR, i, "it is dead: %s%s", h->reach_text,
            ignored || !h->ignore_fail ? "" : " (--ignore_fail_on_start would let it pass)");
    }
}

/* The manager closes it as soon as it watches (decision 14). */
static void check_retired(const struct preflight_facts *f)
{
    for (int i = 0; i < f->t->hosts; i++) {
        const struct topo_host *h = &f->t->host[i];

        if (!h->retired || h->reach != REACH_UP || i == f->master || h->channels > 0)
            continue;
        findings_add(f->out, FINDING_WARNING, i,
                     "it was replaced as the master, is back and %s: kagemusha rejoin makes it a "
                     "replica, or names what only it has",
                     roles_is_intruder(f->t, f->master, i)
                         ? "takes writes; the manager sets it read-only"
                         : "is read-only");
    }
}

static void check_health(const struct preflight_facts *f)
{
    for (int i = 0; f->p->health && i < f->t->hosts; i++) {
        const struct topo_repl *r = &f->t->host[i].repl;

        if (!is_slave(f, i))
            continue;
        if (r->io != THREAD_YES)
            findings_add(f->out, FINDING_ERROR, i, "the IO thread %s%s%.200s",
                         r->io == THREAD_NO ? "does not run" : "is connecting to its master",
                         *r->io_error ? ": " : "", r->io_error);
        if (r->sql != THREAD_YES)
            findings_add(f->out, FINDING_ERROR, i, "the SQL thread does not run%s%.200s",
                         *r->sql_error ? ": " : "; start it", r->sql_error);
        if (r->io == THREAD_YES && r->sql == THREAD_YES && r->behind_s < 0)
            findings_add(f->out, FINDING_ERROR, i, "the lag is unknown");
        if (r->delay_s == 0 && r->behind_s > f->p->seconds_behind_master)
            findings_add(f->out, FINDING_ERROR, i,
                         "it is %" PRId64
                         " s behind the master, more than --seconds_behind_master=%d",
                         r->behind_s, f->p->seconds_behind_master);
    }
}

/* What the policy would say the moment the master dies. */
static void check_fence(const struct preflight_facts *f)
{
    const struct topo_host *m = &f->t->host[f->master];

    if (m->has_shutdown_script)
        return;
    if (f->t->fence == FENCE_PROOF)
        findings_add(
            f->out, FINDING_WARNING, f->master,
            "a silent host of the master could not be fenced: set shutdown_script, else a power "
            "failure or a lost link there leads to no failover (fence_required=proof)");
    else
        findings_add(f->out, FINDING_WARNING, f->master,
                     "shutdown_script is not set: a silent master would be replaced without proof "
                     "that it is "
                     "dead (fence_required=mha)");
}

/* What feeds the master is no part of the group: nobody moves it. */
static void check_channels(const struct preflight_facts *f)
{
    const struct topo_host *m = &f->t->host[f->master];

    if (m->others)
        findings_add(f->out, FINDING_WARNING, f->master,
                     "it also replicates by channel %s: a failover leaves that channel behind; be "
                     "ready to start it on the new master",
                     m->others_text);
}

typedef void check_fn(const struct preflight_facts *f);

static check_fn *const checks[] = {check_master,         check_slave_settings, check_filters,
                                   check_binlog_filters, check_heir,           check_grants,
                                   check_agents,         check_dead,           check_retired,
                                   check_health,         check_fence,          check_channels};

void preflight(const struct topo *t, const struct preflight *p, struct findings *out)
{
    struct preflight_facts f = {.t = t, .p = p, .out = out};

    diagnose(t, &f.verdict);
    f.master = f.verdict.master;
    if (f.verdict.broken) {
        findings_add(out, FINDING_ERROR, NO_HOST, "%s", f.verdict.reason);
        return;
    }
    f.mode = diagnose_mode(t, f.master);
    f.gtid = f.mode == MODE_MYSQL_GTID || f.mode == MODE_MARIADB_GTID;
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
        checks[i](&f);
    preflight_fitness(&f);
}

struct topo *what_if_dead(const struct topo *t, int master)
{
    struct topo *dead = topo_copy(t);
    struct topo_host *m = &dead->host[master];

    dead->master = master;
    dead->misses = dead->misses_needed;
    m->reach = REACH_REFUSED;
    m->life = m->agent == AGENT_UP ? LIFE_GONE : LIFE_UNKNOWN;
    m->ending = ENDING_CRASH;
    for (int i = 0; i < dead->hosts; i++) {
        struct topo_host *h = &dead->host[i];

        h->repl.heard = 0;
        if (i == master || h->reach != REACH_UP)
            continue;
        h->sight = SIGHT_REFUSED;
        if (h->channels && h->repl.io == THREAD_YES)
            h->repl.io = THREAD_CONNECTING;
    }
    return dead;
}
