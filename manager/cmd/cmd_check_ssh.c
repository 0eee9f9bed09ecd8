/* masterha_check_ssh: every way that a failover needs, by default from here to each host; with
 * --all_pairs also MHA's mesh. */
#include "manager/cmd/cmd.h"

#include "common/buf.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/run.h"
#include "manager/act/group.h"

#include <stdlib.h>
#include <string.h>

struct options {
    const char *conf, *global_conf;
    int all_pairs, debug, help, version;
};

/* What became of one host; written by its thread only. */
struct trial {
    struct group *g;
    int all_pairs;
    int failed[CONF_SERVERS_MAX];
    struct buf text[CONF_SERVERS_MAX]; /* one line per connection */
};

static void note(struct trial *t, int host, const char *from, const char *to, const struct err *e)
{
    if (e)
        t->failed[host] = 1;
    buf_addf(&t->text[host], "  %s -> %s: %s%s\n", from, to, e ? "FAILED: " : "ok",
             e ? e->text : "");
}

/* As MHA's mesh test runs it on each host. */
static void command_to(const struct conf_server *to, struct buf *out)
{
    buf_addf(out,
             "ssh -o StrictHostKeyChecking=no -o PasswordAuthentication=no -o BatchMode=yes -o "
             "ConnectTimeout=%d -p %d ",
             to->ssh_connection_timeout, to->ssh_port);
    run_quote(out, to->ssh_user);
    buf_adds(out, "@");
    run_quote(out, *to->ssh_ip ? to->ssh_ip : to->ssh_host);
    buf_adds(out, " exit 0");
}

static void try_pair(struct trial *t, int from, int to, struct ssh *s)
{
    const struct conf_server *a = t->g->host[from].conf, *b = t->g->host[to].conf;
    struct buf command = BUF_INIT, output = BUF_INIT;
    struct err e = {0};
    int status = 0;

    command_to(b, &command);
    if (ssh_exec(s, command.data, &output, &status,
                 clock_mono_ms() + 2000 * (int64_t)b->ssh_connection_timeout, &e) == 0 &&
        status != 0)
        err_set(&e, ERR_SSH, "exit status %d: %.300s", status, output.data);
    note(t, from, a->hostname, b->hostname, e.code ? &e : NULL);
    buf_release(&command);
    buf_release(&output);
}

static void try_mesh(struct trial *t, int host, struct ssh *s)
{
    for (int to = 0; to < t->g->hosts; to++) {
        if (to != host && !t->g->host[to].conf->skip_init_ssh_check)
            try_pair(t, host, to, s);
    }
}

/* Login, and the agent's greeting: what a failover will rely on. */
static void try_host(struct group *g, int host, void *arg)
{
    struct trial *t = arg;
    const struct conf_server *s = g->host[host].conf;
    struct buf known = BUF_INIT, output = BUF_INIT, command = BUF_INIT;
    struct ssh_target target;
    struct ssh *ssh = NULL;
    struct err e = {0};
    int status = 0;

    group_ssh_target(g->conf, s, &target, &known);
    if (ssh_open(&ssh, &target, clock_mono_ms() + 1000 * (int64_t)s->ssh_connection_timeout, &e)) {
        note(t, host, "manager", s->hostname, &e);
        goto out;
    }
    buf_addf(&t->text[host], "  by %s\n", ssh_backend_text(ssh));
    note(t, host, "manager", s->hostname, NULL);
    run_quote(&command, s->node_path);
    buf_adds(&command, " --version");
    if (ssh_exec(ssh, command.data, &output, &status, clock_mono_ms() + 5000, &e) == 0 &&
        status == 0)
        buf_addf(&t->text[host], "  %s", output.data);
    else
        buf_addf(&t->text[host],
                 "  warning: %s is missing there: install the package kagemusha-node, or set "
                 "node_path\n",
                 s->node_path);
    if (t->all_pairs && !s->skip_init_ssh_check)
        try_mesh(t, host, ssh);
out:
    ssh_close(&ssh);
    buf_release(&known);
    buf_release(&output);
    buf_release(&command);
}

static int report(struct trial *t)
{
    int failed = 0;

    for (int i = 0; i < t->g->hosts; i++) {
        const struct conf_server *s = t->g->host[i].conf;

        log_info("ssh-check", "%s(%s:%d) as %s", s->hostname, s->ssh_ip, s->ssh_port, s->ssh_user);
        log_raw(t->text[i].data, t->text[i].len);
        failed += t->failed[i];
        buf_release(&t->text[i]);
    }
    if (failed == 0) {
        log_info(NULL, "All SSH connection tests passed successfully.");
        return 0;
    }
    log_error("ssh-check", "SSH Configuration Check Failed! %d of %d hosts", failed, t->g->hosts);
    return 1;
}

static int check(const struct options *o, struct conf *conf)
{
    struct group *g = mem_zalloc(sizeof(*g));
    struct trial *t = mem_zalloc(sizeof(*t));
    int rc;

    group_init(g, conf, FENCE_MHA);
    t->g = g;
    t->all_pairs = o->all_pairs;
    for (int i = 0; i < CONF_SERVERS_MAX; i++)
        buf_init(&t->text[i]);
    group_each(g, GROUP_ALL, try_host, t);
    rc = report(t);
    group_release(g);
    free(g);
    free(t);
    return rc;
}

static int run(const struct cmd *self, int as_mha, int argc, char **argv)
{
    struct options o = {0};
    const struct args_option table[] = {
        {"conf",        ARGS_TEXT, &o.conf,        "FILE", "configuration of the group (required)"   },
        {"global_conf", ARGS_TEXT, &o.global_conf, "FILE", "global defaults"                         },
        {"all_pairs",   ARGS_FLAG, &o.all_pairs,   NULL,   "also between all hosts, as MHA needed it"},
        {"debug",       ARGS_FLAG, &o.debug,       NULL,   "log more"                                },
        {"help",        ARGS_FLAG, &o.help,        NULL,   "this text"                               },
        {"version",     ARGS_FLAG, &o.version,     NULL,   "the version"                             },
        {NULL,          ARGS_FLAG, NULL,           NULL,   NULL                                      },
    };
    struct conf *conf = NULL;
    struct err e = {0};

    if (cmd_args(as_mha, &argc, argv, table) < 0)
        return 1;
    if (cmd_answered(self, as_mha, o.help, o.version, table))
        return 0;
    if (!o.conf) {
        fprintf(stderr, "--conf=<server config file> must be set.\n");
        return 1;
    }
    log_setup(NULL, o.debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO, NULL, 0, NULL);
    if (conf_load(&conf, o.conf, o.global_conf, 0, &e) < 0) {
        log_error("config", "%s", e.text);
        return 1;
    }
    return check(&o, conf);
}

const struct cmd cmd_check_ssh = {
    .verb = "ssh",
    .mha = "masterha_check_ssh",
    .brief = "Checks SSH to every host of a group",
    .run = run,
};
