/* The table of all configuration keys; see conf.h. MHA's keys come first, in the order of its
 * manual, ours behind them. */
#include "common/conf.h"
#include "common/conf_value.h"

#include <ctype.h>
#include <string.h>

#define PORT_MAX    65535
#define SECONDS_MAX 86400
#define SCAN_MAX    (31 * SECONDS_MAX)
#define AT(field)   offsetof(struct conf_server, field)
#define BINLOG_DIRS "/var/lib/mysql,/var/log/mysql"
#define SSL_MODES   "DISABLED|PREFERRED|REQUIRED|VERIFY_CA|VERIFY_IDENTITY"

/* clang-format off */
#define LOCAL(name, what) \
    {#name, CONF_TEXT, CONF_LOCAL, "", 0, 0, 0, 0, 1, NULL, AT(name), what}
#define FLAG_LOCAL(name, what) \
    {#name, CONF_BOOL, CONF_LOCAL, "0", 0, 1, 0, 0, 1, NULL, AT(name), what}
#define TEXT(name, fallback, t, what) \
    {#name, CONF_TEXT, CONF_ANY, fallback, 0, 0, t, 0, 1, NULL, AT(name), what}
#define SECRET(name, mha, what) \
    {#name, CONF_TEXT, CONF_ANY, "", 0, 0, 0, 1, mha, NULL, AT(name), what}
#define FLAG(name, fallback, what) \
    {#name, CONF_BOOL, CONF_ANY, fallback, 0, 1, 0, 0, 1, NULL, AT(name), what}
#define NUMBER(name, fallback, min, max, t, mha, what) \
    {#name, CONF_INT, CONF_ANY, fallback, min, max, t, 0, mha, NULL, AT(name), what}
#define WORD(name, fallback, mha, words, what) \
    {#name, CONF_TEXT, CONF_ANY, fallback, 0, 0, 0, 0, mha, words, AT(name), what}
#define OURS(name, fallback, what) \
    {#name, CONF_TEXT, CONF_ANY, fallback, 0, 0, 0, 0, 0, NULL, AT(name), what}

const struct conf_key conf_keys[] = {
    LOCAL(hostname, "host name or address of the server; required"),
    LOCAL(ip, "address for SQL connections; default: what hostname resolves to"),
    NUMBER(port, "3306", 1, PORT_MAX, 1, 1, "port of the MySQL server"),
    LOCAL(node_label, "text beside the host in topology pictures"),
    LOCAL(ssh_host, "host for SSH; default: hostname"),
    LOCAL(ssh_ip, "address for SSH; default: ip, or what ssh_host resolves to"),
    NUMBER(ssh_port, "22", 1, PORT_MAX, 1, 1, "port of the SSH server"),
    NUMBER(ssh_connection_timeout, "5", 1, SECONDS_MAX, 1, 1, "seconds for an SSH connection"),
    TEXT(ssh_options, "", 0, "options for ssh(1); the last section that sets them wins for all"),
    TEXT(ssh_user, "", 1, "login on every host; default: who runs the manager"),
    FLAG_LOCAL(candidate_master, "1: preferred as a new master"),
    FLAG_LOCAL(no_master, "1: never promoted"),
    FLAG_LOCAL(ignore_fail, "1: a failover may go on although this replica is lost"),
    FLAG_LOCAL(skip_init_ssh_check, "1: left out of the all-pairs SSH test"),
    FLAG(skip_reset_slave, "0", "1: the new master keeps its replica settings"),
    TEXT(user, "root", 1, "administrative account on all servers"),
    SECRET(password, 1, "its password"),
    TEXT(repl_user, "", 0, "replication account; default: the one in use"),
    SECRET(repl_password, 1, "its password; unset: replicas keep the one they have"),
    FLAG(disable_log_bin, "0", "accepted; without effect"),
    FLAG(handle_raw_binlog, "1", "1: events travel as raw binary logs"),
    TEXT(master_pid_file, "", 0, "handed to shutdown_script as --pid_file"),
    TEXT(master_binlog_dir, BINLOG_DIRS, 1, "directories of the binary logs, by commas"),
    TEXT(remote_workdir, "/var/tmp", 1, "scratch directory on the database hosts"),
    TEXT(manager_workdir, "/var/tmp", 1, "state files on the manager's host"),
    TEXT(manager_log, "", 0, "log file; default: standard error"),
    TEXT(log_level, "info", 1, "debug, info, warning or error"),
    FLAG(check_repl_delay, "1", "1: replicas far behind are not promoted"),
    FLAG(check_repl_filter, "1", "1: replication filters must be the same everywhere"),
    FLAG(latest_priority, "1", "1: the most advanced replica first; 0: order of this file"),
    FLAG(multi_tier_slave, "0", "1: replicas of replicas are tolerated"),
    NUMBER(ping_interval, "3", 1, SECONDS_MAX, 0, 1, "seconds between two pings of the master"),
    WORD(ping_type, "SELECT", 1, "CONNECT|SELECT|INSERT", "what a ping does"),
    FLAG(use_gtid_auto_pos, "1", "1: GTID failover even if replicas use positions now"),
    TEXT(secondary_check_script, "", 0, "command: is the master seen from elsewhere?"),
    TEXT(master_ip_failover_script, "", 0, "command: moves the writer address at a failover"),
    TEXT(master_ip_online_change_script, "", 0, "command: moves the writer address at a switch"),
    TEXT(shutdown_script, "", 0, "command: powers the dead master's host off"),
    TEXT(report_script, "", 0, "command: told the result of a failover"),
    TEXT(init_conf_load_script, "", 0, "command: prints further settings as name=value"),
    TEXT(client_bindir, "", 0, "where mysql and mysqlbinlog are on the database hosts"),
    TEXT(client_libdir, "", 0, "library directory for those"),

    OURS(monitor_user, "", "account for watching; default: user"),
    SECRET(monitor_password, 0, "its password"),
    OURS(scan_user, "", "account of the AUTO_INCREMENT scanner; default: user"),
    SECRET(scan_password, 0, "its password"),
    WORD(ssl_mode, "PREFERRED", 0, SSL_MODES, "encryption of our own SQL sessions"),
    OURS(ssl_ca, "", "file with the certificate authority of the servers"),
    WORD(repl_ssl, "", 0, "0|1", "TLS of replication; unset: as each replica has it"),
    WORD(repl_ssl_verify, "", 0, "0|1", "replicas check the master's certificate"),
    OURS(repl_ssl_ca, "", "authority for that, a path on the database hosts"),
    OURS(repl_ssl_cert, "", "certificate of replicas, a path on the database hosts"),
    OURS(repl_ssl_key, "", "its key, a path on the database hosts"),
    WORD(repl_get_public_key, "", 0, "0|1", "MySQL: ask a master for its key; unset: without TLS"),
    OURS(writer_vip, "", "writer address addr/len[@device] that moves with the master"),
    NUMBER(writer_port, "0", 0, PORT_MAX, 0, 0, "port at the writer address; 0: the server's"),
    WORD(fence_required, "", 0, "proof|mha", "what must be known of the old master's end"),
    NUMBER(allow_data_loss, "0", 0, 1, 0, 0, "1: a failover may lose what only others can hold"),
    OURS(fence_command, "", "command on the database host that stops its server"),
    OURS(vault_dir, "", "directory on database hosts for hard links of relay logs"),
    WORD(ssh_backend, "auto", 0, "auto|libssh2|openssh", "how SSH is spoken"),
    WORD(ssh_host_key, "accept-new", 0, "accept-new|strict", "unknown host keys"),
    OURS(node_path, "kagemusha-node", "the agent's program on the database hosts"),
    OURS(journal_dir, "", "directory of the journals; default: by application"),
    WORD(hook_passwords, "", 0, "argv|env|none", "how hook scripts get passwords"),
    NUMBER(ping_misses, "3", 1, 1000, 0, 0, "missed pings that make a silence"),
    NUMBER(planned_stop_wait, "0", 0, SECONDS_MAX, 0, 0,
           "seconds a cleanly stopped master may return in; 0: 4 x ping_interval"),
    NUMBER(handle_events, "0", 0, 1, 0, 0, "1: a switch enables events on the new master"),
    WORD(on_crash_restart, "failover", 0, "failover|ride",
         "what a crash comes to where the server may be started again"),
    NUMBER(lock_lease, "15", 1, 600, 0, 0,
           "seconds the failover locks outlive a manager that stands still"),
    NUMBER(resume_window, "600", 0, SECONDS_MAX, 0, 0,
           "seconds an operation that did not end may be resumed in"),
    NUMBER(hook_timeout, "30", 1, SECONDS_MAX, 0, 0, "seconds a hook script may take"),
    NUMBER(scan_interval, "0", 0, SECONDS_MAX, 0, 0,
           "seconds between two scans of AUTO_INCREMENT columns by the manager; 0: none"),
    NUMBER(scan_full_interval, "86400", 60, SCAN_MAX, 0, 0,
           "seconds between two scans of all columns"),
    OURS(scan_history, "", "history of the scans; default: scan.sqlite in manager_workdir"),
    OURS(scan_rules, "", "file with thresholds and rules of the scans"),
    OURS(scan_statsd, "", "DogStatsD that is told the result: host:port or a path"),
    WORD(log_format, "text", 0, "text|json", "log lines for people, or as JSON objects"),
    OURS(metrics_listen, "", "[address:]port of /metrics and /healthz; on loopback only"),
    NUMBER(replica_check_interval, "10", 1, SECONDS_MAX, 0, 0,
           "seconds between two looks at the replicas"),
    NUMBER(replica_lag_limit, "60", 1, SECONDS_MAX, 0, 0, "seconds behind that are told of"),
    {NULL, CONF_TEXT, CONF_ANY, NULL, 0, 0, 0, 0, 0, NULL, CONF_NO_FIELD, NULL},
};
/* clang-format on */

_Static_assert(sizeof(conf_keys) / sizeof(conf_keys[0]) <= CONF_KEYS_MAX, "CONF_KEYS_MAX");

int conf_key_index(const char *name)
{
    for (int i = 0; conf_keys[i].name; i++) {
        if (strcmp(conf_keys[i].name, name) == 0)
            return i;
    }
    return -1;
}

/* How many letters must be put in, taken out or changed to get from a to b; case does not count. */
static size_t letters_apart(const char *a, const char *b)
{
    enum { LONGEST = 64 };
    size_t row[LONGEST + 1], len = strlen(b);

    if (len > LONGEST || strlen(a) > LONGEST)
        return LONGEST;
    for (size_t j = 0; j <= len; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t corner = row[0];

        row[0] = i;
        for (size_t j = 1; j <= len; j++) {
            int differ = tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1]);
            size_t best = corner + (size_t)differ;

            corner = row[j];
            best = row[j] + 1 < best ? row[j] + 1 : best;
            row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
        }
    }
    return row[len];
}

const char *conf_key_like(const char *name)
{
    const char *found = NULL;
    size_t len = strlen(name), best = len < 9 ? 3 : 4;

    for (int i = 0; conf_keys[i].name; i++) {
        size_t apart = letters_apart(name, conf_keys[i].name);

        if (apart < best && apart < len) {
            best = apart;
            found = conf_keys[i].name;
        }
    }
    return found;
}
