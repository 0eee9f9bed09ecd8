/* Commands: each is one `const struct cmd` in a file of its own; main picks it by the name of the
 * program (masterha_stop) or by its verb (kagemusha stop). */
#ifndef KAGEMUSHA_CMD_H
#define KAGEMUSHA_CMD_H

#include "common/args.h"

#include <stdio.h>

/* What MHA's programs say of themselves: hook scripts and node programs look at this number. */
#define CMD_MHA_VERSION "0.58"

struct cmd {
    const char *verb;  /* "stop" */
    const char *mha;   /* "masterha_stop", NULL where MHA has no such program */
    const char *brief; /* one line for the list of verbs */
    /* argv[0] is the name that was used; as_mha: called by MHA's name, and speaks its dialect. The
     * value is the exit code. */
    int (*run)(const struct cmd *self, int as_mha, int argc, char **argv);
};

extern const struct cmd cmd_pause, cmd_resume, cmd_explain;
extern const struct cmd cmd_manager, cmd_check_status, cmd_stop;
extern const struct cmd cmd_check_repl, cmd_check_ssh, cmd_master_switch, cmd_plan, cmd_topology;
extern const struct cmd cmd_conf_host, cmd_secondary_check, cmd_master_monitor;
extern const struct cmd cmd_scan, cmd_ledger;
extern const struct cmd cmd_rejoin;

extern const struct cmd *const cmd_table[]; /* ends with NULL */
/* By verb or by MHA's name; NULL if none. */
const struct cmd *cmd_find(const char *name);
/* The whole program: the exit code. */
int cmd_main(int argc, char **argv);

/* Answers --help and --version, which commands have as flags in their tables. 1 when answered. */
int cmd_answered(const struct cmd *self, int as_mha, int help, int version,
                 const struct args_option *table);
/* args_parse as the dialect wants it: MHA's programs ignore unknown options; ours refuse them and
 * words without a dash. Prints what is wrong. -1 then. */
int cmd_args(int as_mha, int *argc, char **argv, const struct args_option *table);

#endif
