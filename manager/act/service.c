/* The process that manages groups; see service.h. The main thread waits here for signals and for
 * runners that end, and feeds the watchdog while every loop turns. */
#include "manager/act/service.h"

#include "common/clock.h"
#include "common/db.h"
#include "common/log.h"
#include "manager/act/service_state.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define ROUND_MS 500
/* Many groups begin one after the other: checks and looks that all fall together cost memory. */
#define AT_ONCE  8
#define APART_MS 20

struct files {
    char *item[GROUPS_MAX];
    int count;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void files_add(struct files *f, char *path)
{
    if (f->count < GROUPS_MAX)
        f->item[f->count++] = path;
    else
        free(path);
}

static int is_configuration(const struct dirent *d)
{
    size_t len = strlen(d->d_name);

    return d->d_name[0] != '.' && len > 4 && strcmp(d->d_name + len - 4, ".cnf") == 0;
}

static void add_directory(struct files *f, const char *path, DIR *d)
{
    int first = f->count;
    struct dirent *entry;

    while ((entry = readdir(d))) {
        struct buf name = BUF_INIT;

        if (!is_configuration(entry))
            continue;
        buf_addf(&name, "%s/%s", path, entry->d_name);
        files_add(f, buf_take(&name));
    }
    qsort(f->item + first, (size_t)(f->count - first), sizeof(f->item[0]), by_name);
}

static void files_find(struct files *f, const struct args_list *confs)
{
    f->count = 0;
    for (size_t i = 0; i < confs->count; i++) {
        DIR *d = opendir(confs->item[i]);

        if (!d) {
            files_add(f, mem_strdup(confs->item[i]));
            continue;
        }
        add_directory(f, confs->item[i], d);
        closedir(d);
    }
}

static void files_release(struct files *f)
{
    for (int i = 0; i < f->count; i++)
        free(f->item[i]);
    f->count = 0;
}

static int has_file(const struct files *f, const char *path)
{
    for (int i = 0; i < f->count; i++)
        if (strcmp(f->item[i], path) == 0)
            return 1;
    return 0;
}

static int find_runner(const struct running *x, const char *file)
{
    for (int i = 0; i < x->count; i++)
        if (strcmp(runner_file(x->runner[i]), file) == 0)
            return i;
    return -1;
}

/* Two groups with the same status file would take each other for a second manager. */
static int is_taken(const struct running *x, struct runner *r, struct err *e)
{
    struct buf mine = BUF_INIT, other = BUF_INIT;
    int taken = 0;

    runner_place(r, &mine);
    for (int i = 0; i < x->count && !taken; i++) {
        buf_clear(&other);
        runner_place(x->runner[i], &other);
        taken = strcmp(mine.data, other.data) == 0;
        if (taken)
            err_set(e, ERR_CONFIG,
                    "%s and %s have the same name and manager_workdir: give one another name",
                    runner_file(x->runner[i]), runner_file(r));
    }
    buf_release(&mine);
    buf_release(&other);
    return taken;
}

static int add_group(struct running *x, const char *file)
{
    struct runner *r = NULL;
    struct err e = {0};

    if (x->count == GROUPS_MAX)
        err_set(&e, ERR_CONFIG, "%s: more than %d groups", file, GROUPS_MAX);
    else if (runner_new(&r, file, &x->s->rules, x->done_fd, &e) == 0 && !is_taken(x, r, &e) &&
             runner_start(r, &e) == 0) {
        pthread_mutex_lock(&x->lock);
        x->runner[x->count++] = r;
        pthread_mutex_unlock(&x->lock);
        return 0;
    }
    log_error("config-error", "%s", e.text);
    runner_free(&r);
    return -1;
}

static void remove_state(struct runner *r)
{
    struct buf path = BUF_INIT;

    runner_place(r, &path);
    buf_adds(&path, ".state.json");
    unlink(path.data);
    buf_release(&path);
}

static void drop_group(struct running *x, int i)
{
    struct runner *r = x->runner[i];

    pthread_mutex_lock(&x->lock);
    x->runner[i] = x->runner[--x->count];
    pthread_mutex_unlock(&x->lock);
    remove_state(r);
    if (!runner_free(&r))
        x->hanging = 1;
}

static void stop_all(struct running *x, int sig)
{
    x->stopping = 1;
    sd_notify(0, "STOPPING=1");
    for (int i = 0; i < x->count; i++)
        runner_stop(x->runner[i], sig);
}

/* What is there already reads its file anew; what is new begins, what is gone ends. */
static void reload(struct running *x)
{
    struct files *f = mem_zalloc(sizeof(*f));

    log_info("reload", "reading the configuration anew");
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)clock_mono_us());
    x->reloading = 1;
    files_find(f, &x->s->confs);
    for (int i = 0; i < x->count; i++) {
        if (has_file(f, runner_file(x->runner[i]))) {
            runner_reload(x->runner[i]);
            continue;
        }
        log_info("group-removed", "%s is gone: its group is not watched any more",
                 runner_file(x->runner[i]));
        runner_stop(x->runner[i], SIGHUP);
    }
    for (int i = 0; i < f->count; i++)
        if (find_runner(x, f->item[i]) < 0)
            add_group(x, f->item[i]);
    files_release(f);
    free(f);
    if (x->s->guest.reload)
        x->s->guest.reload(x->s->guest.arg);
}

static void take_signal(struct running *x)
{
    struct signalfd_siginfo s;

    if (read(x->signal_fd, &s, sizeof(s)) != (ssize_t)sizeof(s))
        return;
    if (s.ssi_signo == SIGHUP && x->s->hangup_reloads)
        reload(x);
    else
        stop_all(x, (int)s.ssi_signo);
}

/* One group's error must not hide behind another's success: the worst code counts, and 1 is worse
 * than 10. */
static void take_code(struct running *x, int rc)
{
    if (x->rc == 0 || rc == 1)
        x->rc = rc;
}

static void take_ended(struct running *x)
{
    for (int i = x->count - 1; i >= 0; i--) {
        int rc;

        if (!runner_ended(x->runner[i], &rc))
            continue;
        take_code(x, rc);
        drop_group(x, i);
    }
}

static void tell_status(struct running *x)
{
    struct board_view *v = mem_zalloc(sizeof(*v));
    int well = 0, failing = 0;
    char text[256];

    for (int i = 0; i < x->count; i++) {
        board_read(runner_board(x->runner[i]), v);
        well += v->state == STATUS_PING_OK;
        failing += v->state != STATUS_PING_OK && v->state != STATUS_INITIALIZING_MONITOR;
    }
    if (x->count == 1)
        snprintf(text, sizeof(text), "STATUS=%.60s: %s, master %.60s", v->app,
                 status_word(v->state), v->master);
    else
        snprintf(text, sizeof(text), "STATUS=%d groups: %d well, %d not", x->count, well, failing);
    free(v);
    if (strcmp(text, x->status) == 0)
        return;
    snprintf(x->status, sizeof(x->status), "%s", text);
    sd_notify(0, text);
}

/* A loop that hangs is a fault of ours: the watchdog is left hungry, and the process starts anew.
 */
static void feed(struct running *x)
{
    int64_t now = clock_mono_ms();

    if (!x->feed_every_ms || now - x->fed_ms < x->feed_every_ms)
        return;
    for (int i = 0; i < x->count; i++) {
        int64_t late = board_late_ms(runner_board(x->runner[i]));

        if (late == 0)
            continue;
        log_error("stuck", "%s: its loop is overdue by %lld ms", runner_file(x->runner[i]),
                  (long long)late);
        x->fed_ms = now;
        return;
    }
    sd_notify(0, "WATCHDOG=1");
    x->fed_ms = now;
}

static void end_reload(struct running *x)
{
    int busy = 0;

    for (int i = 0; i < x->count; i++)
        busy |= runner_reloading(x->runner[i]);
    if (busy || !x->reloading)
        return;
    x->reloading = 0;
    sd_notify(0, "READY=1");
}

static void loop(struct running *x)
{
    while (x->count > 0 || (x->s->rules.steadfast && !x->stopping)) {
        struct pollfd fds[2] = {
            {.fd = x->signal_fd, .events = POLLIN},
            {.fd = x->done_fd,   .events = POLLIN}
        };
        uint64_t count;

        if (poll(fds, 2, ROUND_MS) > 0) {
            if (fds[0].revents)
                take_signal(x);
            if (fds[1].revents && read(x->done_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
                break;
        }
        take_ended(x);
        end_reload(x);
        feed(x);
        tell_status(x);
    }
}

static int catch_signals(struct err *e)
{
    static const int ours[] = {SIGINT, SIGHUP, SIGQUIT, SIGTERM};
    struct sigaction a = {.sa_handler = SIG_IGN};
    sigset_t set;
    int fd;

    sigaction(SIGPIPE, &a, NULL);
    a.sa_handler = SIG_DFL;
    sigaction(SIGCHLD, &a, NULL);
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
        sigaddset(&set, ours[i]);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? err_errno(e, ERR_IO, "cannot listen to signals") : fd;
}

static int begin(struct running *x, struct err *e)
{
    uint64_t watchdog_us = 0;
    struct files *f;

    x->signal_fd = catch_signals(e);
    x->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (x->signal_fd < 0 || x->done_fd < 0 || db_library_init(e) < 0)
        return -1;
    if (sd_watchdog_enabled(0, &watchdog_us) > 0)
        x->feed_every_ms = (int64_t)(watchdog_us / 1000 / 3);
    f = mem_zalloc(sizeof(*f));
    files_find(f, &x->s->confs);
    for (int i = 0; i < f->count; i++) {
        if (i >= AT_ONCE)
            clock_sleep_ms(APART_MS);
        add_group(x, f->item[i]);
    }
    files_release(f);
    free(f);
    if (x->count == 0)
        return err_set(e, ERR_CONFIG, "no group can be watched");
    if (x->s->guest.begin)
        x->s->guest.begin(x->s->guest.arg);
    service_tell_begin(x);
    sd_notify(0, "READY=1");
    return 0;
}

int service_run(const struct service *s)
{
    struct running *x = mem_zalloc(sizeof(*x));
    struct err e = {0};
    int rc;

    x->s = s;
    pthread_mutex_init(&x->lock, NULL);
    if (begin(x, &e) < 0) {
        log_error("config-error", "%s", e.text);
        x->rc = 1;
    } else {
        loop(x);
    }
    service_tell_end(x);
    if (s->guest.end && s->guest.end(s->guest.arg))
        x->hanging = 1;
    pthread_mutex_destroy(&x->lock);
    close(x->signal_fd);
    close(x->done_fd);
    if (!x->hanging)
        db_library_end();
    rc = x->rc;
    free(x);
    return rc;
}
