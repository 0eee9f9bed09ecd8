/* Which applications masterha_check_status and masterha_stop are asked about, and what runs there.
 */
#ifndef KAGEMUSHA_APPS_H
#define KAGEMUSHA_APPS_H

#include "manager/act/status.h"
#include "manager/cmd/cmd.h"

/* MHA's shared options. */
struct apps_options {
    const char *conf, *app, *global_conf, *status_dir, *log, *basedir, *baselog;
    int all, ping_limit_s, abort, abort_timeout_s, help, version;
};
#define APPS_OPTIONS_ROWS 16
/* Sets the defaults and fills the table, whose targets are in o. */
void apps_options(struct apps_options *o, struct args_option table[APPS_OPTIONS_ROWS]);

/* One application. */
struct app {
    char name[128];
    char workdir[1024];
    char log[1024];        /* "" when not known */
    struct status read;    /* as in its file */
    enum status_code code; /* read.code, or what was found out beside it */
};

/* Finds one application's work directory and reads its state. ERR_*: nothing can be said. */
int app_look(struct app *a, const struct apps_options *o, const char *name, struct err *e);
/* 1 while the manager or one of its children lives. */
int app_running(const struct app *a);

/* Calls fn for the application, or with --all for each one; the exit code: fn's own, or with --all
 * 0, 1 if any was not 0. Prints errors. */
typedef int app_fn(const struct app *a, const struct apps_options *o);
int apps_each(const struct apps_options *o, app_fn *fn);

#endif
