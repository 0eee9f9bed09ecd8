/* The table of commands; see cmd.h. */
#include "manager/cmd/cmd.h"

#include <string.h>

const struct cmd *const cmd_table[] = {
    &cmd_manager,         &cmd_check_repl,     &cmd_check_ssh,
    &cmd_master_switch,   &cmd_plan,           &cmd_topology,
    &cmd_check_status,    &cmd_stop,           &cmd_conf_host,
    &cmd_secondary_check, &cmd_master_monitor, &cmd_scan,
    &cmd_ledger,          &cmd_explain,        &cmd_pause,
    &cmd_resume,          &cmd_rejoin,         NULL,
};

const struct cmd *cmd_find(const char *name)
{
    const struct cmd *const *c;

    for (c = cmd_table; *c; c++)
        if (strcmp((*c)->verb, name) == 0 || ((*c)->mha && strcmp((*c)->mha, name) == 0))
            return *c;
    return NULL;
}

static const char *program_name(const struct cmd *self, int as_mha)
{
    return as_mha && self->mha ? self->mha : self->verb;
}

int cmd_answered(const struct cmd *self, int as_mha, int help, int version,
                 const struct args_option *table)
{
    const char *name = program_name(self, as_mha);

    if (help) {
        printf("Usage: %s%s [options]\n\n%s.\n\n", as_mha ? "" : "kagemusha ", name, self->brief);
        args_help(table);
        return 1;
    }
    if (version && as_mha)
        printf("%s version %s.\n", name, CMD_MHA_VERSION);
    else if (version)
        printf("kagemusha %s\n", KAGEMUSHA_VERSION);
    return version;
}

int cmd_args(int as_mha, int *argc, char **argv, const struct args_option *table)
{
    struct err e;

    if (args_parse(argc, argv, table, as_mha ? ARGS_UNKNOWN_IGNORE : ARGS_UNKNOWN_ERROR, &e) < 0) {
        fprintf(stderr, "%s: %s\n", argv[0], e.text);
        return -1;
    }
    if (as_mha || *argc <= 1)
        return 0;
    fprintf(stderr, "%s: \"%s\" is not an option\n", argv[0], argv[1]);
    return -1;
}

static int list_verbs(FILE *to)
{
    const struct cmd *const *c;

    fprintf(to, "Usage: kagemusha VERB [options]; kagemusha VERB --help tells the options\n\n");
    for (c = cmd_table; *c; c++)
        fprintf(to, "  %-10s %s%s%s%s\n", (*c)->verb, (*c)->brief, (*c)->mha ? " (" : "",
                (*c)->mha ? (*c)->mha : "", (*c)->mha ? ")" : "");
    return to == stdout ? 0 : 1;
}

int cmd_main(int argc, char **argv)
{
    const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
    const char *name = argc > 0 ? (slash ? slash + 1 : argv[0]) : "kagemusha";
    const struct cmd *c = NULL;

    if (strncmp(name, "masterha_", 9) == 0) {
        c = cmd_find(name);
        if (c)
            return c->run(c, 1, argc, argv);
        fprintf(stderr, "%s: there is no such command\n", name);
        return 1;
    }
    if (argc < 2)
        return list_verbs(stderr);
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        printf("kagemusha %s\n", KAGEMUSHA_VERSION);
        return 0;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0)
        return list_verbs(stdout);
    c = cmd_find(argv[1]);
    if (c)
        return c->run(c, strncmp(argv[1], "masterha_", 9) == 0, argc - 1, argv + 1);
    fprintf(stderr, "kagemusha: there is no verb \"%s\"; kagemusha --help lists them\n", argv[1]);
    return 1;
}
