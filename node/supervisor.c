/* Who would start a mysqld again: mysqld_safe, a unit of systemd, or somebody else. */
#include "node/instance.h"

#include "common/clock.h"
#include "node/hold.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SYSTEMCTL_MS 2000

int node_has_systemd(void)
{
    return access("/run/systemd/system", F_OK) == 0;
}

/* Last component of "0::/system.slice/mariadb.service" or of the name=systemd hierarchy that ends
 * in .service. Units of a user's own manager are not held by us. */
static void read_unit(pid_t pid, char *out, size_t size)
{
    struct buf text = BUF_INIT;
    char *at, *line;

    out[0] = '\0';
    if (node_proc_file(pid, "cgroup", &text, 16384) <= 0)
        goto out;
    for (line = text.data; line && *line; line = at) {
        char *end = strchr(line, '\n'), *unit, *slash;

        at = end ? end + 1 : NULL;
        if (end)
            *end = '\0';
        if (strncmp(line, "0::", 3) != 0 && !strstr(line, ":name=systemd:"))
            continue;
        unit = strstr(line, ".service");
        if (!unit || strstr(line, "/user@") || (unit[8] && unit[8] != '/'))
            continue;
        unit[8] = '\0';
        slash = strrchr(line, '/');
        if (slash)
            snprintf(out, size, "%s", slash + 1);
    }
out:
    buf_release(&text);
}

/* A server started by hand from a login may sit in the unit of sshd: only a unit whose main process
 * is the server or one of its ancestors is the server's own. */
static int unit_owns(const char *unit, pid_t pid)
{
    const char *const words[NODE_SYSTEMCTL_WORDS] = {"show", "--value", "-pMainPID", unit};
    struct buf out = BUF_INIT;
    struct node_stat st;
    long main_pid = 0;

    if (node_systemctl(words, clock_mono_ms() + SYSTEMCTL_MS, &out, NULL) == 0)
        main_pid = strtol(out.data, NULL, 10);
    buf_release(&out);
    for (int depth = 0; main_pid > 1 && pid > 1 && depth < 8; depth++) {
        if (pid == main_pid)
            return 1;
        if (node_proc_stat(pid, &st))
            return 0;
        pid = st.ppid;
    }
    return 0;
}

static int is_safe_name(const char *word)
{
    const char *base = strrchr(word, '/');

    base = base ? base + 1 : word;
    return strcmp(base, "mysqld_safe") == 0 || strcmp(base, "mariadbd-safe") == 0;
}

/* mysqld_safe is a shell script: it shows in the first words of the command line. */
static int is_safe(pid_t pid)
{
    struct buf cmd = BUF_INIT;
    int found = 0;
    size_t at = 0;

    if (node_proc_file(pid, "cmdline", &cmd, 4096) > 0)
        for (int word = 0; word < 3 && at < cmd.len; word++) {
            found |= is_safe_name(cmd.data + at);
            at += strlen(cmd.data + at) + 1;
        }
    buf_release(&cmd);
    return found;
}

static void describe_parent(const struct node_stat *parent, struct node_supervisor *out)
{
    out->pid = parent->pid;
    out->start_ticks = parent->start_ticks;
    snprintf(out->comm, sizeof(out->comm), "%s", parent->comm);
}

/* With syslog a subshell stands between mysqld_safe and mysqld, so a few generations are looked
 * at. */
void node_supervisor_find(pid_t pid, struct node_supervisor *out)
{
    struct node_stat st, parent;

    memset(out, 0, sizeof(*out));
    if (node_proc_stat(pid, &st))
        return;
    if (node_has_systemd())
        read_unit(pid, out->unit, sizeof(out->unit));
    if (out->unit[0] && unit_owns(out->unit, pid)) {
        out->kind = NODE_SUPERVISOR_SYSTEMD;
        return;
    }
    out->unit[0] = '\0';
    parent = st;
    for (int depth = 0; depth < 3 && parent.ppid > 1; depth++) {
        if (node_proc_stat(parent.ppid, &parent))
            return;
        if (depth == 0)
            describe_parent(&parent, out);
        if (is_safe(parent.pid)) {
            describe_parent(&parent, out);
            out->kind = NODE_SUPERVISOR_SAFE;
            return;
        }
    }
    out->kind = out->pid ? NODE_SUPERVISOR_OTHER : NODE_SUPERVISOR_NONE;
}
