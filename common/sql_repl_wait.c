/* Waiting until a replica has applied something; see sql_repl.h. Each wait at the server is at most
 * a second long, so that the deadline and a stopped SQL thread are seen. */
#include "common/sql_repl.h"

#include "common/clock.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define SLICE_S      "1"
#define SLICE_MS     1000
#define SLICE_END_MS 200 /* what an answer may take beyond its slice */
/* A question's own deadline: a slow answer must not cost the session, and the locks with it. */
#define QUESTION_MS 2000

/* The shortest pause while the rest of the time is less than a slice. */
#define POLL_MIN_MS 1
#define POLL_MAX_MS 10

/* What is waited for: a position or a set, that a channel is to bring. */
struct wait {
    const char *channel;
    const struct binpos *position;
    const struct gtid_set *set;
    const char *check; /* MySQL with a set: a query whose column n is 1 when it is reached */
    const char *slice; /* a query that waits SLICE_S */
};

static int same_channel(const struct db_rows *r, size_t i, const char *channel)
{
    static const char *const names[] = {"Channel_Name", "Connection_name", NULL};
    const char *name = db_rows_any(r, i, names);

    return strcasecmp(name ? name : "", channel) == 0;
}

/* The applied position of a row of replica status. */
static void take_exec(const struct db_rows *r, size_t i, struct binpos *out)
{
    static const char *const file[] = {"Relay_Source_Log_File", "Relay_Master_Log_File", NULL};
    const char *name = db_rows_any(r, i, file);

    memset(out, 0, sizeof(*out));
    snprintf(out->file, sizeof(out->file), "%s", name ? name : "");
    out->pos =
        db_rows_u64(r, i, "Exec_Source_Log_Pos", db_rows_u64(r, i, "Exec_Master_Log_Pos", 0));
}

static int sql_thread_ok(const struct db_rows *r, size_t i, struct err *e)
{
    static const char *const running[] = {"Replica_SQL_Running", "Slave_SQL_Running", NULL};
    const char *yes = db_rows_any(r, i, running), *text = db_rows_get(r, i, "Last_SQL_Error", NULL);
    int code = (int)db_rows_int(r, i, "Last_SQL_Errno", 0);

    if (yes && strcasecmp(yes, "Yes") == 0)
        return 0;
    if (code == 0)
        return err_set(e, ERR_WORLD, "the SQL thread is not running");
    err_set(e, ERR_WORLD, "the SQL thread stopped with error %d: %s", code, text ? text : "");
    if (e)
        e->server_errno = code;
    return -1;
}

/* Whether a position is applied, and whether the SQL threads that should get there are running. One
 * reading serves both. */
static int look(struct sql *s, const struct wait *w, int64_t deadline_ms, int *done, struct err *e)
{
    struct db_rows *r;
    struct binpos exec;
    size_t i, seen = 0;
    int rc = 0;

    if (db_query(s->db, s->dialect->show_replica_status, deadline_ms, &r, e) != 0)
        return -1;
    for (i = 0; rc == 0 && i < db_rows_count(r); i++) {
        if (!same_channel(r, i, w->channel))
            continue;
        seen++;
        take_exec(r, i, &exec);
        if (w->position && binpos_cmp(&exec, w->position) >= 0)
            *done = 1;
        else
            rc = sql_thread_ok(r, i, e);
    }
    db_rows_free(&r);
    if (rc == 0 && seen == 0)
        rc = err_set(e, ERR_WORLD, "the server is not a replica");
    return rc;
}

static int query_flag(struct sql *s, const char *text, int64_t deadline_ms, int *flag,
                      struct err *e)
{
    struct db_rows *r;

    if (db_query(s->db, text, deadline_ms, &r, e) != 0)
        return -1;
    *flag = db_rows_int(r, 0, "n", 0) == 1;
    db_rows_free(&r);
    return 0;
}

/* MariaDB's own wait knows replicated transactions only: what the server wrote itself counts too.
 */
static int has_set(struct sql *s, const struct gtid_set *set, int64_t deadline_ms, int *done,
                   struct err *e)
{
    struct sql_gtids have = {GTID_INIT, GTID_INIT, GTID_INIT, GTID_INIT};
    int rc = sql_read_gtids(s, &have, deadline_ms, e);

    *done = rc == 0 && gtid_contains(&have.executed, set);
    sql_gtids_release(&have);
    return rc;
}

/* Asks in order: is it reached; if not, can it still be. */
static int reached(struct sql *s, const struct wait *w, int64_t deadline_ms, int *done,
                   struct err *e)
{
    *done = 0;
    if (w->check && query_flag(s, w->check, deadline_ms, done, e) != 0)
        return -1;
    if (w->set && !w->check && has_set(s, w->set, deadline_ms, done, e) != 0)
        return -1;
    return *done ? 0 : look(s, w, deadline_ms, done, e);
}

/* The answer of a slice is not looked at: the functions of different servers say "reached" and "not
 * running" in different ways, and the next look tells. One that came at once is followed by a
 * pause. */
static int wait_on(struct sql *s, const struct wait *w, int64_t deadline_ms, int *done,
                   struct err *e)
{
    int64_t pause_ms = POLL_MIN_MS;

    *done = 0;
    do {
        int64_t began_ms = clock_mono_ms();

        if (reached(s, w, began_ms + QUESTION_MS, done, e) != 0)
            return -1;
        if (*done)
            return 0;
        if (deadline_ms - began_ms > SLICE_MS + SLICE_END_MS) {
            if (db_query(s->db, w->slice, began_ms + SLICE_MS + QUESTION_MS, NULL, e) != 0)
                return -1;
            if (clock_mono_ms() - began_ms > POLL_MAX_MS)
                continue;
        }
        clock_sleep_ms(pause_ms);
        pause_ms = pause_ms * 2 < POLL_MAX_MS ? pause_ms * 2 : POLL_MAX_MS;
    } while (clock_mono_ms() < deadline_ms);
    return 0;
}

int sql_wait_position(struct sql *s, const char *channel, const struct binpos *p,
                      int64_t deadline_ms, int *done, struct err *e)
{
    struct buf file = BUF_INIT, number = BUF_INIT, last = BUF_INIT, slice = BUF_INIT;
    struct wait w = {.channel = channel, .position = p};
    char where[BINPOS_FILE_BYTES + 24];
    int rc;

    db_quote(&file, p->file);
    buf_addf(&number, "%llu", (unsigned long long)p->pos);
    buf_adds(&last, SLICE_S);
    if (*channel) {
        buf_adds(&last, ", ");
        db_quote(&last, channel);
    }
    buf_adds(&slice, "SELECT ");
    dialect_fill(&slice, s->dialect->wait_position,
                 (const char *const[]){file.data, number.data, last.data});
    w.slice = slice.data;
    rc = wait_on(s, &w, deadline_ms, done, e);
    buf_release(&file);
    buf_release(&number);
    buf_release(&last);
    buf_release(&slice);
    if (rc == 0)
        return 0;
    return err_wrap(e, "wait for %s", binpos_print(p, where, sizeof(where)));
}

int sql_wait_gtid(struct sql *s, const char *channel, const struct gtid_set *set,
                  int64_t deadline_ms, int *done, struct err *e)
{
    struct buf text = BUF_INIT, quoted = BUF_INIT, check = BUF_INIT, slice = BUF_INIT;
    struct wait w = {.channel = channel, .set = set};
    int rc;

    gtid_print(set, &text);
    db_quote(&quoted, text.data);
    buf_adds(&slice, "SELECT ");
    dialect_fill(&slice, s->dialect->wait_gtid, (const char *const[]){quoted.data, SLICE_S});
    w.slice = slice.data;
    if (s->version.family == FAMILY_MYSQL) {
        buf_addf(&check, "SELECT GTID_SUBSET(%s, @@GLOBAL.gtid_executed) AS n", quoted.data);
        w.check = check.data;
    }
    rc = wait_on(s, &w, deadline_ms, done, e);
    buf_release(&text);
    buf_release(&quoted);
    buf_release(&check);
    buf_release(&slice);
    return rc == 0 ? 0 : err_wrap(e, "wait for a GTID set");
}

/* The states of threads that wait for others; whatever else a thread of replication does is work.
 */
static int is_waiting(const char *state)
{
    static const char *const states[] = {"Waiting for an event from Coordinator",
                                         "Waiting for work from",
                                         "Replica has read all",
                                         "Slave has read all",
                                         "Waiting for source",
                                         "Waiting for master",
                                         "Connecting to",
                                         "Reconnecting after",
                                         "Waiting to reconnect"};

    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
        if (strncmp(state, states[i], strlen(states[i])) == 0)
            return 1;
    return *state == '\0';
}

int sql_workers_idle(struct sql *s, int64_t deadline_ms, struct err *e)
{
    struct db_rows *r;
    int idle = 1;

    if (db_query(s->db, "SHOW PROCESSLIST", deadline_ms, &r, e))
        return err_wrap(e, "look at the applier's workers");
    for (size_t i = 0; i < db_rows_count(r); i++) {
        const char *user = db_rows_get(r, i, "User", NULL);
        const char *state = db_rows_get(r, i, "State", NULL);

        if (user && strcmp(user, "system user") == 0)
            idle &= is_waiting(state ? state : "");
    }
    db_rows_free(&r);
    return idle;
}
