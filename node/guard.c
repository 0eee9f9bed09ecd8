/* The guard; see guard.h. */
#include "node/guard.h"

#include "common/args.h"
#include "common/clock.h"
#include "node/record.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#define EAGER_MS 10000 /* after its start the guard looks each millisecond */
#define CALM_MS  20
#define SCAN_MS  200
#define END_MS   3000

struct holding {
    int port_fd, data_fd;
    int data_locked;
    int64_t next_scan_ms;
};

static volatile sig_atomic_t stop_wanted;

static void on_term(int sig)
{
    (void)sig;
    stop_wanted = 1;
}

static void say(const char *word)
{
    printf("%s\n", word);
    fflush(stdout);
}

static void kill_server(pid_t pid, const char *why)
{
    int fd = pid > 1 && pid != getpid() ? node_pidfd_open(pid, 0) : -1;

    if (fd < 0)
        return;
    if (node_pidfd_signal(fd, SIGKILL) == 0)
        syslog(LOG_WARNING,
               "killed process %d, which %s: this server was fenced, and must not come back before "
               "kagemusha releases it",
               (int)pid, why);
    close(fd);
}

/* A socket that is bound but does not listen refuses connections, and nobody else can listen there.
 * It is bound with SO_REUSEADDR because of left-over connections, and the option taken off again,
 * since two that have it may share a port. */
static int hold_port(const struct node_guard *g)
{
    struct sockaddr_in6 a6 = {.sin6_family = AF_INET6,
                              .sin6_port = htons((uint16_t)g->target.port)};
    struct sockaddr_in a4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)g->target.port)};
    const char *ip = g->target.ip;
    int on = 1, off = 0, fd, rc;
    int v4 = ip && inet_pton(AF_INET, ip, &a4.sin_addr) == 1;

    if (!v4 && ip && *ip)
        inet_pton(AF_INET6, ip, &a6.sin6_addr);
    fd = socket(v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 && !v4) {
        v4 = 1;
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    }
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (!v4)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    rc = v4 ? bind(fd, (struct sockaddr *)(void *)&a4, sizeof(a4))
            : bind(fd, (struct sockaddr *)(void *)&a6, sizeof(a6));
    if (rc) {
        close(fd);
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &off, sizeof(off));
    return fd;
}

/* A read lock conflicts with the write lock that InnoDB needs, and asks for read rights only. */
static void hold_data(const struct node_guard *g, struct holding *h)
{
    struct flock l = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
    char path[PATH_MAX];

    if (h->data_locked || !g->target.datadir)
        return;
    if (h->data_fd < 0) {
        snprintf(path, sizeof(path), "%s/ibdata1", g->target.datadir);
        h->data_fd = open(path, O_RDONLY | O_CLOEXEC);
    }
    if (h->data_fd < 0)
        return;
    if (fcntl(h->data_fd, F_SETLK, &l) == 0) {
        h->data_locked = 1;
        say("data");
        return;
    }
    l.l_type = F_WRLCK;
    if (fcntl(h->data_fd, F_GETLK, &l) == 0 && l.l_type != F_UNLCK)
        kill_server(l.l_pid, "held the lock on its data files");
}

static void kill_listeners(const struct node_guard *g)
{
    struct node_listener l[NODE_LISTEN_MAX];
    size_t n = node_listen_find(g->target.port, g->target.ip, l);

    for (size_t i = 0; i < n; i++)
        kill_server(node_listen_owner(l[i].inode), "listened on the port");
}

/* Taken so that node_lock_holder() finds us. Kept until the end of the process. */
static int take_lock_file(const char *path)
{
    struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd >= 0 && fcntl(fd, F_SETLK, &l) == 0)
        return 0;
    fprintf(stderr, "kagemusha-node guard: %s: %s\n", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

/* A server that waits for the lock has bound nothing yet; it would stand there for minutes. */
static void kill_starters(const struct node_guard *g)
{
    char exe[PATH_MAX], cwd[PATH_MAX];
    DIR *proc;
    pid_t pid;

    if (!g->exe || !g->exe[0] || !g->target.datadir)
        return;
    proc = opendir("/proc");
    if (!proc)
        return;
    while ((pid = node_proc_next(proc)))
        if (node_proc_link(pid, "exe", exe, sizeof(exe)) == 0 && strcmp(exe, g->exe) == 0 &&
            node_proc_link(pid, "cwd", cwd, sizeof(cwd)) == 0 &&
            strcmp(cwd, g->target.datadir) == 0)
            kill_server(pid, "ran in its data directory");
    closedir(proc);
}

static void keep(const struct node_guard *g)
{
    struct holding h = {.port_fd = -1, .data_fd = -1};
    int64_t begun = clock_mono_ms();

    while (!stop_wanted) {
        int64_t now = clock_mono_ms();

        if (h.port_fd < 0) {
            h.port_fd = hold_port(g);
            if (h.port_fd >= 0)
                say("port");
        }
        hold_data(g, &h);
        kill_listeners(g);
        if (now >= h.next_scan_ms) {
            kill_starters(g);
            h.next_scan_ms = now + SCAN_MS;
        }
        clock_sleep_ms(now - begun < EAGER_MS && (h.port_fd < 0 || !h.data_locked) ? 1 : CALM_MS);
    }
}

int node_guard_main(int argc, char **argv)
{
    struct node_guard g = {0};
    const struct args_option table[] = {
        {"port",      ARGS_INT,  &g.target.port,    "N",    "port that nobody may listen on"},
        {"ip",        ARGS_TEXT, &g.target.ip,      "ADDR", "on this address only"          },
        {"datadir",   ARGS_TEXT, &g.target.datadir, "DIR",  "data directory to hold"        },
        {"exe",       ARGS_TEXT, &g.exe,            "FILE", "program that must not run"     },
        {"lock-file", ARGS_TEXT, &g.lock_file,      "FILE", "says that a guard runs"        },
        {NULL,        ARGS_FLAG, NULL,              NULL,   NULL                            },
    };
    struct sigaction term = {.sa_handler = on_term};
    struct err e = {0};

    if (args_parse(&argc, argv, table, ARGS_UNKNOWN_ERROR, &e) || !g.target.port || !g.lock_file) {
        fprintf(stderr, "kagemusha-node guard: %s\n",
                e.code ? e.text : "port and lock-file needed");
        return 1;
    }
    if (take_lock_file(g.lock_file))
        return 2;
    if (g.target.datadir && !g.target.datadir[0])
        g.target.datadir = NULL;
    sigaction(SIGTERM, &term, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    openlog("kagemusha-guard", LOG_PID, LOG_DAEMON);
    say("lock");
    keep(&g);
    return 0;
}

static int spawn_guard(char *const argv[], int out, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t none;
    int rc;

    sigemptyset(&none);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out, 1);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    posix_spawn_file_actions_addchdir_np(&actions, "/");
    rc = posix_spawn(pid, "/proc/self/exe", &actions, &attr, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attr);
    return rc;
}

pid_t node_guard_start(const struct node_guard *g, int *fd, struct err *e)
{
    char port[16];
    const char *const words[] = {"kagemusha-node",
                                 "guard",
                                 "--port",
                                 port,
                                 "--lock-file",
                                 g->lock_file,
                                 "--ip",
                                 g->target.ip ? g->target.ip : "",
                                 "--datadir",
                                 g->target.datadir ? g->target.datadir : "",
                                 "--exe",
                                 g->exe ? g->exe : "",
                                 NULL};
    pid_t pid = node_lock_holder(g->lock_file);
    int out[2], rc;

    *fd = -1;
    if (pid > 0)
        return pid;
    snprintf(port, sizeof(port), "%d", g->target.port);
    if (pipe2(out, O_CLOEXEC))
        return err_errno(e, ERR_IO, "cannot make a pipe");
    rc = spawn_guard((char *const *)(const void *)words, out[1], &pid);
    close(out[1]);
    if (rc) {
        close(out[0]);
        return err_set(e, ERR_IO, "cannot start the guard: %s", strerror(rc));
    }
    *fd = out[0];
    return pid;
}

int node_guard_end(const char *lock_file, struct err *e)
{
    pid_t pid = node_lock_holder(lock_file);
    int fd, gone;

    if (pid < 0)
        return err_set(e, ERR_WORLD, "cannot tell who guards (%s)", lock_file);
    if (pid == 0)
        return 0;
    fd = node_pidfd_open(pid, 0);
    if (fd < 0)
        return 0;
    if (node_pidfd_signal(fd, SIGTERM)) {
        close(fd);
        return err_errno(e, ERR_DENIED, "cannot end the guard, process %d", (int)pid);
    }
    gone = node_pidfd_wait(fd, clock_mono_ms() + END_MS);
    close(fd);
    /* Collects it where it is this very agent's child. */
    if (gone)
        waitpid(pid, NULL, WNOHANG);
    return gone ? 1 : err_set(e, ERR_TIMEOUT, "the guard, process %d, does not end", (int)pid);
}
