/* Warnings about what MHA does not look at: each with the fact and the fix. Pure; see preflight.h.
 */
#include "manager/decide/preflight_facts.h"

#include <inttypes.h>
#include <string.h>

#define CLOCK_MS      2000
#define NET_TIMEOUT_S 60
#define DISK_PERCENT  10

static const struct topo_host *host_at(const struct preflight_facts *f, int i)
{
    return &f->t->host[i];
}

static int is_up(const struct preflight_facts *f, int i)
{
    return host_at(f, i)->reach == REACH_UP;
}

/* Replication refuses the second of two equal ids, or goes in circles. */
static void check_ids(const struct preflight_facts *f)
{
    for (int i = 0; i < f->t->hosts; i++) {
        const struct topo_host *a = host_at(f, i);

        for (int o = 0; o < i; o++) {
            const struct topo_host *b = host_at(f, o);

            if (!is_up(f, i) || !is_up(f, o))
                continue;
            if (a->server_id == b->server_id && a->server_id != 0)
                findings_add(f->out, FINDING_WARNING, i,
                             "server_id=%" PRIu32
                             " is also %s's: one of the two gets no events once it follows the "
                             "other; give each a server_id of its own",
                             a->server_id, topo_name(f->t, o));
            if (*a->uuid && strcmp(a->uuid, b->uuid) == 0)
                findings_add(f->out, FINDING_WARNING, i,
                             "server_uuid is also %s's (a copied data directory): stop it, remove "
                             "auto.cnf, start it",
                             topo_name(f->t, o));
        }
    }
}

/* What a replica has and no other server: GTIDs of its own, which a promotion would spread. The
 * master's own newest are no errors: it has moved on since it was asked. */
static void check_errant(const struct preflight_facts *f)
{
    const struct topo_host *m = host_at(f, f->master);

    if (f->mode != MODE_MYSQL_GTID || m->reach != REACH_UP)
        return;
    for (int i = 0; i < f->t->hosts; i++) {
        struct gtid_set executed = topo_view(f->t, host_at(f, i)->executed);
        struct gtid_set masters = topo_view(f->t, m->executed), own = GTID_INIT;
        struct gtid_set extra = GTID_INIT, errant = GTID_INIT;
        struct buf text = BUF_INIT;

        if (is_alive_slave(f->t, f->master, i)) {
            gtid_minus(&extra, &executed, &masters);
            gtid_of_uuid(&own, &extra, m->uuid);
            gtid_minus(&errant, &extra, &own);
        }
        gtid_print(&errant, &text);
        if (errant.count > 0)
            findings_add(f->out, FINDING_WARNING, i,
                         "errant transactions that only this host has: %.300s: it is barred from "
                         "promotion; see what they did (mysqlbinlog), then either repeat them on "
                         "the master, or inject empty ones there (SET GTID_NEXT='...'; BEGIN; "
                         "COMMIT)",
                         text.data);
        gtid_release(&own);
        gtid_release(&extra);
        gtid_release(&errant);
        buf_release(&text);
    }
}

static int loses_on_crash(const struct topo_host *h)
{
    return h->fit.known && (h->fit.sync_binlog != 1 || h->fit.flush_log != 1);
}

static void check_durability(const struct preflight_facts *f)
{
    for (int i = 0; i < f->t->hosts; i++) {
        const struct topo_host *h = host_at(f, i);
        int replica = is_alive_slave(f->t, f->master, i);

        if (!is_up(f, i))
            continue;
        if (i == f->master && loses_on_crash(h))
            findings_add(f->out, FINDING_WARNING, i,
                         "sync_binlog=%d, innodb_flush_log_at_trx_commit=%d: a power failure of "
                         "the master loses transactions that clients were told are committed; set "
                         "both to 1",
                         h->fit.sync_binlog, h->fit.flush_log);
        if (!replica || f->gtid || !h->fit.known)
            continue;
        if (h->fit.info_in_file)
            findings_add(f->out, FINDING_WARNING, i,
                         "relay_log_info_repository=FILE: after a crash of this replica its "
                         "position may be wrong; set relay_log_info_repository=TABLE and "
                         "relay_log_recovery=1");
        else if (h->version.family == FAMILY_MYSQL && !h->relay_log_recovery)
            findings_add(f->out, FINDING_WARNING, i,
                         "relay_log_recovery=0: after a crash of this replica its relay log may "
                         "be torn; set relay_log_recovery=1 in its option file");
    }
}

/* Until then a silent master looks alive to the replica's IO thread. */
static void check_net_timeout(const struct preflight_facts *f)
{
    for (int i = 0; i < f->t->hosts; i++) {
        const struct topo_host *h = host_at(f, i);

        if (is_alive_slave(f->t, f->master, i) && h->slave_net_timeout > NET_TIMEOUT_S)
            findings_add(f->out, FINDING_WARNING, i,
                         "slave_net_timeout=%d: a lost connection to the master is noticed after "
                         "so many seconds; SET GLOBAL slave_net_timeout=10, and restart its IO "
                         "thread",
                         h->slave_net_timeout);
    }
}

static void check_semisync(const struct preflight_facts *f)
{
    const struct topo_host *m = host_at(f, f->master);

    if (m->reach != REACH_UP || m->semisync_master != 1 || !m->fit.known)
        return;
    if (m->fit.semisync_on == 0)
        findings_add(f->out, FINDING_WARNING, f->master,
                     "semi-sync is enabled and off (%d replicas acknowledge): commits wait for "
                     "nobody, and a failover may lose them; enable it on a replica and restart its "
                     "IO thread",
                     m->fit.semisync_clients);
    for (int i = 0; i < f->t->hosts; i++)
        if (is_alive_slave(f->t, f->master, i) && host_at(f, i)->semisync_slave != 1 &&
            !host_at(f, i)->no_master)
            findings_add(f->out, FINDING_WARNING, i,
                         "the master is semi-synchronous, this replica does not acknowledge: what "
                         "others acknowledged it may lack; enable rpl_semi_sync_slave "
                         "(rpl_semi_sync_replica), restart its IO thread");
}

static void check_privileges(const struct preflight_facts *f)
{
    for (int i = 0; i < f->t->hosts; i++) {
        const struct topo_fitness *fit = &host_at(f, i)->fit;

        if (is_up(f, i) && *fit->missing)
            findings_add(f->out, FINDING_WARNING, i,
                         "our account lacks privileges: GRANT %s ON *.* TO %s;", fit->missing,
                         *fit->account ? fit->account : "it");
    }
}

static void check_clock(const struct preflight_facts *f)
{
    for (int i = 0; i < f->t->hosts; i++) {
        int64_t ms = host_at(f, i)->fit.clock_ahead_ms;

        if (is_up(f, i) && host_at(f, i)->fit.known && (ms > CLOCK_MS || ms < -CLOCK_MS))
            findings_add(f->out, FINDING_WARNING, i,
                         "its clock is %" PRId64 ".%" PRId64
                         " s %s the manager's: lag and logs mislead; synchronise it (NTP)",
                         (ms < 0 ? -ms : ms) / 1000, (ms < 0 ? -ms : ms) % 1000 / 100,
                         ms < 0 ? "behind" : "ahead of");
    }
}

static void check_disk(const struct preflight_facts *f)
{
    for (int i = 0; i < f->t->hosts; i++) {
        const struct topo_fitness *fit = &host_at(f, i)->fit;

        if (fit->disk_free_mb >= 0 && fit->disk_free_percent < DISK_PERCENT)
            findings_add(f->out, FINDING_WARNING, i,
                         "%" PRId64 " MB (%d %%) are free where its binlogs are: a full disk stops "
                         "writes and replication; purge binary logs, or add space",
                         fit->disk_free_mb, fit->disk_free_percent);
    }
}

static void check_encryption(const struct preflight_facts *f)
{
    for (int i = 0; i < f->t->hosts; i++)
        if (is_up(f, i) && host_at(f, i)->fit.binlog_encrypted)
            findings_add(f->out, FINDING_WARNING, i,
                         "its binlogs are encrypted: from a dead host they cannot be read, so "
                         "what no replica has received is lost then");
}

static void check_room(const struct preflight_facts *f)
{
    for (int i = 0; i < f->t->hosts; i++) {
        const struct topo_host *h = host_at(f, i);

        if (i == f->master || !*h->narrow_text)
            continue;
        if (h->narrow)
            findings_add(f->out, FINDING_WARNING, i,
                         "less AUTO_INCREMENT room than the master, by the last scan: %s; make it "
                         "as wide here before it is promoted",
                         h->narrow_text);
        else
            findings_add(f->out, FINDING_WARNING, i,
                         "what was seen of its AUTO_INCREMENT room is too old to count, %s; see "
                         "why no full scan ended since (scan_interval, scan-failed in the log)",
                         h->narrow_text);
    }
}

/* Why an agent is not there: a host key that has changed is not the same as a closed port. */
static void check_agent_text(const struct preflight_facts *f)
{
    for (int i = 0; i < f->t->hosts; i++) {
        const struct topo_host *h = host_at(f, i);

        if (h->agent != AGENT_UP && *h->fit.agent_text)
            findings_add(f->out, FINDING_INFO, i, "its agent: %s", h->fit.agent_text);
    }
}

typedef void check_fn(const struct preflight_facts *f);

static check_fn *const checks[] = {
    check_ids,        check_errant,     check_durability, check_net_timeout,
    check_semisync,   check_privileges, check_clock,      check_disk,
    check_encryption, check_agent_text, check_room,
};

void preflight_fitness(const struct preflight_facts *f)
{
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
        checks[i](f);
}
