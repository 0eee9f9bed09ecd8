/* MHA's small files; see status.h. */
#include "manager/act/status.h"

#include "common/buf.h"
#include "common/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define STATUS_FILE    "master_status.health"
#define COMPLETE_FILE  "failover.complete"
#define ERROR_FILE     "failover.error"
#define AGE_MARGIN_MS  10000
#define LINE_MAX_BYTES 512

static const struct {
    enum status_code code;
    const char *word;
} words[] = {
    {STATUS_PING_OK,              "PING_OK"             },
    {STATUS_NOT_RUNNING,          "NOT_RUNNING"         },
    {STATUS_PARTIALLY_RUNNING,    "PARTIALLY_RUNNING"   },
    {STATUS_INITIALIZING_MONITOR, "INITIALIZING_MONITOR"},
    {STATUS_PING_FAILING,         "PING_FAILING"        },
    {STATUS_PING_FAILED,          "PING_FAILED"         },
    {STATUS_RETRYING_MONITOR,     "RETRYING_MONITOR"    },
    {STATUS_CONFIG_ERROR,         "CONFIG_ERROR"        },
    {STATUS_TIMESTAMP_OLD,        "TIMESTAMP_OLD"       },
    {STATUS_FAILOVER_RUNNING,     "FAILOVER_RUNNING"    },
    {STATUS_FAILOVER_ERROR,       "FAILOVER_ERROR"      },
};

const char *status_word(enum status_code c)
{
    size_t i;

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (words[i].code == c)
            return words[i].word;
    return "UNKNOWN";
}

static void path_of(char out[PATH_MAX], const char *workdir, const char *app, const char *name)
{
    int n = snprintf(out, PATH_MAX, "%s/%s.%s", workdir, app, name);

    if (n >= PATH_MAX)
        out[0] = '\0';
}

const char *status_path(const char *workdir, const char *app, char out[STATUS_PATH_BYTES])
{
    path_of(out, workdir, app, STATUS_FILE);
    return out;
}

static int64_t wall_ms(const struct timespec *t)
{
    return (int64_t)t->tv_sec * 1000 + t->tv_nsec / 1000000;
}

static int parse(const char *text, struct status *out)
{
    const char *p = text;
    char *end;
    long pid, code;

    pid = strtol(p, &end, 10);
    if (end == p || *end != '\t' || pid <= 0 || pid > INT_MAX)
        return -1;
    p = end + 1;
    code = strtol(p, &end, 10);
    if (end == p || *end != ':' || code < 0 || code > 255)
        return -1;
    out->pid = (pid_t)pid;
    out->code = (enum status_code)code;
    p = strstr(end, "\tmaster:");
    if (p)
        snprintf(out->master, sizeof(out->master), "%.*s", (int)strcspn(p + 8, "\t\r\n"), p + 8);
    return 0;
}

/* The status in an open file; -1 when it cannot be understood. */
static int read_open(int fd, struct status *out)
{
    char line[LINE_MAX_BYTES];
    struct stat st;
    ssize_t n;

    memset(out, 0, sizeof(*out));
    n = pread(fd, line, sizeof(line) - 1, 0);
    if (n <= 0 || fstat(fd, &st) < 0)
        return -1;
    line[n] = '\0';
    out->written_wall_ms = wall_ms(&st.st_mtim);
    out->age_ms = clock_wall_ms() - out->written_wall_ms;
    return parse(line, out);
}

/* When a process started, in wall time; -1 if it cannot be told. */
static int64_t started_wall_ms(pid_t pid)
{
    char path[64], text[1024], *p;
    struct timespec boot;
    long long ticks = -1;
    ssize_t n;
    int fd, field;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    n = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (n <= 0)
        return -1;
    text[n] = '\0';
    p = strrchr(text, ')');
    for (field = 2; p && field < 22; field++)
        p = strchr(p + 1, ' ');
    if (p)
        ticks = strtoll(p + 1, NULL, 10);
    if (ticks < 0)
        return -1;
    clock_gettime(CLOCK_BOOTTIME, &boot);
    return clock_wall_ms() - wall_ms(&boot) + ticks * 1000 / sysconf(_SC_CLK_TCK);
}

int status_alive(const struct status *s)
{
    return kill(s->pid, 0) == 0;
}

/* The file is another manager's. A process that is younger than the file only has the same number
 * as the manager that wrote it: after a reboot, say. */
static int is_foreign(const struct status *s)
{
    int64_t started;

    if (s->pid == getpid() || (kill(s->pid, 0) < 0 && errno == ESRCH))
        return 0;
    started = started_wall_ms(s->pid);
    return started < 0 || started <= s->written_wall_ms + AGE_MARGIN_MS;
}

static int write_line(int fd, enum status_code c, const char *master)
{
    char line[LINE_MAX_BYTES];
    int n;

    n = snprintf(line, sizeof(line), "%d\t%d:%s", (int)getpid(), (int)c, status_word(c));
    if (master && n > 0)
        n += snprintf(line + n, sizeof(line) - (size_t)n, "\tmaster:%s", master);
    if (n <= 0 || n >= (int)sizeof(line))
        return -1;
    if (pwrite(fd, line, (size_t)n, 0) != n)
        return -1;
    return ftruncate(fd, n);
}

/* Opens under flock(2), and again when the file was removed or replaced in between. */
static int open_locked(const char *path)
{
    struct stat mine, named;
    int fd;

    for (;;) {
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
        if (fd < 0)
            return -1;
        if (flock(fd, LOCK_EX) < 0 || fstat(fd, &mine) < 0) {
            close(fd);
            return -1;
        }
        if (lstat(path, &named) == 0 && named.st_ino == mine.st_ino && named.st_dev == mine.st_dev)
            return fd;
        close(fd);
    }
}

int status_write(const char *workdir, const char *app, enum status_code c, const char *master,
                 struct err *e)
{
    char path[PATH_MAX];
    struct status old;
    int fd, rc = 0;

    path_of(path, workdir, app, STATUS_FILE);
    fd = open_locked(path);
    if (fd < 0)
        return err_errno(e, ERR_IO, "cannot write %s", path);
    if (read_open(fd, &old) == 0 && is_foreign(&old))
        rc = err_set(e, ERR_WORLD, "%s belongs to a manager that is running (pid %d)", path,
                     (int)old.pid);
    else if (write_line(fd, c, master) < 0)
        rc = err_errno(e, ERR_IO, "cannot write %s", path);
    close(fd);
    return rc;
}

int status_touch(const char *workdir, const char *app)
{
    char path[PATH_MAX];

    path_of(path, workdir, app, STATUS_FILE);
    return utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW);
}

void status_remove(const char *workdir, const char *app)
{
    char path[PATH_MAX];
    struct status old;
    int fd;

    path_of(path, workdir, app, STATUS_FILE);
    fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return;
    if (flock(fd, LOCK_EX) == 0 && (read_open(fd, &old) < 0 || !is_foreign(&old)))
        unlink(path);
    close(fd);
}

int status_read(const char *workdir, const char *app, struct status *out, struct err *e)
{
    char path[PATH_MAX];
    int fd, rc = 1;

    path_of(path, workdir, app, STATUS_FILE);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0)
        return err_errno(e, ERR_IO, "cannot read %s", path);
    if (flock(fd, LOCK_SH) < 0)
        rc = err_errno(e, ERR_IO, "cannot lock %s", path);
    else if (read_open(fd, out) < 0)
        rc = err_set(e, ERR_FORMAT, "%s is not a status file", path);
    close(fd);
    return rc;
}

int64_t status_complete_age_s(const char *workdir, const char *app)
{
    char path[PATH_MAX];
    struct stat st;

    path_of(path, workdir, app, COMPLETE_FILE);
    if (stat(path, &st) < 0)
        return -1;
    return clock_wall_ms() / 1000 > st.st_mtime ? clock_wall_ms() / 1000 - st.st_mtime : 0;
}

int status_error_exists(const char *workdir, const char *app)
{
    char path[PATH_MAX];

    path_of(path, workdir, app, ERROR_FILE);
    return access(path, F_OK) == 0;
}

/* Creates an empty file, or gives an existing one the time of now. */
static int set_flag(const char *workdir, const char *app, const char *name, struct err *e)
{
    char path[PATH_MAX];
    int fd;

    path_of(path, workdir, app, name);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return err_errno(e, ERR_IO, "cannot create %s", path);
    futimens(fd, NULL);
    fsync(fd);
    close(fd);
    return 0;
}

int status_set_complete(const char *workdir, const char *app, struct err *e)
{
    return set_flag(workdir, app, COMPLETE_FILE, e);
}

int status_set_error(const char *workdir, const char *app, struct err *e)
{
    return set_flag(workdir, app, ERROR_FILE, e);
}

void status_clear_flags(const char *workdir, const char *app)
{
    char path[PATH_MAX];

    path_of(path, workdir, app, COMPLETE_FILE);
    unlink(path);
    path_of(path, workdir, app, ERROR_FILE);
    unlink(path);
}
