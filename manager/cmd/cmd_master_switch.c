/* masterha_master_switch: a failover by hand, of a master that is dead. The switch
 * of a living one is in switch_alive.c. */
#include "manager/cmd/cmd.h"

#include "common/conf.h"
#include "common/file.h"
#include "common/log.h"
#include "manager/act/operation.h"
#include "manager/cmd/stop_signal.h"
#include "manager/cmd/switch_alive.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct options {
    struct operation op;
    const char *conf, *global_conf, *workdir, *log;
    const char *state, *dead_host, *dead_ip;
    int dead_port, interactive, ssh_reachable, debug, help, version;
};

/* Where the log of a run without questions goes; with questions it stays on the terminal. */
static int set_log(const struct options *o, const struct conf *c, struct err *e)
{
    enum log_level level = LOG_LEVEL_INFO;
    const char *path = o->log ? o->log : c->server[0].manager_log;
    if (o->debug)
        level = LOG_LEVEL_DEBUG;
    else if (log_level_parse(c->server[0].log_level, &level, e) < 0)
        return -1;
    return log_setup(!o->interactive && path && *path ? path : NULL, level, c->app, 0, e);
}

/* The named server must be one of the file: MHA compares host, address and port. */
static int find_dead(const struct options *o, const struct conf *c, struct err *e)
{
    int host = conf_find(c, o->dead_host, o->dead_port);
    if (host < 0 && o->dead_ip)
        host = conf_find(c, o->dead_ip, o->dead_port);
    if (host < 0)
        return err_set(e, ERR_CONFIG, "%s:%d is not a server of %s", o->dead_host, o->dead_port,
                       c->file);
    if (o->dead_ip && strcmp(o->dead_ip, c->server[host].ip) != 0)
        return err_set(e, ERR_CONFIG, "--dead_master_ip=%s, but %s has the address %s in %s",
                       o->dead_ip, o->dead_host, c->server[host].ip, c->file);
    return host;
}

static void say_defaults(const struct options *o, const struct conf *c, int host)
{
    if (!o->dead_ip)
        printf("--dead_master_ip=<dead_master_ip> is not set. Using %s.\n", c->server[host].ip);
    if (o->dead_port == 3306)
        printf("--dead_master_port=%d.\n", o->dead_port);
    fflush(stdout);
}

/* An operation whose manager ended comes first; was it about another master, ours is not begun. */
static int resume_or_fail_over(struct group *g, struct operation *op, struct err *e)
{
    struct operation_resumed was;
    enum resumed r = operation_resume(g, op, &was, e);
    if (r == RESUMED_NOTHING || r == RESUMED_BACK)
        return operation_failover(g, op, NULL, e);
    if (r != RESUMED_FAILOVER)
        return -1; /* whoever called says why */
    if (was.dead == op->dead || was.code == 1)
        return was.code;
    err_set(e, ERR_WORLD,
            "an interrupted failover of %s was brought to its end first; look, and call again",
            g->host[was.dead].conf->hostname);
    return 1;
}

static int fail_over(struct options *o, struct conf *c, enum fence_policy fallback, struct err *e)
{
    int host = find_dead(o, c, e);
    if (host < 0 || set_log(o, c, e) < 0)
        return -1;
    say_defaults(o, c, host);
    o->op.dead = host;
    o->op.stop = &stop_signal;
    /* Up to the point of no return a signal takes back what was done; behind it it is too late. At
     * a question the interrupted read is a no. */
    stop_signal_catch();
    o->op.interactive = o->interactive;
    o->op.workdir = o->workdir ? o->workdir : c->server[0].manager_workdir;
    o->op.ssh_reachable = o->ssh_reachable == 2 ? -1 : o->ssh_reachable;
    /* The known host keys are in the configured one. */
    if (file_mkdirs(o->op.workdir, 0755, e) < 0 ||
        file_mkdirs(c->server[0].manager_workdir, 0755, e) < 0)
        return err_wrap(e, "manager_workdir");
    struct group *g = mem_zalloc(sizeof *g);
    group_init(g, c, fallback);
    int code = resume_or_fail_over(g, &o->op, e);
    group_release(g);
    free(g);
    return code;
}

static int switch_dead(struct options *o, enum fence_policy fallback)
{
    struct conf *c = NULL;
    struct err e = {0};
    if (!o->dead_host) {
        fprintf(stderr, "--dead_master_host=<dead_master_hostname> must be set.\n");
        return 1;
    }
    if (conf_load(&c, o->conf, o->global_conf, 0, &e) < 0) {
        fprintf(stderr, "%s\n", e.text);
        return 1;
    }
    /* Its own group, so that a hook or a terminal that ends takes nobody along. */
    if (!o->interactive)
        (void)setpgid(0, 0);
    int code = db_library_init(&e) < 0 ? -1 : fail_over(o, c, fallback, &e);
    if (code < 0) {
        fprintf(stderr, "%s\n", e.text);
        conf_free(&c);
        code = 1;
    }
    db_library_end();
    return code;
}

/* clang-format off */
static int run(const struct cmd *self, int as_mha, int argc, char **argv)
{
    struct options o = {.op = {.command = as_mha ? "masterha_master_switch" : "kagemusha switch",
                               .new_master_port = 3306, .last_failover_minute = 480,
                               .wait_until_gtid_in_sync = 1},
                        .dead_port = 3306, .interactive = 1, .ssh_reachable = 2};
    struct operation *p = &o.op;
    const struct args_option table[] = {
        {"conf",                    ARGS_TEXT, &o.conf,          "FILE", "configuration of the group (required)"},
        {"global_conf",             ARGS_TEXT, &o.global_conf,   "FILE", "global defaults"},
        {"master_state",            ARGS_TEXT, &o.state,         "dead|alive", "what the master is (required)"},
        {"dead_master_host",        ARGS_TEXT, &o.dead_host,     "HOST", "the dead master (required)"},
        {"dead_master_ip",          ARGS_TEXT, &o.dead_ip,       "IP",   "its address; default: as configured"},
        {"dead_master_port",        ARGS_INT,  &o.dead_port,     "PORT", "its port; default 3306"},
        {"new_master_host",         ARGS_TEXT, &p->new_master_host, "HOST", "promote this one"},
        {"new_master_port",         ARGS_INT,  &p->new_master_port, "PORT", "its port; default 3306"},
        {"interactive",             ARGS_INT,  &o.interactive,   "0|1",  "ask before acting; default 1"},
        {"ssh_reachable",           ARGS_INT,  &o.ssh_reachable, "0|1|2", "does the dead host answer SSH; default 2: probe"},
        {"workdir|manager_workdir", ARGS_TEXT, &o.workdir,       "DIR",  "instead of manager_workdir"},
        {"manager_log|log_output",  ARGS_TEXT, &o.log,           "FILE", "instead of manager_log"},
        {"last_failover_minute",    ARGS_INT,  &p->last_failover_minute, "N", "minutes between two failovers; default 480"},
        {"ignore_last_failover",    ARGS_FLAG, &p->ignore_last_failover, NULL, "forget earlier failovers"},
        {"wait_on_failover_error",  ARGS_INT,  &p->wait_on_failover_error, "N", "seconds to stay after an error"},
        {"remove_dead_master_conf|remove_orig_master_conf", ARGS_FLAG, &p->remove_dead_master_conf, NULL,
         "on exit code 0 take the dead master out of the file"},
        {"skip_change_master",      ARGS_FLAG, &p->skip_change_master, NULL, "position mode: do not repoint"},
        {"skip_disable_read_only",  ARGS_FLAG, &p->skip_disable_read_only, NULL, "leave read_only on the new master"},
        {"skip_save_master_binlog", ARGS_FLAG, &p->skip_save_master_binlog, NULL, "do not read the dead master's binlog"},
        {"allow_data_loss",         ARGS_FLAG, &p->allow_data_loss, NULL, "promote although acknowledged rows may be lost"},
        {"wait_until_gtid_in_sync", ARGS_INT,  &p->wait_until_gtid_in_sync, "0|1", "wait for each replica; default 1"},
        {"ignore_binlog_server_error", ARGS_FLAG, &p->ignore_binlog_server_error, NULL, "go on without binlog servers"},
        {"debug",                   ARGS_FLAG, &o.debug,         NULL,   "log more"},
        {"help",                    ARGS_FLAG, &o.help,          NULL,   "this text"},
        {"version",                 ARGS_FLAG, &o.version,       NULL,   "the version"},
        {NULL,                      ARGS_FLAG, NULL,             NULL,   NULL},
    };
    /* clang-format on */
    if (switch_alive_is_meant(argc, argv)) {
        stop_signal_catch();
        return switch_alive(p->command, argc, argv, &stop_signal);
    }
    if (cmd_args(as_mha, &argc, argv, table) < 0)
        return 1;
    if (cmd_answered(self, as_mha, o.help, o.version, table)) {
        if (o.help)
            switch_alive_help();
        return 0;
    }
    if (!o.conf) {
        fprintf(stderr, "--conf=<server config file> must be set.\n");
        return 1;
    }
    if (!o.state || strcmp(o.state, "dead") != 0) {
        fprintf(stderr, "--master_state=<dead|alive> must be set.\n");
        return 1;
    }
    return switch_dead(&o, as_mha ? FENCE_MHA : FENCE_PROOF);
}

const struct cmd cmd_master_switch = {
    .verb = "switch",
    .mha = "masterha_master_switch",
    .brief = "Replaces a master by hand, dead or alive",
    .run = run,
};
