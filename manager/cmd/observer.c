/* Another host's view of the master's port; see observer.h. */
#include "manager/cmd/observer.h"

#include "common/clock.h"
#include "common/file.h"
#include "common/run.h"
#include "common/sql_status.h"
#include "manager/act/agent.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTPUT_MAX 4096
#define MARK       "kagemusha-asks"
#define INSERT_MS  3000 /* MHA's own limit */
#define NODE       "kagemusha-node"
#define STATE_DIR  "/.local/state/kagemusha"

/* How one way of asking went. */
enum way { WAY_NONE, WAY_LOST, WAY_SEES, WAY_SEES_NOT };

/* There is no manager_workdir here: the keys of observers are kept below the home directory. */
static void state_file(struct buf *out)
{
    struct err e;
    const char *home = getenv("HOME");
    buf_addf(out, "%s" STATE_DIR, home && *home ? home : "/var/tmp");
    (void)file_mkdirs(out->data, 0700, &e);
    buf_adds(out, "/known_hosts");
}

static int is_not_reached(const char *result)
{
    return strcmp(result, "refused") == 0 || strcmp(result, "silent") == 0 ||
           strcmp(result, "unreachable") == 0;
}

static enum way by_agent(const struct observer_ask *a, const struct ssh_target *t, struct err *e)
{
    struct json_object *reply = NULL, *o;
    struct agent *agent = NULL;
    int64_t ms = a->timeout_s * INT64_C(1000);
    if (agent_open(&agent, t, NODE, (struct agent_listener){0}, clock_mono_ms() + ms, e) < 0)
        return e->code == ERR_WORLD ? WAY_NONE : WAY_LOST;
    o = json_object_new_object();
    json_put_str(o, "host_ip", a->master_ip);
    json_put_int(o, "port", a->master_port);
    json_put_int(o, "timeout_ms", ms);
    enum way w = WAY_NONE;
    if (agent_call(agent, "probe", o, &reply, clock_mono_ms() + ms + 500, e) == 0) {
        const char *result = json_get_str(reply, "result", "");
        w = is_not_reached(result) ? WAY_SEES_NOT : WAY_SEES;
        err_set(e, ERR_WORLD, "%s", result);
        json_object_put(reply);
    }
    agent_close(&agent);
    return w;
}

/* What did not print the mark is not bash, but a login shell that runs nothing. */
static enum way by_bash(const struct observer_ask *a, const struct ssh_target *t, struct err *e)
{
    struct buf line = BUF_INIT, output = BUF_INIT;
    struct ssh *s = NULL;
    int status = -1;
    enum way w = WAY_LOST;
    int64_t ms = a->timeout_s * INT64_C(1000);
    if (ssh_open(&s, t, clock_mono_ms() + ms, e) < 0)
        return WAY_LOST;
    buf_addf(&line,
             "command -v bash && echo " MARK "; t=$(command -v timeout) && t=\"$t %d\"; "
             "exec $t bash -c 'exec 3<>/dev/tcp/%s/%d' 2>&1",
             a->timeout_s, a->master_ip, a->master_port);
    if (ssh_exec(s, line.data, &output, &status, clock_mono_ms() + ms + 1000, e) == 0) {
        w = status == 0 ? WAY_SEES : WAY_SEES_NOT;
        if (!strstr(output.data, MARK))
            w = WAY_NONE;
        err_set(e, ERR_WORLD, status == 124 ? "silent" : "refused or unreachable");
    } else if (e->code == ERR_TIMEOUT) {
        /* SSH answered; what did not come back is the connection. */
        w = WAY_SEES_NOT;
        err_set(e, ERR_TIMEOUT, "silent");
    } else {
        w = WAY_NONE;
    }
    ssh_close(&s);
    buf_release(&output);
    buf_release(&line);
    return w;
}

static void ssh_line(const struct observer_ask *a, const struct ssh_target *t, struct buf *out)
{
    if (a->options && *a->options)
        buf_addf(out, "exec ssh %s -o BatchMode=yes", a->options);
    else
        buf_addf(
            out,
            "exec ssh -o BatchMode=yes -o PasswordAuthentication=no -o ConnectTimeout=%d "
            "-o StrictHostKeyChecking=accept-new -o UserKnownHostsFile='%s ~/.ssh/known_hosts'",
            a->timeout_s, t->known_hosts);
    buf_addf(out, " -p %d -l ", a->port);
    run_quote(out, a->user);
}

static void add_end(const struct observer_ask *a, struct buf *out)
{
    int six = strchr(a->master_ip, ':') != NULL;
    buf_addf(out, "%s%s%s:%d ", six ? "[" : "", a->master_ip, six ? "]" : "", a->master_port);
}

/* ssh with the option that makes it forward, in a process group of its own. */
static int begin_ssh(struct buf *line, const struct observer_ask *a, const int fds[3], pid_t *pid,
                     struct err *e)
{
    char shell[] = "/bin/sh", flag[] = "-c";
    run_quote(line, a->host);
    return run_spawn((char *const[]){shell, flag, line->data, NULL}, NULL, fds, pid, e);
}

static void end_ssh(pid_t pid)
{
    kill(-pid, SIGTERM);
    waitpid(pid, NULL, 0);
}

/* What ssh said before it gave up. */
static enum way why_ended(const char *text, struct err *e)
{
    if (strstr(text, "administratively prohibited")) {
        err_set(e, ERR_SSH, "it has no bash, and its sshd does not forward (AllowTcpForwarding)");
        return WAY_LOST;
    }
    if (strstr(text, "open failed")) {
        err_set(e, ERR_WORLD, "refused or unreachable");
        return WAY_SEES_NOT;
    }
    err_set(e, ERR_SSH, "ssh: %.*s", (int)strcspn(text, "\r\n"), text);
    return WAY_LOST;
}

/* The first bytes from there: of the server, or of an ssh that gives up. */
static enum way wait_greeting(int out, int error, int64_t deadline_ms, struct err *e)
{
    struct pollfd p = {.fd = out, .events = POLLIN};
    char text[OUTPUT_MAX] = "";
    ssize_t n = 0;
    if (poll(&p, 1, clock_left_ms(deadline_ms)) <= 0) {
        err_set(e, ERR_TIMEOUT, "silent");
        return WAY_SEES_NOT;
    }
    n = read(out, text, 1);
    if (n > 0)
        return WAY_SEES;
    n = read(error, text, sizeof text - 1);
    text[n > 0 ? n : 0] = '\0';
    return why_ended(text, e);
}

/* Above 2, as run_spawn wants its descriptors. */
static int make_pipe(int fds[2])
{
    int low[2];
    if (pipe2(low, O_CLOEXEC) < 0)
        return -1;
    for (int i = 0; i < 2; i++) {
        fds[i] = fcntl(low[i], F_DUPFD_CLOEXEC, 3);
        close(low[i]);
    }
    return fds[0] < 0 || fds[1] < 0 ? -1 : 0;
}

/* The observer's sshd connects: no program is run there. Standard input stays open, or ssh would
 * end before the connection stands. */
static enum way by_forward(const struct observer_ask *a, const struct ssh_target *t, struct err *e)
{
    struct buf line = BUF_INIT;
    int in[2] = {-1, -1}, out[2] = {-1, -1}, error[2] = {-1, -1};
    enum way w = WAY_LOST;
    pid_t pid = -1;
    int rc;
    ssh_line(a, t, &line);
    buf_adds(&line, " -W ");
    add_end(a, &line);
    if (make_pipe(in) < 0 || make_pipe(out) < 0 || make_pipe(error) < 0) {
        err_errno(e, ERR_IO, "cannot make a pipe");
        goto out;
    }
    rc = begin_ssh(&line, a, (const int[]){in[0], out[1], error[1]}, &pid, e);
    close(out[1]);
    close(error[1]);
    out[1] = error[1] = -1;
    if (rc == 0) {
        w = wait_greeting(out[0], error[0], clock_mono_ms() + 2 * a->timeout_s * INT64_C(1000), e);
        end_ssh(pid);
    }
out:
    for (int i = 0; i < 2; i++) {
        if (in[i] >= 0)
            close(in[i]);
        if (out[i] >= 0)
            close(out[i]);
        if (error[i] >= 0)
            close(error[i]);
    }
    buf_release(&line);
    return w;
}

static int free_port(void)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof in;
    int port = -1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && bind(fd, (const void *)&in, sizeof in) == 0 &&
        getsockname(fd, (void *)&in, &len) == 0)
        port = ntohs(in.sin_port);
    if (fd >= 0)
        close(fd);
    return port;
}

static int begin_tunnel(const struct observer_ask *a, const struct ssh_target *t, int port,
                        pid_t *pid, struct err *e)
{
    struct buf line = BUF_INIT;
    int low = open("/dev/null", O_RDWR | O_CLOEXEC), null = fcntl(low, F_DUPFD_CLOEXEC, 3);
    ssh_line(a, t, &line);
    buf_addf(&line, " -N -o ExitOnForwardFailure=yes -L 127.0.0.1:%d:", port);
    add_end(a, &line);
    int rc = null < 0 ? err_errno(e, ERR_IO, "/dev/null")
                      : begin_ssh(&line, a, (const int[]){null, null, null}, pid, e);
    if (null >= 0)
        close(null);
    if (low >= 0)
        close(low);
    buf_release(&line);
    return rc;
}

/* MHA's INSERT ping, seen from there: our own session through the observer, so that it needs no
 * client. A failure or 3 s without an answer is "not reachable" for this host. */
static enum way insert_through(const struct observer_ask *a, const struct ssh_target *t,
                               struct err *e)
{
    int port = free_port(), rc = -1;
    struct db_target to = {.host = "127.0.0.1",
                           .port = port,
                           .user = a->master_user ? a->master_user : "root",
                           .password = a->master_password ? a->master_password : ""};
    struct sql s = {0};
    pid_t pid = -1;
    if (port < 0 || begin_tunnel(a, t, port, &pid, e) < 0)
        return WAY_SEES;
    int64_t up = clock_mono_ms() + a->timeout_s * INT64_C(1000);
    do {
        clock_sleep_ms(20);
        rc = sql_open(&s, &to, clock_mono_ms() + INSERT_MS, e);
    } while (rc < 0 && e->code == ERR_CONNECT && clock_mono_ms() < up);
    if (rc == 0)
        rc = sql_ping_insert(&s, clock_mono_ms() + INSERT_MS, e);
    sql_close(&s);
    end_ssh(pid);
    return rc == 0 ? WAY_SEES : WAY_SEES_NOT;
}

enum observer_sight observer_look(const struct observer_ask *a, struct err *why)
{
    struct buf known = BUF_INIT;
    enum way w;
    state_file(&known);
    struct ssh_target t = {.host = a->host,
                           .ip = a->host,
                           .port = a->port,
                           .user = a->user,
                           .options = a->options,
                           .known_hosts = known.data};
    w = by_agent(a, &t, why);
    if (w == WAY_NONE)
        w = by_bash(a, &t, why);
    if (w == WAY_NONE)
        w = by_forward(a, &t, why);
    if (w == WAY_SEES && a->ping_type && strcasecmp(a->ping_type, "INSERT") == 0)
        w = insert_through(a, &t, why);
    buf_release(&known);
    if (w == WAY_SEES)
        return OBSERVER_SEES;
    return w == WAY_SEES_NOT ? OBSERVER_SEES_NOT : OBSERVER_LOST;
}
