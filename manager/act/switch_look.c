/* What an online switch looks at: the group, and what runs on the servers whose writes stop and
 * begin. */
#include "common/clock.h"
#include "common/log.h"
#include "common/sql_freeze.h"
#include "manager/act/observe.h"
#include "manager/act/switch_run.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LOOK_MS 2000

static void put_busy(struct topo_busy *b, int64_t s, const char *text)
{
    b->count++;
    if (b->count > 1 && s <= b->longest_s)
        return;
    b->longest_s = s;
    snprintf(b->text, sizeof b->text, "%.*s", TOPO_TEXT - 1, text);
}

static int begins_with(const char *text, const char *const *words)
{
    while (isspace((unsigned char)*text) || *text == '(')
        text++;
    for (; *words; words++)
        if (strncasecmp(text, *words, strlen(*words)) == 0)
            return 1;
    return 0;
}

/* MHA's exceptions: replicas, the server's own threads, and who does nothing. */
static int counts(const struct sql *s, const struct sql_session *c)
{
    return c->id != db_connection_id(s->db) && strncmp(c->command, "Binlog Dump", 11) != 0 &&
           strcmp(c->user, "system user") != 0 && strcmp(c->user, "event_scheduler") != 0 &&
           strcmp(c->command, "Sleep") != 0 && strcmp(c->command, "Connect") != 0 &&
           strcmp(c->command, "Daemon") != 0;
}

static void say_session(const struct sql_session *c, char *out, size_t size)
{
    snprintf(out, size, "session %llu (%.40s@%.60s), %.20s: %.100s", (unsigned long long)c->id,
             c->user, c->host, c->command, c->info);
}

/* One session's statement under every heading that it comes under. */
static void judge_session(const struct sql_session *c, struct topo_host *h)
{
    static const char *const reads[] = {"SELECT", "SHOW", NULL};
    static const char *const ddl[] = {"ALTER",  "CREATE",   "DROP",   "TRUNCATE",
                                      "RENAME", "OPTIMIZE", "REPAIR", NULL};
    char text[TOPO_TEXT];
    say_session(c, text, sizeof text);
    put_busy(&h->busy[BUSY_QUERY], c->time_s, text);
    if (!begins_with(c->info, reads))
        put_busy(&h->busy[BUSY_UPDATE], c->time_s, text);
    if (begins_with(c->info, ddl))
        put_busy(&h->busy[BUSY_DDL], c->time_s, text);
    if (strcmp(c->state, "Waiting for global read lock") == 0 ||
        strcmp(c->state, "Waiting for backup lock") == 0)
        put_busy(&h->busy[BUSY_BACKUP], c->time_s, "somebody holds a global lock");
}

static const struct sql_session *session_of(const struct sql_sessions *l, uint64_t id)
{
    for (size_t i = 0; i < l->count; i++)
        if (l->item[i].id == id)
            return &l->item[i];
    return NULL;
}

static int see_transactions(struct sql *s, const struct sql_sessions *l, struct topo_host *h,
                            int64_t deadline_ms, struct err *e)
{
    struct sql_trxs t;
    if (sql_read_trxs(s, &t, deadline_ms, e) < 0)
        return -1;
    for (size_t i = 0; i < t.count; i++) {
        const struct sql_session *c = session_of(l, t.item[i].session);
        char text[TOPO_TEXT], who[TOPO_TEXT] = "no session";
        /* Replication's own are waited for by other means. */
        if (!c || strcmp(c->user, "system user") == 0)
            continue;
        say_session(c, who, sizeof who);
        snprintf(text, sizeof text, "%.200s, %lld row(s) changed", who, (long long)t.item[i].rows);
        put_busy(&h->busy[BUSY_TRX], t.item[i].age_s, text);
    }
    sql_trxs_release(&t);
    return 0;
}

static int see_locks(struct sql *s, struct topo_host *h, int64_t deadline_ms, struct err *e)
{
    char text[TOPO_TEXT];
    int n;
    if (sql_read_xa(s, &n, text, sizeof text, deadline_ms, e) < 0)
        return -1;
    for (int i = 0; i < n; i++)
        put_busy(&h->busy[BUSY_XA], 0, text);
    if (sql_read_backup(s, &n, text, sizeof text, deadline_ms, e) < 0)
        return -1;
    if (n)
        put_busy(&h->busy[BUSY_BACKUP], 0, text);
    return 0;
}

static int see_busy(struct group *g, struct topo *t, int host, struct err *e)
{
    int64_t deadline_ms = clock_mono_ms() + LOOK_MS;
    struct sql *s = &g->host[host].sql;
    struct topo_host *h = &t->host[host];
    struct sql_sessions l;
    memset(h->busy, 0, sizeof h->busy);
    if (sql_read_sessions(s, &l, deadline_ms, e) < 0)
        return -1;
    for (size_t i = 0; i < l.count; i++)
        if (counts(s, &l.item[i]))
            judge_session(&l.item[i], h);
    int rc = see_transactions(s, &l, h, deadline_ms, e);
    if (rc == 0)
        rc = see_locks(s, h, deadline_ms, e);
    sql_sessions_release(&l);
    return rc < 0 ? err_wrap(e, "%s", topo_label(t, host)) : 0;
}

/* Every server that answers: which of them becomes the master is decided later. */
static int see_all_busy(struct switch_run *r, struct err *e)
{
    for (int i = 0; i < r->g->hosts; i++)
        if (r->seen->host[i].reach == REACH_UP && see_busy(r->g, r->seen, i, e) < 0)
            return -1;
    return 0;
}

static void apply_call(const struct switch_run *r, struct topo *t)
{
    const struct switch_call *c = r->call;
    t->planned = 1;
    t->orig_master_is_new_slave = c->orig_master_is_new_slave;
    t->skip_lock_all_tables = c->skip_lock_all_tables;
    t->flush_tables = c->flush_tables != 0;
    t->running_updates_limit = c->running_updates_limit;
    t->running_seconds_limit = c->running_seconds_limit;
    t->seconds_behind_master = c->seconds_behind_master;
    if (c->new_master_host)
        t->forced = topo_find(t, c->new_master_host, c->new_master_port);
}

int switch_look(struct switch_run *r, struct err *e)
{
    const struct conf_server *first = r->g->host[0].conf;
    unsigned what = GROUP_SQL | (*first->writer_vip ? (unsigned)GROUP_AGENTS : 0);
    int64_t ms = LOOK_MS + first->ssh_connection_timeout * INT64_C(1000);
    group_open(r->g, group_mask(r->g), what, clock_mono_ms() + ms);
    r->seen = observe(r->g, &(struct observe){.what = what,
                                              .master = NO_HOST,
                                              .grants = 1,
                                              .deadline_ms = clock_mono_ms() + LOOK_MS});
    apply_call(r, r->seen);
    if (r->call->new_master_host && r->seen->forced == NO_HOST)
        return err_set(e, ERR_CONFIG, "--new_master_host: %s:%d is not in the configuration",
                       r->call->new_master_host, r->call->new_master_port);
    return see_all_busy(r, e);
}

int switch_look_again(struct switch_run *r, struct err *e)
{
    int old = r->s->plan.dead, next = r->s->plan.new_master;
    if (see_busy(r->g, r->seen, old, e) < 0 || see_busy(r->g, r->seen, next, e) < 0)
        return -1;
    struct switchover *again = mem_zalloc(sizeof *again);
    int rc = switchover_decide(r->seen, again, e);
    free(again);
    return rc;
}
