/* An ordered list of log files: of a server's binlogs, of a replica's relay logs, of saved
 * streams, of descriptors that the vault holds. Knows nothing of events. */
#ifndef KAGEMUSHA_NODE_EXTRACT_FILES_H
#define KAGEMUSHA_NODE_EXTRACT_FILES_H

#include "common/binpos.h"
#include "common/buf.h"

#include <stddef.h>

#define EXTRACT_FILES_MAX 1000000

struct extract_files {
    struct buf entries; /* struct extract_file after struct extract_file */
    struct buf names;   /* the paths, each with its NUL */
};

struct extract_file {
    size_t path;         /* offset in names */
    int fd;              /* -1: opened when it is read; else the caller's, read by offset only */
    struct binpos begin; /* a relay log: the master's coordinate at its beginning; "" not known */
};

#define EXTRACT_FILES_INIT                                                                         \
    {                                                                                              \
        BUF_INIT, BUF_INIT                                                                         \
    }

/* Closes nothing: descriptors are the caller's. */
void extract_files_release(struct extract_files *f);
/* How many there are; i in what follows is below it. */
size_t extract_files_count(const struct extract_files *f);
/* As it was added; borrowed until the next one is. */
const char *extract_files_path(const struct extract_files *f, size_t i);
/* Without its directory: for a server's own binlog the name in coordinates. */
const char *extract_files_name(const struct extract_files *f, size_t i);
int extract_files_fd(const struct extract_files *f, size_t i);
/* Where a relay log begins in the master's log, as the vault knows it. */
const struct binpos *extract_files_begin(const struct extract_files *f, size_t i);
void extract_files_set_begin(struct extract_files *f, size_t i, const struct binpos *begin);

/* Appends one. fd: -1, or an open descriptor that outlives f. */
int extract_files_add(struct extract_files *f, const char *path, int fd, struct err *e);
/* Appends what an index file names, in its order; relative names lie below its directory, or below
 * `dir` if that is not NULL (an index whose paths are those of another place). ERR_IO; ERR_WORLD
 * when it names nothing. Files that do not exist stay listed. */
int extract_files_of_index(struct extract_files *f, const char *index, const char *dir,
                           struct err *e);
/* Appends the files prefix.N of dir, by number (999999 before 1000000). ERR_WORLD when there is
 * none. */
int extract_files_of_dir(struct extract_files *f, const char *dir, const char *prefix,
                         struct err *e);

#endif
