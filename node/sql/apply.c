/* Giving a replica what files hold; see apply.h. Events are never turned into text: the replica's
 * own SQL thread applies them, at the master's coordinates (decision 17). */
#include "node/sql/apply.h"

#include "common/clock.h"
#include "common/file.h"
#include "common/sql_catchup.h"
#include "common/sql_repl.h"
#include "node/extract/stream.h"
#include "node/instance.h"
#include "node/replay/replay.h"
#include "node/replay/spool.h"
#include "node/sql/sql_tools.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_MS 10000
#define STOP_MS    120000 /* of threads; the IO thread may be in a connect to a dead host */
#define SLICE_MS   1000
#define STALL_MS   60000 /* without progress, and no thread at work */
#define SAY_MS     10000

/* One apply while it runs. */
struct applying {
    const struct apply *a;
    struct sql sql;
    struct sql_channels *channels;
    struct sql_channel *channel; /* of them; as it was */
    struct sql_server server;
    struct sql_catchup saved;
    struct extract_report report;
    struct spool spool;
    int pointed;        /* the replica has been pointed at the replay server */
    int applier_failed; /* its SQL thread stopped with an error meanwhile */
};

static struct replay replay = {.listener = -1, .lock = PTHREAD_MUTEX_INITIALIZER};
static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

static int64_t soon(void)
{
    return clock_mono_ms() + SQL_TOOL_MS;
}

static int read_channel(struct applying *w, struct err *e)
{
    sql_channels_release(w->channels);
    if (sql_read_channels(&w->sql, w->channels, soon(), e))
        return -1;
    w->channel = &w->channels->item[0];
    if (w->channels->count == 1 && w->channel->master_host[0])
        return 0;
    return err_set(e, ERR_WORLD, "the server at %s:%d %s", w->a->server.host, w->a->server.port,
                   w->channels->count > 1 ? "has several replication channels"
                                          : "is not a replica");
}

static int look(struct applying *w, struct err *e)
{
    if (sql_open(&w->sql, &w->a->server, clock_mono_ms() + CONNECT_MS, e) || read_channel(w, e) ||
        sql_read_server(&w->sql, &w->server, soon(), e) ||
        sql_catchup_save(&w->sql, w->channel->name, &w->saved, soon(), e))
        return -1;
    if (w->saved.auto_position ||
        (w->saved.using_gtid[0] && strcasecmp(w->saved.using_gtid, "No") != 0))
        return err_set(
            e, ERR_WORLD,
            "the server at %s:%d follows by GTID: point it at the replica that is ahead, "
            "and it asks for what it lacks by itself",
            w->a->server.host, w->a->server.port);
    return 0;
}

static struct extract *open_parts(struct applying *w, struct err *e)
{
    struct extract_ask ask = {
        .kind = EXTRACT_RELAY_LOGS, .files = &w->a->parts, .after = w->channel->exec, .parts = 1};

    extract_report_release(&w->report);
    return extract_open(&ask, &w->report, e);
}

static int to_spool(void *arg, const void *bytes, size_t len, struct err *e)
{
    struct spool *s = arg;

    s->bytes += len;
    return file_write_all(s->fd, bytes, len, e);
}

/* A CHANGE deletes relay logs: what was received must be in the parts. */
static int check_received(const struct applying *w, struct err *e)
{
    char received[BINPOS_FILE_BYTES + 24], reached[BINPOS_FILE_BYTES + 24];

    if (binpos_cmp(&w->report.reached, &w->channel->read) >= 0)
        return 0;
    return err_set(e, ERR_WORLD,
                   "the replica has received all up to %s, and the files end at %s: start its SQL "
                   "thread, and apply when that has executed its relay logs",
                   binpos_print(&w->channel->read, received, sizeof(received)),
                   binpos_print(&w->report.reached, reached, sizeof(reached)));
}

/* 1: there is something to apply. */
static int fill_spool(struct applying *w, struct err *e)
{
    unsigned char digest[STREAM_DIGEST_BYTES];
    struct extract *x;
    int rc = spool_open(&w->spool, w->a->workdir, e);

    x = rc == 0 ? open_parts(w, e) : NULL;
    rc = x ? stream_write(x, to_spool, &w->spool, digest, e) : -1;
    extract_close(x);
    if (rc || check_received(w, e))
        return -1;
    printf(" %llu transactions, %llu bytes of log, up to %s:%llu of the master.\n",
           (unsigned long long)w->report.transactions, (unsigned long long)w->report.bytes,
           w->report.end.file, (unsigned long long)w->report.end.pos);
    if (w->report.is_cut)
        printf(" A transaction that begins at %s:%llu has no end and is left out.\n",
               w->report.cut.file, (unsigned long long)w->report.cut.pos);
    fflush(stdout);
    return w->report.transactions > 0;
}

/* Admitted is the process that listens on the replica's port, by its user. */
static int begin_serving(struct applying *w, struct err *e)
{
    struct node_target t = {.port = w->a->server.port};
    struct node_instance *mysqld = mem_zalloc(sizeof(*mysqld));
    struct replay_ask *ask = &replay.ask;
    pid_t pid;

    node_instance_find(&t, mysqld);
    pid = mysqld->pid;
    ask->peer_uid = mysqld->uid;
    free(mysqld);
    if (!pid)
        return err_set(e, ERR_DENIED,
                       "cannot find the process that listens on port %d (run as root, or as the "
                       "user that mysqld runs as)",
                       t.port);
    ask->any_password = 1;
    ask->server_id = sql_catchup_server_id(w->channel->master_server_id, w->server.server_id);
    ask->replica_server_id = w->server.server_id;
    snprintf(ask->uuid, sizeof(ask->uuid), "%s", w->channel->master_uuid);
    snprintf(ask->replica_uuid, sizeof(ask->replica_uuid), "%s", w->server.uuid);
    snprintf(ask->gtid_mode, sizeof(ask->gtid_mode), "%s", w->server.gtid_mode);
    ask->use_sha2 =
        w->sql.version.family == FAMILY_MYSQL && version_at_least(&w->sql.version, 8, 0, 4);
    ask->after = w->channel->exec;
    return replay_begin(&replay, w->spool.path, w->spool.bytes, e);
}

static int point(struct applying *w, struct err *e)
{
    struct binpos exec = w->channel->exec;
    struct sql_catchup_to to = {.host = SQL_CATCHUP_HOST, .port = replay.port, .from = &exec};
    const char *name = w->saved.channel;

    if (read_channel(w, e))
        return -1;
    if (binpos_cmp(&exec, &w->channel->exec) != 0)
        return err_set(e, ERR_WORLD, "the replica has gone on meanwhile; try again");
    w->pointed = 1;
    return sql_catchup_point(&w->sql, &w->saved, &to, soon(), e) ||
                   sql_start_replica(&w->sql, name, soon(), e)
               ? -1
               : 0;
}

/* How far it is. */
struct progress {
    uint64_t sent;
    struct binpos exec;
};

static int judge(struct applying *w, struct progress *was, int64_t *moved_ms, int64_t *said_ms,
                 struct err *e)
{
    int64_t now_ms = clock_mono_ms();
    struct progress now = {.sent = atomic_load(&replay.sent)};
    int idle;

    if (interrupted)
        return err_set(e, ERR_WORLD, "interrupted");
    if (read_channel(w, e))
        return -1;
    now.exec = w->channel->exec;
    idle = sql_workers_idle(&w->sql, soon(), e);
    if (idle < 0)
        return -1;
    if (!idle || now.sent != was->sent || binpos_cmp(&now.exec, &was->exec) != 0)
        *moved_ms = now_ms;
    *was = now;
    if (now_ms - *said_ms >= SAY_MS) {
        *said_ms = now_ms;
        printf(" %llu of %llu bytes sent, executed up to %s:%llu\n", (unsigned long long)now.sent,
               (unsigned long long)w->report.bytes, now.exec.file,
               (unsigned long long)now.exec.pos);
        fflush(stdout);
    }
    if (now_ms - *moved_ms < STALL_MS)
        return 0;
    pthread_mutex_lock(&replay.lock);
    err_set(e, ERR_TIMEOUT, "the replica does not move: %s",
            replay.text[0] ? replay.text : w->channel->io_error);
    pthread_mutex_unlock(&replay.lock);
    return -1;
}

static int wait_applied(struct applying *w, struct err *e)
{
    int64_t moved_ms = clock_mono_ms(), said_ms = moved_ms;
    struct progress was = {0};

    for (;;) {
        int done = 0;

        if (sql_wait_position(&w->sql, w->saved.channel, &w->report.end, clock_mono_ms() + SLICE_MS,
                              &done, e))
            return -1;
        if (done)
            return 0;
        if (judge(w, &was, &moved_ms, &said_ms, e))
            return -1;
    }
}

/* With several workers MySQL takes no CHANGE when one of them failed (error 1802): what it could
 * not apply stays in its relay logs then. */
static int put_back(struct applying *w, int failed, int was_io, int was_sql, struct err *e)
{
    const char *name = w->saved.channel;
    struct sql_catchup_to to = {.host = NULL};
    int rc = sql_stop_replica(&w->sql, name, clock_mono_ms() + STOP_MS, e);

    if (rc == 0)
        rc = read_channel(w, e);
    if (rc == 0 && w->pointed) {
        to.from = failed ? &w->channel->read : &w->channel->exec;
        to.relay = failed ? &w->channel->relay : NULL;
        rc = sql_catchup_restore(&w->sql, &w->saved, &to, soon(), e);
    }
    if (rc == 0 && w->pointed)
        rc = sql_set_relay_log_purge(&w->sql, w->server.relay_log_purge, soon(), e);
    if (rc == 0 && was_sql && !w->applier_failed)
        rc = sql_start_sql(&w->sql, name, soon(), e);
    if (rc == 0 && was_io && !w->applier_failed)
        rc = sql_start_io(&w->sql, name, soon(), e);
    return rc;
}

static int catch_up(struct applying *w, struct err *e)
{
    struct err back = {0};
    int was_io = w->channel->io_running, was_sql = w->channel->sql_running;
    int rc = sql_stop_replica(&w->sql, w->saved.channel, clock_mono_ms() + STOP_MS, e);

    if (rc == 0)
        rc = point(w, e);
    if (rc == 0)
        rc = wait_applied(w, e);
    w->applier_failed =
        rc < 0 && w->pointed && read_channel(w, &back) == 0 && w->channel->sql_errno;
    if (w->applier_failed)
        e->code = ERR_SQL;
    if (put_back(w, rc < 0, was_io, was_sql, &back) == 0)
        return rc;
    if (rc == 0)
        *e = back;
    return err_wrap(e, "replication settings are not put back (they are for %s:%d; %.150s)",
                    w->saved.host, w->saved.port, back.text);
}

static int run(struct applying *w, struct err *e)
{
    int rc = look(w, e);

    if (rc == 0)
        rc = fill_spool(w, e);
    if (rc <= 0 || w->a->only_look)
        return rc < 0 ? -1 : 0;
    return begin_serving(w, e) || catch_up(w, e) ? -1 : 0;
}

int apply_parts(const struct apply *a, struct err *e)
{
    struct applying *w = mem_zalloc(sizeof(*w));
    struct sigaction act = {.sa_handler = on_signal};
    int rc;

    *w = (struct applying){.a = a, .spool = SPOOL_INIT};
    w->channels = mem_zalloc(sizeof(*w->channels));
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    sigaction(SIGHUP, &act, NULL);
    signal(SIGPIPE, SIG_IGN);
    rc = run(w, e);
    sql_close(&w->sql);
    sql_channels_release(w->channels);
    free(w->channels);
    extract_report_release(&w->report);
    spool_release(&w->spool);
    free(w);
    return rc;
}
