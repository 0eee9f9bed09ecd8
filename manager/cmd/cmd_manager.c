/* masterha_manager: watches the master of one group, and replaces it when it is dead. `kagemusha
 * manage` is the same with safer defaults: it demands a proof of the fence, and goes on with the
 * new master. */
#include "manager/cmd/cmd.h"

#include "common/clock.h"
#include "common/db.h"
#include "common/file.h"
#include "common/log.h"
#include "manager/act/monitor.h"
#include "manager/act/operation.h"
#include "manager/act/status.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

struct options {
    const char *conf, *global_conf, *workdir, *log, *fence, *new_master_host;
    int wait_on_monitor_error, ignore_fail_on_start, skip_ssh_check, interactive;
    int last_failover_minute, ignore_last_failover, wait_on_failover_error;
    int remove_dead_master_conf, skip_change_master, skip_disable_read_only;
    int skip_save_master_binlog, wait_until_gtid_in_sync, ignore_binlog_server_error;
    int new_master_port, keep_running, json, debug, help, version;
};

#define ROWS 32

static volatile int stop_signal;

static void on_signal(int sig)
{
    stop_signal = sig;
}

static void fill_table(struct options *o, struct args_option t[ROWS])
{
    /* clang-format off */
    const struct args_option rows[] = {
        {"conf", ARGS_TEXT, &o->conf, "FILE", "configuration file of the application; required"},
        {"global_conf", ARGS_TEXT, &o->global_conf, "FILE", "global configuration file"},
        {"manager_workdir|workdir", ARGS_TEXT, &o->workdir, "DIR", "status and flag files"},
        {"manager_log|log_output", ARGS_TEXT, &o->log, "FILE", "log file"},
        {"wait_on_monitor_error", ARGS_INT, &o->wait_on_monitor_error, "SECONDS",
         "stay so long in state CONFIG_ERROR"},
        {"ignore_fail_on_start", ARGS_FLAG, &o->ignore_fail_on_start, NULL,
         "start although replicas with ignore_fail=1 are down"},
        {"skip_ssh_check|skip_check_ssh", ARGS_FLAG, &o->skip_ssh_check, NULL,
         "do not test SSH at the start"},
        {"interactive", ARGS_INT, &o->interactive, "0|1", "1: no process group of its own"},
        {"last_failover_minute", ARGS_INT, &o->last_failover_minute, "MINUTES",
         "no failover within so long after the last one"},
        {"ignore_last_failover", ARGS_FLAG, &o->ignore_last_failover, NULL,
         "remove the flag files of earlier failovers"},
        {"wait_on_failover_error", ARGS_INT, &o->wait_on_failover_error, "SECONDS",
         "stay so long in state FAILOVER_ERROR"},
        {"remove_dead_master_conf|remove_orig_master_conf", ARGS_FLAG, &o->remove_dead_master_conf,
         NULL, "delete the dead master's section after a failover"},
        {"skip_change_master", ARGS_FLAG, &o->skip_change_master, NULL, "do not repoint replicas"},
        {"skip_disable_read_only", ARGS_FLAG, &o->skip_disable_read_only, NULL,
         "leave read_only on the new master"},
        {"skip_save_master_binlog", ARGS_FLAG, &o->skip_save_master_binlog, NULL,
         "do not read the dead master's binary logs"},
        {"wait_until_gtid_in_sync", ARGS_INT, &o->wait_until_gtid_in_sync, "0|1",
         "wait for each replica to have what the new master had"},
        {"ignore_binlog_server_error", ARGS_FLAG, &o->ignore_binlog_server_error, NULL,
         "go on if all binlog servers fail"},
        {"new_master_host", ARGS_TEXT, &o->new_master_host, "HOST", "the new master to be"},
        {"new_master_port", ARGS_INT, &o->new_master_port, "PORT", "its port"},
        {"keep_running", ARGS_FLAG, &o->keep_running, NULL, "watch the new master afterwards"},
        {"fence_required", ARGS_TEXT, &o->fence, "proof|mha",
         "what must be known of the old master's end"},
        {"log_json", ARGS_FLAG, &o->json, NULL, "log lines as JSON"},
        {"debug", ARGS_FLAG, &o->debug, NULL, "log everything"},
        {"help", ARGS_FLAG, &o->help, NULL, "this text"},
        {"version", ARGS_FLAG, &o->version, NULL, "the version"},
        {NULL, ARGS_FLAG, NULL, NULL, NULL},
    };
    /* clang-format on */

    memcpy(t, rows, sizeof(rows));
}

static void defaults(struct options *o, int as_mha)
{
    memset(o, 0, sizeof(*o));
    o->last_failover_minute = 480;
    o->wait_until_gtid_in_sync = 1;
    o->new_master_port = 3306;
    o->keep_running = !as_mha;
}

/* HUP ends the manager too, as MHA's does. */
static void catch_signals(void)
{
    static const int ending[] = {SIGINT, SIGHUP, SIGQUIT, SIGTERM};
    struct sigaction a;

    memset(&a, 0, sizeof(a));
    a.sa_handler = on_signal;
    for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++)
        sigaction(ending[i], &a, NULL);
    a.sa_handler = SIG_DFL;
    sigaction(SIGCHLD, &a, NULL);
    a.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &a, NULL);
}

static int setup_log(const struct options *o, const struct conf *c, struct err *e)
{
    const char *path = o->log ? o->log : c->server[0].manager_log;
    enum log_level level = LOG_LEVEL_INFO;

    if (!o->debug && log_level_parse(c->server[0].log_level, &level, e) < 0)
        return -1;
    return log_setup(path && *path ? path : NULL, o->debug ? LOG_LEVEL_DEBUG : level,
                     o->json ? c->app : NULL, o->json, e);
}

/* Configuration, log, work directory. */
static int set_up(const struct options *o, int as_mha, struct group *g, struct err *e)
{
    struct conf *c;
    size_t i;

    if (conf_load(&c, o->conf, o->global_conf, 0, e) < 0)
        return -1;
    for (i = 0; o->workdir && i < c->servers; i++)
        c->server[i].manager_workdir = o->workdir;
    group_init(g, c, as_mha ? FENCE_MHA : FENCE_PROOF);
    if (o->fence)
        g->fence = strcasecmp(o->fence, "mha") == 0 ? FENCE_MHA : FENCE_PROOF;
    if (file_mkdirs(c->server[0].manager_workdir, 0755, e) < 0)
        return -1;
    return setup_log(o, c, e);
}

static int failover(const struct options *o, struct group *g, const char *workdir, int dead,
                    int64_t seen_ms)
{
    struct operation op = {
        .command = "masterha_manager",
        .automatic = 1,
        .interactive = o->interactive,
        .workdir = workdir,
        .dead = dead,
        .ssh_reachable = g->host[dead].agent ? g->host[dead].ssh_ok : -1,
        .new_master_host = o->new_master_host,
        .new_master_port = o->new_master_port,
        .last_failover_minute = o->last_failover_minute,
        .ignore_last_failover = o->ignore_last_failover,
        .remove_dead_master_conf = o->remove_dead_master_conf,
        .skip_change_master = o->skip_change_master,
        .skip_disable_read_only = o->skip_disable_read_only,
        .skip_save_master_binlog = o->skip_save_master_binlog,
        .wait_until_gtid_in_sync = o->wait_until_gtid_in_sync,
        .ignore_binlog_server_error = o->ignore_binlog_server_error,
        .wait_on_failover_error = o->wait_on_failover_error,
        .death_seen_ms = seen_ms,
    };
    int new_master = NO_HOST, rc;
    struct err e = {0};

    rc = operation_failover(g, &op, &new_master, &e);
    if (rc != 0 && rc != 10)
        log_error("failover-failed", "%s", e.text);
    return rc;
}

/* Watch, replace, and perhaps once more. A proved fence lets the next failover come soon (decision
 * 14). */
static int manage(struct options *o, int as_mha, struct group *g)
{
    const char *workdir = g->conf->server[0].manager_workdir;
    struct monitor m = {
        .workdir = workdir,
        .interactive = o->interactive,
        .skip_ssh_check = o->skip_ssh_check,
        .ignore_fail_on_start = o->ignore_fail_on_start,
        .wait_on_monitor_error = o->wait_on_monitor_error,
        .stop = &stop_signal,
    };
    struct monitor_death death = {.host = NO_HOST};
    enum monitor_end end;
    int rc = 1;
    struct err e = {0};

    do {
        end = monitor_run(g, &m, &death, &e);
        if (end == MONITOR_ERROR)
            log_error("monitor-error", "%s", e.text);
        if (end != MONITOR_DEAD_MASTER)
            return 1;
        rc = failover(o, g, workdir, death.host, death.seen_ms);
        g->host[death.host].retired = rc == 0 || rc == 10;
        status_remove(workdir, g->conf->app);
        if (!as_mha && rc == 0 && g->fence == FENCE_PROOF)
            o->last_failover_minute = 0;
    } while (o->keep_running && (rc == 0 || rc == 10) && !stop_signal);
    return rc;
}

/* What still hangs in a connection or a script is left to the end of the process. */
static void release(struct group *g)
{
    if (monitor_busy(g))
        return;
    group_release(g);
    db_library_end();
}

static int run_group(struct options *o, int as_mha)
{
    struct group *g = mem_zalloc(sizeof(*g));
    struct err e = {0};
    int rc = 1;

    if (set_up(o, as_mha, g, &e) < 0 || db_library_init(&e) < 0) {
        log_error("config-error", "%s", e.text);
        group_release(g);
        free(g);
        return 1;
    }
    sd_notify(0, "READY=1");
    rc = manage(o, as_mha, g);
    sd_notify(0, "STOPPING=1");
    if (stop_signal)
        log_info("stopped", "Got terminate signal %d. Exit.", stop_signal);
    release(g);
    if (!g->conf)
        free(g);
    return stop_signal ? 1 : rc;
}

static int run(const struct cmd *self, int as_mha, int argc, char **argv)
{
    struct args_option table[ROWS];
    struct options o;

    defaults(&o, as_mha);
    fill_table(&o, table);
    if (cmd_args(as_mha, &argc, argv, table) < 0)
        return 1;
    if (cmd_answered(self, as_mha, o.help, o.version, table))
        return 0;
    if (!o.conf) {
        fprintf(stderr, "--conf=<server_config_file> must be set.\n");
        return 1;
    }
    if (o.fence && strcasecmp(o.fence, "proof") != 0 && strcasecmp(o.fence, "mha") != 0) {
        fprintf(stderr, "--fence_required takes proof or mha\n");
        return 1;
    }
    if (!o.interactive)
        setpgid(0, 0);
    catch_signals();
    return run_group(&o, as_mha);
}

const struct cmd cmd_manager = {
    .verb = "manage",
    .mha = "masterha_manager",
    .brief = "Watches the master of a group and replaces it when it is dead",
    .run = run,
};
