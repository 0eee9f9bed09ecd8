/* apply_diff_relay_logs: MHA's program that brings replicas to one state by what the relay logs of
 * another hold. Here for managers and runbooks that call it; our own manager streams instead. */
#include "common/clock.h"
#include "common/sql_repl.h"
#include "node/binlog/reader.h"
#include "node/sql/apply.h"
#include "node/sql/diff.h"
#include "node/sql/sql_tools.h"
#include "node/tools/tools.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_MS 10000

struct options {
    const char *command, *datadir, *relay_log_info, *relay_dir, *current_relay_log;
    const char *scp_user, *scp_host, *ssh_options;
    const char *slave_user, *slave_pass, *slave_host, *slave_ip;
    const char *latest_mlf, *latest_rmlp, *target_mlf, *target_rmlp;
    const char *target_version, *workdir, *diff_file, *apply_files, *timestamp;
    struct tool_caller caller;
    int scp_port, slave_port, server_id, master_server_id;
    int no_apply;
    char secret[256];
};

/* "relay-bin.000007", "./relay-bin.000007", or with a whole path, which counts then. */
static int logs_beside(const struct options *o, struct extract_files *out, struct err *e)
{
    const char *slash = strrchr(o->current_relay_log, '/');
    const char *dir = o->relay_dir ? o->relay_dir : o->datadir ? o->datadir : ".";
    struct buf path = BUF_INIT, name = BUF_INIT;
    char *dot;
    int rc;

    if (o->current_relay_log[0] == '/')
        buf_addf(&path, "%.*s", (int)(slash - o->current_relay_log), o->current_relay_log);
    else
        buf_adds(&path, dir);
    buf_adds(&name, slash ? slash + 1 : o->current_relay_log);
    dot = strrchr(name.data, '.');
    if (dot)
        *dot = '\0';
    rc = extract_files_of_dir(out, path.data, name.data, e);
    buf_release(&path);
    buf_release(&name);
    return rc;
}

static int find_relay_logs(const struct options *o, struct extract_files *out, struct err *e)
{
    const char *dir = o->datadir ? o->datadir : o->relay_dir ? o->relay_dir : ".";

    if (o->current_relay_log)
        return logs_beside(o, out, e);
    if (!o->relay_log_info)
        return err_set(e, ERR_CONFIG,
                       "where the relay logs are: say --relay_dir and --current_relay_log, or "
                       "--relay_log_info");
    return tool_relay_logs_of_info(o->relay_log_info, dir, out, e);
}

/* A coordinate of the master out of two options; both or none. */
static int take_place(const char *file, const char *pos, const char *which, int needed,
                      struct binpos *out, struct err *e)
{
    char option[16];

    memset(out, 0, sizeof(*out));
    if (!file && !needed)
        return 0;
    if (!file || !*file || strlen(file) >= sizeof(out->file))
        return err_set(e, ERR_CONFIG, "--%s_mlf must name a binlog of the master", which);
    snprintf(out->file, sizeof(out->file), "%s", file);
    snprintf(option, sizeof(option), "%s_rmlp", which);
    return tool_position(pos, option, &out->pos, e);
}

static int read_diff(const struct options *o, struct diff *d, struct err *e)
{
    if (take_place(o->target_mlf, o->target_rmlp, "target", 1, &d->target, e) ||
        take_place(o->latest_mlf, o->latest_rmlp, "latest", 0, &d->latest, e))
        return -1;
    return find_relay_logs(o, &d->logs, e);
}

static int find(const struct options *o, struct err *e)
{
    struct diff d = {.logs = EXTRACT_FILES_INIT};
    int rc = read_diff(o, &d, e);

    if (rc == 0)
        rc = diff_find(&d, e);
    if (rc >= 0)
        puts("Target relay log FOUND!");
    extract_files_release(&d.logs);
    return rc < 0 ? -1 : 0;
}

static int generate(const struct options *o, int send, struct err *e)
{
    struct diff d = {.logs = EXTRACT_FILES_INIT, .output = o->diff_file};
    struct diff_to to = {o->scp_user, o->scp_host, o->ssh_options, o->scp_port};
    int rc = 0;

    if (!o->diff_file || !*o->diff_file)
        return err_set(e, ERR_CONFIG, "--diff_file_readtolatest must be set");
    if (send && (!o->scp_host || !*o->scp_host))
        return err_set(e, ERR_CONFIG, "--scp_host must be set");
    rc = read_diff(o, &d, e);
    if (rc == 0)
        rc = diff_generate(&d, e);
    if (rc == 0)
        puts("Target slave has received all relay logs.");
    else if (rc > 0 && send)
        rc = diff_send(o->diff_file, &to, e);
    else if (rc > 0)
        printf("Generated %s.\n", o->diff_file);
    extract_files_release(&d.logs);
    return rc < 0 ? -1 : 0;
}

static int target_of(const struct options *o, struct db_target *out, struct err *e)
{
    const char *host = o->slave_ip ? o->slave_ip : o->slave_host;

    *out = (struct db_target){.host = host,
                              .port = o->slave_port,
                              .user = o->slave_user,
                              .password = o->slave_pass ? o->slave_pass : ""};
    if (is_this_host(host))
        return 0;
    return err_set(e, ERR_CONFIG, "%s is not this host: this program serves the replica beside it",
                   host);
}

static int add_parts(const char *list, struct extract_files *out, struct err *e)
{
    while (*list) {
        size_t len = strcspn(list, ",");
        struct buf path = BUF_INIT;
        int rc = 0;

        buf_addf(&path, "%.*s", (int)len, list);
        if (len)
            rc = extract_files_add(out, path.data, -1, e);
        buf_release(&path);
        if (rc)
            return -1;
        list += len + (list[len] == ',');
    }
    return 0;
}

static int apply(const struct options *o, struct err *e)
{
    struct apply a = {.parts = EXTRACT_FILES_INIT, .workdir = o->workdir, .only_look = o->no_apply};
    int rc;

    if (!o->apply_files || !*o->apply_files)
        return err_set(e, ERR_CONFIG, "--apply_files must be set");
    rc = target_of(o, &a.server, e);
    if (rc == 0)
        rc = add_parts(o->apply_files, &a.parts, e);
    if (rc == 0) {
        printf("Applying differential binary/relay log files %s on %s:%d. This may take long "
               "time...\n",
               o->apply_files, a.server.host, a.server.port);
        fflush(stdout);
        rc = apply_parts(&a, e);
    }
    if (rc == 0)
        puts(o->no_apply ? "Nothing is applied, as --no_apply says."
                         : "Applying log files succeeded.");
    extract_files_release(&a.parts);
    return rc;
}

/* Everything that apply needs, without a write to the server. */
static int test_server(const struct options *o, struct err *e)
{
    struct sql_channels *all = mem_zalloc(sizeof(*all));
    struct sql sql = {0};
    struct db_target t;
    int rc = target_of(o, &t, e);

    if (rc == 0)
        rc = sql_open(&sql, &t, clock_mono_ms() + CONNECT_MS, e);
    if (rc == 0)
        rc = sql_read_channels(&sql, all, clock_mono_ms() + SQL_TOOL_MS, e);
    if (rc == 0 && (all->count == 0 || !all->item[0].master_host[0]))
        rc = err_set(e, ERR_WORLD, "the server at %s:%d is not a replica", t.host, t.port);
    if (rc == 0)
        printf("    Testing mysql connection and privileges.. done.\n");
    sql_channels_release(all);
    free(all);
    sql_close(&sql);
    return rc;
}

static int test_logs(const struct options *o, struct err *e)
{
    struct extract_files logs = EXTRACT_FILES_INIT;
    struct binlog_reader r = BINLOG_READER_INIT;
    struct binlog_event ev;
    const char *last;
    int rc = find_relay_logs(o, &logs, e);

    if (rc == 0) {
        last = extract_files_path(&logs, extract_files_count(&logs) - 1);
        rc = binlog_open(&r, last, 1, e);
        while (rc >= 0 && (rc = binlog_next(&r, &ev, e)) > 0)
            ;
        if (rc == 0 && r.end.kind != BINLOG_END_CLEAN && r.end.kind != BINLOG_END_TORN)
            rc = err_set(e, ERR_FORMAT, "%s: %s", last, r.end.why);
        if (rc == 0)
            printf("    Relay log found at %.*s, up to %s\n", (int)(strrchr(last, '/') - last),
                   last, strrchr(last, '/') + 1);
        binlog_close(&r);
    }
    extract_files_release(&logs);
    return rc;
}

static int run(const struct options *o, struct err *e)
{
    const char *command = o->command ? o->command : "";

    if (tool_check_manager(o->caller.manager_version, e))
        return -1;
    if (strcmp(command, "test") == 0)
        return test_logs(o, e) || test_server(o, e) ? -1 : 0;
    if (strcmp(command, "find") == 0)
        return find(o, e);
    if (strcmp(command, "generate") == 0 || strcmp(command, "generate_and_send") == 0)
        return generate(o, command[8] != '\0', e);
    if (strcmp(command, "apply") == 0)
        return apply(o, e);
    return err_set(e, ERR_CONFIG,
                   "--command must be test, find, generate, generate_and_send or apply");
}

int apply_diff_relay_logs_main(int argc, char **argv)
{
    struct options o = {.scp_user = "root",
                        .scp_port = 22,
                        .slave_user = "root",
                        .slave_host = "127.0.0.1",
                        .slave_port = 3306,
                        .target_rmlp = "0",
                        .workdir = "/var/tmp"};
    const struct args_option table[] = {
        {"command",                ARGS_TEXT, &o.command,           "test|find|generate|generate_and_send|apply",
         "what to do"                                                                                                                                     },
        {"relay_dir",              ARGS_TEXT, &o.relay_dir,         "DIR",                                        "where the relay logs are"              },
        {"current_relay_log",      ARGS_TEXT, &o.current_relay_log, "FILE",
         "one of them, for their name"                                                                                                                    },
        {"relay_log_info",         ARGS_TEXT, &o.relay_log_info,    "FILE",                                       "in place of both: it names them"       },
        {"datadir",                ARGS_TEXT, &o.datadir,           "DIR",                                        "for relative names in it"              },
        {"latest_mlf",             ARGS_TEXT, &o.latest_mlf,        "FILE",
         "binlog of the master that this host has read to"                                                                                                },
        {"latest_rmlp",            ARGS_TEXT, &o.latest_rmlp,       "POS",                                        "and the position in it"                },
        {"target_mlf",             ARGS_TEXT, &o.target_mlf,        "FILE",                                       "the same of the replica that is behind"},
        {"target_rmlp",            ARGS_TEXT, &o.target_rmlp,       "POS",                                        "and the position in it"                },
        {"diff_file_readtolatest", ARGS_TEXT, &o.diff_file,         "FILE",                                       "generate: what to write"               },
        {"scp_user",               ARGS_TEXT, &o.scp_user,          "NAME",                                       "of the host that is sent to (root)"    },
        {"scp_host",               ARGS_TEXT, &o.scp_host,          "ADDR",                                       "generate_and_send: that host"          },
        {"scp_port",               ARGS_INT,  &o.scp_port,          "N",                                          "of its sshd (22)"                      },
        {"ssh_options",            ARGS_TEXT, &o.ssh_options,       "OPTIONS",                                    "for ssh and scp"                       },
        {"slave_user",             ARGS_TEXT, &o.slave_user,        "NAME",                                       "account at the replica (root)"         },
        {"slave_pass",             ARGS_TEXT, &o.slave_pass,        "TEXT",                                       "its password"                          },
        {"slave_host",             ARGS_TEXT, &o.slave_host,        "ADDR",                                       "of this host (127.0.0.1)"              },
        {"slave_ip",               ARGS_TEXT, &o.slave_ip,          "ADDR",                                       "the same as an address"                },
        {"slave_port",             ARGS_INT,  &o.slave_port,        "N",                                          "(3306)"                                },
        {"apply_files",            ARGS_TEXT, &o.apply_files,       "FILE,..",                                    "apply: the files, in their order"      },
        {"workdir",                ARGS_TEXT, &o.workdir,           "DIR",                                        "apply: room for all of them (/var/tmp)"},
        {"no_apply",               ARGS_FLAG, &o.no_apply,          NULL,                                         "apply: look at the files only"         },
        {"server_id",              ARGS_INT,  &o.server_id,         "N",                                          "without effect: the logs tell it"      },
        {"master_server_id",       ARGS_INT,  &o.master_server_id,  "N",                                          "without effect"                        },
        {"target_version",         ARGS_TEXT, &o.target_version,    "V",                                          "without effect"                        },
        {"timestamp",              ARGS_TEXT, &o.timestamp,         "T",                                          "without effect"                        },
        TOOL_CALLER_ROWS(o.caller),
        {NULL,                     ARGS_FLAG, NULL,                 NULL,                                         NULL                                    },
    };
    struct err e = {0};
    int status, rc;

    if (!tool_args("apply_diff_relay_logs", &argc, argv, table, &status))
        return status;
    if (o.slave_pass)
        tool_take_secret(&o.slave_pass, argv[0], o.secret, sizeof(o.secret));
    rc = run(&o, &e);
    explicit_bzero(o.secret, sizeof(o.secret));
    if (rc == 0)
        return TOOL_OK;
    fflush(stdout);
    fprintf(stderr, "apply_diff_relay_logs: %s\n", e.text);
    return e.code == ERR_SQL ? TOOL_SQL_FAILED : TOOL_FAILED;
}
