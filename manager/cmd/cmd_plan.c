/* kagemusha plan: the dry run. The same decision as in earnest, printed and not executed. */
#include "manager/cmd/cmd.h"

#include "common/file.h"
#include "common/log.h"
#include "manager/cmd/look.h"
#include "manager/decide/failover.h"
#include "manager/decide/preflight.h"

#include <stdlib.h>
#include <unistd.h>

#define SNAPSHOT_MAX (16u << 20)

struct options {
    struct look look;
    const char *snapshot, *save, *new_master;
    int new_port, what_if_dead, proof, help, version;
};

static int read_snapshot(const char *path, struct topo **out, struct err *e)
{
    struct buf text = BUF_INIT;
    int rc = file_read(path, &text, SNAPSHOT_MAX, e);
    if (rc == 0 && topo_parse(text.data, out, e) < 0)
        rc = err_wrap(e, "%s", path);
    buf_release(&text);
    return rc;
}

static int save_snapshot(const char *path, const struct topo *t, struct err *e)
{
    struct buf text = BUF_INIT;
    topo_print(t, &text);
    int rc = file_write_atomic(path, text.data, text.len, 0600, e);
    buf_release(&text);
    return rc;
}

/* What is decided on: as it is, or with its master dead. The caller frees *out. */
static int make_topo(struct options *o, struct topo **out, struct err *e)
{
    struct topo *seen = NULL;
    struct verdict v;
    if (o->snapshot ? read_snapshot(o->snapshot, &seen, e) : look_open(&o->look, e))
        return -1;
    if (!seen) {
        seen = o->look.seen;
        o->look.seen = NULL;
    }
    diagnose(seen, &v);
    *out = seen;
    if (o->save && save_snapshot(o->save, seen, e) < 0)
        return -1;
    if (o->what_if_dead && !v.broken && !v.dead) {
        *out = what_if_dead(seen, v.master);
        topo_free(&seen);
    }
    if (o->proof)
        (*out)->fence = FENCE_PROOF;
    if (o->new_master)
        (*out)->forced = topo_find(*out, o->new_master, o->new_port);
    if (o->new_master && (*out)->forced == NO_HOST)
        return err_set(e, ERR_CONFIG, "--new_master_host: %s:%d is not in the group", o->new_master,
                       o->new_port);
    return 0;
}

static int print_plan(struct options *o)
{
    struct failover *f = mem_zalloc(sizeof *f);
    struct topo *t = NULL;
    struct buf text = BUF_INIT;
    struct err e = {0};
    int rc = make_topo(o, &t, &e), refused = 0;
    if (rc == 0) {
        refused = failover_decide(t, f, &e) < 0;
        failover_print(t, f, &text);
        fputs(text.data, stdout);
        if (refused)
            printf("\nNO FAILOVER: %s\n", e.text);
    } else {
        fprintf(stderr, "%s\n", e.text);
    }
    buf_release(&text);
    topo_free(&t);
    free(f);
    look_release(&o->look);
    return rc < 0 || refused;
}

static int run(const struct cmd *self, int as_mha, int argc, char **argv)
{
    struct options o = {.what_if_dead = 1, .new_port = 3306};
    /* clang-format off */
    const struct args_option table[] = {
        {"conf",            ARGS_TEXT, &o.look.conf,        "FILE", "configuration of the group (required)"},
        {"global_conf",     ARGS_TEXT, &o.look.global_conf, "FILE", "global defaults"},
        {"what-if-dead",    ARGS_FLAG, &o.what_if_dead,     NULL,   "as if the master had died now (default; --no-what-if-dead: as it is)"},
        {"new_master_host", ARGS_TEXT, &o.new_master,       "HOST", "promote this one"},
        {"new_master_port", ARGS_INT,  &o.new_port,         "PORT", "its port; default 3306"},
        {"proof",           ARGS_FLAG, &o.proof,            NULL,   "demand a proof of fence, as kagemusha manage does"},
        {"snapshot",        ARGS_TEXT, &o.snapshot,         "FILE", "decide from a saved snapshot instead of the servers"},
        {"save",            ARGS_TEXT, &o.save,             "FILE", "keep the snapshot there"},
        {"help",            ARGS_FLAG, &o.help,             NULL,   "this text"},
        {"version",         ARGS_FLAG, &o.version,          NULL,   "the version"},
        {NULL,              ARGS_FLAG, NULL,                NULL,   NULL},
    };
    /* clang-format on */
    if (cmd_args(as_mha, &argc, argv, table) < 0)
        return 1;
    if (cmd_answered(self, as_mha, o.help, o.version, table))
        return 0;
    if (!o.look.conf && !o.snapshot) {
        fprintf(stderr, "--conf=FILE must be set, or --snapshot=FILE\n");
        return 1;
    }
    (void)log_setup(NULL, LOG_LEVEL_WARNING, NULL, 0, NULL);
    return print_plan(&o);
}

const struct cmd cmd_plan = {
    .verb = "plan",
    .brief = "Prints what a failover would do, and why; changes nothing",
    .run = run,
};
