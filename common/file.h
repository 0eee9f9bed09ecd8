/* Files: whole reads, atomic writes, directories, locks. Knows no format. */
#ifndef KAGEMUSHA_FILE_H
#define KAGEMUSHA_FILE_H

#include "common/buf.h"
#include "common/err.h"

#include <sys/types.h>

/* Appends the whole file to out; more than max_bytes is an error. ERR_IO; errno is kept. */
int file_read(const char *path, struct buf *out, size_t max_bytes, struct err *e);
/* Writes beside the path, fsyncs, renames over it, fsyncs the directory. An existing file keeps its
 * mode and owner. */
int file_write_atomic(const char *path, const void *bytes, size_t len, mode_t mode, struct err *e);
/* The same without fsync, for what need not outlive the machine: it is there, whole or not at all,
 * as soon as this returns. path is no symbolic link. */
int file_write_fast(const char *path, const struct buf *bytes, mode_t mode, struct err *e);
/* mkdir -p; what is created gets the mode. */
int file_mkdirs(const char *path, mode_t mode, struct err *e);
/* Opens (creating, 0600) and takes a write lock without waiting. The descriptor, or -1 with
 * ERR_WORLD when another holds it. */
int file_lock(const char *path, struct err *e);
/* "/etc/mha/app1.cnf" -> "app1": MHA's name of an application. out is cut to its size. */
void file_app_name(const char *path, char *out, size_t size);
/* Writes all bytes, over interrupts and short writes. */
int file_write_all(int fd, const void *bytes, size_t len, struct err *e);
/* Moves a descriptor of our own out of 0 to 2, where a child's own ones are put one after the
 * other: a program whose standard descriptors are closed gets such numbers. fd below 0 stays. */
int file_above_stdio(int fd);

#endif
