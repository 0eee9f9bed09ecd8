/* Giving back what a fence took: the guard ends, the unit is unmasked, the server is started again
 * as it was (decision 9). */
#include "node/ops.h"

#include "common/clock.h"
#include "node/guard.h"
#include "node/hold.h"
#include "node/launch.h"
#include "node/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_MS      30000
#define SYSTEMCTL_MS 10000
#define POLL_MS      20

/* Read-only from its first moment on: an argument wins over option files. Units of both families
 * take arguments from this variable; where one does not, the manager still closes the server as
 * soon as it answers. */
static void set_unit_arguments(int on)
{
    const char *const words[NODE_SYSTEMCTL_WORDS] = {on ? "set-environment" : "unset-environment",
                                                     on ? "MYSQLD_OPTS=--read-only=1"
                                                        : "MYSQLD_OPTS"};

    node_systemctl(words, clock_mono_ms() + SYSTEMCTL_MS, NULL, NULL);
}

static void add_argument(struct json_object *launch)
{
    struct json_object *argv = NULL;

    if (json_object_object_get_ex(launch, "argv", &argv))
        json_object_array_add(argv, json_object_new_string("--read-only=1"));
}

static int start_unit(const char *unit, int read_only, struct err *e)
{
    const char *const start[NODE_SYSTEMCTL_WORDS] = {"start", "--no-block", unit};
    int rc;

    if (read_only)
        set_unit_arguments(1);
    rc = node_systemctl(start, clock_mono_ms() + SYSTEMCTL_MS, NULL, e);
    if (read_only)
        set_unit_arguments(0);
    return rc;
}

/* By whom it is started: the command given, its unit, mysqld_safe, itself. */
static int start_again(struct json_object *req, struct json_object *record, struct err *e)
{
    const char *command = json_get_str(req, "start_command", NULL), *unit;
    struct json_object *supervisor = NULL, *launch = NULL;
    int read_only = json_get_bool(req, "read_only", 0);

    if (command)
        return node_launch_command(command, e);
    json_object_object_get_ex(record, "supervisor", &supervisor);
    unit = json_get_str(supervisor, "unit", "");
    if (*unit)
        return start_unit(unit, read_only, e);
    json_object_object_get_ex(record, "supervisor_launch", &launch);
    if (!launch)
        json_object_object_get_ex(record, "launch", &launch);
    if (!launch)
        return err_set(e, ERR_WORLD, "it is not known how the server was started");
    if (read_only)
        add_argument(launch);
    return node_launch(launch, e);
}

static void wait_until_listening(struct json_object *req, const struct node_target *t,
                                 struct json_object *reply)
{
    int64_t until = clock_mono_ms() + json_get_int(req, "wait_ms", WAIT_MS);
    struct node_listener l[NODE_LISTEN_MAX];
    pid_t pid = 0;

    do {
        if (node_listen_find(t->port, t->ip, l))
            pid = node_listen_owner(l[0].inode);
        if (!pid)
            clock_sleep_ms(POLL_MS);
    } while (!pid && clock_left_ms(until) > 0);
    json_put_int(reply, "pid", pid);
    json_put_bool(reply, "listening", pid > 0);
}

static void unmask(struct json_object *record)
{
    struct json_object *supervisor = NULL;
    const char *unit;

    if (!json_get_bool(record, "masked", 0))
        return;
    json_object_object_get_ex(record, "supervisor", &supervisor);
    unit = json_get_str(supervisor, "unit", "");
    if (*unit) {
        const char *const words[NODE_SYSTEMCTL_WORDS] = {"unmask", "--runtime", unit};

        node_systemctl(words, clock_mono_ms() + SYSTEMCTL_MS, NULL, NULL);
    }
}

/* Somebody who would start it again at once, and whom the fence could not hold. */
static int is_supervised(struct json_object *record, struct json_object *reply)
{
    struct node_instance *i = mem_zalloc(sizeof(*i));
    char text[160];
    int lives;

    node_instance_from_json(record, i);
    lives = i->supervisor.kind == NODE_SUPERVISOR_OTHER && i->supervisor.pid > 0 &&
            node_proc_same(i->supervisor.pid, i->supervisor.start_ticks);
    snprintf(text, sizeof(text), "%s, process %d, would start it again", i->supervisor.comm,
             (int)i->supervisor.pid);
    if (lives)
        json_put_str(reply, "kept", text);
    free(i);
    return lives;
}

static int release(struct json_object *req, const struct node_target *t, struct json_object *record,
                   struct json_object *reply, struct err *e)
{
    char lock_file[PATH_MAX];
    int ended;

    if (node_record_path(node_state_dir(req), "guard", t, lock_file, sizeof(lock_file)))
        return err_set(e, ERR_FORMAT, "the directory's name is too long");
    if (record && json_get_bool(req, "unless_supervised", 0) && is_supervised(record, reply))
        return 0;
    ended = node_guard_end(lock_file, e);
    if (ended < 0)
        return -1;
    unmask(record);
    json_put_bool(reply, "was_fenced", record != NULL);
    json_put_bool(reply, "guard_ended", ended);
    if (json_get_bool(req, "start", 0)) {
        if (start_again(req, record, e))
            return err_wrap(e, "the guard has ended, but the server is not started");
        wait_until_listening(req, t, reply);
    }
    node_record_remove(req, t);
    return 0;
}

int node_release_work(struct json_object *req, struct json_object *reply, struct err *e)
{
    struct json_object *record;
    struct node_target t;
    int rc;

    if (node_target_read(req, &t, e))
        return -1;
    record = node_record_load(req, &t);
    rc = release(req, &t, record, reply, e);
    json_object_put(record);
    return rc;
}
