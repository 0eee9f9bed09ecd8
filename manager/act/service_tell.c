/* What the process tells of its groups: state files for `kagemusha status`, metrics, health. */
#include "common/clock.h"
#include "common/file.h"
#include "common/log.h"
#include "manager/act/board_metrics.h"
#include "manager/act/service_state.h"
#include "manager/act/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CLERK_MS 500
#define OLD_MS   10000 /* a state file is written anew after so long at the latest */

static void write_metrics(struct metrics_page *p, void *arg)
{
    struct running *x = arg;
    struct board_metrics *m = board_metrics_begin(p);
    struct board_view *v = mem_zalloc(sizeof(*v));

    pthread_mutex_lock(&x->lock);
    for (int i = 0; i < x->count; i++) {
        board_read(runner_board(x->runner[i]), v);
        board_metrics_add(m, v);
    }
    pthread_mutex_unlock(&x->lock);
    board_metrics_end(&m);
    free(v);
    metrics_family(p, "kagemusha_build_info", "gauge", "1 for the version that runs");
    buf_adds(&p->out, "kagemusha_build_info{version=\"" KAGEMUSHA_VERSION "\"} 1\n");
}

/* Whether the groups are well is for the metrics: this is about the process. */
static int write_health(struct buf *out, void *arg)
{
    struct running *x = arg;
    int late = 0;

    pthread_mutex_lock(&x->lock);
    for (int i = 0; i < x->count; i++) {
        int64_t ms = board_late_ms(runner_board(x->runner[i]));

        if (ms == 0)
            continue;
        late = 1;
        buf_addf(out, "%s: its loop is overdue by %lld ms\n", runner_file(x->runner[i]),
                 (long long)ms);
    }
    if (!late)
        buf_addf(out, "ok: %d groups\n", x->count);
    pthread_mutex_unlock(&x->lock);
    return !late;
}

/* Renamed into place, but not forced to the disk: after a crash nobody needs it. */
static void replace_file(const char *path, const struct buf *text)
{
    struct buf beside = BUF_INIT;
    int fd, rc = -1;

    buf_addf(&beside, "%s.%d", path, (int)getpid());
    fd = open(beside.data, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd >= 0) {
        rc = file_write_all(fd, text->data, text->len, NULL);
        close(fd);
    }
    if (rc < 0 || rename(beside.data, path) < 0)
        unlink(beside.data);
    buf_release(&beside);
}

struct written {
    struct board *board;
    uint64_t version;
    int64_t at_ms;
};

static void write_state(struct runner *r, struct written *w)
{
    uint64_t version = board_version(runner_board(r));
    int64_t now = clock_mono_ms();
    struct board_view *v;
    struct buf path = BUF_INIT, text = BUF_INIT;

    if (w->board == runner_board(r) && w->version == version && now - w->at_ms < OLD_MS)
        return;
    *w = (struct written){.board = runner_board(r), .version = version, .at_ms = now};
    v = mem_zalloc(sizeof(*v));
    board_read(w->board, v);
    board_json(v, &text);
    runner_place(r, &path);
    buf_adds(&path, ".state.json");
    /* A second manager of the group, which waits, leaves the first one's file alone. */
    if (v->state == STATUS_NOT_RUNNING)
        unlink(path.data);
    else if (v->ping_wall_ms || v->state == STATUS_INITIALIZING_MONITOR)
        replace_file(path.data, &text);
    buf_release(&path);
    buf_release(&text);
    free(v);
}

static void *clerk_main(void *arg)
{
    struct running *x = arg;
    struct written *w = mem_zalloc(GROUPS_MAX * sizeof(*w));

    pthread_mutex_lock(&x->lock);
    while (!x->clerk_stop) {
        for (int i = 0; i < x->count; i++)
            write_state(x->runner[i], &w[i]);
        thread_cond_wait(&x->clerk_wake, &x->lock, clock_mono_ms() + CLERK_MS);
    }
    pthread_mutex_unlock(&x->lock);
    free(w);
    return NULL;
}

static void serve_metrics(struct running *x)
{
    struct buf listen = BUF_INIT;
    struct err e = {0};

    if (x->s->metrics_listen)
        buf_adds(&listen, x->s->metrics_listen);
    for (int i = 0; i < x->count && listen.len == 0; i++)
        runner_metrics_listen(x->runner[i], &listen);
    if (listen.len && metrics_start(&x->metrics, listen.data, &e) == 0) {
        metrics_set_health(x->metrics, write_health, x);
        metrics_add_source(x->metrics, write_metrics, x, &e);
        if (x->s->guest.write_metrics)
            metrics_add_source(x->metrics, x->s->guest.write_metrics, x->s->guest.arg, &e);
        log_info("metrics", "/metrics and /healthz are served on %s", listen.data);
    } else if (listen.len) {
        log_error("metrics-failed", "%s", e.text);
    }
    buf_release(&listen);
}

void service_tell_begin(struct running *x)
{
    serve_metrics(x);
    thread_cond_init(&x->clerk_wake);
    x->clerk_runs = thread_start(&x->clerk, clerk_main, x, NULL) == 0;
}

void service_tell_end(struct running *x)
{
    metrics_stop(&x->metrics);
    if (!x->clerk_runs)
        return;
    pthread_mutex_lock(&x->lock);
    x->clerk_stop = 1;
    pthread_cond_signal(&x->clerk_wake);
    pthread_mutex_unlock(&x->lock);
    pthread_join(x->clerk, NULL);
}
