/* kagemusha rejoin HOST: an old master comes back as a replica. */
#include "manager/cmd/cmd.h"

#include "common/conf.h"
#include "common/file.h"
#include "common/log.h"
#include "manager/act/rejoin.h"
#include "manager/cmd/stop_signal.h"

#include <stdlib.h>
#include <string.h>

struct options {
    const char *conf, *global_conf, *save_dir, *start_command;
    int port, debug, help, version;
};

static int rejoin(const struct options *o, struct conf *c, const char *host, struct err *e)
{
    struct rejoin_call call = {
        .save_dir = o->save_dir, .start_command = o->start_command, .stop = &stop_signal};
    call.host = conf_find(c, host, o->port);
    if (call.host < 0)
        return err_set(e, ERR_CONFIG, "%s:%d is not a server of %s", host, o->port, c->file);
    if (log_setup(NULL, o->debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO, c->app, 0, e) < 0 ||
        file_mkdirs(c->server[0].manager_workdir, 0755, e) < 0)
        return -1;
    stop_signal_catch();
    struct group *g = mem_zalloc(sizeof *g);
    group_init(g, c, FENCE_PROOF);
    int code = rejoin_host(g, &call, e);
    group_release(g);
    free(g);
    return code;
}

static int open_and_rejoin(const struct options *o, const char *host)
{
    struct conf *c = NULL;
    struct err e = {0};
    if (conf_load(&c, o->conf, o->global_conf, 0, &e) < 0) {
        fprintf(stderr, "%s\n", e.text);
        return 1;
    }
    int code = db_library_init(&e) < 0 ? -1 : rejoin(o, c, host, &e);
    if (code < 0) {
        fprintf(stderr, "%s\n", e.text);
        conf_free(&c);
        code = 1;
    }
    db_library_end();
    return code;
}

static int run(const struct cmd *self, int as_mha, int argc, char **argv)
{
    struct options o = {.port = 3306};
    /* clang-format off */
    const struct args_option table[] = {
        {"conf",        ARGS_TEXT, &o.conf,        "FILE", "configuration of the group (required)"},
        {"global_conf", ARGS_TEXT, &o.global_conf, "FILE", "global defaults"},
        {"port",        ARGS_INT,  &o.port,        "PORT", "the server's port; default 3306"},
        {"save_dir",    ARGS_TEXT, &o.save_dir,    "DIR",  "for transactions that only HOST has; default: beside the journals"},
        {"start_command", ARGS_TEXT, &o.start_command, "COMMAND", "starts the server on its host; default: as it ran before"},
        {"debug",       ARGS_FLAG, &o.debug,       NULL,   "log more"},
        {"help",        ARGS_FLAG, &o.help,        NULL,   "this text"},
        {"version",     ARGS_FLAG, &o.version,     NULL,   "the version"},
        {NULL,          ARGS_FLAG, NULL,           NULL,   NULL},
    };
    /* clang-format on */
    struct err e;
    if (args_parse(&argc, argv, table, ARGS_UNKNOWN_ERROR, &e) < 0) {
        fprintf(stderr, "%s: %s\n", argv[0], e.text);
        return 1;
    }
    if (cmd_answered(self, as_mha, o.help, o.version, table))
        return 0;
    if (!o.conf || argc != 2) {
        fprintf(stderr, "kagemusha rejoin HOST --conf=FILE\n");
        return 1;
    }
    return open_and_rejoin(&o, argv[1]);
}

const struct cmd cmd_rejoin = {
    .verb = "rejoin",
    .brief = "Brings an old master back as a replica",
    .run = run,
};
