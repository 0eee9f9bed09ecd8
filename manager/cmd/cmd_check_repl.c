/* masterha_check_repl: the group before anything happens, and what would happen if its master died
 * now. */
#include "manager/cmd/cmd.h"

#include "common/clock.h"
#include "common/log.h"
#include "manager/act/check.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK_MS 10000

struct options {
    const char *conf, *global_conf, *workdir;
    int seconds_behind_master, skip_ssh_check, ignore_fail_on_start, debug, help, version;
};

static int is_terminal(void)
{
    return isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
}

static const char *colour(enum finding_level l)
{
    static const char *const codes[] = {"\033[31m", "\033[33m", "\033[36m"};

    return is_terminal() ? codes[l] : "";
}

static const char *plain(void)
{
    return is_terminal() ? "\033[0m" : "";
}

static const char *role_of(const struct topo *t, const struct verdict *v, int i)
{
    if (t->host[i].reach == REACH_DENIED)
        return "refuses us";
    if (t->host[i].reach != REACH_UP)
        return i == v->master ? "master, DEAD" : "DEAD";
    if (i == v->master)
        return "master";
    return t->host[i].channels ? "replica" : "no replica";
}

static const char *thread_word(enum thread_state s)
{
    static const char *const words[] = {"No", "Yes", "Connecting"};

    return words[s];
}

static void print_replication(const struct topo_host *h)
{
    char at[BINPOS_FILE_BYTES + 24], lag[32] = "-";

    if (h->channels == 0) {
        printf(" %-10s %-4s %-6s %s", "-", "-", "-", binpos_print(&h->binlog, at, sizeof(at)));
        return;
    }
    if (h->repl.behind_s >= 0)
        snprintf(lag, sizeof(lag), "%" PRId64 " s", h->repl.behind_s);
    printf(" %-10s %-4s %-6s %s", thread_word(h->repl.io), thread_word(h->repl.sql), lag,
           binpos_print(&h->repl.read, at, sizeof(at)));
}

static void print_table(const struct topo *t, const struct verdict *v)
{
    static const char *const agents[] = {"-", "up", "missing", "no ssh"};

    printf("%-22s %-12s %-24s %-9s %-8s %-10s %-4s %-6s %s\n", "host", "role", "version",
           "read_only", "agent", "IO", "SQL", "lag", "received");
    for (int i = 0; i < t->hosts; i++) {
        const struct topo_host *h = &t->host[i];
        char name[TOPO_TEXT + 16];

        snprintf(name, sizeof(name), "%.200s:%d", h->host, h->port);
        printf("%-22s %-12s %-24.24s %-9s %-8s", name, role_of(t, v, i), h->version_text,
               h->reach == REACH_UP ? (h->read_only ? "1" : "0") : "-", agents[h->agent]);
        if (h->reach == REACH_UP)
            print_replication(h);
        putchar('\n');
    }
}

static void print_findings(const struct check *c)
{
    for (int i = 0; i < c->findings.count; i++) {
        const struct finding *f = &c->findings.item[i];

        printf("%s%-8s%s %s%s%s\n", colour(f->level), finding_word(f->level), plain(),
               f->host == NO_HOST ? "" : topo_name(c->seen, f->host),
               f->host == NO_HOST ? "" : ": ", f->text);
    }
}

/* The rehearsal: the same decision as in earnest, on the same group with its master dead. */
static void print_rehearsal(const struct topo *t, const struct verdict *v)
{
    struct failover *f = mem_zalloc(sizeof(*f));
    struct topo *dead = what_if_dead(t, v->master);
    struct buf text = BUF_INIT;
    struct err e = {0};
    int rc = failover_decide(dead, f, &e);

    printf("\nIf %s died now (recovery by %s):\n", topo_name(t, v->master), mode_text(f->mode));
    choice_print(dead, &f->choice, &text);
    fputs(text.data, stdout);
    if (rc)
        printf("  NO FAILOVER: %s\n", e.text);
    else
        printf("  %s would become the master: %d steps to the fence, %d after it (`kagemusha plan` "
               "shows "
               "them)\n",
               topo_name(t, f->promote.new_master), f->fence.steps, f->promote.steps);
    buf_release(&text);
    topo_free(&dead);
    free(f);
}

static int check(const struct options *o, enum fence_policy fence, struct conf *conf)
{
    struct check *c = mem_zalloc(sizeof(*c));
    struct group *g = mem_zalloc(sizeof(*g));
    struct verdict v;
    struct err e = {0};
    int rc;

    c->rules = (struct preflight){.health = 1,
                                  .seconds_behind_master = o->seconds_behind_master,
                                  .ignore_fail_on_start = o->ignore_fail_on_start,
                                  .skip_ssh_check = o->skip_ssh_check};
    c->deadline_ms = clock_mono_ms() + CHECK_MS;
    group_init(g, conf, fence);
    rc = check_group(g, c, &e);
    diagnose(c->seen, &v);
    print_table(c->seen, &v);
    print_findings(c);
    if (!v.broken)
        print_rehearsal(c->seen, &v);
    topo_free(&c->seen);
    group_release(g);
    free(g);
    free(c);
    return rc;
}

static int run(const struct cmd *self, int as_mha, int argc, char **argv)
{
    struct options o = {.seconds_behind_master = 30};
    const struct args_option table[] = {
        {"conf",                          ARGS_TEXT, &o.conf,                  "FILE", "configuration of the group (required)"},
        {"global_conf",                   ARGS_TEXT, &o.global_conf,           "FILE", "global defaults"                      },
        {"workdir|manager_workdir",       ARGS_TEXT, &o.workdir,               "DIR",  "instead of manager_workdir"           },
        {"seconds_behind_master",         ARGS_INT,  &o.seconds_behind_master, "N",
         "largest lag of a replica"                                                                                           },
        {"skip_ssh_check|skip_check_ssh", ARGS_FLAG, &o.skip_ssh_check,        NULL,   "do not try SSH"                       },
        {"ignore_fail_on_start",          ARGS_FLAG, &o.ignore_fail_on_start,  NULL,
         "dead replicas with ignore_fail=1 are no errors"                                                                     },
        {"debug",                         ARGS_FLAG, &o.debug,                 NULL,   "log more"                             },
        {"help",                          ARGS_FLAG, &o.help,                  NULL,   "this text"                            },
        {"version",                       ARGS_FLAG, &o.version,               NULL,   "the version"                          },
        {NULL,                            ARGS_FLAG, NULL,                     NULL,   NULL                                   },
    };
    struct conf *conf = NULL;
    struct err e = {0};
    int rc = -1;

    if (cmd_args(as_mha, &argc, argv, table) < 0)
        return 1;
    if (cmd_answered(self, as_mha, o.help, o.version, table))
        return 0;
    if (!o.conf) {
        fprintf(stderr, "--conf=<server config file> must be set.\n");
        return 1;
    }
    log_setup(NULL, o.debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARNING, NULL, 0, NULL);
    if (conf_load(&conf, o.conf, o.global_conf, 0, &e) == 0) {
        log_setup(NULL, o.debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO, conf->app, 0, NULL);
        rc = check(&o, as_mha ? FENCE_MHA : FENCE_PROOF, conf);
    } else {
        log_error("config", "%s", e.text);
    }
    printf("\nMySQL Replication Health is %s\n", rc ? "NOT OK!" : "OK.");
    return rc != 0;
}

const struct cmd cmd_check_repl = {
    .verb = "check",
    .mha = "masterha_check_repl",
    .brief = "Checks a group and says what would happen if its master died now",
    .run = run,
};
