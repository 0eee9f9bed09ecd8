/* Command lines the way MHA's commands read them (Getopt::Long with default settings): one or two
 * dashes, any unique abbreviation, any case, --opt value or --opt=value, the last one wins. */
#ifndef KAGEMUSHA_ARGS_H
#define KAGEMUSHA_ARGS_H

#include "common/err.h"

#include <stddef.h>

enum args_type { ARGS_FLAG, ARGS_INT, ARGS_TEXT, ARGS_LIST };

struct args_list {
    const char *item[64];
    size_t count;
};

/* One row per option; a table ends with a row whose name is NULL. */
struct args_option {
    const char *name; /* "workdir|manager_workdir": the first is the documented one */
    enum args_type type;
    void *target;           /* int *, int *, const char **, struct args_list * */
    const char *value_name; /* for --help: "FILE", NULL with flags */
    const char *help;
};

enum args_unknown { ARGS_UNKNOWN_ERROR, ARGS_UNKNOWN_IGNORE, ARGS_UNKNOWN_WARN };

/* Parses argv[1..]; values point into argv. Words that are no options are left in argv from 1 on,
 * *argc adjusted. With ARGS_UNKNOWN_IGNORE an unknown option is dropped as MHA's programs do; WARN
 * prints it on standard error. A flag may be negated by --no-x and --nox; integers take a leading
 * minus. ERR_CONFIG with a sentence. */
int args_parse(int *argc, char **argv, const struct args_option *table, enum args_unknown unknown,
               struct err *e);
/* Prints the rows as help text to standard output. */
void args_help(const struct args_option *table);

#endif
