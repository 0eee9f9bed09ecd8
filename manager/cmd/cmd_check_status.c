/* masterha_check_status: one line about each manager; the exit code is the status code. */
#include "manager/cmd/apps.h"

#include <string.h>

static void print_details(const struct app *a)
{
    if (*a->log)
        printf("Check %s for details.\n", a->log);
}

static void print_old(const struct app *a, const char *code)
{
    char path[STATUS_PATH_BYTES];

    printf("%s (pid:%d) does not update its status file%s, master:%s\n", a->name, (int)a->read.pid,
           code, a->read.master);
    printf("%s behinds %lld seconds!\n", status_path(a->workdir, a->name, path),
           (long long)(a->read.age_ms / 1000));
    print_details(a);
}

/* The shapes are MHA's: scripts parse them. */
static int print_status(const struct app *a, const struct apps_options *o)
{
    const char *name = a->name, *master = a->read.master;
    char code[64];

    (void)o;
    snprintf(code, sizeof(code), "(%d:%s)", (int)a->code, status_word(a->code));
    switch (a->code) {
    case STATUS_PING_OK:
        printf("%s (pid:%d) is running%s, master:%s\n", name, (int)a->read.pid, code, master);
        return (int)a->code;
    case STATUS_NOT_RUNNING:
        printf("%s is stopped%s.\n", name, code);
        return (int)a->code;
    case STATUS_INITIALIZING_MONITOR:
        printf("%s is now on initialization phase%s. Wait for a while and try checking again.\n",
               name, code);
        return (int)a->code;
    case STATUS_TIMESTAMP_OLD:
        print_old(a, code);
        return (int)a->code;
    case STATUS_PARTIALLY_RUNNING:
        printf("%s main process is not running, but child processes are%s.\n", name, code);
        break;
    case STATUS_PING_FAILING:
    case STATUS_PING_FAILED:
        printf("%s master maybe down%s. master:%s\n", name, code, master);
        break;
    case STATUS_RETRYING_MONITOR:
        printf("%s master maybe down, monitoring is tried again%s. master:%s\n", name, code,
               master);
        break;
    case STATUS_CONFIG_ERROR:
        printf("%s servers are not correctly configured%s.\n", name, code);
        break;
    case STATUS_FAILOVER_RUNNING:
        printf("%s master is down and failover is running%s. master:%s\n", name, code, master);
        break;
    case STATUS_FAILOVER_ERROR:
        printf("%s master is down and failover was not successful%s. master:%s\n", name, code,
               master);
        break;
    case STATUS_NONE:
    default:
        printf("%s is in an unknown state%s.\n", name, code);
        print_details(a);
        return STATUS_NONE;
    }
    print_details(a);
    return (int)a->code;
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
    return apps_each(&o, print_status);
}

const struct cmd cmd_check_status = {
    .verb = "status",
    .mha = "masterha_check_status",
    .brief = "Tells whether the manager of a group runs and what it sees",
    .run = run,
};
