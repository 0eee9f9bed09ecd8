/* What `kagemusha scan` is asked to read: plain servers, and groups by their configuration. */
#ifndef KAGEMUSHA_SCAN_TARGETS_H
#define KAGEMUSHA_SCAN_TARGETS_H

#include "common/args.h"
#include "common/conf.h"
#include "manager/scan/run.h"

/* The account of plain servers. */
struct scan_account {
    const char *user;
    struct buf password;
    int ssl; /* enum db_ssl */
    const char *ssl_ca;
};

struct scan_targets {
    struct scan_target *target;
    size_t count, cap;
    struct scan_account account;
    struct scan_source *source; /* what the targets' arg points into */
};

/* "host", "host:port", "[v6]:port". */
int scan_targets_add_server(struct scan_targets *t, const char *text, struct err *e);
/* One server a line; # begins a comment. */
int scan_targets_add_list(struct scan_targets *t, const char *path, struct err *e);
/* A group by its file; a directory: by each *.cnf in it, but for the file of global defaults. The
 * server that is read is the group's master at that time. A file with an error is a target that
 * fails, so that the others are read. The texts must live as long as t. */
int scan_targets_add_conf(struct scan_targets *t, const char *path, const char *global_conf,
                          struct err *e);
/* A group by its file, which may come later. */
void scan_targets_add_group(struct scan_targets *t, const char *path, const char *global_conf);
/* The file of a target that is a group; NULL for a plain server. */
const char *scan_targets_file(const struct scan_target *t);
/* conf_load, one call at a time; hosts that cannot be resolved now may be later. */
int scan_conf_load(struct conf **out, const char *path, const char *global_conf, struct err *e);
/* The account that reads a server of a group: scan_user, or else user. */
void scan_account_of(const struct conf_server *s, struct db_target *t);
void scan_targets_release(struct scan_targets *t);

#endif
