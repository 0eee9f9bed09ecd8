/* masterha_check_status: one line about each manager; the exit code is the status code. */
#include "manager/cmd/apps.h"

#include "common/buf.h"
#include "common/file.h"
#include "common/json.h"

#include <string.h>
#include <time.h>

#define STATE_MAX (1u << 20)

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

/* What the manager tells beyond MHA's line; the caller frees. NULL: it does not, or it is not its.
 */
static struct json_object *read_state(const struct app *a)
{
    struct buf path = BUF_INIT, text = BUF_INIT;
    struct json_object *o = NULL;

    buf_addf(&path, "%s/%s.state.json", a->workdir, a->name);
    if (file_read(path.data, &text, STATE_MAX, NULL) == 0 &&
        json_parse(text.data, text.len, &o, NULL) == 0 &&
        json_get_int(o, "pid", 0) != a->read.pid) {
        json_object_put(o);
        o = NULL;
    }
    buf_release(&path);
    buf_release(&text);
    return o;
}

static const char *moment(int64_t wall_ms, char out[32])
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;

    localtime_r(&seconds, &tm);
    strftime(out, 32, "%a %b %e %H:%M:%S %Y", &tm);
    return out;
}

static void print_failover(struct json_object *f)
{
    char begun[32];
    const char *note = json_get_str(f, "note", ""), *text = json_get_str(f, "text", "");

    moment(json_get_int(f, "begun_ms", 0), begun);
    if (json_get_int(f, "ended_ms", 0) == 0) {
        printf("  failover of %s, begun %s: %s\n", json_get_str(f, "dead", ""), begun,
               json_get_str(f, "phase", "Phase 1"));
        printf("    doing: %s%s%s\n", json_get_str(f, "doing", ""), *note ? ": " : "", note);
        return;
    }
    printf("  last failover: %s, of %s%s%s, exit code %d, %.3f s%s%s\n", begun,
           json_get_str(f, "dead", ""), *json_get_str(f, "new_master", "") ? " to " : "",
           json_get_str(f, "new_master", ""), (int)json_get_int(f, "code", -1),
           (double)json_get_int(f, "us", 0) / 1e6, *text ? ": " : "", text);
}

static void print_hosts(struct json_object *hosts)
{
    for (size_t i = 0; i < json_object_array_length(hosts); i++) {
        struct json_object *h = json_object_array_get_idx(hosts, i);

        printf("  %s: %s", json_get_str(h, "host", ""),
               json_get_bool(h, "up", 0) ? "up" : "does not answer");
        if (json_get_bool(h, "replica", 0))
            printf(", IO %s, SQL %s, %lld s behind", json_get_bool(h, "io", 0) ? "yes" : "no",
                   json_get_bool(h, "sql", 0) ? "yes" : "no",
                   (long long)json_get_int(h, "behind_s", -1));
        printf("%s%s; %s\n", json_get_bool(h, "paused", 0) ? ", paused" : "",
               json_get_bool(h, "retired", 0) ? ", replaced as a master" : "",
               json_get_str(h, "reason", ""));
    }
}

static void print_more(struct json_object *o)
{
    const char *verdict = json_get_str(o, "verdict", ""), *reason = json_get_str(o, "reason", "");
    int64_t possible = json_get_int(o, "possible", -1);
    struct json_object *member;

    if (json_get_int(o, "ping_us", 0))
        printf("  last good ping: %.1f ms\n", (double)json_get_int(o, "ping_us", 0) / 1e3);
    if (*verdict)
        printf("  verdict: %s%s%s\n", verdict, *reason ? ": " : "", reason);
    if (*json_get_str(o, "error", ""))
        printf("  not watched: %s\n", json_get_str(o, "error", ""));
    if (json_get_int(o, "paused_until_ms", 0))
        printf("  PAUSED %s\n", json_get_str(o, "pause_reason", ""));
    if (possible == 1)
        printf("  a failover now: to %s\n", json_get_str(o, "candidate", ""));
    else if (possible == 0)
        printf("  NO FAILOVER POSSIBLE: %s\n", json_get_str(o, "possible_reason", ""));
    if (json_object_object_get_ex(o, "hosts", &member))
        print_hosts(member);
    if (json_object_object_get_ex(o, "failover", &member))
        print_failover(member);
}

/* Under our own name: MHA's line, and what the manager tells. */
static int print_all(const struct app *a, const struct apps_options *o)
{
    int rc = print_status(a, o);
    struct json_object *state = read_state(a);

    if (state && rc != STATUS_NOT_RUNNING)
        print_more(state);
    json_object_put(state);
    return rc;
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
    return apps_each(&o, as_mha ? print_status : print_all);
}

const struct cmd cmd_check_status = {
    .verb = "status",
    .mha = "masterha_check_status",
    .brief = "Tells whether the manager of a group runs and what it sees",
    .run = run,
};
