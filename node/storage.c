/* The fsync probe (decision 4): each second a thread writes 4 KiB into a directory and waits until
 * it is on the disk. A stalled disk shows as a sync that does not come back, so the loop looks at
 * the clock, not the thread. */
#include "node/ops.h"

#include "common/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define PROBE_BYTES 4096
#define PERIOD_MS   1000
#define SLOW_MS     1000
#define STALLED_MS  5000
#define LOOK_MS     200
#define LOOK_US     200000
#define LEAST_FREE  65536u /* root may write where mysqld may not any more */
#define STACK_BYTES 131072u

enum outcome { OUTCOME_NONE, OUTCOME_DONE, OUTCOME_FULL, OUTCOME_NO_RIGHT, OUTCOME_FAILED };

struct node_storage {
    char dir[PATH_MAX];
    int64_t next_look_us; /* the loop's */
    pthread_mutex_t lock; /* over the five below */
    enum outcome outcome;
    int64_t began_us; /* of the probe under way, else 0 */
    int64_t took_ms;
    uint64_t free_bytes;
    int error;
    const char *said; /* the state last told; the loop's */
};

static int64_t elapsed_ms(int64_t since_us)
{
    return (clock_mono_us() - since_us) / 1000;
}

/* Where a file system knows no O_TMPFILE a named file is made and unlinked at once. */
static int open_probe(const char *dir)
{
    char path[PATH_MAX + 32];
    int fd = open(dir, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);

    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
        return fd;
    snprintf(path, sizeof(path), "%s/.kagemusha-probe-%d", dir, (int)getpid());
    fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    if (fd >= 0)
        unlink(path);
    return fd;
}

static int write_probe(const char *dir)
{
    static const char block[PROBE_BYTES] = "kagemusha";
    int fd = open_probe(dir), error = 0;
    ssize_t n;

    if (fd < 0)
        return errno;
    n = pwrite(fd, block, sizeof(block), 0);
    if (n >= 0 && n < (ssize_t)sizeof(block))
        error = ENOSPC;
    else if (n < 0 || fdatasync(fd))
        error = errno;
    close(fd);
    return error;
}

static enum outcome outcome_of(int error, uint64_t free_bytes)
{
    switch (error) {
    case 0:
        return free_bytes < LEAST_FREE ? OUTCOME_FULL : OUTCOME_DONE;
    case ENOSPC:
    case EDQUOT:
        return OUTCOME_FULL;
    case EACCES:
    case EPERM:
    case EROFS:
        return OUTCOME_NO_RIGHT;
    default:
        return OUTCOME_FAILED;
    }
}

static void *probe_forever(void *arg)
{
    struct node_storage *s = arg;

    for (;;) {
        int64_t began = clock_mono_us(), took;
        struct statvfs fs;
        uint64_t free_bytes = 0;
        int error;

        pthread_mutex_lock(&s->lock);
        s->began_us = began;
        pthread_mutex_unlock(&s->lock);
        error = write_probe(s->dir);
        took = elapsed_ms(began);
        if (statvfs(s->dir, &fs) == 0)
            free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
        pthread_mutex_lock(&s->lock);
        s->began_us = 0;
        s->took_ms = took;
        s->error = error;
        s->free_bytes = free_bytes;
        s->outcome = outcome_of(error, free_bytes);
        pthread_mutex_unlock(&s->lock);
        clock_sleep_ms(took < PERIOD_MS ? PERIOD_MS - took : 1);
    }
    return NULL;
}

/* The state in one word, NULL before the first result; o gets the fields of event and reply. */
static const char *judge(struct node_storage *s, struct json_object *o)
{
    const char *word = NULL;
    int64_t ms, running;

    pthread_mutex_lock(&s->lock);
    running = s->began_us ? elapsed_ms(s->began_us) : 0;
    ms = running > s->took_ms ? running : s->took_ms;
    if (running >= STALLED_MS)
        word = "stalled";
    else if (running >= SLOW_MS)
        word = "slow";
    else if (s->outcome == OUTCOME_FULL)
        word = "full";
    else if (s->outcome == OUTCOME_NO_RIGHT)
        word = "no-right";
    else if (s->outcome == OUTCOME_FAILED)
        word = "failed";
    else if (s->outcome == OUTCOME_DONE)
        word = s->took_ms >= SLOW_MS ? "slow" : "ok";
    json_put_str(o, "dir", s->dir);
    json_put_str(o, "state", word ? word : "unknown");
    json_put_int(o, "ms", ms);
    json_put_u64(o, "free_bytes", s->free_bytes);
    if (s->error)
        json_put_str(o, "why", strerror(s->error));
    pthread_mutex_unlock(&s->lock);
    return word;
}

static int start(struct node_storage *s, struct err *e)
{
    pthread_attr_t attr;
    pthread_t thread;
    int rc;

    pthread_mutex_init(&s->lock, NULL);
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    rc = pthread_create(&thread, &attr, probe_forever, s);
    pthread_attr_destroy(&attr);
    return rc ? err_set(e, ERR_IO, "cannot start a thread: %s", strerror(rc)) : 0;
}

int node_storage_begin(struct agent *a, struct json_object *req, struct json_object *reply,
                       struct err *e)
{
    const char *dir = json_get_str(req, "dir", "");
    struct node_storage *s;
    size_t i;

    (void)reply;
    if (dir[0] != '/' || strlen(dir) >= PATH_MAX)
        return err_set(e, ERR_FORMAT, "dir must be an absolute path");
    for (i = 0; i < NODE_STORAGE_MAX && a->storage[i]; i++)
        if (strcmp(a->storage[i]->dir, dir) == 0)
            return 0;
    if (i == NODE_STORAGE_MAX)
        return err_set(e, ERR_WORLD, "%d directories are probed already", NODE_STORAGE_MAX);
    s = mem_zalloc(sizeof(*s));
    snprintf(s->dir, sizeof(s->dir), "%s", dir);
    if (start(s, e)) {
        free(s);
        return -1;
    }
    a->storage[i] = s;
    return 0;
}

int node_storage_state_begin(struct agent *a, struct json_object *req, struct json_object *reply,
                             struct err *e)
{
    struct json_object *list = json_object_new_array();

    (void)req;
    (void)e;
    for (size_t i = 0; i < NODE_STORAGE_MAX && a->storage[i]; i++) {
        struct json_object *o = json_object_new_object();

        judge(a->storage[i], o);
        json_object_array_add(list, o);
    }
    json_object_object_add(reply, "storage", list);
    return 0;
}

void node_storage_tick(struct agent *a, int64_t now_us)
{
    for (size_t i = 0; i < NODE_STORAGE_MAX && a->storage[i]; i++) {
        struct json_object *o;
        const char *word;

        if (now_us < a->storage[i]->next_look_us)
            continue;
        a->storage[i]->next_look_us = now_us + LOOK_US;
        o = json_object_new_object();
        word = judge(a->storage[i], o);
        if (word && (!a->storage[i]->said || strcmp(word, a->storage[i]->said) != 0)) {
            a->storage[i]->said = word;
            json_put_int(o, "at_us", now_us);
            node_event(a, "storage", o);
        } else {
            json_object_put(o);
        }
    }
}

int64_t node_storage_next_ms(const struct agent *a, int64_t limit)
{
    return a->storage[0] && limit > LOOK_MS ? LOOK_MS : limit;
}
