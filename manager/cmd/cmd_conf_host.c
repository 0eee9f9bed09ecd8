/* masterha_conf_host: adds a server's section to a configuration file, or deletes it. Comments and
 * order of the file stay. */
#include "manager/cmd/cmd.h"

#include "common/conf_edit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BLOCK_BYTES 256

struct options {
    const char *command, *conf, *block, *hostname, *params;
    int help, version;
};

static int refuse(const char *sentence)
{
    fprintf(stderr, "%s\n", sentence);
    return 1;
}

static int add(const struct options *o, const char *block)
{
    struct err e = {0};
    if (!o->hostname)
        return refuse("--hostname must be set to add a server.");
    if (conf_edit_add(o->conf, block, o->hostname, o->params, &e) < 0)
        return refuse(e.text);
    printf("Wrote %s entry to %s .\n", block, o->conf);
    return 0;
}

/* A section that is not there is what the caller wants: said, and no error. */
static int drop(const struct options *o, const char *block)
{
    struct err e = {0};
    int found = 0;
    if (conf_edit_delete(o->conf, block, &found, &e) < 0)
        return refuse(e.text);
    if (found)
        printf("Deleted %s entry from %s .\n", block, o->conf);
    else
        printf("Entry %s not found from %s .\n", block, o->conf);
    return 0;
}

static int edit(const struct options *o, int (*how)(const struct options *o, const char *block))
{
    char block[BLOCK_BYTES];
    if (!o->conf)
        return refuse("--conf=<server config file> must be set.");
    if (access(o->conf, F_OK) != 0) {
        fprintf(stderr, "%s: there is no such file\n", o->conf);
        return 1;
    }
    if (!o->block && !o->hostname)
        return refuse("--hostname or --block must be set.");
    return how(o, conf_edit_block(o->block, o->hostname, block, sizeof block));
}

static int run(const struct cmd *self, int as_mha, int argc, char **argv)
{
    struct options o = {0};
    /* clang-format off */
    const struct args_option table[] = {
        {"command",  ARGS_TEXT, &o.command,  "add|delete", "what to do (required); remove is another word for delete"},
        {"conf",     ARGS_TEXT, &o.conf,     "FILE",       "the file (required)"},
        {"hostname", ARGS_TEXT, &o.hostname, "HOST",       "the server (required to add one)"},
        {"block",    ARGS_TEXT, &o.block,    "NAME",       "its section; default server_HOST; \"server\" is put before other names"},
        {"params",   ARGS_TEXT, &o.params,   "KEY=VALUE;...", "further settings of a new section"},
        {"help",     ARGS_FLAG, &o.help,     NULL,         "this text"},
        {"version",  ARGS_FLAG, &o.version,  NULL,         "the version"},
        {NULL,       ARGS_FLAG, NULL,        NULL,         NULL},
    };
    /* clang-format on */
    struct err e = {0};
    if (args_parse(&argc, argv, table, as_mha ? ARGS_UNKNOWN_WARN : ARGS_UNKNOWN_ERROR, &e) < 0)
        return refuse(e.text);
    if (cmd_answered(self, as_mha, o.help, o.version, table))
        return 0;
    if (o.command && strcmp(o.command, "add") == 0)
        return edit(&o, add);
    if (o.command && (strcmp(o.command, "delete") == 0 || strcmp(o.command, "remove") == 0))
        return edit(&o, drop);
    (void)cmd_answered(self, as_mha, 1, 0, table);
    return 1;
}

const struct cmd cmd_conf_host = {
    .verb = "conf",
    .mha = "masterha_conf_host",
    .brief = "Adds a server to a configuration file, or deletes it",
    .run = run,
};
