/* The start checks for real; see check.h. */
#include "manager/act/check.h"

#include "common/log.h"
#include "manager/act/check_binlog.h"
#include "manager/act/hooks.h"
#include "manager/act/observe.h"
#include "manager/act/observe_fitness.h"

#include <stdio.h>
#include <string.h>

static void look(struct group *g, struct check *c)
{
    struct observe o = {
        .what = c->rules.skip_ssh_check ? GROUP_SQL : GROUP_SQL | GROUP_AGENTS,
        .master = NO_HOST,
        .grants = 1,
        .deadline_ms = c->deadline_ms,
    };

    group_open(g, GROUP_ALL, o.what, c->deadline_ms);
    c->seen = observe(g, &o);
    observe_fitness(g, c->seen, c->deadline_ms);
}

static void warn_of_configuration(const struct group *g, struct check *c)
{
    const char *text = g->conf->warnings.data;

    while (*text) {
        size_t len = strcspn(text, "\n");

        findings_add(&c->findings, FINDING_WARNING, NO_HOST, "%.*s", (int)len, text);
        text += len + (text[len] == '\n');
    }
}

typedef enum hook_result hook_status_fn(const struct conf *c, const struct hook_call *h,
                                        struct err *e);

static void ask_hook(const struct group *g, struct check *c, int master, const char *key,
                     const char *script, hook_status_fn *status)
{
    struct hook_call call = {.orig = g->host[master].conf};
    struct err e = {0};

    if (!*script)
        findings_add(&c->findings, FINDING_WARNING, master, "%s is not defined", key);
    else if (status(g->conf, &call, &e) != HOOK_OK)
        findings_add(&c->findings, FINDING_ERROR, master, "%s --command=status failed: %s", key,
                     e.text);
}

static void ask_hooks(const struct group *g, struct check *c, int master)
{
    const struct conf_server *s = g->host[master].conf;

    int passwords = strcmp(s->hook_passwords, "none") != 0 && strcmp(s->hook_passwords, "env") != 0;

    if (passwords && (*s->master_ip_failover_script || *s->secondary_check_script))
        findings_add(&c->findings, FINDING_INFO, NO_HOST,
                     "hook scripts get passwords on their command line, where every user of this "
                     "host can read them: set hook_passwords=env or none, if the scripts allow it");
    if (*s->master_ip_failover_script || !*s->writer_vip)
        ask_hook(g, c, master, "master_ip_failover_script", s->master_ip_failover_script,
                 hook_ip_status);
    if (*s->shutdown_script)
        ask_hook(g, c, master, "shutdown_script", s->shutdown_script, hook_shutdown_status);
    if (c->manager && !*s->secondary_check_script)
        findings_add(
            &c->findings, FINDING_WARNING, master,
            "secondary_check_script is not defined: no route but ours and the replicas' is asked");
}

static void ask_binlog_servers(const struct group *g, struct check *c, int master)
{
    const char *file = c->seen->host[master].binlog.file, *dot = strrchr(file, '.');
    char prefix[BINPOS_FILE_BYTES] = "";

    if (dot)
        snprintf(prefix, sizeof(prefix), "%.*s", (int)(dot - file), file);
    if (!c->rules.skip_ssh_check)
        check_binlog_servers(g, prefix, c->deadline_ms, &c->findings);
}

static void log_findings(const struct check *c)
{
    for (int i = 0; i < c->findings.count; i++) {
        const struct finding *f = &c->findings.item[i];
        const char *who = f->host == NO_HOST ? "" : topo_label(c->seen, f->host);
        const char *sep = f->host == NO_HOST ? "" : ": ";

        if (f->level == FINDING_ERROR)
            log_error("check", "%s%s%s", who, sep, f->text);
        else if (f->level == FINDING_WARNING)
            log_warning("check", "%s%s%s", who, sep, f->text);
        else
            log_info("check", "%s%s%s", who, sep, f->text);
    }
}

static int first_error(const struct check *c, struct err *e)
{
    for (int i = 0; i < c->findings.count; i++) {
        const struct finding *f = &c->findings.item[i];

        if (f->level == FINDING_ERROR)
            return err_set(e, ERR_WORLD, "%s%s%s",
                           f->host == NO_HOST ? "" : topo_label(c->seen, f->host),
                           f->host == NO_HOST ? "" : ": ", f->text);
    }
    return c->findings.errors ? err_set(e, ERR_WORLD, "there are more errors than can be listed")
                              : 0;
}

int check_group(struct group *g, struct check *c, struct err *e)
{
    struct verdict v;

    c->findings.count = c->findings.errors = c->findings.warnings = 0;
    look(g, c);
    diagnose(c->seen, &v);
    warn_of_configuration(g, c);
    check_log_group(c->seen, &v);
    preflight(c->seen, &c->rules, &c->findings);
    if (!v.broken)
        ask_hooks(g, c, v.master);
    if (!v.broken)
        ask_binlog_servers(g, c, v.master);
    log_findings(c);
    return first_error(c, e);
}

enum presence { ALIVE, REFUSING, DEAD };

static enum presence presence_of(const struct topo_host *h)
{
    if (h->reach == REACH_UP)
        return ALIVE;
    return h->reach == REACH_DENIED ? REFUSING : DEAD;
}

static void log_servers(const struct topo *t, const char *title, enum presence which)
{
    int any = 0, up = which == ALIVE;

    for (int i = 0; i < t->hosts; i++) {
        if (presence_of(&t->host[i]) != which)
            continue;
        if (!any++)
            log_info(NULL, "%s:", title);
        log_info(NULL, "  %s%s%s", topo_label(t, i), up ? "" : "  ",
                 up ? "" : t->host[i].reach_text);
    }
}

static void log_slaves(const struct topo *t, int master)
{
    log_info(NULL, "Alive Slaves:");
    for (int i = 0; i < t->hosts; i++) {
        const struct topo_host *h = &t->host[i];

        if (!is_alive_slave(t, master, i))
            continue;
        log_info(NULL, "  %s  Version=%s log-bin:%s", topo_label(t, i), h->version_text,
                 h->log_bin ? "enabled" : "disabled");
        log_info(NULL, "    Replicating from %s", topo_label(t, master));
        if (h->candidate_master)
            log_info(NULL, "    Primary candidate for the new Master (candidate_master is set)");
        if (h->no_master)
            log_info(NULL, "    Not candidate for the new Master (no_master is set)");
    }
}

void check_log_group(const struct topo *t, const struct verdict *v)
{
    log_servers(t, "Dead Servers", DEAD);
    log_servers(t, "Servers that refuse us", REFUSING);
    log_servers(t, "Alive Servers", ALIVE);
    if (v->broken)
        return;
    log_info("mode", "GTID failover mode = %d", mode_mha(diagnose_mode(t, v->master)));
    log_slaves(t, v->master);
    if (t->host[v->master].reach == REACH_UP)
        log_info(NULL, "Current Alive Master: %s", topo_label(t, v->master));
}
