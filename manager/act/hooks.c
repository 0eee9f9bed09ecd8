/* MHA's hook scripts; see hooks.h. */
#include "manager/act/hooks.h"

#include "common/buf.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/run.h"

#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HOOK_OUTPUT_MAX (256u * 1024)
#define HOOK_ENV_MAX    4

static const char ssh_alive[] = "-o ServerAliveInterval=60 -o ServerAliveCountMax=20 "
                                "-o StrictHostKeyChecking=no -o ConnectionAttempts=5 "
                                "-o PasswordAuthentication=no -o BatchMode=yes";
static const char ssh_check[] = "-o StrictHostKeyChecking=no -o PasswordAuthentication=no "
                                "-o BatchMode=yes -o ConnectTimeout=";

/* A command line in two copies: what is run, and what may be shown. */
struct line {
    struct buf run, shown;
    struct buf secret[HOOK_ENV_MAX]; /* "NAME=value" */
    size_t secrets;
};

static void line_init(struct line *l, const char *script)
{
    memset(l, 0, sizeof *l);
    buf_init(&l->run);
    buf_init(&l->shown);
    buf_adds(&l->run, script);
    buf_adds(&l->shown, script);
}

static void line_release(struct line *l)
{
    buf_wipe(&l->run);
    buf_release(&l->run);
    buf_release(&l->shown);
    for (size_t i = 0; i < l->secrets; i++) {
        buf_wipe(&l->secret[i]);
        buf_release(&l->secret[i]);
    }
}

static int is_plain(const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "._-:/,@%+";
    return *text && strspn(text, plain) == strlen(text);
}

/* Words that the shell leaves alone stay as MHA writes them; everything else is quoted, raw inside.
 */
static void add_value(struct line *l, const char *name, const char *value, const char *shown)
{
    struct buf word = BUF_INIT;
    if (is_plain(value))
        buf_adds(&word, value);
    else
        run_quote(&word, value);
    buf_addf(&l->run, " --%s=%s", name, word.data);
    buf_addf(&l->shown, " --%s=%s", name, shown ? shown : word.data);
    buf_wipe(&word);
    buf_release(&word);
}

static void add_port(struct line *l, const char *name, int port)
{
    char text[16];
    snprintf(text, sizeof text, "%d", port);
    add_value(l, name, text, NULL);
}

/* User and password are always quoted, as MHA does. */
static void add_quoted(struct line *l, const char *name, const char *value, const char *shown)
{
    struct buf word = BUF_INIT;
    run_quote(&word, value);
    buf_addf(&l->run, " --%s=%s", name, word.data);
    buf_addf(&l->shown, " --%s=%s", name, shown ? shown : word.data);
    buf_wipe(&word);
    buf_release(&word);
}

/* Decision 32: the one place where a password may be on a command line, because MHA's scripts
 * expect it there. */
static void add_password(struct line *l, const struct conf_server *s, const char *name,
                         const char *env)
{
    if (strcmp(s->hook_passwords, "none") == 0)
        return;
    if (strcmp(s->hook_passwords, "env") != 0) {
        add_quoted(l, name, s->password, "xxx");
        return;
    }
    if (l->secrets == HOOK_ENV_MAX)
        return;
    struct buf *b = &l->secret[l->secrets++];
    buf_init(b);
    buf_addf(b, "%s=%s", env, s->password);
}

static void add_host(struct line *l, const char *prefix, const struct conf_server *s)
{
    char name[64];
    snprintf(name, sizeof name, "%shost", prefix);
    add_value(l, name, s->hostname, NULL);
    snprintf(name, sizeof name, "%sip", prefix);
    add_value(l, name, s->ip, NULL);
}

static void add_host_port(struct line *l, const char *prefix, const struct conf_server *s)
{
    char name[64];
    add_host(l, prefix, s);
    snprintf(name, sizeof name, "%sport", prefix);
    add_port(l, name, s->port);
}

/* Only what differs from the defaults is passed: strict option parsers in users' scripts break on
 * more. */
static void add_ssh(struct line *l, const char *prefix, const struct conf_server *s)
{
    char name[64];
    if (strcmp(s->ssh_host, s->hostname) != 0 || strcmp(s->ssh_ip, s->ip) != 0) {
        snprintf(name, sizeof name, "%sssh_host", prefix);
        add_value(l, name, s->ssh_host, NULL);
        snprintf(name, sizeof name, "%sssh_ip", prefix);
        add_value(l, name, s->ssh_ip, NULL);
    }
    if (s->ssh_port != 22) {
        snprintf(name, sizeof name, "%sssh_port", prefix);
        add_port(l, name, s->ssh_port);
    }
}

static void add_ssh_options(struct line *l, const struct conf_server *s, const char *name,
                            int usable)
{
    struct buf all = BUF_INIT;
    if (!*s->ssh_options)
        return;
    if (usable)
        buf_addf(&all, "%s %s", ssh_alive, s->ssh_options);
    else
        buf_addf(&all, "%s%d %s", ssh_check, s->ssh_connection_timeout, s->ssh_options);
    add_quoted(l, name, all.data, NULL);
    buf_release(&all);
}

struct started {
    void (*fn)(pid_t pgid, void *arg);
    void *arg;
};

/* Scripts of MHA's users load modules of MHA: ours, which have what such scripts call, are found
 * beside the program, installed (../share/kagemusha/perl) or in the source tree. "" where neither
 * is there. */
static void perl_path(char *out, size_t size)
{
    static const char *const places[] = {"/../share/kagemusha/perl", "/../conf/perl"};
    const char *old = getenv("PERL5LIB");
    char exe[PATH_MAX], path[PATH_MAX + 32];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    out[0] = '\0';
    exe[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(exe, '/');
    if (!slash)
        return;
    *slash = '\0';
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        snprintf(path, sizeof path, "%s%s", exe, places[i]);
        if (access(path, R_OK) != 0)
            continue;
        snprintf(out, size, "PERL5LIB=%s%s%s", path, old && *old ? ":" : "", old ? old : "");
        return;
    }
}

/* Runs the line. The exit code, or -1 with e when the script was killed, ran into its deadline or
 * could not be started: MHA's "other code". */
static int run_line(const struct line *l, const struct conf *c, int64_t timeout_ms,
                    const struct started *started, struct err *e)
{
    char app[160];
    static _Thread_local char perl[2 * PATH_MAX];
    const char *env[HOOK_ENV_MAX + 3] = {app};
    size_t envs = 1;
    struct buf output = BUF_INIT;
    struct run_result res = {0};
    snprintf(app, sizeof app, "KAGEMUSHA_APP=%s", c->app);
    perl_path(perl, sizeof perl);
    if (*perl)
        env[envs++] = perl;
    for (size_t i = 0; i < l->secrets; i++)
        env[envs++] = l->secret[i].data;
    struct run r = {.shell = l->run.data,
                    .env = (char *const *)(uintptr_t)env,
                    .deadline_ms = clock_mono_ms() + timeout_ms,
                    .output_max = HOOK_OUTPUT_MAX,
                    .started = started->fn,
                    .started_arg = started->arg};
    log_info("hook-start", "executing: %s", l->shown.data);
    int rc = run_wait(&r, &output, &res, e);
    log_raw(output.data, output.len);
    buf_release(&output);
    if (rc < 0)
        return -1;
    if (res.timed_out)
        return err_set(e, ERR_TIMEOUT,
                       "the script did not end within %lld s and was killed (hook_timeout)",
                       (long long)(timeout_ms / 1000));
    if (!res.exited)
        return err_set(e, ERR_WORLD, "the script was killed by signal %d", res.signal);
    log_info("hook-end", "exit code %d", res.exit_code);
    return res.exit_code;
}

static enum hook_result result_of(int code, const char *what, struct err *e)
{
    if (code == 0)
        return HOOK_OK;
    if (code == 10)
        return HOOK_WARN;
    if (code > 0)
        err_set(e, ERR_WORLD, "%s ended with exit code %d", what, code);
    else
        err_wrap(e, "%s", what);
    return HOOK_FAILED;
}

static int64_t timeout_of(const struct conf_server *s)
{
    return s->hook_timeout > 0 ? s->hook_timeout * INT64_C(1000) : INT64_C(30000);
}

static enum hook_result finish(struct line *l, const struct conf *c, const struct hook_call *h,
                               const char *what, struct err *e)
{
    const struct started started = {h->started, h->started_arg};
    const struct conf_server *s = h->next ? h->next : h->orig;
    int64_t ms = timeout_of(s);
    /* Power switches are slow: twice the time of the other hooks (decision 33). */
    if (strncmp(what, "shutdown", 8) == 0)
        ms *= 2;
    enum hook_result r = result_of(run_line(l, c, ms, &started, e), what, e);
    line_release(l);
    return r;
}

enum hook_result hook_ip_status(const struct conf *c, const struct hook_call *h, struct err *e)
{
    struct line l;
    if (!*h->orig->master_ip_failover_script)
        return HOOK_OK;
    line_init(&l, h->orig->master_ip_failover_script);
    add_value(&l, "command", "status", NULL);
    add_value(&l, "ssh_user", h->orig->ssh_user, NULL);
    add_host_port(&l, "orig_master_", h->orig);
    add_ssh(&l, "orig_master_", h->orig);
    add_ssh_options(&l, h->orig, "ssh_options", h->ssh_usable);
    return finish(&l, c, h, "master_ip_failover_script --command=status", e);
}

enum hook_result hook_ip_stop(const struct conf *c, const struct hook_call *h, struct err *e)
{
    struct line l;
    if (!*h->orig->master_ip_failover_script)
        return HOOK_OK;
    line_init(&l, h->orig->master_ip_failover_script);
    add_host_port(&l, "orig_master_", h->orig);
    add_value(&l, "command", h->ssh_usable ? "stopssh" : "stop", NULL);
    if (h->ssh_usable)
        add_value(&l, "ssh_user", h->orig->ssh_user, NULL);
    add_ssh(&l, "orig_master_", h->orig);
    add_ssh_options(&l, h->orig, "ssh_options", h->ssh_usable);
    return finish(&l, c, h, "master_ip_failover_script --command=stop", e);
}

enum hook_result hook_ip_start(const struct conf *c, const struct hook_call *h, struct err *e)
{
    struct line l;
    if (!*h->next->master_ip_failover_script)
        return HOOK_OK;
    line_init(&l, h->next->master_ip_failover_script);
    add_value(&l, "command", "start", NULL);
    add_value(&l, "ssh_user", h->next->ssh_user, NULL);
    add_host_port(&l, "orig_master_", h->orig);
    add_host_port(&l, "new_master_", h->next);
    add_quoted(&l, "new_master_user", h->next->user, NULL);
    add_ssh(&l, "orig_master_", h->orig);
    add_ssh(&l, "new_master_", h->next);
    add_ssh_options(&l, h->next, "ssh_options", h->ssh_usable);
    add_password(&l, h->next, "new_master_password", "KAGEMUSHA_NEW_MASTER_PASSWORD");
    return finish(&l, c, h, "master_ip_failover_script --command=start", e);
}

static enum hook_result online_change(const struct conf *c, const struct hook_call *h,
                                      const char *script, const char *command, struct err *e)
{
    char what[64];
    struct line l;
    if (!*script)
        return HOOK_OK;
    line_init(&l, script);
    add_value(&l, "command", command, NULL);
    add_host_port(&l, "orig_master_", h->orig);
    add_quoted(&l, "orig_master_user", h->orig->user, NULL);
    add_host_port(&l, "new_master_", h->next);
    add_quoted(&l, "new_master_user", h->next->user, NULL);
    add_value(&l, "orig_master_ssh_user", h->orig->ssh_user, NULL);
    add_value(&l, "new_master_ssh_user", h->next->ssh_user, NULL);
    add_ssh(&l, "orig_master_", h->orig);
    add_ssh(&l, "new_master_", h->next);
    add_ssh_options(&l, h->next, "ssh_options", h->ssh_usable);
    if (h->orig_is_new_slave) {
        buf_adds(&l.run, " --orig_master_is_new_slave");
        buf_adds(&l.shown, " --orig_master_is_new_slave");
    }
    add_password(&l, h->orig, "orig_master_password", "KAGEMUSHA_ORIG_MASTER_PASSWORD");
    add_password(&l, h->next, "new_master_password", "KAGEMUSHA_NEW_MASTER_PASSWORD");
    snprintf(what, sizeof what, "master_ip_online_change_script --command=%s", command);
    return finish(&l, c, h, what, e);
}

enum hook_result hook_change_stop(const struct conf *c, const struct hook_call *h, struct err *e)
{
    const char *theirs = h->orig->master_ip_online_change_script;
    return online_change(c, h, *theirs ? theirs : h->next->master_ip_online_change_script, "stop",
                         e);
}

enum hook_result hook_change_start(const struct conf *c, const struct hook_call *h, struct err *e)
{
    const char *theirs = h->next->master_ip_online_change_script;
    return online_change(c, h, *theirs ? theirs : h->orig->master_ip_online_change_script, "start",
                         e);
}

enum hook_result hook_shutdown_status(const struct conf *c, const struct hook_call *h,
                                      struct err *e)
{
    struct line l;
    if (!*h->orig->shutdown_script)
        return HOOK_OK;
    line_init(&l, h->orig->shutdown_script);
    add_value(&l, "command", "status", NULL);
    add_value(&l, "ssh_user", h->orig->ssh_user, NULL);
    add_host(&l, "", h->orig);
    add_ssh(&l, "", h->orig);
    add_ssh_options(&l, h->orig, "ssh_options", h->ssh_usable);
    return finish(&l, c, h, "shutdown_script --command=status", e);
}

enum hook_result hook_shutdown_stop(const struct conf *c, const struct hook_call *h, struct err *e)
{
    struct line l;
    if (!*h->orig->shutdown_script)
        return HOOK_OK;
    line_init(&l, h->orig->shutdown_script);
    add_value(&l, "command", h->ssh_usable ? "stopssh" : "stop", NULL);
    if (h->ssh_usable)
        add_value(&l, "ssh_user", h->orig->ssh_user, NULL);
    add_host_port(&l, "", h->orig);
    if (*h->orig->master_pid_file)
        add_value(&l, "pid_file", h->orig->master_pid_file, NULL);
    add_ssh(&l, "", h->orig);
    add_ssh_options(&l, h->orig, "ssh_options", h->ssh_usable);
    return finish(&l, c, h, "shutdown_script --command=stop", e);
}

int hook_secondary_check(const struct conf *c, const struct conf_server *m, struct err *e)
{
    static const struct started nobody;
    struct line l;
    if (!*m->secondary_check_script)
        return -1;
    line_init(&l, m->secondary_check_script);
    add_value(&l, "user", m->ssh_user, NULL);
    add_host_port(&l, "master_", m);
    add_quoted(&l, "master_user", m->user, NULL);
    add_password(&l, m, "master_password", "KAGEMUSHA_MASTER_PASSWORD");
    add_value(&l, "ping_type", m->ping_type, NULL);
    add_ssh_options(&l, m, "options", 0);
    int code = run_line(&l, c, timeout_of(m), &nobody, e);
    line_release(&l);
    /* "Not configured" is -1 alone; a script that could not be asked is an answer of no use. */
    return code < 0 ? 1 : code;
}

enum hook_result hook_report(const struct conf *c, const struct conf_server *section,
                             const struct hook_report *r, struct err *e)
{
    static const struct started nobody;
    struct line l;
    if (!*section->report_script)
        return HOOK_OK;
    line_init(&l, section->report_script);
    add_value(&l, "orig_master_host", r->orig_host, NULL);
    if (r->new_host) {
        add_value(&l, "new_master_host", r->new_host, NULL);
        add_value(&l, "new_slave_hosts", r->new_slaves, NULL);
    }
    add_value(&l, "conf", c->file, NULL);
    add_quoted(&l, "subject", r->subject, NULL);
    add_quoted(&l, "body", r->body, "...");
    int code = run_line(&l, c, timeout_of(section), &nobody, e);
    line_release(&l);
    return result_of(code, "report_script", e);
}

void hook_tell(const struct conf *c, const struct conf_server *s, const char *subject,
               const char *body)
{
    struct buf full = BUF_INIT;
    struct hook_report r = {.orig_host = s->hostname, .new_slaves = "", .body = body};
    struct err e;

    if (!s->report_script || !*s->report_script)
        return;
    buf_addf(&full, "%s: %s", c->app, subject);
    r.subject = full.data;
    if (hook_report(c, s, &r, &e) == HOOK_FAILED)
        log_warning("report-script", "%s", e.text);
    buf_release(&full);
}
