/* MHA's hook scripts: each argument and its order, quoting, exit codes, deadline, passwords. A real
 * script writes down what it was given. */
#include "manager/act/hooks.h"

#include "common/clock.h"
#include "common/file.h"
#include "common/log.h"
#include "t/tap.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/kagemusha-hooks-XXXXXX";
static char script[128], out_path[128];
static struct conf_server orig, next;
static struct conf conf;

/* One argument a line; then exits as the environment wants it. */
static const char recorder[] =
    "#!/bin/sh\n"
    "for a; do printf '%s\\n' \"$a\"; done >\"$HOOK_OUT\"\n"
    "printf '%s\\n' \"env=$KAGEMUSHA_NEW_MASTER_PASSWORD\" >>\"$HOOK_OUT\"\n"
    "echo said on stderr >&2\n"
    "[ -z \"$HOOK_SLEEP\" ] || { sleep 60 & sleep 60; }\n"
    "exit ${HOOK_CODE:-0}\n";

static void set_server(struct conf_server *s, const char *host, const char *ip)
{
    memset(s, 0, sizeof *s);
    s->hostname = s->ssh_host = host;
    s->ip = s->ssh_ip = ip;
    s->port = 3306;
    s->ssh_port = 22;
    s->ssh_connection_timeout = 5;
    s->ssh_user = "root";
    s->ssh_options = s->master_pid_file = s->hook_passwords = "";
    s->user = "adm'in";
    s->password = "p\"w$d\\ x'y;z";
    s->ping_type = "SELECT";
    s->hook_timeout = 30;
    s->master_ip_failover_script = s->shutdown_script = script;
    s->secondary_check_script = s->report_script = script;
}

static int prepare(void)
{
    struct err e;
    if (!mkdtemp(dir))
        return -1;
    snprintf(script, sizeof script, "%s/hook", dir);
    snprintf(out_path, sizeof out_path, "%s/out", dir);
    setenv("HOOK_OUT", out_path, 1);
    set_server(&orig, "db1", "192.0.2.1");
    set_server(&next, "db2", "192.0.2.2");
    conf.file = script; /* any path */
    snprintf(conf.app, sizeof conf.app, "app1");
    char log[160];
    snprintf(log, sizeof log, "%s/log", dir);
    return log_setup(log, LOG_LEVEL_DEBUG, NULL, 0, &e) < 0 ||
                   file_write_atomic(script, recorder, sizeof recorder - 1, 0755, &e) < 0 ||
                   chmod(script, 0755) < 0
               ? -1
               : 0;
}

/* The arguments of the last call, joined by '|'. */
static void got(const char *want, const char *name)
{
    struct buf text = BUF_INIT;
    struct err e;
    (void)file_read(out_path, &text, 65536, &e);
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] == '\n')
            text.data[i] = '|';
    tap_is(text.data, want, name);
    buf_release(&text);
    unlink(out_path);
}

#define ORIG  "--orig_master_host=db1|--orig_master_ip=192.0.2.1|--orig_master_port=3306|"
#define NEXT  "--new_master_host=db2|--new_master_ip=192.0.2.2|--new_master_port=3306|"
#define LOGIN "--new_master_user=adm'in|"
#define PASS  "--new_master_password=p\"w$d\\ x'y;z|"

static void test_arguments(void)
{
    struct err e;
    struct hook_call h = {.orig = &orig, .next = NULL};
    tap_ok(hook_ip_status(&conf, &h, &e) == HOOK_OK, "status: exit 0");
    got("--command=status|--ssh_user=root|" ORIG "env=|", "status");
    hook_ip_stop(&conf, &h, &e);
    got(ORIG "--command=stop|env=|", "stop");
    h.ssh_usable = 1;
    hook_ip_stop(&conf, &h, &e);
    got(ORIG "--command=stopssh|--ssh_user=root|env=|", "stopssh");
    hook_shutdown_status(&conf, &h, &e);
    got("--command=status|--ssh_user=root|--host=db1|--ip=192.0.2.1|env=|", "shutdown status");
    hook_shutdown_stop(&conf, &h, &e);
    got("--command=stopssh|--ssh_user=root|--host=db1|--ip=192.0.2.1|--port=3306|env=|",
        "shutdown stopssh");
    h.ssh_usable = 0;
    orig.master_pid_file = "/run/my sql.pid";
    hook_shutdown_stop(&conf, &h, &e);
    got("--command=stop|--host=db1|--ip=192.0.2.1|--port=3306|--pid_file=/run/my sql.pid|env=|",
        "shutdown stop with a pid file");
    orig.master_pid_file = "";
    h.next = &next;
    hook_ip_start(&conf, &h, &e);
    got("--command=start|--ssh_user=root|" ORIG NEXT LOGIN PASS "env=|", "start: values are raw");
}

/* Only what differs from the defaults. */
static void test_ssh(void)
{
    struct err e;
    struct hook_call h = {.orig = &orig, .next = &next, .ssh_usable = 1};
    orig.ssh_host = "adm1";
    orig.ssh_ip = "198.51.100.1";
    next.ssh_port = 2222;
    hook_ip_start(&conf, &h, &e);
    got("--command=start|--ssh_user=root|" ORIG NEXT LOGIN
        "--orig_master_ssh_host=adm1|--orig_master_ssh_ip=198.51.100.1|--new_master_ssh_port="
        "2222|" PASS "env=|",
        "start: other ssh host and port");
    orig.ssh_options = "-i /k";
    h.next = NULL;
    h.ssh_usable = 0;
    hook_shutdown_stop(&conf, &h, &e);
    got("--command=stop|--host=db1|--ip=192.0.2.1|--port=3306|--ssh_host=adm1|"
        "--ssh_ip=198.51.100.1|--ssh_options=-o StrictHostKeyChecking=no "
        "-o PasswordAuthentication=no -o BatchMode=yes -o ConnectTimeout=5 -i /k|env=|",
        "shutdown: ssh_options");
    set_server(&orig, "db1", "192.0.2.1");
    set_server(&next, "db2", "192.0.2.2");
}

static void test_passwords(void)
{
    struct err e;
    struct buf log = BUF_INIT;
    char path[160];
    struct hook_call h = {.orig = &orig, .next = &next};
    next.hook_passwords = "env";
    hook_ip_start(&conf, &h, &e);
    got("--command=start|--ssh_user=root|" ORIG NEXT LOGIN "env=p\"w$d\\ x'y;z|",
        "hook_passwords=env");
    next.hook_passwords = "none";
    hook_ip_start(&conf, &h, &e);
    got("--command=start|--ssh_user=root|" ORIG NEXT LOGIN "env=|", "hook_passwords=none");
    next.hook_passwords = "";
    snprintf(path, sizeof path, "%s/log", dir);
    (void)file_read(path, &log, 1 << 20, &e);
    tap_ok(strstr(log.data, "p\"w$d") == NULL && strstr(log.data, "--new_master_password=xxx"),
           "the log shows xxx");
    tap_ok(strstr(log.data, "said on stderr") != NULL, "the script's output is in the log");
    buf_release(&log);
}

static void started(pid_t pgid, void *arg)
{
    *(pid_t *)arg = pgid;
}

/* Killed processes are seen until somebody has reaped them. */
static int group_ends(pid_t group)
{
    for (int64_t until = clock_mono_ms() + 5000; clock_mono_ms() < until; clock_sleep_ms(10))
        if (kill(-group, 0) < 0)
            return 1;
    return 0;
}

static void test_results(void)
{
    struct err e = {0};
    pid_t group = 0;
    struct hook_call h = {.orig = &orig, .started = started, .started_arg = &group};
    setenv("HOOK_CODE", "10", 1);
    tap_ok(hook_ip_stop(&conf, &h, &e) == HOOK_WARN, "exit 10 warns");
    setenv("HOOK_CODE", "3", 1);
    tap_ok(hook_ip_stop(&conf, &h, &e) == HOOK_FAILED && strstr(e.text, "exit code 3"),
           "another code fails: %s", e.text);
    tap_ok(hook_secondary_check(&conf, &orig, &e) == 3, "secondary check: its code");
    got("--user=root|--master_host=db1|--master_ip=192.0.2.1|--master_port=3306|"
        "--master_user=adm'in|--master_password=p\"w$d\\ x'y;z|--ping_type=SELECT|env=|",
        "secondary check: arguments");
    unsetenv("HOOK_CODE");
    setenv("HOOK_SLEEP", "1", 1);
    orig.hook_timeout = 1;
    int64_t begin = clock_mono_ms();
    tap_ok(hook_ip_stop(&conf, &h, &e) == HOOK_FAILED && e.code == ERR_TIMEOUT,
           "a script that hangs fails: %s", e.text);
    tap_ok(clock_mono_ms() - begin < 20000, "by its deadline");
    tap_ok(group > 0 && group_ends(group), "and nothing of its process group is left");
    unsetenv("HOOK_SLEEP");
    orig.hook_timeout = 30;
    orig.shutdown_script = "";
    orig.secondary_check_script = "";
    tap_ok(hook_shutdown_stop(&conf, &h, &e) == HOOK_OK, "not configured: fine");
    tap_ok(hook_secondary_check(&conf, &orig, &e) == -1, "secondary check: not configured");
    orig.master_ip_failover_script = "/nonexistent/hook";
    tap_ok(hook_ip_stop(&conf, &h, &e) == HOOK_FAILED, "a missing script fails: %s", e.text);
}

static void test_report(void)
{
    struct err e;
    struct hook_report r = {.orig_host = "db1",
                            .new_host = "db2",
                            .new_slaves = "db3,db4",
                            .subject = "app1: it's \"done\" $HOME",
                            .body = "a `b` $c"};
    char want[512];
    hook_report(&conf, &orig, &r, &e);
    snprintf(want, sizeof want,
             "--orig_master_host=db1|--new_master_host=db2|--new_slave_hosts=db3,db4|--conf=%s|"
             "--subject=app1: it's \"done\" $HOME|--body=a `b` $c|env=|",
             conf.file);
    got(want, "report: quoted text arrives as it is");
    r.new_host = NULL;
    hook_report(&conf, &orig, &r, &e);
    snprintf(want, sizeof want,
             "--orig_master_host=db1|--conf=%s|--subject=app1: it's \"done\" $HOME|"
             "--body=a `b` $c|env=|",
             conf.file);
    got(want, "report: nobody was activated");
}

int main(void)
{
    char cmd[160];
    if (prepare() < 0) {
        printf("1..0 # SKIP no temporary directory\n");
        return 0;
    }
    test_arguments();
    test_ssh();
    test_passwords();
    test_report();
    test_results();
    const char *const names[] = {"hook", "log", "out"};
    for (size_t i = 0; i < 3; i++) {
        snprintf(cmd, sizeof cmd, "%s/%s", dir, names[i]);
        unlink(cmd);
    }
    rmdir(dir);
    return tap_done();
}
