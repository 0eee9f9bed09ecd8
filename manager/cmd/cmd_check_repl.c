/* masterha_check_repl: the group before anything happens, and what would happen if its master died
 * now. */
#include "manager/cmd/cmd.h"

#include "common/clock.h"
#include "common/log.h"
#include "manager/cmd/check_print.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK_MS 10000

struct options {
    const char *conf, *global_conf, *workdir;
    int seconds_behind_master, skip_ssh_check, ignore_fail_on_start, json, debug, help, version;
};

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
    if (o->json)
        check_print_json(c, &v, rc == 0);
    else
        check_print(c, &v);
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
        {"json",                          ARGS_FLAG, &o.json,                  NULL,   "one JSON object instead of the table" },
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
        if (o.json)
            check_print_json_error(e.text);
    }
    if (!o.json)
        printf("\nMySQL Replication Health is %s\n", rc ? "NOT OK!" : "OK.");
    return rc != 0;
}

const struct cmd cmd_check_repl = {
    .verb = "check",
    .mha = "masterha_check_repl",
    .brief = "Checks a group and says what would happen if its master died now",
    .run = run,
};
