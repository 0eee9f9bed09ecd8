/* The spool; see spool.h. */
#include "node/replay/spool.h"

#include "common/clock.h"
#include "common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CHUNK_BYTES (256u * 1024)

/* Some filesystems have no files without a name: there it is taken away at once. */
int spool_open(struct spool *s, const char *dir, struct err *e)
{
    char path[1100];

    if (file_mkdirs(dir, 0755, e))
        return -1;
    s->fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (s->fd < 0) {
        if (snprintf(path, sizeof(path), "%s/kagemusha-spool-XXXXXX", dir) >= (int)sizeof(path))
            return err_set(e, ERR_FORMAT, "dir is too long");
        s->fd = mkostemp(path, O_CLOEXEC);
        if (s->fd < 0)
            return err_errno(e, ERR_IO, "cannot make a spool in %.200s", dir);
        unlink(path);
    }
    snprintf(s->path, sizeof(s->path), "/proc/self/fd/%d", s->fd);
    return 0;
}

void spool_release(struct spool *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    buf_release(&s->in);
}

/* 1 more is there, 0 the end, -1. */
static int read_more(struct spool *s, int silence_ms, struct err *e)
{
    struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
    ssize_t n;

    if (s->at > 0) {
        buf_drop(&s->in, s->at);
        s->at = 0;
    }
    n = poll(&p, 1, silence_ms);
    if (n == 0)
        return err_set(e, ERR_TIMEOUT, "nothing came from the manager for %d ms", silence_ms);
    if (n < 0 && errno != EINTR)
        return err_errno(e, ERR_IO, "poll");
    buf_reserve(&s->in, CHUNK_BYTES);
    n = read(STDIN_FILENO, s->in.data + s->in.len, CHUNK_BYTES);
    if (n < 0)
        return errno == EINTR || errno == EAGAIN ? 1 : err_errno(e, ERR_IO, "read");
    s->in.len += (size_t)n;
    s->in.data[s->in.len] = '\0';
    return n > 0;
}

int spool_frame(struct spool *s, struct frame *f, int silence_ms, struct err *e)
{
    for (;;) {
        int rc = frame_take(&s->in, &s->at, f, e);

        if (rc)
            return rc;
        rc = read_more(s, silence_ms, e);
        if (rc <= 0)
            return rc;
    }
}

int spool_fill(struct spool *s, int silence_ms, struct err *e)
{
    struct frame f;

    for (;;) {
        int rc = spool_frame(s, &f, silence_ms, e);

        if (rc < 0)
            return -1;
        if (rc == 0)
            return err_set(e, ERR_IO, "the stream ended before its end");
        if (f.kind == FRAME_END)
            return 0;
        if (f.kind == FRAME_BYTES && file_write_all(s->fd, f.data, f.len, e))
            return -1;
        if (f.kind == FRAME_BYTES)
            s->bytes += f.len;
    }
}
