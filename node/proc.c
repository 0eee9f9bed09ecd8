/* Processes; see proc.h. */
#include "node/proc.h"

#include "common/clock.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

ssize_t node_proc_file(pid_t pid, const char *name, struct buf *out, size_t max)
{
    char path[64];
    size_t before = out->len;
    ssize_t n = 0;
    int fd;

    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    while (out->len - before < max) {
        size_t room = max - (out->len - before);

        if (room > 4096)
            room = 4096;
        buf_reserve(out, room);
        n = read(fd, out->data + out->len, room);
        if (n <= 0)
            break;
        out->len += (size_t)n;
        out->data[out->len] = '\0';
    }
    close(fd);
    return n < 0 ? -1 : (ssize_t)(out->len - before);
}

/* Field 22 is the start time; the name in brackets may itself hold blanks and brackets. */
int node_proc_stat(pid_t pid, struct node_stat *out)
{
    struct buf text = BUF_INIT;
    char *open_at, *at;
    int rc = -1;

    memset(out, 0, sizeof(*out));
    if (pid <= 0 || node_proc_file(pid, "stat", &text, 4096) <= 0)
        goto out;
    open_at = strchr(text.data, '(');
    at = strrchr(text.data, ')');
    if (!open_at || !at || at < open_at || at[1] != ' ' || !at[2])
        goto out;
    *at = '\0';
    snprintf(out->comm, sizeof(out->comm), "%s", open_at + 1);
    out->pid = pid;
    out->state = at[2];
    at += 3;
    out->ppid = (pid_t)strtol(at, &at, 10);
    for (int field = 5; field < 22; field++)
        (void)strtoull(at, &at, 10);
    out->start_ticks = strtoull(at, NULL, 10);
    rc = 0;
out:
    buf_release(&text);
    return rc;
}

int node_proc_same(pid_t pid, uint64_t start_ticks)
{
    struct node_stat st;

    return node_proc_stat(pid, &st) == 0 && st.start_ticks == start_ticks && st.state != 'Z' &&
           st.state != 'X';
}

int node_proc_link(pid_t pid, const char *name, char *out, size_t size)
{
    char path[64];
    ssize_t n;

    out[0] = '\0';
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    n = readlink(path, out, size - 1);
    if (n < 0)
        return -1;
    out[n] = '\0';
    return 0;
}

static unsigned second_number(const char *text, const char *key)
{
    const char *at = strstr(text, key);
    char *end;

    if (!at)
        return 0;
    (void)strtoul(at + strlen(key), &end, 10);
    return (unsigned)strtoul(end, NULL, 10);
}

/* The owner of the directory /proc/PID is root for a process that changed its user, hence the
 * status file. */
int node_proc_owner(pid_t pid, unsigned *uid, unsigned *gid)
{
    struct buf text = BUF_INIT;
    int rc = -1;

    if (node_proc_file(pid, "status", &text, 8192) > 0) {
        *uid = second_number(text.data, "\nUid:");
        *gid = second_number(text.data, "\nGid:");
        rc = 0;
    }
    buf_release(&text);
    return rc;
}

pid_t node_proc_next(DIR *proc)
{
    struct dirent *d;

    while ((d = readdir(proc))) {
        char *end;
        long pid = strtol(d->d_name, &end, 10);

        if (pid > 0 && !*end)
            return (pid_t)pid;
    }
    return 0;
}

int node_pidfd_open(pid_t pid, uint64_t start_ticks)
{
    int fd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;

    if (fd >= 0 && start_ticks && !node_proc_same(pid, start_ticks)) {
        close(fd);
        return -1;
    }
    return fd;
}

int node_pidfd_signal(int fd, int signal)
{
    return (int)syscall(SYS_pidfd_send_signal, fd, signal, NULL, 0);
}

int node_pidfd_wait(int fd, int64_t deadline_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    for (;;) {
        int n = poll(&p, 1, clock_left_ms(deadline_ms));

        if (n > 0)
            return 1;
        if (clock_left_ms(deadline_ms) == 0)
            return 0;
    }
}
