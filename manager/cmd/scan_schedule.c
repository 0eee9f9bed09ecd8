/* The manager's own scans; see scan_schedule.h. */
#include "manager/cmd/scan_schedule.h"

#include "common/clock.h"
#include "common/conf.h"
#include "common/file.h"
#include "common/log.h"
#include "manager/act/thread.h"
#include "manager/cmd/scan_headroom.h"
#include "manager/cmd/scan_targets.h"
#include "manager/scan/history.h"
#include "manager/scan/output.h"
#include "manager/scan/send.h"
#include "manager/scan/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define TICK_MS       1000
#define SERVER_MS     60000
#define PAUSE_MS      100
#define LEAVE_MS      3000 /* what the end of the process waits for a scan under way */
#define FIRST_MS      2000 /* the watch begins first */
#define HISTORY_BYTES (INT64_C(1) << 30)
#define RULES_BYTES   (1 << 20)

/* One group: what its configuration says, and what was seen last. */
struct planned {
    char *file;
    struct scan_targets targets;
    struct timespec changed;
    int64_t interval_ms, full_ms; /* 0: not scanned */
    int64_t next_ms, next_full_ms;
    struct buf promoted;         /* the file that a failover leaves */
    struct timespec promoted_at; /* when it did so last */
    struct buf history, rules_file, statsd;
    struct scan_server seen; /* by the last full scan */
    struct scan_finding *finding;
    size_t findings;
    struct scan_rules rules;
};

struct scan_schedule {
    const struct args_list *confs;
    const char *global_conf;
    struct planned **group; /* what points into one stays where it is */
    size_t groups;
    pthread_t thread;
    int runs, stop, ended, renew; /* the last three under lock */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct buf text, open_text; /* for /metrics, under lock */
};

static void take_text(struct buf *to, const char *text)
{
    buf_clear(to);
    buf_adds(to, text);
}

/* A configuration that was changed is read anew; one that cannot be read keeps what it had. */
static void look_at(struct scan_schedule *x, struct planned *p)
{
    struct conf *c = NULL;
    struct stat st;
    const struct conf_server *s;
    struct err e = {0};

    if (stat(p->file, &st) != 0 ||
        (st.st_mtim.tv_sec == p->changed.tv_sec && st.st_mtim.tv_nsec == p->changed.tv_nsec))
        return;
    p->changed = st.st_mtim;
    if (scan_conf_load(&c, p->file, x->global_conf, &e) != 0)
        return;
    s = &c->server[0];
    p->interval_ms = s->scan_interval * INT64_C(1000);
    p->full_ms = s->scan_full_interval * INT64_C(1000);
    take_text(&p->rules_file, s->scan_rules);
    take_text(&p->statsd, s->scan_statsd);
    take_text(&p->history, s->scan_history);
    buf_clear(&p->promoted);
    buf_addf(&p->promoted, "%s/%s.failover.complete", s->manager_workdir, c->app);
    if (!p->history.len)
        buf_addf(&p->history, "%s/scan.sqlite", s->manager_workdir);
    conf_free(&c);
}

/* Right after a promotion all columns of the new master are read. */
static void look_for_promotion(struct planned *p)
{
    struct stat st;

    if (stat(p->promoted.data, &st) != 0 || (st.st_mtim.tv_sec == p->promoted_at.tv_sec &&
                                             st.st_mtim.tv_nsec == p->promoted_at.tv_nsec))
        return;
    p->promoted_at = st.st_mtim;
    p->next_ms = 0;
    p->next_full_ms = 0;
}

static int read_rules(struct planned *p, struct err *e)
{
    struct buf text = BUF_INIT;
    int rc = p->rules_file.len ? file_read(p->rules_file.data, &text, RULES_BYTES, e) : 0;

    scan_rules_release(&p->rules);
    if (scan_rules_parse(&p->rules, p->rules_file.data, rc == 0 ? text.data : "", e) != 0)
        rc = -1;
    buf_release(&text);
    return rc;
}

static void log_finding(const struct scan_finding *f)
{
    struct buf name = BUF_INIT, text = BUF_INIT;

    scan_print_name(f->column, &name);
    scan_finding_text(f, &text);
    if (f->level == SCAN_CRITICAL)
        log_error("autoinc-critical", "%s of %s: %s", name.data, f->server->group, text.data);
    else
        log_warning("autoinc-warning", "%s of %s: %s", name.data, f->server->group, text.data);
    buf_release(&name);
    buf_release(&text);
}

/* What has become worse since it was judged last, or is seen for the first time. */
static void log_report(const struct scan_report *r)
{
    const struct scan_server *s = &r->server[0];
    size_t i;

    if (s->answer != SCAN_COMPLETE)
        log_warning("scan-incomplete", "%s: %s: %s", s->group, s->name, s->error);
    for (i = 0; i < r->findings; i++)
        if (!r->finding[i].ignored && r->finding[i].level > SCAN_FINE &&
            r->finding[i].level > r->finding[i].before)
            log_finding(&r->finding[i]);
}

static struct scan_finding *find(struct planned *p, const struct scan_column *c)
{
    size_t i;

    for (i = 0; i < p->findings; i++)
        if (scan_column_cmp(p->finding[i].column, c) == 0)
            return &p->finding[i];
    return NULL;
}

static void forget(struct planned *p)
{
    free(p->finding);
    p->finding = NULL;
    p->findings = 0;
    scan_server_release(&p->seen);
}

/* A full scan replaces what was seen; a scan of the watched tables renews its part. */
static void remember(struct planned *p, struct scan_report *r, int full)
{
    size_t i;

    if (full) {
        forget(p);
        p->seen = r->server[0];
        p->finding = r->finding;
        p->findings = r->findings;
        for (i = 0; i < p->findings; i++)
            p->finding[i].server = &p->seen;
        r->finding = NULL;
        r->findings = 0;
        memset(&r->server[0], 0, sizeof(r->server[0]));
        return;
    }
    for (i = 0; i < r->findings; i++) {
        struct scan_finding *old = find(p, r->finding[i].column);
        const struct scan_column *column = old ? old->column : NULL;

        if (!old)
            continue;
        *old = r->finding[i];
        old->column = column;
        old->server = &p->seen;
    }
    p->seen.answer = r->server[0].answer;
    p->seen.took_ms = r->server[0].took_ms;
    snprintf(p->seen.name, sizeof(p->seen.name), "%s", r->server[0].name);
    snprintf(p->seen.error, sizeof(p->seen.error), "%s", r->server[0].error);
}

/* All groups as one report: a family of metrics stands together. */
static void write_text(struct scan_schedule *x)
{
    struct scan_report all = {.now_s = clock_wall_ms() / 1000};
    struct buf text = BUF_INIT, open_text = BUF_INIT;
    size_t i;

    for (i = 0; i < x->groups; i++)
        all.findings += x->group[i]->findings;
    all.server = mem_zalloc((x->groups + 1) * sizeof(*all.server));
    all.finding = mem_zalloc((all.findings + 1) * sizeof(*all.finding));
    all.findings = 0;
    for (i = 0; i < x->groups; i++) {
        const struct planned *p = x->group[i];

        if (!*p->seen.group)
            continue;
        all.server[all.servers++] = p->seen;
        if (p->findings)
            memcpy(all.finding + all.findings, p->finding, p->findings * sizeof(*p->finding));
        all.findings += p->findings;
    }
    scan_print_families(&all, 0, &text);
    scan_print_families(&all, 1, &open_text);
    free(all.server);
    free(all.finding);
    pthread_mutex_lock(&x->lock);
    buf_release(&x->text);
    buf_release(&x->open_text);
    x->text = text;
    x->open_text = open_text;
    pthread_mutex_unlock(&x->lock);
}

static void send_report(const struct planned *p, const struct scan_report *r)
{
    struct buf lines = BUF_INIT;
    struct err e = {0};

    if (!p->statsd.len)
        return;
    scan_print_statsd(r, &lines);
    if (scan_send_statsd(p->statsd.data, &lines, &e) != 0)
        log_warning("scan-failed", "%s: %s", r->server[0].group, e.text);
    buf_release(&lines);
}

static int read_server(struct planned *p, int *full, struct scan_server *out, struct err *e)
{
    struct scan_ask ask = {.pause_ms = PAUSE_MS};
    struct scan_run run = {
        .target = p->targets.target, .targets = 1, .ask = &ask, .jobs = 1, .server_ms = SERVER_MS};
    struct scan_watched watched = {0};
    struct scan_history *h = NULL;
    int rc;

    if (!*full && scan_history_open(&h, p->history.data, e) == 0) {
        (void)scan_history_watched(h, p->targets.target[0].group, &watched, e);
        scan_history_close(&h);
    }
    *full |= !watched.table;
    p->targets.target[0].only = watched.table;
    p->targets.target[0].only_count = watched.count;
    rc = scan_run(&run, out, e);
    scan_watched_release(&watched);
    return rc;
}

/* What came of it. */
static enum scan_answer scan_group(const struct scan_schedule *x, struct planned *p, int full)
{
    struct scan_server server = {0};
    struct scan_report r = {
        .server = &server, .servers = 1, .rules = &p->rules, .now_s = clock_wall_ms() / 1000};
    struct scan_memory m = {.path = p->history.data, .max_bytes = HISTORY_BYTES};
    enum scan_answer answer;
    struct err e = {0};

    if (read_rules(p, &e) != 0)
        log_warning("scan-failed", "%s: %s", p->file, e.text);
    if (read_server(p, &full, &server, &e) != 0) {
        log_warning("scan-failed", "%s: %s", p->file, e.text);
        return SCAN_FAILED;
    }
    answer = server.answer;
    m.whole = full;
    if (scan_report_build(&r, &m, &e) != 0)
        log_warning("scan-failed", "%s: %s", p->file, e.text);
    log_report(&r);
    send_report(p, &r);
    log_debug("scan", "%s: %zu columns of %s in %lld ms", server.group, server.columns, server.name,
              server.took_ms);
    /* Of a server that is gone the last known columns stay. */
    if (full && answer == SCAN_COMPLETE &&
        scan_headroom_note(p->file, x->global_conf, &server,
                           &(struct scan_ask){.pause_ms = PAUSE_MS}, SERVER_MS, &e) < 0)
        log_warning("scan-failed", "%s", e.text);
    remember(p, &r, (full && answer != SCAN_FAILED) || !*p->seen.group);
    scan_report_release(&r);
    scan_server_release(&server);
    return answer;
}

static int is_stopped(struct scan_schedule *x)
{
    int stop;

    pthread_mutex_lock(&x->lock);
    stop = x->stop;
    pthread_mutex_unlock(&x->lock);
    return stop;
}

static struct planned *planned_new(const char *file, const char *global_conf)
{
    struct planned *p = mem_zalloc(sizeof(*p));

    buf_init(&p->targets.account.password);
    buf_init(&p->history);
    buf_init(&p->rules_file);
    buf_init(&p->statsd);
    buf_init(&p->promoted);
    p->file = mem_strdup(file);
    scan_targets_add_group(&p->targets, p->file, global_conf);
    return p;
}

static void planned_free(struct planned *p)
{
    forget(p);
    scan_rules_release(&p->rules);
    scan_targets_release(&p->targets);
    buf_release(&p->history);
    buf_release(&p->rules_file);
    buf_release(&p->statsd);
    buf_release(&p->promoted);
    free(p->file);
    free(p);
}

/* The group of that file, taken out of the list, or a new one. */
static struct planned *take_group(struct scan_schedule *x, const char *file)
{
    size_t i;

    for (i = 0; i < x->groups; i++) {
        struct planned *p = x->group[i];

        if (p && strcmp(p->file, file) == 0) {
            x->group[i] = NULL;
            return p;
        }
    }
    return planned_new(file, x->global_conf);
}

/* The groups that there are now: those of before go on, and what is gone is forgotten. */
static void find_groups(struct scan_schedule *x)
{
    struct scan_targets found = {0};
    struct planned **group;
    struct err ignored;
    size_t i;

    buf_init(&found.account.password);
    for (i = 0; i < x->confs->count; i++)
        (void)scan_targets_add_conf(&found, x->confs->item[i], x->global_conf, &ignored);
    group = mem_zalloc((found.count + 1) * sizeof(void *));
    for (i = 0; i < found.count; i++)
        group[i] = take_group(x, found.target[i].name);
    for (i = 0; i < x->groups; i++)
        if (x->group[i])
            planned_free(x->group[i]);
    free(x->group);
    x->group = group;
    x->groups = found.count;
    scan_targets_release(&found);
}

static int is_to_renew(struct scan_schedule *x)
{
    int renew;

    pthread_mutex_lock(&x->lock);
    renew = x->renew;
    x->renew = 0;
    pthread_mutex_unlock(&x->lock);
    return renew;
}

static void turn(struct scan_schedule *x)
{
    size_t i;

    if (is_to_renew(x)) {
        find_groups(x);
        write_text(x);
    }
    for (i = 0; i < x->groups && !is_stopped(x); i++) {
        struct planned *p = x->group[i];
        int64_t now_ms = clock_mono_ms();
        int full;

        look_at(x, p);
        look_for_promotion(p);
        full = now_ms >= p->next_full_ms;
        if (!p->interval_ms || now_ms < p->next_ms)
            continue;
        if (scan_group(x, p, full) == SCAN_FAILED)
            full = 0;
        p->next_ms = now_ms + p->interval_ms;
        if (full)
            p->next_full_ms = now_ms + p->full_ms;
        write_text(x);
    }
}

static void *schedule_main(void *arg)
{
    struct scan_schedule *x = arg;
    int64_t until_ms = clock_mono_ms() + FIRST_MS;

    pthread_mutex_lock(&x->lock);
    while (!x->stop) {
        if (thread_cond_wait(&x->wake, &x->lock, until_ms) == 0)
            continue;
        pthread_mutex_unlock(&x->lock);
        turn(x);
        until_ms = clock_mono_ms() + TICK_MS;
        pthread_mutex_lock(&x->lock);
    }
    x->ended = 1;
    pthread_cond_broadcast(&x->wake);
    pthread_mutex_unlock(&x->lock);
    return NULL;
}

static void begin(void *arg)
{
    struct scan_schedule *x = arg;
    struct err e = {0};

    x->runs = x->groups > 0 && thread_start(&x->thread, schedule_main, x, &e) == 0;
    if (x->groups > 0 && !x->runs)
        log_error("scan-failed", "%s", e.text);
}

static void renew(void *arg)
{
    struct scan_schedule *x = arg;

    pthread_mutex_lock(&x->lock);
    x->renew = 1;
    pthread_mutex_unlock(&x->lock);
}

/* 0 when it is over, 1 when a scan hangs and is left behind. */
static int end(void *arg)
{
    struct scan_schedule *x = arg;
    int64_t until_ms = clock_mono_ms() + LEAVE_MS;
    int ended;

    if (!x->runs)
        return 0;
    pthread_mutex_lock(&x->lock);
    x->stop = 1;
    pthread_cond_broadcast(&x->wake);
    while (!x->ended && thread_cond_wait(&x->wake, &x->lock, until_ms) == 0)
        ;
    ended = x->ended;
    pthread_mutex_unlock(&x->lock);
    if (!ended)
        return 1;
    pthread_join(x->thread, NULL);
    x->runs = 0;
    return 0;
}

static void write_page(struct metrics_page *page, void *arg)
{
    struct scan_schedule *x = arg;
    const struct buf *text;

    pthread_mutex_lock(&x->lock);
    text = page->open ? &x->open_text : &x->text;
    buf_add(&page->out, text->data, text->len);
    pthread_mutex_unlock(&x->lock);
}

struct scan_schedule *scan_schedule_new(struct service *s)
{
    struct scan_schedule *x = mem_zalloc(sizeof(*x));

    buf_init(&x->text);
    buf_init(&x->open_text);
    pthread_mutex_init(&x->lock, NULL);
    thread_cond_init(&x->wake);
    x->confs = &s->confs;
    x->global_conf = s->rules.global_conf;
    find_groups(x);
    s->guest = (struct service_guest){begin, renew, end, write_page, x};
    return x;
}

void scan_schedule_free(struct scan_schedule **x)
{
    size_t i;

    if (!*x || (*x)->runs)
        return;
    for (i = 0; i < (*x)->groups; i++)
        planned_free((*x)->group[i]);
    buf_release(&(*x)->text);
    buf_release(&(*x)->open_text);
    pthread_cond_destroy(&(*x)->wake);
    pthread_mutex_destroy(&(*x)->lock);
    free((*x)->group);
    free(*x);
    *x = NULL;
}
