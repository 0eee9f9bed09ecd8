/* The table of operations, and the smallest of them; docs/wire.md tells the fields. */
#include "node/ops.h"

#include "common/clock.h"
#include "node/neigh.h"
#include "node/proc.h"
#include "node/vault/vault.h"

#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static node_inline ping;
static node_work locate;

const struct node_op node_ops[] = {
    {"ping",          ping,                     NULL,                NULL,           0},
    {"status",        node_status_begin,        node_status_work,    NULL,           0},
    {"locate",        NULL,                     locate,              NULL,           0},
    {"watch",         node_watch_begin,         node_watch_work,     node_watch_end, 0},
    {"storage",       node_storage_begin,       NULL,                NULL,           0},
    {"storage_state", node_storage_state_begin, NULL,                NULL,           0},
    {"probe",         NULL,                     node_probe_work,     NULL,           0},
    {"fence",         node_fence_begin,         node_fence_work,     node_fence_end, 1},
    {"release",       NULL,                     node_release_work,   NULL,           1},
    {"vip_add",       node_vip_add,             NULL,                NULL,           0},
    {"vip_del",       node_vip_del,             NULL,                NULL,           0},
    {"vip_check",     node_vip_check,           NULL,                NULL,           0},
    {"vip_announce",  node_vip_announce,        NULL,                NULL,           0},
    {"vip_probe",     node_vip_probe_begin,     node_vip_probe_work, NULL,           0},
    {"note_put",      NULL,                     node_note_put_work,  NULL,           1},
    {"note_get",      NULL,                     node_note_get_work,  NULL,           0},
    {"note_list",     NULL,                     node_note_list_work, NULL,           0},
    {"note_del",      NULL,                     node_note_del_work,  NULL,           1},
    {"vault_hold",    node_vault_hold,          NULL,                NULL,           0},
    {"vault_applied", node_vault_applied,       NULL,                NULL,           0},
    {"vault_state",   node_vault_state,         NULL,                NULL,           0},
    {"vault_forget",  node_vault_forget,        NULL,                NULL,           0},
    {"disk",          NULL,                     node_disk_work,      NULL,           0},
    {"read_test",     NULL,                     node_read_test_work, NULL,           0},
    {"tail",          NULL,                     node_tail_work,      NULL,           0},
    {NULL,            NULL,                     NULL,                NULL,           0},
};

static int ping(struct agent *a, struct json_object *req, struct json_object *reply, struct err *e)
{
    double load[1] = {0};

    (void)a;
    (void)req;
    (void)e;
    (void)getloadavg(load, 1);
    json_put_int(reply, "mono_us", clock_mono_us());
    json_put_int(reply, "wall_ms", clock_wall_ms());
    json_object_object_add(reply, "load1", json_object_new_double(load[0]));
    return 0;
}

static int locate(struct json_object *req, struct json_object *reply, struct err *e)
{
    struct node_target t;
    struct node_instance *i;

    if (node_target_read(req, &t, e))
        return -1;
    i = mem_zalloc(sizeof(*i));
    node_instance_find(&t, i);
    node_instance_to_json(i, reply);
    free(i);
    return 0;
}

static int has_capability(unsigned number)
{
    struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct d[2] = {{0}};

    if (syscall(SYS_capget, &h, d))
        return 0;
    return (d[number / 32].effective >> (number % 32) & 1) != 0;
}

/* A login that is no root may kill what is its own: the servers that run, or those of the account
 * "mysql" once they are gone. */
static int owns_a_server(void)
{
    unsigned me = (unsigned)geteuid(), uid, gid;
    const struct passwd *mysql = getpwnam("mysql");
    DIR *proc = opendir("/proc");
    struct node_stat st;
    int own = mysql && mysql->pw_uid == me;
    pid_t pid;

    while (proc && !own && (pid = node_proc_next(proc)))
        own = node_proc_owner(pid, &uid, &gid) == 0 && uid == me && node_proc_stat(pid, &st) == 0 &&
              (strcmp(st.comm, "mysqld") == 0 || strcmp(st.comm, "mariadbd") == 0);
    if (proc)
        closedir(proc);
    return own;
}

/* read: any file; without it single files may still be readable, which read_test tells. net: the
 * sockets are open already. */
void node_greeting(struct agent *a)
{
    struct wire_greeting *g = &a->greeting;
    int any_file = has_capability(CAP_DAC_READ_SEARCH) || has_capability(CAP_DAC_OVERRIDE);
    int net = a->vip.packet >= 0 && a->vip.netlink >= 0 && has_capability(CAP_NET_ADMIN);

    g->protocol = WIRE_PROTOCOL;
    g->uid = (unsigned)geteuid();
    snprintf(g->version, sizeof(g->version), "%s", KAGEMUSHA_VERSION);
    snprintf(g->caps, sizeof(g->caps), "%slink,%s%sprobe", any_file ? "read," : "",
             has_capability(CAP_KILL) || owns_a_server() ? "kill," : "", net ? "net," : "");
}
