/* The tables of steps, and what the steps share; see step.h. */
#include "manager/act/step.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/sql_catchup.h"
#include "manager/act/channel.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

step_fn *step_run(enum step_kind kind)
{
    /* clang-format off */
    switch (kind) {
    case STEP_LOCK:          return step_lock;
    case STEP_START_SQL:     return step_start_sql;
    case STEP_STOP_IO:       return step_stop_io;
    case STEP_HOOK_IP_STOP:  return step_hook_ip_stop;
    case STEP_HOOK_SHUTDOWN: return step_hook_shutdown;
    case STEP_FENCE_AGENT:   return step_fence_agent;
    case STEP_PROOF:         return step_proof;
    case STEP_WAIT_APPLIED:  return step_wait_applied;
    case STEP_WAIT_BASE:     return step_wait_base;
    case STEP_FOLLOW_BASE:   return step_follow_base;
    case STEP_RESCUE:        return step_rescue;
    case STEP_READ_POSITION: return step_read_position;
    case STEP_NO_RETURN:     return step_no_return;
    case STEP_HOOK_IP_START: return step_hook_ip_start;
    case STEP_OPEN:          return step_open;
    case STEP_VIP_ADD:       return step_vip_add;
    case STEP_VIP_DEL:       return step_vip_del;
    case STEP_VIP_ANNOUNCE:  return step_vip_announce;
    case STEP_END_CATCHUP:   return step_rescue_back;
    case STEP_FORGET_MASTER: return step_forget_master;
    case STEP_FOLLOW:        return step_follow;
    case STEP_WAIT_LEVEL:    return step_wait_level;
    case STEP_LEAVE:         return step_leave;
    case STEP_UNGUARD:       return step_unguard;
    case STEP_UNLOCK:        return step_unlock;
    case STEP_LOCK_MONITOR:  return step_lock_monitor;
    case STEP_FLUSH_TABLES:  return step_flush_tables;
    case STEP_SEMISYNC_OFF:  return step_semisync_off;
    case STEP_WAIT_NEAR:     return step_wait_near;
    case STEP_HOOK_CHANGE_STOP: return step_hook_change_stop;
    case STEP_FREEZE:        return step_freeze;
    case STEP_LOCK_TABLES:   return step_lock_tables;
    case STEP_READ_FINAL:    return step_read_final;
    case STEP_WAIT_FINAL:    return step_wait_final;
    case STEP_HOOK_CHANGE_START: return step_hook_change_start;
    case STEP_END_CLIENTS:   return step_end_clients;
    case STEP_UNLOCK_TABLES: return step_unlock_tables;
    case STEP_DEMOTE:        return step_demote;
    case STEP_SEMISYNC_ON:   return step_semisync_on;
    case STEP_UNLOCK_MONITOR: return step_unlock;
    case STEP_KIND_COUNT:    break;
    }
    /* clang-format on */
    return step_rescue;
}

/* Only what has an exact inverse. What stands behind the point of no return has none by meaning. */
step_fn *step_undo(enum step_kind kind)
{
    /* clang-format off */
    switch (kind) {
    case STEP_LOCK:          return step_unlock;
    case STEP_START_SQL:     return step_stop_sql;
    case STEP_STOP_IO:       return step_start_io;
    case STEP_HOOK_IP_STOP:  return step_hook_ip_back;
    case STEP_FENCE_AGENT:   return step_give_back;
    case STEP_FOLLOW_BASE:   return step_follow_previous;
    case STEP_RESCUE:        return step_rescue_back;
    case STEP_LOCK_MONITOR:  return step_unlock;
    case STEP_SEMISYNC_OFF:  return step_semisync_on;
    case STEP_HOOK_CHANGE_STOP: return step_hook_change_back;
    case STEP_FREEZE:        return step_thaw;
    case STEP_LOCK_TABLES:   return step_unlock_tables;
    case STEP_HOOK_CHANGE_START: return step_hook_change_close;
    case STEP_FLUSH_TABLES:
    case STEP_WAIT_NEAR:
    case STEP_READ_FINAL:
    case STEP_WAIT_FINAL:
    case STEP_END_CLIENTS:
    case STEP_UNLOCK_TABLES:
    case STEP_DEMOTE:
    case STEP_SEMISYNC_ON:
    case STEP_UNLOCK_MONITOR:
    case STEP_HOOK_SHUTDOWN:
    case STEP_PROOF:
    case STEP_WAIT_APPLIED:
    case STEP_WAIT_BASE:
    case STEP_READ_POSITION:
    case STEP_NO_RETURN:
    case STEP_HOOK_IP_START:
    case STEP_OPEN:
    case STEP_VIP_ADD:
    case STEP_VIP_DEL:
    case STEP_VIP_ANNOUNCE:
    case STEP_END_CATCHUP:
    case STEP_FORGET_MASTER:
    case STEP_FOLLOW:
    case STEP_WAIT_LEVEL:
    case STEP_LEAVE:
    case STEP_UNGUARD:
    case STEP_UNLOCK:
    case STEP_KIND_COUNT:    break;
    }
    /* clang-format on */
    return NULL;
}

static void before_repl(const struct topo_host *h, struct buf *out)
{
    static const char *const threads[] = {"no", "yes", "connecting"};
    static const char *const follows[] = {"position", "auto_position", "slave_pos", "current_pos"};
    char read[BINPOS_FILE_BYTES + 24], exec[BINPOS_FILE_BYTES + 24];
    const struct topo_repl *r = &h->repl;
    buf_addf(out, "master=%s:%d user=%s follow=%s io=%s sql=%s read=%s exec=%s", r->master_host,
             r->master_port, r->user, follows[r->follow], threads[r->io], threads[r->sql],
             binpos_print(&r->read, read, sizeof read), binpos_print(&r->exec, exec, sizeof exec));
}

void step_before(const struct topo *t, const struct step *s, struct buf *out)
{
    const struct topo_host *h = &t->host[s->host];
    switch ((int)s->kind) {
    case STEP_START_SQL:
    case STEP_STOP_IO:
    case STEP_FOLLOW_BASE:
    case STEP_END_CATCHUP:
    case STEP_FORGET_MASTER:
    case STEP_FOLLOW:
        before_repl(h, out);
        break;
    case STEP_FREEZE:
    case STEP_HOOK_CHANGE_START:
    case STEP_OPEN:
        buf_addf(out, "read_only=%d super_read_only=%d", h->read_only, h->super_read_only);
        break;
    case STEP_FENCE_AGENT:
        buf_addf(out, "life=%d", (int)h->life);
        break;
    case STEP_SEMISYNC_OFF:
        buf_addf(out, "semisync_master=%d", h->semisync_master);
        break;
    case STEP_VIP_ADD:
    case STEP_VIP_DEL:
        buf_addf(out, "vip=%d", h->vip);
        break;
    default:
        break;
    }
}

struct sql *step_sql(struct exec *x, int host, struct err *e)
{
    struct group_host *h = &x->g->host[host];
    if (h->sql.db)
        return &h->sql;
    if (h->sql_err.code != ERR_NONE)
        *e = h->sql_err;
    else
        err_set(e, ERR_CONNECT, "no session to %s", topo_label(x->t, host));
    return NULL;
}

/* One that was lost a moment ago, with the master perhaps, is opened again, once; one that could
 * not be opened is not waited for a second time. */
static void agent_again(struct exec *x, int host)
{
    struct group_host *h = &x->g->host[host];
    struct agent *fresh = NULL;
    struct err e = {0};
    if (!group_agent_lost(h) || x->host[host].ended)
        return;
    x->host[host].ended = h->agent;
    group_open_agent(h, &fresh, clock_mono_ms() + STEP_SQL_MS, &e);
    group_note_agent(h, fresh, &e);
    if (fresh)
        log_info("agent-back", "the agent on %s is back", topo_label(x->t, host));
}

struct agent *step_agent(struct exec *x, int host, struct err *e)
{
    struct group_host *h = &x->g->host[host];
    pthread_mutex_lock(&x->host[host].opening);
    agent_again(x, host);
    pthread_mutex_unlock(&x->host[host].opening);
    if (h->agent)
        return h->agent;
    *e = h->agent_err;
    return NULL;
}

int step_channel(struct exec *x, int host, struct sql_channel *out, struct err *e)
{
    memset(out, 0, sizeof *out);
    struct sql *s = step_sql(x, host, e);
    if (!s)
        return -1;
    struct sql_channels *all = mem_zalloc(sizeof *all);
    int rc = sql_read_channels(s, all, clock_mono_ms() + STEP_SQL_MS, e);
    const char *name = topo_channel(x->before, host);
    const struct sql_channel *c = NULL;
    if (rc == 0)
        c = x->before->host[host].channels ? channel_named(all, name)
                                           : channel_of_group(x->g, all, NULL);
    if (c) {
        *out = *c;
        memset(&out->retrieved, 0, sizeof out->retrieved);
        gtid_copy(&out->retrieved, &c->retrieved);
        name = out->name;
    }
    snprintf(x->host[host].channel, sizeof x->host[host].channel, "%.*s", TOPO_NAME - 1, name);
    sql_channels_release(all);
    free(all);
    return rc;
}

int step_is_master(const struct exec *x, const struct sql_channel *c, int host)
{
    const struct conf_server *s = x->g->host[host].conf;
    return c->master_port == s->port &&
           (strcmp(c->master_host, s->hostname) == 0 || strcmp(c->master_host, s->ip) == 0);
}

int step_follows(const struct exec *x, const struct sql_channel *c, int host, int master)
{
    return step_is_master(x, c, master) || (strcmp(c->master_host, SQL_CATCHUP_HOST) == 0 &&
                                            x->before->host[host].repl.master == master);
}

static int is_address(const char *host)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

const char *step_master_name(const struct exec *x, int host)
{
    const struct conf_server *s = x->g->host[host].conf;
    for (int i = 0; i < x->before->hosts; i++)
        if (is_address(x->before->host[i].repl.master_host))
            return s->ip;
    return s->hostname;
}

void step_say(struct exec_done *d, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(d->text, sizeof d->text, fmt, ap);
    va_end(ap);
}
