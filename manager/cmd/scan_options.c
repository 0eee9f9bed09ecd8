/* Options of `kagemusha scan`; see scan_options.h. */
#include "manager/cmd/scan_options.h"

#include "common/file.h"
#include "manager/cmd/scan_explain.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define RULES_BYTES    (1 << 20)
#define PASSWORD_BYTES 4096
#define PASSWORD_ENV   "KAGEMUSHA_SCAN_PASSWORD"

static int parse_ssl(const char *word, int *out, struct err *e)
{
    static const char *const words[] = {"PREFERRED", "DISABLED", "REQUIRED", "VERIFY_CA",
                                        "VERIFY_IDENTITY"};
    int i;

    for (i = 0; i < (int)(sizeof(words) / sizeof(words[0])); i++)
        if (strcasecmp(word, words[i]) == 0) {
            *out = i;
            return 0;
        }
    return err_set(e, ERR_CONFIG,
                   "--ssl-mode: \"%s\" is none of DISABLED, PREFERRED, REQUIRED, VERIFY_CA,"
                   " VERIFY_IDENTITY",
                   word);
}

/* From a file that nobody else may read, or from the environment; never from the command line. */
static int take_password(struct scan_options *o, struct err *e)
{
    struct buf *to = &o->targets.account.password;
    const char *from_env = getenv(PASSWORD_ENV);
    struct stat st;

    if (!o->password_file) {
        buf_adds(to, from_env ? from_env : "");
        return 0;
    }
    if (stat(o->password_file, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 077))
        return err_set(e, ERR_CONFIG, "--password-file: others may read %s: chmod 600 it",
                       o->password_file);
    if (file_read(o->password_file, to, PASSWORD_BYTES, e) != 0)
        return err_wrap(e, "--password-file");
    while (to->len && strchr("\r\n", to->data[to->len - 1]))
        to->data[--to->len] = '\0';
    return 0;
}

static int take_account(struct scan_options *o, struct err *e)
{
    struct scan_account *a = &o->targets.account;

    a->user = o->user ? o->user : "root";
    a->ssl_ca = o->ssl_ca;
    if (o->ssl_mode && parse_ssl(o->ssl_mode, &a->ssl, e) != 0)
        return -1;
    return take_password(o, e);
}

static int take_targets(struct scan_options *o, struct err *e)
{
    size_t i;

    for (i = 0; i < o->conf.count; i++)
        if (scan_targets_add_conf(&o->targets, o->conf.item[i], o->global_conf, e) != 0)
            return -1;
    for (i = 0; i < o->server.count; i++)
        if (scan_targets_add_server(&o->targets, o->server.item[i], e) != 0)
            return -1;
    if (o->servers && scan_targets_add_list(&o->targets, o->servers, e) != 0)
        return -1;
    if (o->targets.count == 0)
        return err_set(e, ERR_CONFIG,
                       "say what to scan: --conf=FILE or a directory, --server=HOST:PORT or"
                       " --servers=FILE");
    return 0;
}

static int take_rules(struct scan_options *o, struct err *e)
{
    struct buf text = BUF_INIT;
    int rc = o->rules_file ? file_read(o->rules_file, &text, RULES_BYTES, e) : 0;

    if (rc == 0)
        rc = scan_rules_parse(&o->rules, o->rules_file ? o->rules_file : "", text.data, e);
    buf_release(&text);
    return rc;
}

static int take_number(const char *name, const char *text, double max, double *out, struct err *e)
{
    char *end;
    double v;

    if (!text)
        return 0;
    v = strtod(text, &end);
    if (end == text || *end || !(v >= 0) || v > max)
        return err_set(e, ERR_CONFIG, "--%s: \"%s\" is no number from 0 to %.0f", name, text, max);
    *out = v;
    return 0;
}

static int take_thresholds(struct scan_options *o, struct err *e)
{
    struct scan_thresholds *t = &o->rules.level;

    if (take_number("warn-usage", o->warn_usage, 1, &t->warn_usage, e) != 0 ||
        take_number("crit-usage", o->crit_usage, 1, &t->crit_usage, e) != 0 ||
        take_number("warn-days", o->warn_days, 36500, &t->warn_days, e) != 0 ||
        take_number("crit-days", o->crit_days, 36500, &t->crit_days, e) != 0)
        return -1;
    return take_number("min-usage", o->min_usage_text, 1, &o->min_usage, e);
}

static int check(const struct scan_options *o, struct err *e)
{
    int forms = o->json + o->jsonl + o->csv + o->prometheus + o->openmetrics + o->nagios + o->html;

    if (forms > 1)
        return err_set(e, ERR_CONFIG,
                       "one form at a time: --json, --jsonl, --csv, --prometheus,"
                       " --openmetrics, --nagios or --html");
    if (o->jobs < 1 || o->jobs > 256)
        return err_set(e, ERR_CONFIG, "--jobs: a number from 1 to 256");
    if (o->timeout_s < 1 || o->timeout_s > 86400)
        return err_set(e, ERR_CONFIG, "--timeout: seconds from 1 to 86400");
    if (o->statement_s < 1 || o->statement_s > 86400)
        return err_set(e, ERR_CONFIG, "--statement-timeout: seconds from 1 to 86400");
    if (o->pause_ms < 0 || o->pause_ms > 60000)
        return err_set(e, ERR_CONFIG, "--pause: milliseconds from 0 to 60000");
    if (o->history_mb < 1)
        return err_set(e, ERR_CONFIG, "--history-mb: a number from 1");
    if (o->watched && !o->history)
        return err_set(e, ERR_CONFIG, "--watched goes by a history: name it with --history=FILE");
    if (o->headroom && (o->watched || o->explain || o->schema.count > 0))
        return err_set(
            e, ERR_CONFIG,
            "--headroom compares whole servers: not with --watched, --schema or --explain");
    if (o->top < 0)
        return err_set(e, ERR_CONFIG, "--top: a number from 0");
    return 0;
}

static void take_ask(struct scan_options *o)
{
    o->ask.schemas = o->schema.count ? o->schema.item : NULL;
    o->ask.schema_count = o->schema.count;
    o->ask.children = o->children;
    o->ask.force = o->force;
    o->ask.statement_ms = o->statement_s * 1000;
    o->ask.pause_ms = o->pause_ms;
}

static int take(struct scan_options *o, struct err *e)
{
    if (check(o, e) != 0 || take_account(o, e) != 0 || take_targets(o, e) != 0 ||
        take_rules(o, e) != 0 || take_thresholds(o, e) != 0)
        return -1;
    take_ask(o);
    return o->explain ? scan_explain_prepare(o, e) : 0;
}

int scan_options_take(struct scan_options *o, const struct cmd *self, int as_mha, int argc,
                      char **argv)
{
    /* clang-format off */
    const struct args_option table[] = {
        {"conf",              ARGS_LIST, &o->conf,           "FILE",  "a group's configuration, or a directory of them; repeated"},
        {"global_conf",       ARGS_TEXT, &o->global_conf,    "FILE",  "global defaults"},
        {"server",            ARGS_LIST, &o->server,         "HOST:PORT", "a plain server; repeated"},
        {"servers",           ARGS_TEXT, &o->servers,        "FILE",  "plain servers, one a line"},
        {"user",              ARGS_TEXT, &o->user,           "NAME",  "account on plain servers (root)"},
        {"password-file",     ARGS_TEXT, &o->password_file,  "FILE",  "its password; else " PASSWORD_ENV},
        {"ssl-mode",          ARGS_TEXT, &o->ssl_mode,       "WORD",  "encryption on plain servers (PREFERRED)"},
        {"ssl-ca",            ARGS_TEXT, &o->ssl_ca,         "FILE",  "their certificate authority"},
        {"schema",            ARGS_LIST, &o->schema,         "GLOB",  "only these schemas; repeated"},
        {"children",          ARGS_FLAG, &o->children,       NULL,    "also columns that hold other tables' ids and are narrower"},
        {"watched",           ARGS_FLAG, &o->watched,        NULL,    "only tables that the history says are worth it"},
        {"headroom",          ARGS_FLAG, &o->headroom,       NULL,    "also the groups' replicas, for the note on their room"},
        {"force",             ARGS_FLAG, &o->force,          NULL,    "also where innodb_stats_on_metadata is ON"},
        {"jobs",              ARGS_INT,  &o->jobs,           "N",     "servers at a time (16)"},
        {"timeout",           ARGS_INT,  &o->timeout_s,      "S",     "seconds for each server (120)"},
        {"statement-timeout", ARGS_INT,  &o->statement_s,    "S",     "seconds for each statement (60)"},
        {"pause",             ARGS_INT,  &o->pause_ms,       "MS",    "between portions where reading opens tables (100)"},
        {"history",           ARGS_TEXT, &o->history,        "FILE",  "where values are kept; without it there are no forecasts"},
        {"history-mb",        ARGS_INT,  &o->history_mb,     "N",     "its largest size (1024)"},
        {"rules",             ARGS_TEXT, &o->rules_file,     "FILE",  "thresholds and rules by schema, table, column"},
        {"warn-usage",        ARGS_TEXT, &o->warn_usage,     "SHARE", "a warning from here (0.70)"},
        {"crit-usage",        ARGS_TEXT, &o->crit_usage,     "SHARE", "critical from here (0.85)"},
        {"warn-days",         ARGS_TEXT, &o->warn_days,      "N",     "a warning below (180)"},
        {"crit-days",         ARGS_TEXT, &o->crit_days,      "N",     "critical below (30)"},
        {"explain",           ARGS_TEXT, &o->explain,        "NAME",  "all about schema.table.column"},
        {"json",              ARGS_FLAG, &o->json,           NULL,    "one object"},
        {"jsonl",             ARGS_FLAG, &o->jsonl,          NULL,    "one object a line"},
        {"csv",               ARGS_FLAG, &o->csv,            NULL,    "comma separated values"},
        {"prometheus",        ARGS_FLAG, &o->prometheus,     NULL,    "metrics as Prometheus reads them"},
        {"openmetrics",       ARGS_FLAG, &o->openmetrics,    NULL,    "metrics as OpenMetrics 1.0"},
        {"nagios",            ARGS_FLAG, &o->nagios,         NULL,    "a line for Nagios or Icinga"},
        {"html",              ARGS_FLAG, &o->html,           NULL,    "a page with plots"},
        {"output",            ARGS_TEXT, &o->output,         "FILE",  "not to standard output"},
        {"textfile",          ARGS_TEXT, &o->textfile,       "FILE",  "metrics for node_exporter, besides"},
        {"statsd",            ARGS_TEXT, &o->statsd,         "TO",    "to DogStatsD at HOST:PORT or PATH, besides"},
        {"top",               ARGS_INT,  &o->top,            "N",     "rows of the table (30); 0: all"},
        {"min-usage",         ARGS_TEXT, &o->min_usage_text, "SHARE", "leave out what is fine and below"},
        {"type",              ARGS_TEXT, &o->type,           "WORD",  "only this column type, as int_signed"},
        {"quiet",             ARGS_FLAG, &o->quiet,          NULL,    "no progress line"},
        {"help",              ARGS_FLAG, &o->help,           NULL,    "this text"},
        {"version",           ARGS_FLAG, &o->version,        NULL,    "the version"},
        {NULL,                ARGS_FLAG, NULL,               NULL,    NULL},
    };
    /* clang-format on */
    struct err e = {0};

    memset(o, 0, sizeof(*o));
    buf_init(&o->targets.account.password);
    buf_init(&o->name_glob);
    o->jobs = 16;
    o->timeout_s = 120;
    o->statement_s = 60;
    o->pause_ms = 100;
    o->history_mb = 1024;
    o->top = 30;
    if (cmd_args(as_mha, &argc, argv, table) < 0)
        return -1;
    if (cmd_answered(self, as_mha, o->help, o->version, table))
        return SCAN_ANSWERED;
    if (take(o, &e) == 0)
        return 0;
    fprintf(stderr, "kagemusha scan: %s\n", e.text);
    return -1;
}

void scan_options_release(struct scan_options *o)
{
    scan_targets_release(&o->targets);
    scan_rules_release(&o->rules);
    buf_release(&o->name_glob);
    free(o->name.schema);
    free(o->name.table);
    free(o->name.column);
}
