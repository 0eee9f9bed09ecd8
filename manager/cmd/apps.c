/* The applications that a command is about; see apps.h. */
#include "manager/cmd/apps.h"

#include "common/conf.h"
#include "common/file.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONF_PATTERN "/usr/local/masterha/conf/%s.cnf"
#define SERVICE_DIR  "/service"

void apps_options(struct apps_options *o, struct args_option table[APPS_OPTIONS_ROWS])
{
    /* clang-format off */
    const struct args_option rows[APPS_OPTIONS_ROWS] = {
        {"conf", ARGS_TEXT, &o->conf, "FILE", "configuration file of the application"},
        {"app", ARGS_TEXT, &o->app, "NAME", "application; its file is " CONF_PATTERN},
        {"all", ARGS_FLAG, &o->all, NULL, "each application under " SERVICE_DIR},
        {"global_conf", ARGS_TEXT, &o->global_conf, "FILE", "global configuration file"},
        {"status_dir|workdir|manager_workdir", ARGS_TEXT, &o->status_dir, "DIR",
         "where the status file is"},
        {"manager_log|log_output", ARGS_TEXT, &o->log, "FILE", "the manager's log"},
        {"basedir", ARGS_TEXT, &o->basedir, "DIR", "with --all: DIR/NAME is the status directory"},
        {"baselog", ARGS_TEXT, &o->baselog, "FILE", "with --all: basedir/NAME/FILE is the log"},
        {"ping_limit", ARGS_INT, &o->ping_limit_s, "SECONDS", "older than this is not alive"},
        {"abort", ARGS_FLAG, &o->abort, NULL, "stop a running failover too, at last by SIGKILL"},
        {"abort_timeout", ARGS_INT, &o->abort_timeout_s, "SECONDS", "how long to wait for the end"},
        {"help", ARGS_FLAG, &o->help, NULL, "this text"},
        {"version", ARGS_FLAG, &o->version, NULL, "the version"},
        {NULL, ARGS_FLAG, NULL, NULL, NULL},
    };
    /* clang-format on */

    memset(o, 0, sizeof(*o));
    o->ping_limit_s = 10;
    o->abort_timeout_s = 5;
    memcpy(table, rows, sizeof(rows));
}

static int from_conf(struct app *a, const char *file, const char *global, struct err *e)
{
    struct conf *c;

    if (conf_load(&c, file, global, CONF_RESOLVE_LATER, e) < 0)
        return -1;
    snprintf(a->name, sizeof(a->name), "%s", c->app);
    if (!*a->workdir)
        snprintf(a->workdir, sizeof(a->workdir), "%s", c->server[0].manager_workdir);
    if (!*a->log && c->server[0].manager_log)
        snprintf(a->log, sizeof(a->log), "%s", c->server[0].manager_log);
    conf_free(&c);
    return 0;
}

/* --app with a status directory needs no configuration file at all. */
static int find(struct app *a, const struct apps_options *o, const char *name, struct err *e)
{
    char file[PATH_MAX];

    if (o->all && o->basedir) {
        snprintf(a->workdir, sizeof(a->workdir), "%s/%s", o->basedir, name);
        if (o->baselog)
            snprintf(a->log, sizeof(a->log), "%s/%s/%s", o->basedir, name, o->baselog);
    } else if (o->status_dir) {
        snprintf(a->workdir, sizeof(a->workdir), "%s", o->status_dir);
    }
    if (o->log)
        snprintf(a->log, sizeof(a->log), "%s", o->log);
    if (name && *a->workdir && !o->conf) {
        snprintf(a->name, sizeof(a->name), "%s", name);
        return 0;
    }
    if (o->conf && !o->all)
        return from_conf(a, o->conf, o->global_conf, e);
    if (!name)
        return err_set(e, ERR_CONFIG, "--conf=<server_config_file> or --app=<name> must be set");
    snprintf(file, sizeof(file), CONF_PATTERN, name);
    return from_conf(a, file, o->global_conf, e);
}

/* "pid (comm) state ppid pgrp": 1 when the process of that number is a child or group member. */
static int belongs(const char *number, pid_t manager)
{
    char path[64], text[512], *p;
    long parent, group;
    ssize_t n;
    int fd;

    snprintf(path, sizeof(path), "/proc/%.20s/stat", number);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    n = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (n <= 0)
        return 0;
    text[n] = '\0';
    p = strrchr(text, ')');
    if (!p || strlen(p) < 5 || p[2] == 'Z')
        return 0;
    parent = strtol(p + 4, &p, 10);
    group = strtol(p, NULL, 10);
    return parent == manager || group == manager;
}

static int has_children(pid_t manager)
{
    struct dirent *entry;
    DIR *d = opendir("/proc");
    int found = 0;

    while (d && !found && (entry = readdir(d)))
        found = isdigit((unsigned char)entry->d_name[0]) && belongs(entry->d_name, manager);
    if (d)
        closedir(d);
    return found;
}

int app_running(const struct app *a)
{
    return a->read.pid > 0 && (status_alive(&a->read) || has_children(a->read.pid));
}

int app_look(struct app *a, const struct apps_options *o, const char *name, struct err *e)
{
    int rc;

    memset(a, 0, sizeof(*a));
    if (find(a, o, name, e) < 0)
        return -1;
    rc = status_read(a->workdir, a->name, &a->read, e);
    if (rc < 0)
        return -1;
    if (rc == 0) {
        a->code = STATUS_NOT_RUNNING;
        return 0;
    }
    a->code = a->read.code;
    if (!status_alive(&a->read))
        a->code = has_children(a->read.pid) ? STATUS_PARTIALLY_RUNNING : STATUS_NOT_RUNNING;
    else if (a->code == STATUS_PING_OK && a->read.age_ms > (int64_t)o->ping_limit_s * 1000)
        a->code = STATUS_TIMESTAMP_OLD;
    return 0;
}

static int one(const struct apps_options *o, const char *name, app_fn *fn)
{
    struct app a;
    struct err e;

    if (app_look(&a, o, name, &e) < 0) {
        fprintf(stderr, "%s\n", e.text);
        return 1;
    }
    return fn(&a, o);
}

int apps_each(const struct apps_options *o, app_fn *fn)
{
    const char prefix[] = "masterha_";
    struct dirent *entry;
    int rc = 0;
    DIR *d;

    if (!o->all)
        return one(o, o->app, fn);
    d = opendir(SERVICE_DIR);
    if (!d) {
        fprintf(stderr, "%s cannot be read: --all looks there for masterha_<app>\n", SERVICE_DIR);
        return 1;
    }
    while ((entry = readdir(d)))
        if (strncmp(entry->d_name, prefix, sizeof(prefix) - 1) == 0 &&
            one(o, entry->d_name + sizeof(prefix) - 1, fn) != 0)
            rc = 1;
    closedir(d);
    return rc;
}
