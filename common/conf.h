/* MHA's configuration files as a struct: the only includer of <iniparser.h>. One table row per key
 * (conf_keys) feeds the parser, the help and the tests of sample file and man page. Grammar and
 * layering are MHA's: a host's section, then its file's defaults, then the global file's. */
#ifndef KAGEMUSHA_CONF_H
#define KAGEMUSHA_CONF_H

#include "common/buf.h"
#include "common/err.h"

#include <stddef.h>

#define CONF_SERVERS_MAX    32
#define CONF_GLOBAL_DEFAULT "/etc/masterha_default.cnf"

/* The settings of one [serverN] or [binlogN], all layers applied. Texts belong to the conf; never
 * NULL unless said. */
struct conf_server {
    const char *id; /* the section's name */
    const char *hostname, *ip, *node_label, *ssh_host, *ssh_ip, *ssh_options, *ssh_user;
    const char *user, *password, *repl_user, *repl_password; /* repl_*: NULL when unset or empty */
    const char *monitor_user, *monitor_password;             /* both NULL: user and password */
    const char *scan_user, *scan_password;                   /* likewise, of the scanner */
    const char *ssl_mode, *ssl_ca;
    const char *repl_ssl, *repl_ssl_verify, *repl_ssl_ca, *repl_ssl_cert, *repl_ssl_key,
        *repl_get_public_key; /* "" when unset */
    const char *master_pid_file, *master_binlog_dir, *remote_workdir, *manager_workdir,
        *manager_log;
    const char *log_level, *ping_type;
    const char *secondary_check_script, *master_ip_failover_script, *master_ip_online_change_script;
    const char *shutdown_script, *report_script, *init_conf_load_script; /* "" when unset */
    const char *client_bindir, *client_libdir;
    const char *writer_vip; /* "addr/len[@dev]", "" when unset (decision 10) */
    const char
        *fence_required; /* "proof", "mha" or "" (then the command's own default: decision 6) */
    const char *fence_command;
    const char *vault_dir;
    const char *on_crash_restart;                        /* "failover" or "ride" (decision 2) */
    const char *scan_history, *scan_rules, *scan_statsd; /* "" when unset */
    const char *ssh_backend, *ssh_host_key, *node_path, *journal_dir, *hook_passwords;
    const char *log_format, *metrics_listen;
    int port, ssh_port, ssh_connection_timeout;
    int candidate_master, no_master, ignore_fail, skip_init_ssh_check, skip_reset_slave;
    int disable_log_bin, handle_raw_binlog, check_repl_delay, check_repl_filter, latest_priority;
    int multi_tier_slave, ping_interval, use_gtid_auto_pos, allow_data_loss;
    int ping_misses, planned_stop_wait, hook_timeout, writer_port, handle_events;
    int scan_interval, scan_full_interval;
    int replica_check_interval, replica_lag_limit;
    int lock_lease, resume_window;
};

struct conf {
    char *file, *global_file;                    /* as given; global_file NULL when missing */
    char app[128];                               /* base name of file without its last extension */
    struct conf_server server[CONF_SERVERS_MAX]; /* in MHA's order: the tie-break of the choice */
    size_t servers;
    struct conf_server binlog[CONF_SERVERS_MAX];
    size_t binlogs;
    struct buf warnings; /* one sentence a line: a missing global file, local keys in a default
                            section, ... */
    void *store;         /* what the texts live in */
};

enum conf_flags {
    CONF_RESOLVE_LATER = 1, /* an unresolvable host gives ip "" and a warning instead of an error */
};

/* Reads both files (global_file NULL: the default path, its absence only a warning). ERR_CONFIG
 * with file, line and key, and what to write instead. *out is NULL on failure. Runs
 * init_conf_load_script where one is set (10 s at most). */
int conf_load(struct conf **out, const char *file, const char *global_file, unsigned flags,
              struct err *e);
void conf_free(struct conf **c); /* wipes secrets */

/* The server with that host (name or address) and port, or -1. */
int conf_find(const struct conf *c, const char *host, int port);

enum conf_type { CONF_TEXT, CONF_INT, CONF_BOOL };
enum conf_scope { CONF_LOCAL, CONF_ANY };

struct conf_key {
    const char *name;
    enum conf_type type;
    enum conf_scope scope;
    const char *fallback; /* as text, "" for none */
    int min, max;         /* CONF_INT */
    int empty_is_default; /* as in MHA, where an empty value is no value */
    int secret;
    int from_mha;      /* 1: one of MHA's 42 */
    const char *words; /* "CONNECT|SELECT|INSERT" or NULL */
    size_t offset;     /* in struct conf_server; CONF_NO_FIELD where MHA accepts and ignores */
    const char *help;  /* one line */
};
#define CONF_NO_FIELD ((size_t)-1)

extern const struct conf_key conf_keys[]; /* ends with name NULL */

#endif
