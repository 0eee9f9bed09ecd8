/* masterha_manager: watches the master of one group, and replaces it when it is dead. `kagemusha
 * manage` is the same as a service, with safer defaults: it demands a proof of the fence, goes on
 * with the new master, and serves several groups. */
#include "manager/cmd/cmd.h"

#include "manager/act/service.h"
#include "manager/cmd/scan_schedule.h"

#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

struct options {
    struct args_list confs;
    const char *metrics, *global_conf, *workdir, *log, *fence, *new_master_host;
    int wait_on_monitor_error, ignore_fail_on_start, skip_ssh_check, interactive;
    int last_failover_minute, ignore_last_failover, wait_on_failover_error;
    int remove_dead_master_conf, skip_change_master, skip_disable_read_only;
    int skip_save_master_binlog, wait_until_gtid_in_sync, ignore_binlog_server_error;
    int new_master_port, keep_running, json, debug, help, version;
};

#define ROWS 32

static void fill_table(struct options *o, struct args_option t[ROWS])
{
    /* clang-format off */
    const struct args_option rows[] = {
        {"conf", ARGS_LIST, &o->confs, "FILE",
         "configuration file of the application; required. kagemusha manage takes several, and "
         "directories"},
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
        {"metrics_listen", ARGS_TEXT, &o->metrics, "[ADDRESS:]PORT", "answer to /metrics and /healthz there"},
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

static void fill_rules(const struct options *o, int as_mha, struct runner_rules *r)
{
    *r = (struct runner_rules){
        .command = as_mha ? "masterha_manager" : "kagemusha manage",
        .global_conf = o->global_conf,
        .workdir = o->workdir,
        .log = o->log,
        .fence = o->fence,
        .new_master_host = o->new_master_host,
        .fallback = as_mha ? FENCE_MHA : FENCE_PROOF,
        .steadfast = !as_mha && o->keep_running,
        .keep_running = o->keep_running,
        .json = o->json,
        .debug = o->debug,
        .interactive = o->interactive,
        .wait_on_monitor_error = o->wait_on_monitor_error,
        .ignore_fail_on_start = o->ignore_fail_on_start,
        .skip_ssh_check = o->skip_ssh_check,
        .last_failover_minute = o->last_failover_minute,
        .ignore_last_failover = o->ignore_last_failover,
        .wait_on_failover_error = o->wait_on_failover_error,
        .remove_dead_master_conf = o->remove_dead_master_conf,
        .skip_change_master = o->skip_change_master,
        .skip_disable_read_only = o->skip_disable_read_only,
        .skip_save_master_binlog = o->skip_save_master_binlog,
        .wait_until_gtid_in_sync = o->wait_until_gtid_in_sync,
        .ignore_binlog_server_error = o->ignore_binlog_server_error,
        .new_master_port = o->new_master_port,
    };
}

/* Under MHA's name the last --conf counts, and SIGHUP ends it, as with MHA's. */
static int manage(const struct options *o, int as_mha)
{
    struct service s = {.confs = o->confs, .metrics_listen = o->metrics, .hangup_reloads = !as_mha};
    struct scan_schedule *schedule;
    struct stat st;
    int rc;

    fill_rules(o, as_mha, &s.rules);
    if (as_mha) {
        s.confs.item[0] = o->confs.item[o->confs.count - 1];
        s.confs.count = 1;
    }
    s.rules.named = s.confs.count > 1 || (stat(s.confs.item[0], &st) == 0 && S_ISDIR(st.st_mode));
    schedule = as_mha ? NULL : scan_schedule_new(&s);
    rc = service_run(&s);
    scan_schedule_free(&schedule);
    return rc;
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
    if (o.confs.count == 0) {
        fprintf(stderr, "--conf=<server_config_file> must be set.\n");
        return 1;
    }
    if (o.fence && strcasecmp(o.fence, "proof") != 0 && strcasecmp(o.fence, "mha") != 0) {
        fprintf(stderr, "--fence_required takes proof or mha\n");
        return 1;
    }
    if (!o.interactive)
        setpgid(0, 0);
    return manage(&o, as_mha);
}

const struct cmd cmd_manager = {
    .verb = "manage",
    .mha = "masterha_manager",
    .brief = "Watches the master of a group and replaces it when it is dead",
    .run = run,
};
