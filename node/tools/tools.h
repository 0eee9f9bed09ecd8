/* MHA's programs for database hosts: options, output and exit codes are
 * MHA's. Those that need SQL are in node/sql. */
#ifndef KAGEMUSHA_NODE_TOOLS_H
#define KAGEMUSHA_NODE_TOOLS_H

#include "common/args.h"
#include "node/extract/files.h"

enum tool_exit { TOOL_OK = 0, TOOL_FAILED = 1, TOOL_NOTHING = 10, TOOL_SQL_FAILED = 22 };

/* The exit status of each. */
int save_binary_logs_main(int argc, char **argv);
int filter_mysqlbinlog_main(int argc, char **argv);

/* Options of MHA's managers that change nothing here, but for the version. */
struct tool_caller {
    const char *manager_version, *client_bindir, *client_libdir;
    int handle_raw_binlog, disable_log_bin, debug;
};
/* Their rows in a table of options. */
#define TOOL_CALLER_ROWS(c)                                                                        \
    {"handle_raw_binlog", ARGS_INT, &(c).handle_raw_binlog, "0|1", "without effect"},              \
        {"disable_log_bin", ARGS_INT, &(c).disable_log_bin, "0|1", "without effect"},              \
        {"manager_version", ARGS_TEXT, &(c).manager_version, "V", "of the caller"},                \
        {"client_bindir", ARGS_TEXT, &(c).client_bindir, "DIR", "without effect"},                 \
        {"client_libdir", ARGS_TEXT, &(c).client_libdir, "DIR", "without effect"},                 \
    {                                                                                              \
        "debug", ARGS_FLAG, &(c).debug, NULL, "without effect"                                     \
    }

/* --help, --version, and the table's options. 1: go on; 0 with *status: end with it. name: of the
 * program. */
int tool_args(const char *name, int *argc, char **argv, const struct args_option *table,
              int *status);
/* 0 when a manager of that version may be served: MHA's own of 0.54 and later, and ours. */
int tool_check_manager(const char *version, struct err *e);

/* A position in a log, of any size. option names it in the error. ERR_CONFIG. */
int tool_position(const char *text, const char *option, uint64_t *out, struct err *e);
/* Creates the file, empty, mode 0600, and directories above it. The descriptor; -1 ERR_IO. */
int tool_create(const char *path, struct err *e);

/* The directory of the relay logs out of a relay-log.info file: its first line, or the second where
 * the first is a number; relative to datadir. name: the file it names; may be NULL. ERR_IO. */
struct tool_relay_place {
    char dir[4096], name[256];
};
int tool_relay_log_info(const char *path, const char *datadir, struct tool_relay_place *out,
                        struct err *e);
/* Appends the relay logs of that directory which have the file's name but for its number. ERR_IO,
 * ERR_WORLD. */
int tool_relay_logs_of_info(const char *path, const char *datadir, struct extract_files *out,
                            struct err *e);

#endif
