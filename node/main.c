/* kagemusha-node: what runs on a database host, started through SSH. */
#include "common/args.h"
#include "common/wire.h"
#include "node/agent.h"
#include "node/bulk.h"
#include "node/extract/show.h"
#include "node/guard.h"
#include "node/replay/replay.h"
#include "node/tools/tools.h"

#include <stdio.h>
#include <string.h>

static int agent_main(int argc, char **argv);

static const struct subcommand {
    const char *name;
    int (*run)(int argc, char **argv); /* argv[0] is the name; the exit status */
    const char *help;
} subcommands[] = {
    {"agent",   agent_main,        "answer a manager's requests on standard input until its end" },
    {"binlog",  binlog_show_main,  "show what is in log files (for people)"                      },
    {"guard",   node_guard_main,   "keep a fenced server from coming back (started by the agent)"},
    {"extract", node_extract_main, "send what lies in logs (started by a manager)"               },
    {"replay",  node_replay_main,  "serve it to the server of this host (started by a manager)"  },
    {NULL,      NULL,              NULL                                                          },
};

static int agent_main(int argc, char **argv)
{
    int silence_ms = WIRE_SILENCE_MS;
    const struct args_option table[] = {
        {"silence-ms", ARGS_INT,  &silence_ms, "MS", "end when nothing came for so long (15000)"},
        {NULL,         ARGS_FLAG, NULL,        NULL, NULL                                       },
    };
    struct err e = {0};

    if (args_parse(&argc, argv, table, ARGS_UNKNOWN_ERROR, &e) || argc > 1 || silence_ms < 1) {
        fprintf(stderr, "kagemusha-node agent: %s\n", e.code ? e.text : "wrong arguments");
        return 1;
    }
    return node_agent_run(silence_ms);
}

/* MHA's names, as links to this program. */
static const struct subcommand tools[] = {
    {"save_binary_logs",   save_binary_logs_main,   NULL},
    {"filter_mysqlbinlog", filter_mysqlbinlog_main, NULL},
    {NULL,                 NULL,                    NULL},
};

static const struct subcommand *find(const struct subcommand *table, const char *name)
{
    while (table->name && strcmp(table->name, name) != 0)
        table++;
    return table->name ? table : NULL;
}

static void usage(FILE *to)
{
    fputs("usage: kagemusha-node COMMAND [OPTIONS]\n", to);
    for (const struct subcommand *s = subcommands; s->name; s++)
        fprintf(to, "  %-8s %s\n", s->name, s->help);
}

int main(int argc, char **argv)
{
    const char *slash = strrchr(argv[0], '/');
    const struct subcommand *s = find(tools, slash ? slash + 1 : argv[0]);

    if (s)
        return s->run(argc, argv);
    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        printf("kagemusha-node %s protocol %d\n", KAGEMUSHA_VERSION, WIRE_PROTOCOL);
        return 0;
    }
    if (argc > 1 && strcmp(argv[1], "--help") == 0) {
        usage(stdout);
        return 0;
    }
    s = argc > 1 ? find(subcommands, argv[1]) : NULL;
    if (!s && argc > 1)
        s = find(tools, argv[1]);
    if (s)
        return s->run(argc - 1, argv + 1);
    usage(stderr);
    return 1;
}
