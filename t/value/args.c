/* Command lines: the table of cases was run through Perl's Getopt::Long. */
#include "common/args.h"
#include "t/tap.h"

#include <stdlib.h>

struct values {
    const char *conf, *confident;
    int num, flag, neg;
    struct args_list list;
};

struct args_case {
    enum args_unknown unknown;
    const char *line; /* words, separated by one blank; "''" is an empty word */
    const char *want;
};

static size_t split(char *line, char **argv)
{
    size_t n = 0;
    char *save = NULL;

    argv[n++] = line + strlen(line);
    for (char *w = strtok_r(line, " ", &save); w; w = strtok_r(NULL, " ", &save))
        argv[n++] = strcmp(w, "''") == 0 ? w + 2 : w;
    argv[n] = NULL;
    return n;
}

static void describe(const struct values *v, int argc, char **argv, char *out, size_t size)
{
    size_t len;

    snprintf(out, size, "%s %s %d %d %d ", v->conf, v->confident, v->num, v->flag, v->neg);
    for (size_t i = 0; i < v->list.count; i++) {
        len = strlen(out);
        snprintf(out + len, size - len, "%s%s", i ? "+" : "", v->list.item[i]);
    }
    for (int i = 1; i < argc; i++) {
        len = strlen(out);
        snprintf(out + len, size - len, "%c%s", i == 1 ? '/' : ' ', argv[i]);
    }
}

static void check(const struct args_case *c)
{
    struct values v = {.conf = "-", .confident = "-", .num = -1};
    const struct args_option table[] = {
        {"conf",       ARGS_TEXT, &v.conf,      "FILE", ""  },
        {"num|number", ARGS_INT,  &v.num,       "N",    ""  },
        {"flag",       ARGS_FLAG, &v.flag,      NULL,   ""  },
        {"neg",        ARGS_FLAG, &v.neg,       NULL,   ""  },
        {"list",       ARGS_LIST, &v.list,      "WORD", ""  },
        {"confident",  ARGS_TEXT, &v.confident, "WORD", ""  },
        {NULL,         ARGS_FLAG, NULL,         NULL,   NULL},
    };
    char line[256], got[512], *argv[32];
    struct err e = {0};
    int argc;

    v.neg = 1;
    snprintf(line, sizeof(line), "%s", c->line);
    argc = (int)split(line, argv);
    if (args_parse(&argc, argv, table, c->unknown, &e) < 0)
        snprintf(got, sizeof(got), "%s", e.text);
    else
        describe(&v, argc, argv, got, sizeof(got));
    tap_is(got, c->want, c->line);
}

#define ERR ARGS_UNKNOWN_ERROR
#define IGN ARGS_UNKNOWN_IGNORE

static const struct args_case cases[] = {
    {ERR, "--conf x",                 "x - -1 0 1 "                                                  },
    {ERR, "-CONF=x",                  "x - -1 0 1 "                                                  },
    {ERR, "--conf=a --conf=b",        "b - -1 0 1 "                                                  },
    {ERR, "--conf=a=b",               "a=b - -1 0 1 "                                                },
    {ERR, "--conf ''",                " - -1 0 1 "                                                   },
    {ERR, "--conf= x",                "Option conf requires an argument"                             },
    {IGN, "--conf= x",                "- - -1 0 1 /x"                                                },
    {ERR, "--conf",                   "Option conf requires an argument"                             },
    {IGN, "--conf",                   "- - -1 0 1 "                                                  },
    {ERR, "--conf -- x",              "-- - -1 0 1 /x"                                               },
    {ERR, "--conf --flag",            "--flag - -1 0 1 "                                             },
    {ERR, "--con x",                  "Ambiguous option: --con"                                      },
    {IGN, "--con x",                  "- - -1 0 1 /x"                                                },
    {ERR, "--confi x",                "- x -1 0 1 "                                                  },
    {ERR, "--nu 7",                   "- - 7 0 1 "                                                   },
    {ERR, "--numb 7",                 "- - 7 0 1 "                                                   },
    {ERR, "--num -5",                 "- - -5 0 1 "                                                  },
    {ERR, "--num +5",                 "- - 5 0 1 "                                                   },
    {ERR, "--num 1_0",                "- - 10 0 1 "                                                  },
    {ERR, "--num 07",                 "- - 7 0 1 "                                                   },
    {ERR, "--num x",                  "Value \"x\" invalid for option num (number expected)"         },
    {IGN, "--num x",                  "- - -1 0 1 /x"                                                },
    {IGN, "--num --flag",             "- - -1 1 1 "                                                  },
    {IGN, "--num=x",                  "- - -1 0 1 "                                                  },
    {ERR, "--num=3000000000",         "Value \"3000000000\" invalid for option num (number expected)"},
    {ERR, "--flag",                   "- - -1 1 1 "                                                  },
    {ERR, "-f",                       "- - -1 1 1 "                                                  },
    {ERR, "--flag=1",                 "Option flag does not take an argument"                        },
    {IGN, "--flag=1",                 "- - -1 0 1 "                                                  },
    {ERR, "--noneg",                  "- - -1 0 0 "                                                  },
    {ERR, "--no-neg",                 "- - -1 0 0 "                                                  },
    {ERR, "--noconf",                 "Unknown option: --noconf"                                     },
    {ERR, "--unk v",                  "Unknown option: --unk"                                        },
    {IGN, "--unk v --flag",           "- - -1 1 1 /v"                                                },
    {IGN, "--unk=v --flag",           "- - -1 1 1 "                                                  },
    {ERR, "-5",                       "Unknown option: -5"                                           },
    {ERR, "--list=a -l b x --list c", "- - -1 0 1 a+b+c/x"                                           },
    {ERR, "a - -- --flag",            "- - -1 0 1 /a - --flag"                                       },
    {ERR, "a --flag b",               "- - -1 1 1 /a b"                                              },
    {ERR, "--=5",                     "Unknown option: --=5"                                         },
};

int main(void)
{
    char many[70][4] = {{0}}, *argv[72] = {many[0]};
    struct args_list list = {.count = 0};
    const struct args_option table[] = {
        {"l",  ARGS_LIST, &list, "W",  ""  },
        {NULL, ARGS_FLAG, NULL,  NULL, NULL},
    };
    struct err e = {0};
    int argc = 1;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check(&cases[i]);
    for (; argc < 70; argc++) {
        snprintf(many[argc], sizeof(many[argc]), "-l=");
        argv[argc] = many[argc];
    }
    tap_ok(args_parse(&argc, argv, table, ERR, &e) < 0, "an empty value is refused");
    for (argc = 1; argc < 70; argc++) {
        static char word[] = "-l=x";

        argv[argc] = word;
    }
    tap_ok(args_parse(&argc, argv, table, ERR, &e) < 0, "a list over its cap is an error");
    tap_is(e.text, "Option l is given more than 64 times", "and says so");
    return tap_done();
}
