/* The online switch's command line; see switch_alive.h. */
#include "manager/cmd/switch_alive.h"

#include "common/args.h"
#include "common/conf.h"
#include "common/file.h"
#include "common/log.h"
#include "manager/act/switch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPTIONS_MAX 24

struct options {
    struct switch_call call;
    const char *conf, *global_conf, *workdir, *state;
    int debug, help, version;
};

/* clang-format off */
static void fill(struct options *o, struct args_option table[OPTIONS_MAX])
{
    struct switch_call *c = &o->call;
    const struct args_option rows[] = {
        {"conf",                     ARGS_TEXT, &o->conf,        "FILE", "configuration of the group (required)"},
        {"global_conf",              ARGS_TEXT, &o->global_conf, "FILE", "global defaults"},
        {"master_state",             ARGS_TEXT, &o->state,       "dead|alive", "what the master is (required)"},
        {"new_master_host",          ARGS_TEXT, &c->new_master_host, "HOST", "promote this one"},
        {"new_master_port",          ARGS_INT,  &c->new_master_port, "PORT", "its port; default 3306"},
        {"interactive",              ARGS_INT,  &c->interactive, "0|1",  "ask before acting; default 1"},
        {"orig_master_is_new_slave", ARGS_FLAG, &c->orig_master_is_new_slave, NULL, "the old master goes on as a replica"},
        {"running_updates_limit",    ARGS_INT,  &c->running_updates_limit, "N", "seconds an update on the old master may have run; default 1"},
        {"running_seconds_limit",    ARGS_INT,  &c->running_seconds_limit, "N", "seconds a query on the new master may have run; default 10"},
        {"seconds_behind_master",    ARGS_INT,  &c->seconds_behind_master, "N", "seconds a replica may be behind; default 30"},
        {"skip_lock_all_tables",     ARGS_FLAG, &c->skip_lock_all_tables, NULL, "read_only alone, without FLUSH TABLES WITH READ LOCK"},
        {"flush_tables",             ARGS_INT,  &c->flush_tables, "0|1|2", "flush the old master's tables first: never, yes, ask; default 2"},
        {"remove_orig_master_conf|remove_dead_master_conf", ARGS_FLAG, &c->remove_orig_master_conf, NULL,
         "on exit code 0 take the old master out of the file"},
        {"check_only",               ARGS_FLAG, &c->check_only,  NULL,   "check, and change nothing"},
        {"workdir|manager_workdir",  ARGS_TEXT, &o->workdir,     "DIR",  "accepted; nothing is kept there"},
        {"debug",                    ARGS_FLAG, &o->debug,       NULL,   "log more"},
        {"help",                     ARGS_FLAG, &o->help,        NULL,   "this text"},
        {"version",                  ARGS_FLAG, &o->version,     NULL,   "the version"},
        {NULL,                       ARGS_FLAG, NULL,            NULL,   NULL},
    };
    memcpy(table, rows, sizeof rows);
}
/* clang-format on */

static void defaults(struct options *o)
{
    *o = (struct options){
        .call = {.interactive = 1,
                 .new_master_port = 3306,
                 .running_updates_limit = 1,
                 .running_seconds_limit = 10,
                 .seconds_behind_master = 30,
                 .flush_tables = 2}
    };
}

/* On a copy, since parsing takes words out; --help and --version are answered by the other table.
 */
int switch_alive_is_meant(int argc, char **argv)
{
    struct options o;
    struct args_option table[OPTIONS_MAX];
    char **copy = mem_alloc((size_t)(argc + 1) * sizeof *copy);
    memcpy(copy, argv, (size_t)argc * sizeof *copy);
    copy[argc] = NULL;
    defaults(&o);
    fill(&o, table);
    int rc = args_parse(&argc, copy, table, ARGS_UNKNOWN_IGNORE, NULL);
    free(copy);
    return rc == 0 && !o.help && !o.version && o.state && strcmp(o.state, "alive") == 0;
}

void switch_alive_help(void)
{
    struct options o;
    struct args_option table[OPTIONS_MAX];
    defaults(&o);
    fill(&o, table);
    printf("\nWith --master_state=alive:\n");
    args_help(table);
}

static int set_log(const struct options *o, const struct conf *c, struct err *e)
{
    enum log_level level = LOG_LEVEL_INFO;
    if (o->debug)
        level = LOG_LEVEL_DEBUG;
    else if (log_level_parse(c->server[0].log_level, &level, e) < 0)
        return -1;
    return log_setup(NULL, level, c->app, 0, e);
}

static int run(const struct options *o, struct conf *c, struct err *e)
{
    if (set_log(o, c, e) < 0)
        return -1;
    /* The known host keys are there. */
    if (file_mkdirs(c->server[0].manager_workdir, 0755, e) < 0)
        return err_wrap(e, "manager_workdir");
    struct group *g = mem_zalloc(sizeof *g);
    group_init(g, c, FENCE_MHA);
    int code = switch_master(g, &o->call, e);
    group_release(g);
    free(g);
    return code;
}

/* MHA ignores unknown options everywhere but here. */
static int parse(struct options *o, int argc, char **argv)
{
    struct args_option table[OPTIONS_MAX];
    struct err e;
    fill(o, table);
    if (args_parse(&argc, argv, table, ARGS_UNKNOWN_ERROR, &e) < 0) {
        fprintf(stderr, "Unknown options: %s\n", e.text);
        return -1;
    }
    if (argc > 1) {
        fprintf(stderr, "Unknown options: %s\n", argv[1]);
        return -1;
    }
    if (!o->conf) {
        fprintf(stderr, "--conf=<server config file> must be set.\n");
        return -1;
    }
    return 0;
}

int switch_alive(const char *command, int argc, char **argv, volatile int *stop)
{
    struct options o;
    struct conf *c = NULL;
    struct err e = {0};
    defaults(&o);
    if (parse(&o, argc, argv) < 0)
        return 1;
    o.call.command = command;
    o.call.stop = stop;
    if (conf_load(&c, o.conf, o.global_conf, 0, &e) < 0) {
        fprintf(stderr, "%s\n", e.text);
        return 1;
    }
    int code = db_library_init(&e) < 0 ? -1 : run(&o, c, &e);
    if (code < 0) {
        fprintf(stderr, "%s\n", e.text);
        conf_free(&c);
        code = 1;
    }
    db_library_end();
    return code;
}
