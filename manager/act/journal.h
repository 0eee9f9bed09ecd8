/* The journal of one operation (decision 13): a directory of its own with both snapshots, both
 * plans, and one fsync'd JSON line before and after each step. Evidence and previous values; the
 * truth is in the servers. Knows no step and no password. */
#ifndef KAGEMUSHA_JOURNAL_H
#define KAGEMUSHA_JOURNAL_H

#include "common/conf.h"
#include "common/json.h"

#include <pthread.h>
#include <stdatomic.h>

#define JOURNAL_PATH_BYTES 1024

struct journal {
    char dir[JOURNAL_PATH_BYTES];
    int fd;                /* journal.jsonl, or -1 */
    pthread_mutex_t write; /* one line at a time */
    int failed; /* a line could not be written: nothing irreversible may start any more */
};

/* Where the journals of an application are: journal_dir, or for root /var/lib/kagemusha/<app>, else
 * ~/.local/state/kagemusha/<app>. */
int journal_base(const struct conf *c, char *out, size_t size, struct err *e);

/* Makes <base>/<stamp>-<host>, 0700, and an empty journal.jsonl in it. ERR_IO names the path and
 * the key to change. */
int journal_open(struct journal *j, const struct conf *c, const char *host, struct err *e);
/* The first line of an operation: whose it is, by which command of which manager. */
struct json_object *journal_header(const struct journal *j, const struct conf *c,
                                   const char *command, const char *mode);
/* Goes on with the journal in dir: what is added follows what is there. */
int journal_reopen(struct journal *j, const char *dir, struct err *e);
void journal_close(struct journal *j); /* safe on a zeroed journal whose fd is -1 */

/* Adds the wall time and appends o as one line; o is taken over. With sync it is on disk on return,
 * and every line before it. Any thread. */
int journal_line(struct journal *j, struct json_object *o, int sync, struct err *e);
/* Writes a whole file beside the journal, 0600. It is on disk after journal_close: evidence, on
 * which nothing waits. */
int journal_file(struct journal *j, const char *name, const char *text, size_t len, struct err *e);

/* The newest journal directory without a closing line, for whoever starts. 1 found, 0 none, -1. */
int journal_find_open(const struct conf *c, char *dir, size_t size, struct err *e);

#endif
