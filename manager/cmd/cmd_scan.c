/* kagemusha scan: AUTO_INCREMENT columns of any number of servers, judged and printed. */
#include "manager/cmd/cmd.h"

#include "common/clock.h"
#include "common/file.h"
#include "common/log.h"
#include "manager/cmd/scan_explain.h"
#include "manager/cmd/scan_headroom.h"
#include "manager/cmd/scan_options.h"
#include "manager/scan/history.h"
#include "manager/scan/output.h"
#include "manager/scan/send.h"
#include "manager/scan/session.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Something was not read, or not written. */
#define EXIT_UNKNOWN 3

static int complain(const struct err *e)
{
    fprintf(stderr, "kagemusha scan: %s\n", e->text);
    return -1;
}

static void show_progress(void *listener, const struct scan_server *s, size_t done)
{
    const struct scan_options *o = listener;

    fprintf(stderr, "\r\033[K%zu of %zu servers, %s", done, o->targets.count, s->name);
    if (done == o->targets.count)
        fputs("\r\033[K", stderr);
}

/* A group without a history is scanned whole. The lists live until the program ends. */
static int take_watched(struct scan_options *o, struct scan_watched *w)
{
    struct scan_history *h = NULL;
    struct err e = {0};
    size_t i;
    int rc = scan_history_open(&h, o->history, &e);

    for (i = 0; rc == 0 && i < o->targets.count; i++) {
        struct scan_target *t = &o->targets.target[i];

        rc = scan_history_watched(h, t->group, &w[i], &e);
        t->only = w[i].table;
        t->only_count = w[i].count;
    }
    scan_history_close(&h);
    return rc == 0 ? 0 : complain(&e);
}

static int read_servers(struct scan_options *o, struct scan_report *r)
{
    struct scan_run run = {.target = o->targets.target,
                           .targets = o->targets.count,
                           .ask = &o->ask,
                           .jobs = o->jobs,
                           .server_ms = o->timeout_s * 1000,
                           .listener = o};
    struct err e = {0};

    if (isatty(STDERR_FILENO) && !o->quiet)
        run.on_server = show_progress;
    r->server = mem_zalloc(o->targets.count * sizeof(*r->server));
    r->servers = o->targets.count;
    return scan_run(&run, r->server, &e) == 0 ? 0 : complain(&e);
}

/* 0: as wide as it likes. */
static int width_of_output(const struct scan_options *o)
{
    struct winsize w = {0};

    return !o->output && ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 ? w.ws_col : 0;
}

static struct scan_view view_of(const struct scan_options *o)
{
    struct scan_view v = {.top = (size_t)o->top, .min_usage = o->min_usage, .type = o->type};
    const char *no_colour = getenv("NO_COLOR");

    v.width = width_of_output(o);
    v.colours = isatty(STDOUT_FILENO) && !o->output && !(no_colour && *no_colour);
    return v;
}

static void print(const struct scan_options *o, const struct scan_report *r, struct buf *out)
{
    struct scan_view v = view_of(o);

    if (o->json)
        scan_print_json(r, &v, out);
    else if (o->jsonl)
        scan_print_jsonl(r, &v, out);
    else if (o->csv)
        scan_print_csv(r, &v, out);
    else if (o->prometheus || o->openmetrics)
        scan_print_metrics(r, o->openmetrics, out);
    else if (o->nagios)
        scan_print_nagios(r, out);
    else if (o->html)
        scan_print_html(r, &v, out);
    else
        scan_print_table(r, &v, out);
}

/* The metrics in the form of a textfile, whatever is printed. */
static int write_textfile(const struct scan_options *o, const struct scan_report *r)
{
    struct buf text = BUF_INIT;
    struct err e = {0};
    int rc;

    scan_print_metrics(r, 0, &text);
    rc = file_write_atomic(o->textfile, text.data, text.len, 0644, &e);
    buf_release(&text);
    return rc == 0 ? 0 : complain(&e);
}

static int send_statsd(const struct scan_options *o, const struct scan_report *r)
{
    struct buf lines = BUF_INIT;
    struct err e = {0};
    int rc;

    scan_print_statsd(r, &lines);
    rc = scan_send_statsd(o->statsd, &lines, &e);
    buf_release(&lines);
    return rc == 0 ? 0 : complain(&e);
}

static int write_output(const struct scan_options *o, const struct buf *text)
{
    struct err e = {0};

    if (o->output)
        return file_write_atomic(o->output, text->data, text->len, 0644, &e) == 0 ? 0
                                                                                  : complain(&e);
    if (fwrite(text->data, 1, text->len, stdout) == text->len && fflush(stdout) == 0)
        return 0;
    err_errno(&e, ERR_IO, "cannot write the report");
    return complain(&e);
}

/* Each way out is tried, whatever became of the others. */
static int put_out(const struct scan_options *o, const struct scan_report *r)
{
    struct buf text = BUF_INIT;
    int failed = 0;

    print(o, r, &text);
    failed |= write_output(o, &text);
    buf_release(&text);
    if (o->textfile)
        failed |= write_textfile(o, r);
    if (o->statsd)
        failed |= send_statsd(o, r);
    return failed;
}

/* Of a group whose master was read in full. */
static int note_headroom(const struct scan_options *o, const struct scan_report *r)
{
    int failed = 0;

    for (size_t i = 0; i < r->servers; i++) {
        const char *file = scan_targets_file(&o->targets.target[i]);
        struct err e = {0};

        if (file && r->server[i].answer == SCAN_COMPLETE &&
            scan_headroom_note(file, o->global_conf, &r->server[i], &o->ask, o->timeout_s * 1000,
                               &e) < 0)
            failed |= complain(&e);
    }
    return failed;
}

static int report(struct scan_options *o, struct scan_report *r)
{
    struct scan_memory m = {.path = o->history,
                            .whole = !o->ask.schemas && !o->watched,
                            .plots = o->html,
                            .max_bytes = (int64_t)o->history_mb << 20};
    struct err e = {0};
    int failed = 0, rc;

    if (scan_report_build(r, &m, &e) != 0)
        failed |= complain(&e);
    if (o->headroom)
        failed |= note_headroom(o, r);
    if (o->explain) {
        rc = scan_explain(o, r);
    } else {
        failed |= put_out(o, r);
        rc = scan_report_exit(r);
    }
    return failed && rc != 2 ? EXIT_UNKNOWN : rc;
}

static int scan(struct scan_options *o)
{
    struct scan_report r = {.rules = &o->rules, .now_s = clock_wall_ms() / 1000};
    struct scan_watched *w = mem_zalloc(o->targets.count * sizeof(*w));
    size_t i;
    int rc = EXIT_UNKNOWN;

    if ((!o->watched || take_watched(o, w) == 0) && read_servers(o, &r) == 0)
        rc = report(o, &r);
    for (i = 0; i < o->targets.count; i++)
        scan_watched_release(&w[i]);
    free(w);
    scan_report_release(&r);
    for (i = 0; i < r.servers; i++)
        scan_server_release(&r.server[i]);
    free(r.server);
    return rc;
}

static int run(const struct cmd *self, int as_mha, int argc, char **argv)
{
    struct scan_options o;
    struct err e = {0};
    int rc = scan_options_take(&o, self, as_mha, argc, argv);

    (void)log_setup(NULL, LOG_LEVEL_ERROR, NULL, 0, NULL);
    if (rc == 0) {
        rc = EXIT_UNKNOWN;
        if (db_library_init(&e) != 0)
            complain(&e);
        else
            rc = scan(&o);
        db_library_end();
    }
    scan_options_release(&o);
    return rc < 0 ? EXIT_UNKNOWN : rc == SCAN_ANSWERED ? 0 : rc;
}

const struct cmd cmd_scan = {
    .verb = "scan",
    .brief = "Looks for AUTO_INCREMENT columns that run out",
    .run = run,
};
