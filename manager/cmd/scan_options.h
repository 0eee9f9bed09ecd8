/* The command line of `kagemusha scan`, taken and checked. */
#ifndef KAGEMUSHA_SCAN_OPTIONS_H
#define KAGEMUSHA_SCAN_OPTIONS_H

#include "manager/cmd/cmd.h"
#include "manager/cmd/scan_targets.h"
#include "manager/scan/rules.h"

struct scan_options {
    /* as given */
    struct args_list conf, server, schema;
    const char *global_conf, *servers, *user, *password_file, *ssl_mode, *ssl_ca;
    const char *rules_file, *history, *explain, *type, *output, *textfile, *statsd;
    const char *warn_usage, *crit_usage, *warn_days, *crit_days, *min_usage_text;
    int json, jsonl, csv, prometheus, openmetrics, nagios, html;
    int jobs, timeout_s, statement_s, pause_ms, history_mb, top;
    int children, watched, headroom, force, quiet, help, version;
    /* what it comes to */
    struct scan_targets targets;
    struct scan_ask ask;
    struct scan_rules rules;
    double min_usage;
    struct {
        char *schema, *table, *column;
    } name;               /* to be explained */
    struct buf name_glob; /* its schema as a glob */
    const char *one_schema;
};

/* The answer was --help or --version. */
#define SCAN_ANSWERED 100

/* 0; SCAN_ANSWERED; -1 with a sentence on standard error. Release in any case. */
int scan_options_take(struct scan_options *o, const struct cmd *self, int as_mha, int argc,
                      char **argv);
void scan_options_release(struct scan_options *o);

#endif
