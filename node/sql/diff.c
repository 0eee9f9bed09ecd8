/* The relay-log difference of two replicas; see diff.h. */
#include "node/sql/diff.h"

#include "common/clock.h"
#include "common/run.h"
#include "node/extract/extract.h"
#include "node/tools/save.h"
#include "node/tools/tools.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SSH_OPTIONS                                                                                \
    "-o StrictHostKeyChecking=accept-new -o PasswordAuthentication=no -o BatchMode=yes"
#define SEND_MS (24LL * 3600 * 1000) /* of any size; ssh itself notices a host that is gone */
#define SAY_MAX 2048u

/* Where the diff begins. */
struct place {
    size_t file;
    uint64_t offset;
    struct binpos start;
};

/* The name of the master's file is in the relay logs, or else it is the one that the last event
 * belongs to. */
static int locate(const struct diff *d, struct place *out, struct err *e)
{
    struct extract_ask ask = {.kind = EXTRACT_RELAY_LOGS, .files = &d->logs, .after = d->target};
    size_t last = extract_files_count(&d->logs) - 1;
    struct stat st;

    if (d->latest.file[0] && stat(extract_files_path(&d->logs, last), &st) == 0) {
        snprintf(ask.relay_file, sizeof(ask.relay_file), "%s", extract_files_name(&d->logs, last));
        ask.relay_pos = (uint64_t)st.st_size;
        ask.relay_at = d->latest;
    }
    return extract_locate(&ask, &out->file, &out->offset, &out->start, e);
}

int diff_find(const struct diff *d, struct err *e)
{
    struct place at;

    return locate(d, &at, e);
}

/* Told in front of the events: where they lie. A file's head may lie between, which is no event. */
static void name_of(const struct diff *d, const struct place *at, struct binpos *out)
{
    *out = at->start;
    if (strcmp(at->start.file, d->target.file) != 0)
        out->pos = BINLOG_MAGIC_BYTES;
}

static int save_from(const struct diff *d, const struct place *at, struct save_result *out,
                     struct err *e)
{
    struct extract_files rest = EXTRACT_FILES_INIT;
    struct binpos named;
    int fd = tool_create(d->output, e), rc = fd < 0 ? -1 : 0;

    name_of(d, at, &named);
    for (size_t i = at->file; rc == 0 && i < extract_files_count(&d->logs); i++)
        rc = extract_files_add(&rest, extract_files_path(&d->logs, i), -1, e);
    if (rc == 0)
        rc = save_events(&rest, at->offset, &named, fd, out, e);
    if (fd >= 0 && close(fd) && rc == 0)
        rc = err_errno(e, ERR_IO, "cannot write %s", d->output);
    extract_files_release(&rest);
    return rc;
}

int diff_generate(const struct diff *d, struct err *e)
{
    struct save_result result;
    struct place at;
    char start[BINPOS_FILE_BYTES + 24];
    int rc = locate(d, &at, e);

    if (rc <= 0)
        return rc;
    printf(" Target relay log file/position found. start_file:%s, start_pos:%llu (%s of the "
           "master).\n",
           extract_files_name(&d->logs, at.file), (unsigned long long)at.offset,
           binpos_print(&at.start, start, sizeof(start)));
    if (save_from(d, &at, &result, e))
        return -1;
    printf(" Concat succeeded: %llu events, %llu bytes into %s.\n",
           (unsigned long long)result.events, (unsigned long long)result.bytes, d->output);
    return 1;
}

static void add_login(struct buf *b, const struct diff_to *to, const char *after)
{
    buf_adds(b, " ");
    run_quote(b, to->user);
    buf_adds(b, "@");
    run_quote(b, to->host);
    buf_adds(b, after);
}

/* mkdir and scp, as MHA's node does. */
static void put_command(struct buf *b, const char *path, const struct diff_to *to)
{
    const char *options = to->ssh_options ? to->ssh_options : "";
    int is_ipv6 = strchr(to->host, ':') != NULL;
    struct diff_to bracketed = *to;
    struct buf dir = BUF_INIT, inner = BUF_INIT, host = BUF_INIT;

    buf_addf(&dir, "%.*s", (int)(strrchr(path, '/') - path), path);
    buf_adds(&inner, "mkdir -p ");
    run_quote(&inner, dir.data);
    buf_addf(&host, is_ipv6 ? "[%s]" : "%s", to->host);
    bracketed.host = host.data;
    buf_addf(b, "ssh %s %s -p %d", SSH_OPTIONS, options, to->port);
    add_login(b, to, " ");
    run_quote(b, inner.data);
    buf_addf(b, " && scp -q %s %s -P %d ", SSH_OPTIONS, options, to->port);
    run_quote(b, path);
    add_login(b, &bracketed, ":");
    run_quote(b, path);
    buf_release(&dir);
    buf_release(&inner);
    buf_release(&host);
}

int diff_send(const char *path, const struct diff_to *to, struct err *e)
{
    struct buf command = BUF_INIT, said = BUF_INIT;
    struct run run = {.deadline_ms = clock_mono_ms() + SEND_MS, .output_max = SAY_MAX};
    struct run_result result;
    int rc;

    if (path[0] != '/')
        return err_set(e, ERR_CONFIG, "%s must be an absolute path: it is that on %s too", path,
                       to->host);
    put_command(&command, path, to);
    run.shell = command.data;
    rc = run_wait(&run, &said, &result, e);
    if (rc == 0 && (!result.exited || result.exit_code != 0))
        rc = err_set(e, ERR_IO, "cannot copy %s to %s@%s: %.300s", path, to->user, to->host,
                     said.data);
    if (rc == 0)
        printf(" scp %s to %s@%s(%d) succeeded.\n", path, to->user, to->host, to->port);
    buf_release(&command);
    buf_release(&said);
    return rc;
}
