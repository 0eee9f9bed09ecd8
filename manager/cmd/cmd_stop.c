/* masterha_stop: ends a manager by SIGTERM to its process group. */
#include "manager/cmd/apps.h"

#include "common/clock.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* A manager that could not make its own group shares the one of who started it: then only the
 * process itself is meant. */
static int signal_manager(const struct app *a, int sig)
{
    pid_t pid = a->read.pid;
    pid_t group = getpgid(pid);

    if (group > 0 && group != pid)
        return kill(pid, sig);
    return kill(-pid, sig);
}

static int wait_gone(const struct app *a, int64_t deadline_ms)
{
    while (app_running(a)) {
        if (clock_mono_ms() >= deadline_ms)
            return 0;
        clock_sleep_ms(100);
    }
    return 1;
}

static int stop(const struct app *a, const struct apps_options *o)
{
    if (a->code == STATUS_NOT_RUNNING) {
        printf("MHA Manager is not running on %s(%d:%s).\n", a->name, (int)a->code,
               status_word(a->code));
        return 0;
    }
    if (a->read.code == STATUS_FAILOVER_RUNNING && !o->abort) {
        printf("Currently Failover is running on %s. Should not stop.\n", a->name);
        return 1;
    }
    if (signal_manager(a, SIGTERM) < 0 && errno != ESRCH) {
        fprintf(stderr, "cannot signal the manager of %s (pid %d): %s\n", a->name, (int)a->read.pid,
                strerror(errno));
        return 1;
    }
    if (wait_gone(a, clock_mono_ms() + (int64_t)o->abort_timeout_s * 1000)) {
        printf("Stopped %s successfully.\n", a->name);
        return 0;
    }
    printf("%s did not stop within %d seconds.\n", a->name, o->abort_timeout_s);
    if (o->abort && (signal_manager(a, SIGKILL) == 0 || errno == ESRCH)) {
        printf("Forced stopped %s.\n", a->name);
        return 0;
    }
    printf("Failed to stop %s.\n", a->name);
    return 1;
}

static int run(const struct cmd *self, int as_mha, int argc, char **argv)
{
    struct args_option table[APPS_OPTIONS_ROWS];
    struct apps_options o;

    apps_options(&o, table);
    if (cmd_args(as_mha, &argc, argv, table) < 0)
        return 1;
    if (cmd_answered(self, as_mha, o.help, o.version, table))
        return 0;
    return apps_each(&o, stop);
}

const struct cmd cmd_stop = {
    .verb = "stop",
    .mha = "masterha_stop",
    .brief = "Stops the manager of a group",
    .run = run,
};
