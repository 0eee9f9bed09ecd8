/* masterha_master_monitor: watches the master of a group until it is dead, and says so. Replaces
 * nobody. */
#include "manager/cmd/cmd.h"

#include "common/clock.h"
#include "common/conf.h"
#include "common/file.h"
#include "common/log.h"
#include "manager/act/monitor.h"
#include "manager/act/observe.h"
#include "manager/act/status.h"
#include "manager/cmd/stop_signal.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOK_MS   4000
#define EXIT_DEAD 20

struct options {
    const char *conf, *global_conf, *workdir, *log;
    int wait_on_monitor_error, ignore_fail_on_start, skip_ssh_check, interactive;
    int debug, help, version;
};

static int set_up(const struct options *o, struct group *g, struct err *e)
{
    struct conf *c = NULL;
    enum log_level level = LOG_LEVEL_INFO;
    if (conf_load(&c, o->conf, o->global_conf, 0, e) < 0)
        return -1;
    for (size_t i = 0; o->workdir && i < c->servers; i++)
        c->server[i].manager_workdir = o->workdir;
    group_init(g, c, FENCE_MHA);
    if (file_mkdirs(c->server[0].manager_workdir, 0755, e) < 0)
        return err_wrap(e, "manager_workdir");
    if (!o->debug && log_level_parse(c->server[0].log_level, &level, e) < 0)
        return -1;
    const char *path = o->log ? o->log : c->server[0].manager_log;
    return log_setup(!o->interactive && path && *path ? path : NULL,
                     o->debug ? LOG_LEVEL_DEBUG : level, NULL, 0, e);
}

/* A master that is down already is watched only after a yes. */
static int agreed(const struct options *o, struct group *g)
{
    struct verdict v;
    char line[64] = "";
    if (!o->interactive)
        return 1;
    int64_t deadline = clock_mono_ms() + LOOK_MS;
    group_open(g, group_mask(g), GROUP_SQL, deadline);
    struct topo *t = observe(
        g, &(struct observe){.what = GROUP_SQL, .master = NO_HOST, .deadline_ms = deadline});
    diagnose(t, &v);
    int up = v.broken || v.master == NO_HOST || t->host[v.master].reach == REACH_UP;
    topo_free(&t);
    if (up)
        return 1;
    printf("Master is not currently alive. Proceed? (yes/NO): ");
    fflush(stdout);
    return fgets(line, sizeof line, stdin) && (line[0] == 'y' || line[0] == 'Y');
}

static int watch(const struct options *o, struct group *g)
{
    struct monitor m = {
        .workdir = g->conf->server[0].manager_workdir,
        .interactive = o->interactive,
        .skip_ssh_check = o->skip_ssh_check,
        .ignore_fail_on_start = o->ignore_fail_on_start,
        .wait_on_monitor_error = o->wait_on_monitor_error,
        .stop = &stop_signal,
    };
    struct monitor_death death = {.host = NO_HOST};
    struct err e = {0};
    if (!agreed(o, g))
        return 1;
    enum monitor_end end = monitor_run(g, &m, &death, &e);
    if (end == MONITOR_ERROR)
        log_error("monitor-error", "%s", e.text);
    if (end != MONITOR_DEAD_MASTER)
        return 1;
    status_remove(m.workdir, g->conf->app);
    const struct conf_server *s = g->host[death.host].conf;
    printf("Master %s is dead!\nIP Address: %s Port: %d\n", s->hostname, s->ip, s->port);
    return EXIT_DEAD;
}

static int run_group(const struct options *o)
{
    struct group *g = mem_zalloc(sizeof *g);
    struct err e = {0};
    int code = 1;
    if (set_up(o, g, &e) < 0 || db_library_init(&e) < 0)
        fprintf(stderr, "%s\n", e.text);
    else
        code = watch(o, g);
    fflush(stdout);
    /* What still hangs in a connection or a script is left to the end of the process. */
    if (monitor_busy(g))
        return code;
    group_release(g);
    free(g);
    db_library_end();
    return code;
}

static int run(const struct cmd *self, int as_mha, int argc, char **argv)
{
    struct options o = {.interactive = 1};
    /* clang-format off */
    const struct args_option table[] = {
        {"conf",                  ARGS_TEXT, &o.conf,        "FILE", "configuration file of the application; required"},
        {"global_conf",           ARGS_TEXT, &o.global_conf, "FILE", "global configuration file"},
        {"manager_workdir|workdir", ARGS_TEXT, &o.workdir,   "DIR",  "status file"},
        {"manager_log|log_output", ARGS_TEXT, &o.log,        "FILE", "log file, with --interactive=0"},
        {"wait_on_monitor_error", ARGS_INT,  &o.wait_on_monitor_error, "SECONDS", "stay so long in state CONFIG_ERROR"},
        {"ignore_fail_on_start",  ARGS_FLAG, &o.ignore_fail_on_start, NULL, "start although replicas with ignore_fail=1 are down"},
        {"skip_ssh_check|skip_check_ssh", ARGS_FLAG, &o.skip_ssh_check, NULL, "do not test SSH at the start"},
        {"interactive",           ARGS_INT,  &o.interactive, "0|1",  "ask when the master is down at the start; default 1"},
        {"debug",                 ARGS_FLAG, &o.debug,       NULL,   "log everything"},
        {"help",                  ARGS_FLAG, &o.help,        NULL,   "this text"},
        {"version",               ARGS_FLAG, &o.version,     NULL,   "the version"},
        {NULL,                    ARGS_FLAG, NULL,           NULL,   NULL},
    };
    /* clang-format on */
    if (cmd_args(as_mha, &argc, argv, table) < 0)
        return 1;
    if (cmd_answered(self, as_mha, o.help, o.version, table))
        return 0;
    if (!o.conf) {
        fprintf(stderr, "--conf=<server_config_file> must be set.\n");
        return 1;
    }
    if (!o.interactive)
        setpgid(0, 0);
    stop_signal_catch();
    signal(SIGCHLD, SIG_DFL); /* scripts are waited for, whatever we were started with */
    return run_group(&o);
}

const struct cmd cmd_master_monitor = {
    .verb = "monitor",
    .mha = "masterha_master_monitor",
    .brief = "Watches the master of a group until it is dead, and says so",
    .run = run,
};
