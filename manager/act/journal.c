/* Directories and lines of a journal; see journal.h. */
#include "manager/act/journal.h"

#include "common/clock.h"
#include "common/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define JOURNAL_READ_MAX (4u << 20)

static const char *home_dir(void)
{
    const char *home = getenv("HOME");
    if (home && *home == '/')
        return home;
    const struct passwd *pw = getpwuid(geteuid());
    return pw && pw->pw_dir ? pw->pw_dir : "/var/tmp";
}

int journal_base(const struct conf *c, char *out, size_t size, struct err *e)
{
    const char *own = c->servers > 0 ? c->server[0].journal_dir : "";
    int n;
    if (own && *own)
        n = snprintf(out, size, "%s", own);
    else if (geteuid() == 0)
        n = snprintf(out, size, "/var/lib/kagemusha/%s", c->app);
    else
        n = snprintf(out, size, "%s/.local/state/kagemusha/%s", home_dir(), c->app);
    if (n < 0 || (size_t)n >= size)
        return err_set(e, ERR_CONFIG, "journal_dir is longer than %zu bytes", size - 1);
    return 0;
}

/* A second operation within the same second gets a number behind its name. */
static int make_dir(struct journal *j, const char *base, const char *host, struct err *e)
{
    char stamp[15], safe[128];
    clock_stamp(clock_wall_ms(), stamp);
    snprintf(safe, sizeof safe, "%s", host);
    for (char *p = safe; *p; p++)
        if (*p == '/')
            *p = '_';
    for (int k = 0; k < 100; k++) {
        int n = k == 0 ? snprintf(j->dir, sizeof j->dir, "%s/%s-%s", base, stamp, safe)
                       : snprintf(j->dir, sizeof j->dir, "%s/%s-%s.%d", base, stamp, safe, k);
        if (n < 0 || (size_t)n >= sizeof j->dir)
            return err_set(e, ERR_CONFIG, "the path of the journal is too long: %s", base);
        if (mkdir(j->dir, 0700) == 0)
            return 0;
        if (errno != EEXIST)
            break;
    }
    return err_errno(e, ERR_IO, "cannot make %s", j->dir);
}

static int sync_dir(const char *path, struct err *e)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 || fsync(fd) < 0 ? err_errno(e, ERR_IO, "cannot sync %s", path) : 0;
    if (fd >= 0)
        close(fd);
    return rc;
}

static int journal_init(struct journal *j, struct err *e)
{
    j->fd = -1;
    j->failed = 0;
    j->dir[0] = '\0';
    return pthread_mutex_init(&j->write, NULL) == 0
               ? 0
               : err_set(e, ERR_BUG, "pthread_mutex_init failed");
}

int journal_open(struct journal *j, const struct conf *c, const char *host, struct err *e)
{
    char base[JOURNAL_PATH_BYTES - 256], path[JOURNAL_PATH_BYTES + 32];
    if (journal_init(j, e) < 0)
        return -1;
    if (journal_base(c, base, sizeof base, e) < 0 || file_mkdirs(base, 0700, e) < 0 ||
        make_dir(j, base, host, e) < 0)
        goto out;
    snprintf(path, sizeof path, "%s/journal.jsonl", j->dir);
    j->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
    if (j->fd < 0) {
        err_errno(e, ERR_IO, "cannot create %s", path);
        goto out;
    }
    if (sync_dir(j->dir, e) == 0 && sync_dir(base, e) == 0)
        return 0;
out:
    journal_close(j);
    return err_wrap(e, "no journal, so nothing is begun (set journal_dir to a directory that can "
                       "be written)");
}

struct json_object *journal_header(const struct journal *j, const struct conf *c,
                                   const char *command, const char *mode)
{
    char self[256] = "";
    struct json_object *o = json_object_new_object();

    (void)gethostname(self, sizeof(self) - 1);
    json_put_str(o, "rec", "open");
    json_put_str(o, "app", c->app);
    json_put_str(o, "conf", c->file);
    json_put_str(o, "command", command);
    json_put_str(o, "manager", self);
    json_put_int(o, "pid", getpid());
    json_put_str(o, "journal", j->dir);
    json_put_str(o, "mode", mode);
    return o;
}

/* A line that was torn by a crash is ended, so that the next one is whole. */
int journal_reopen(struct journal *j, const char *dir, struct err *e)
{
    char path[JOURNAL_PATH_BYTES + 32];
    if (journal_init(j, e) < 0)
        return -1;
    snprintf(j->dir, sizeof j->dir, "%s", dir);
    snprintf(path, sizeof path, "%s/journal.jsonl", dir);
    j->fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (j->fd < 0)
        return err_errno(e, ERR_IO, "cannot open %s", path);
    return file_write_all(j->fd, "\n", 1, e);
}

void journal_close(struct journal *j)
{
    if (j->fd < 0)
        return;
    (void)syncfs(j->fd);
    close(j->fd);
    j->fd = -1;
}

int journal_line(struct journal *j, struct json_object *o, int sync, struct err *e)
{
    struct buf line = BUF_INIT;
    int rc = -1;
    json_put_int(o, "at_ms", clock_wall_ms());
    json_print(o, &line);
    buf_addc(&line, '\n');
    json_object_put(o);
    if (j->fd < 0) {
        err_set(e, ERR_IO, "the journal is not open");
        goto out;
    }
    pthread_mutex_lock(&j->write);
    rc = file_write_all(j->fd, line.data, line.len, e);
    pthread_mutex_unlock(&j->write);
    /* Beside each other: one commit of the filesystem serves several lanes. */
    if (rc == 0 && sync && fdatasync(j->fd) < 0)
        rc = err_errno(e, ERR_IO, "cannot sync");
out:
    if (rc < 0) {
        j->failed = 1;
        err_wrap(e, "journal %s", j->dir);
    }
    buf_release(&line);
    return rc;
}

int journal_file(struct journal *j, const char *name, const char *text, size_t len, struct err *e)
{
    char path[JOURNAL_PATH_BYTES + 64];
    snprintf(path, sizeof path, "%s/%s", j->dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(e, ERR_IO, "cannot create %s", path);
    int rc = file_write_all(fd, text, len, e);
    close(fd);
    return rc;
}

/* An operation that ended, well or not, has a line with "rec":"close". */
static int is_open(const char *dir)
{
    char path[JOURNAL_PATH_BYTES + 32];
    struct buf text = BUF_INIT;
    struct err e;
    snprintf(path, sizeof path, "%s/journal.jsonl", dir);
    int open = file_read(path, &text, JOURNAL_READ_MAX, &e) == 0 &&
               strstr(text.data, "\"rec\":\"close\"") == NULL;
    buf_release(&text);
    return open;
}

int journal_find_open(const struct conf *c, char *dir, size_t size, struct err *e)
{
    char base[JOURNAL_PATH_BYTES - 256], best[256] = "", path[JOURNAL_PATH_BYTES];
    if (journal_base(c, base, sizeof base, e) < 0)
        return -1;
    DIR *d = opendir(base);
    if (!d)
        return errno == ENOENT || errno == ENOTDIR ? 0
                                                   : err_errno(e, ERR_IO, "cannot read %s", base);
    for (struct dirent *f = readdir(d); f; f = readdir(d)) {
        if (f->d_name[0] == '.' || strcmp(f->d_name, best) <= 0)
            continue;
        int n = snprintf(path, sizeof path, "%s/%s", base, f->d_name);
        if (n > 0 && (size_t)n < sizeof path && is_open(path))
            snprintf(best, sizeof best, "%s", f->d_name);
    }
    closedir(d);
    if (!best[0])
        return 0;
    snprintf(dir, size, "%s/%s", base, best);
    return 1;
}
