/* Files; see file.h. */
#include "common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_BYTES 65536

/* Reads to the end of file or to the cap. errno says why -1. */
static int read_all(int fd, struct buf *out, size_t max_bytes)
{
    size_t total = 0;
    ssize_t n;

    for (;;) {
        buf_reserve(out, READ_BYTES);
        n = read(fd, out->data + out->len, READ_BYTES);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            break;
        out->data[out->len + (size_t)n] = '\0';
        if (n == 0)
            return 0;
        total += (size_t)n;
        if (total > max_bytes) {
            errno = EFBIG;
            break;
        }
        out->len += (size_t)n;
    }
    out->data[out->len] = '\0';
    return -1;
}

int file_read(const char *path, struct buf *out, size_t max_bytes, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC), rc, saved;

    rc = fd < 0 ? -1 : read_all(fd, out, max_bytes);
    saved = errno;
    if (fd >= 0)
        close(fd);
    if (rc < 0) {
        errno = saved;
        err_errno(e, ERR_IO, "cannot read %s", path);
        errno = saved;
    }
    return rc;
}

int file_write_all(int fd, const void *bytes, size_t len, struct err *e)
{
    const char *p = bytes;

    while (len > 0) {
        ssize_t n = write(fd, p, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(e, ERR_IO, "cannot write");
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

/* The directory part of path, "." without one. */
static int parent_of(const char *path, char *out, size_t size, struct err *e)
{
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : 0;

    if (len >= size)
        return err_set(e, ERR_IO, "the path %.100s... is too long", path);
    if (!slash)
        snprintf(out, size, ".");
    else
        snprintf(out, size, "%.*s", len ? (int)len : 1, path);
    return 0;
}

static int sync_parent(const char *path, struct err *e)
{
    char dir[PATH_MAX];
    int fd, rc = 0;

    if (parent_of(path, dir, sizeof(dir), e) < 0)
        return -1;
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(e, ERR_IO, "cannot open %s", dir);
    /* Some filesystems cannot sync a directory and say EINVAL; then there is nothing to wait for.
     */
    if (fsync(fd) < 0 && errno != EINVAL)
        rc = err_errno(e, ERR_IO, "cannot sync %s", dir);
    close(fd);
    return rc;
}

/* Fills the new file beside path; everything but the rename. */
static int fill_new(int fd, const char *path, const struct buf *bytes, mode_t mode, struct err *e)
{
    struct stat old;

    if (stat(path, &old) == 0) {
        mode = old.st_mode & 07777;
        /* Who may not give files away keeps the new owner: better than no write. */
        if (fchown(fd, old.st_uid, old.st_gid) < 0 && errno != EPERM)
            return err_errno(e, ERR_IO, "cannot set the owner of %s", path);
    }
    if (fchmod(fd, mode) < 0)
        return err_errno(e, ERR_IO, "cannot set the mode of %s", path);
    if (file_write_all(fd, bytes->data, bytes->len, e) < 0)
        return err_wrap(e, "%s", path);
    return 0;
}

/* path names the file itself, no symbolic link. */
static int replace(const char *path, const struct buf *bytes, mode_t mode, int sync, struct err *e)
{
    char temp[PATH_MAX];
    int fd, rc, n = snprintf(temp, sizeof(temp), "%s.XXXXXX", path);

    if (n < 0 || (size_t)n >= sizeof(temp))
        return err_set(e, ERR_IO, "the path %.100s... is too long", path);
    fd = mkostemp(temp, O_CLOEXEC);
    if (fd < 0)
        return err_errno(e, ERR_IO, "cannot create a file beside %s", path);
    rc = fill_new(fd, path, bytes, mode, e);
    if (rc == 0 && sync && fsync(fd) < 0)
        rc = err_errno(e, ERR_IO, "cannot sync %s", path);
    if (close(fd) < 0 && rc == 0)
        rc = err_errno(e, ERR_IO, "cannot write %s", path);
    if (rc == 0 && rename(temp, path) < 0)
        rc = err_errno(e, ERR_IO, "cannot rename over %s", path);
    if (rc < 0)
        unlink(temp);
    if (rc < 0 || !sync)
        return rc < 0 ? -1 : 0;
    return sync_parent(path, e);
}

int file_write_fast(const char *path, const struct buf *bytes, mode_t mode, struct err *e)
{
    return replace(path, bytes, mode, 0, e);
}

int file_write_atomic(const char *path, const void *bytes, size_t len, mode_t mode, struct err *e)
{
    struct buf content = BUF_INIT;
    char *real = realpath(path, NULL);
    int rc;

    buf_add(&content, bytes, len);
    rc = replace(real ? real : path, &content, mode, 1, e);
    free(real);
    buf_wipe(&content);
    return rc;
}

int file_mkdirs(const char *path, mode_t mode, struct err *e)
{
    char part[PATH_MAX];
    size_t len = strlen(path);
    struct stat st;

    if (len >= sizeof(part))
        return err_set(e, ERR_IO, "the path %.100s... is too long", path);
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        snprintf(part, sizeof(part), "%.*s", (int)i, path);
        /* The mode is meant as it is given, whatever the umask. */
        if (mkdir(part, mode) == 0 ? chmod(part, mode) < 0 : errno != EEXIST)
            return err_errno(e, ERR_IO, "cannot create the directory %s", part);
    }
    if (stat(path, &st) < 0)
        return err_errno(e, ERR_IO, "cannot look at %s", path);
    if (!S_ISDIR(st.st_mode))
        return err_set(e, ERR_IO, "%s is no directory", path);
    return 0;
}

int file_lock(const char *path, struct err *e)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600), saved;

    if (fd < 0)
        return err_errno(e, ERR_IO, "cannot open the lock file %s", path);
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    saved = errno;
    close(fd);
    errno = saved;
    if (saved == EWOULDBLOCK)
        return err_set(e, ERR_WORLD, "another process holds the lock on %s", path);
    return err_errno(e, ERR_IO, "cannot lock %s", path);
}

void file_app_name(const char *path, char *out, size_t size)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    const char *dot = strrchr(base, '.');

    snprintf(out, size, "%.*s", (int)(dot ? (size_t)(dot - base) : strlen(base)), base);
}

int file_above_stdio(int fd)
{
    int high;

    if (fd < 0 || fd > 2)
        return fd;
    high = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    close(fd);
    return high;
}
