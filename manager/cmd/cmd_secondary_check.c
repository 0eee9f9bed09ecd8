/* masterha_secondary_check: can the master be reached from other hosts? Nothing
 * need be installed on those but sshd. */
#include "manager/cmd/cmd.h"

#include "common/db.h"
#include "manager/act/thread.h"
#include "manager/cmd/observer.h"

#include <netdb.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EXIT_DEAD = 0, EXIT_UNKNOWN = 1, EXIT_NO_OBSERVER = 2, EXIT_ALIVE = 3 };

struct options {
    struct observer_ask ask;
    struct args_list hosts;
    const char *master_host, *master_ip;
    int master_port, help, version, debug;
};

struct task {
    struct observer_ask ask;
    enum observer_sight sight;
    struct err why;
    pthread_t thread;
    int started;
};

static void *ask_one(void *arg)
{
    struct task *t = arg;
    t->sight = observer_look(&t->ask, &t->why);
    return NULL;
}

/* By address: a name may mean something else on the observer, or nothing. */
static int resolve(struct options *o, char *ip, size_t size)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *ai = NULL;
    const char *name = o->master_ip && *o->master_ip ? o->master_ip : o->master_host;
    int rc = getaddrinfo(name, NULL, &hints, &ai);
    if (rc == 0)
        rc = getnameinfo(ai->ai_addr, ai->ai_addrlen, ip, (socklen_t)size, NULL, 0, NI_NUMERICHOST);
    if (ai)
        freeaddrinfo(ai);
    if (rc != 0)
        fprintf(stderr, "%s cannot be resolved: %s\n", name, gai_strerror(rc));
    return rc == 0 ? 0 : -1;
}

/* MHA asks one after another and stops at the first that says no; asking all at once gives the same
 * verdict in the time of one. */
static int judge(const struct options *o, const struct task *task)
{
    for (size_t i = 0; i < o->hosts.count; i++) {
        const char *host = o->hosts.item[i];
        switch (task[i].sight) {
        case OBSERVER_LOST:
            printf("Monitoring server %s is NOT reachable: %s\n", host, task[i].why.text);
            return EXIT_NO_OBSERVER;
        case OBSERVER_SEES:
            printf("Monitoring server %s is reachable, and master %s:%d is reachable from it!\n",
                   host, o->master_host, o->master_port);
            return EXIT_ALIVE;
        case OBSERVER_SEES_NOT:
            printf("Monitoring server %s is reachable, and master %s:%d is not reachable from it: "
                   "%s\n",
                   host, o->master_host, o->master_port, task[i].why.text);
            break;
        }
    }
    printf("Master is not reachable from all other monitoring servers. Failover should start.\n");
    return EXIT_DEAD;
}

static int ask_all(struct options *o)
{
    struct task *task = mem_zalloc(sizeof *task * (o->hosts.count + 1));
    struct err e = {0};
    char ip[NI_MAXHOST];
    int code = EXIT_UNKNOWN;
    if (resolve(o, ip, sizeof ip) < 0)
        goto out;
    o->ask.master_ip = ip;
    o->ask.master_port = o->master_port;
    if (o->hosts.count == 0)
        fprintf(stderr, "no --secondary_host: nobody was asked whether the master lives\n");
    for (size_t i = 0; i < o->hosts.count; i++) {
        task[i].ask = o->ask;
        task[i].ask.host = o->hosts.item[i];
        task[i].started = thread_start(&task[i].thread, ask_one, &task[i], &e) == 0;
        if (!task[i].started)
            ask_one(&task[i]);
    }
    for (size_t i = 0; i < o->hosts.count; i++)
        if (task[i].started)
            pthread_join(task[i].thread, NULL);
    code = judge(o, task);
out:
    o->ask.master_ip = NULL;
    free(task);
    return code;
}

static void on_signal(int sig)
{
    (void)sig;
    _exit(EXIT_UNKNOWN);
}

/* Killed by a signal would look like any other code to the caller; MHA's is 1. */
static void catch_signals(void)
{
    static const int ending[] = {SIGINT, SIGHUP, SIGQUIT, SIGTERM};
    struct sigaction a = {.sa_handler = on_signal};
    for (size_t i = 0; i < sizeof ending / sizeof ending[0]; i++)
        sigaction(ending[i], &a, NULL);
    a.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &a, NULL);
}

static int run(const struct cmd *self, int as_mha, int argc, char **argv)
{
    struct options o = {
        .ask = {.user = "root", .port = 22, .timeout_s = 5},
          .master_port = 3306
    };
    /* clang-format off */
    const struct args_option table[] = {
        {"secondary_host",  ARGS_LIST, &o.hosts,               "HOST", "a host to ask; repeat it for more"},
        {"user",            ARGS_TEXT, &o.ask.user,            "NAME", "SSH login there; default root"},
        {"port",            ARGS_INT,  &o.ask.port,            "PORT", "SSH port there; default 22"},
        {"options",         ARGS_TEXT, &o.ask.options,         "FLAGS", "of ssh(1), instead of ours"},
        {"master_host",     ARGS_TEXT, &o.master_host,         "HOST", "the master (required)"},
        {"master_ip",       ARGS_TEXT, &o.master_ip,           "IP",   "its address; default: resolved here"},
        {"master_port",     ARGS_INT,  &o.master_port,         "PORT", "its port; default 3306"},
        {"master_user",     ARGS_TEXT, &o.ask.master_user,     "NAME", "account for an INSERT ping"},
        {"master_password", ARGS_TEXT, &o.ask.master_password, "WORD", "its password"},
        {"ping_type",       ARGS_TEXT, &o.ask.ping_type,       "SELECT|CONNECT|INSERT", "INSERT: the master must also take a row"},
        {"timeout",         ARGS_INT,  &o.ask.timeout_s,       "SECONDS", "for SSH and for the master; default 5"},
        {"debug",           ARGS_FLAG, &o.debug,               NULL,   "accepted, without effect"},
        {"help",            ARGS_FLAG, &o.help,                NULL,   "this text"},
        {"version",         ARGS_FLAG, &o.version,             NULL,   "the version"},
        {NULL,              ARGS_FLAG, NULL,                   NULL,   NULL},
    };
    /* clang-format on */
    struct err e = {0};
    if (args_parse(&argc, argv, table, as_mha ? ARGS_UNKNOWN_WARN : ARGS_UNKNOWN_ERROR, &e) < 0) {
        fprintf(stderr, "%s\n", e.text);
        return EXIT_UNKNOWN;
    }
    if (cmd_answered(self, as_mha, o.help, o.version, table))
        return 0;
    if (!o.master_host && !o.master_ip) {
        (void)cmd_answered(self, as_mha, 1, 0, table);
        return EXIT_UNKNOWN;
    }
    if (!o.master_host)
        o.master_host = o.master_ip;
    if (o.ask.timeout_s < 1)
        o.ask.timeout_s = 5;
    catch_signals();
    if (db_library_init(&e) < 0) {
        fprintf(stderr, "%s\n", e.text);
        return EXIT_UNKNOWN;
    }
    int code = ask_all(&o);
    db_library_end();
    return code;
}

const struct cmd cmd_secondary_check = {
    .verb = "secondary-check",
    .mha = "masterha_secondary_check",
    .brief = "Asks other hosts whether they reach the master",
    .run = run,
};
