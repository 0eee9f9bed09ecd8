/* One mysqld of this host; see instance.h. */
#include "node/instance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int node_target_read(struct json_object *req, struct node_target *t, struct err *e)
{
    int64_t port = json_get_int(req, "port", 0);

    if (port < 1 || port > 65535)
        return err_set(e, ERR_FORMAT, "port is missing or no port number");
    t->port = (int)port;
    t->ip = json_get_str(req, "ip", NULL);
    t->pid_file = json_get_str(req, "pid_file", NULL);
    t->datadir = json_get_str(req, "datadir", NULL);
    return 0;
}

/* A pid file may be left over, and its number belong to somebody else by now: a database server
 * has its working directory in the data directory, or the word in its name. */
static pid_t from_pid_file(const struct node_target *t)
{
    char text[32], cwd[PATH_MAX];
    struct node_stat st;
    FILE *f = t->pid_file ? fopen(t->pid_file, "re") : NULL;
    long pid = 0;

    if (!f)
        return 0;
    if (fgets(text, sizeof(text), f))
        pid = strtol(text, NULL, 10);
    fclose(f);
    if (pid <= 0 || pid > INT32_MAX || node_proc_stat((pid_t)pid, &st) || st.state == 'Z')
        return 0;
    node_proc_link((pid_t)pid, "cwd", cwd, sizeof(cwd));
    if (strstr(st.comm, "mysqld") || strstr(st.comm, "mariadbd") ||
        (t->datadir && strcmp(cwd, t->datadir) == 0))
        return (pid_t)pid;
    return 0;
}

/* The option as the server was given it, or its working directory, which mysqld puts there. */
static void read_datadir(pid_t pid, const char *given, char *out, size_t size)
{
    static const char key[] = "--datadir=";
    struct buf cmd = BUF_INIT;
    struct stat st;
    char probe[PATH_MAX + 16], cwd[PATH_MAX] = "";

    out[0] = '\0';
    if (given)
        snprintf(out, size, "%s", given);
    else if (pid && node_proc_file(pid, "cmdline", &cmd, 65536) > 0)
        for (size_t at = 0; at < cmd.len; at += strlen(cmd.data + at) + 1)
            if (strncmp(cmd.data + at, key, sizeof(key) - 1) == 0 &&
                cmd.data[at + sizeof(key) - 1] == '/')
                snprintf(out, size, "%s", cmd.data + at + sizeof(key) - 1);
    buf_release(&cmd);
    if (out[0] || !pid || node_proc_link(pid, "cwd", cwd, sizeof(cwd)))
        return;
    snprintf(probe, sizeof(probe), "%s/ibdata1", cwd);
    if (stat(probe, &st) == 0)
        snprintf(out, size, "%s", cwd);
}

static int other_pid_namespace(pid_t pid)
{
    char theirs[64], ours[64];

    return node_proc_link(pid, "ns/pid", theirs, sizeof(theirs)) == 0 &&
           node_proc_link(getpid(), "ns/pid", ours, sizeof(ours)) == 0 && strcmp(theirs, ours) != 0;
}

static int in_container(pid_t pid)
{
    static const char *const marks[] = {"docker",     "libpod", "kubepods",
                                        "containerd", "crio",   "lxc"};
    struct buf cgroup = BUF_INIT;
    int found = pid == 1 || other_pid_namespace(pid);

    if (node_proc_file(pid, "cgroup", &cgroup, 16384) > 0)
        for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
            found |= strstr(cgroup.data, marks[i]) != NULL;
    buf_release(&cgroup);
    return found;
}

void node_instance_find(const struct node_target *t, struct node_instance *out)
{
    struct node_stat st;
    unsigned gid;

    memset(out, 0, sizeof(*out));
    out->listeners = node_listen_find(t->port, t->ip, out->listening);
    for (size_t i = 0; i < out->listeners && !out->pid; i++)
        out->pid = node_listen_owner(out->listening[i].inode);
    if (!out->pid)
        out->pid = from_pid_file(t);
    read_datadir(out->pid, t->datadir, out->datadir, sizeof(out->datadir));
    if (!out->pid || node_proc_stat(out->pid, &st)) {
        out->pid = 0;
        return;
    }
    out->start_ticks = st.start_ticks;
    snprintf(out->comm, sizeof(out->comm), "%s", st.comm);
    node_proc_owner(out->pid, &out->uid, &gid);
    node_proc_link(out->pid, "exe", out->exe, sizeof(out->exe));
    out->container = in_container(out->pid);
    node_supervisor_find(out->pid, &out->supervisor);
}

const char *node_supervisor_text(enum node_supervisor_kind kind)
{
    switch (kind) {
    case NODE_SUPERVISOR_NONE:
        return "none";
    case NODE_SUPERVISOR_SAFE:
        return "mysqld_safe";
    case NODE_SUPERVISOR_SYSTEMD:
        return "systemd";
    case NODE_SUPERVISOR_OTHER:
        break;
    }
    return "other";
}

void node_instance_to_json(const struct node_instance *i, struct json_object *o)
{
    struct json_object *sup = json_object_new_object(), *list = json_object_new_array();

    json_put_int(o, "pid", i->pid);
    json_put_str(o, "comm", i->comm);
    json_put_str(o, "exe", i->exe);
    json_put_int(o, "uid", i->uid);
    json_put_u64(o, "start_ticks", i->start_ticks);
    json_put_str(o, "datadir", i->datadir);
    json_put_bool(o, "container", i->container);
    for (size_t n = 0; n < i->listeners; n++)
        json_object_array_add(list, json_object_new_string(i->listening[n].addr));
    json_object_object_add(o, "listening", list);
    json_put_str(sup, "kind", node_supervisor_text(i->supervisor.kind));
    json_put_int(sup, "pid", i->supervisor.pid);
    json_put_u64(sup, "start_ticks", i->supervisor.start_ticks);
    json_put_str(sup, "comm", i->supervisor.comm);
    json_put_str(sup, "unit", i->supervisor.unit);
    json_object_object_add(o, "supervisor", sup);
}

void node_instance_from_json(struct json_object *o, struct node_instance *i)
{
    struct json_object *sup = NULL;
    const char *kind;

    memset(i, 0, sizeof(*i));
    i->pid = (pid_t)json_get_int(o, "pid", 0);
    i->start_ticks = json_get_u64(o, "start_ticks", 0);
    i->uid = (unsigned)json_get_int(o, "uid", 0);
    i->container = json_get_bool(o, "container", 0);
    snprintf(i->comm, sizeof(i->comm), "%s", json_get_str(o, "comm", ""));
    snprintf(i->exe, sizeof(i->exe), "%s", json_get_str(o, "exe", ""));
    snprintf(i->datadir, sizeof(i->datadir), "%s", json_get_str(o, "datadir", ""));
    json_object_object_get_ex(o, "supervisor", &sup);
    kind = json_get_str(sup, "kind", "other");
    for (int k = NODE_SUPERVISOR_OTHER; k <= NODE_SUPERVISOR_SYSTEMD; k++)
        if (strcmp(kind, node_supervisor_text((enum node_supervisor_kind)k)) == 0)
            i->supervisor.kind = (enum node_supervisor_kind)k;
    i->supervisor.pid = (pid_t)json_get_int(sup, "pid", 0);
    i->supervisor.start_ticks = json_get_u64(sup, "start_ticks", 0);
    snprintf(i->supervisor.comm, sizeof(i->supervisor.comm), "%s", json_get_str(sup, "comm", ""));
    snprintf(i->supervisor.unit, sizeof(i->supervisor.unit), "%s", json_get_str(sup, "unit", ""));
}

static void put_strings(struct json_object *o, const char *key, const struct buf *nul_separated)
{
    struct json_object *list = json_object_new_array();

    for (size_t at = 0; at < nul_separated->len; at += strlen(nul_separated->data + at) + 1)
        json_object_array_add(list, json_object_new_string(nul_separated->data + at));
    json_object_object_add(o, key, list);
}

struct json_object *node_launch_describe(pid_t pid)
{
    struct json_object *o = NULL;
    struct buf argv = BUF_INIT, env = BUF_INIT;
    char exe[PATH_MAX], link[PATH_MAX];
    unsigned uid, gid;

    if (node_proc_link(pid, "exe", exe, sizeof(exe)) || node_proc_owner(pid, &uid, &gid) ||
        node_proc_file(pid, "cmdline", &argv, 131072) <= 0 ||
        node_proc_file(pid, "environ", &env, 131072) < 0)
        goto out;
    o = json_object_new_object();
    json_put_str(o, "exe", exe);
    put_strings(o, "argv", &argv);
    put_strings(o, "env", &env);
    json_put_int(o, "uid", uid);
    json_put_int(o, "gid", gid);
    node_proc_link(pid, "cwd", link, sizeof(link));
    json_put_str(o, "cwd", link);
    node_proc_link(pid, "fd/2", link, sizeof(link));
    json_put_str(o, "stderr", link[0] == '/' ? link : "/dev/null");
out:
    buf_release(&argv);
    buf_release(&env);
    return o;
}
