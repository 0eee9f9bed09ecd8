/* kagemusha-node-sql: MHA's programs for database hosts that need SQL, by the name of the link or
 * by the first argument. */
#include "node/sql/sql_tools.h"

#include "common/core.h"
#include "common/wire.h"

#include <stdio.h>
#include <string.h>

static const struct tool {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} tools[] = {
    {"purge_relay_logs",      purge_relay_logs_main,      "let go of relay logs that are applied"},
    {"apply_diff_relay_logs", apply_diff_relay_logs_main,
     "give a replica what another has received"                                                  },
    {NULL,                    NULL,                       NULL                                   },
};

static const struct tool *find(const char *name)
{
    for (const struct tool *t = tools; t->name; t++)
        if (strcmp(t->name, name) == 0)
            return t;
    return NULL;
}

static void usage(FILE *to)
{
    fputs("usage: kagemusha-node-sql PROGRAM [OPTIONS]\n", to);
    for (const struct tool *t = tools; t->name; t++)
        fprintf(to, "  %-21s %s\n", t->name, t->help);
}

static int run(const struct tool *t, int argc, char **argv)
{
    struct err e = {0};
    int status;

    if (db_library_init(&e)) {
        fprintf(stderr, "%s: %s\n", t->name, e.text);
        return 1;
    }
    status = t->run(argc, argv);
    db_library_end();
    return status;
}

int main(int argc, char **argv)
{
    const char *slash = strrchr(argv[0], '/');
    const struct tool *t = find(slash ? slash + 1 : argv[0]);

    core_forbid();
    if (t)
        return run(t, argc, argv);
    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        printf("kagemusha-node-sql %s protocol %d\n", KAGEMUSHA_VERSION, WIRE_PROTOCOL);
        return 0;
    }
    if (argc > 1 && strcmp(argv[1], "--help") == 0) {
        usage(stdout);
        return 0;
    }
    t = argc > 1 ? find(argv[1]) : NULL;
    if (t)
        return run(t, argc - 1, argv + 1);
    usage(stderr);
    return 1;
}
