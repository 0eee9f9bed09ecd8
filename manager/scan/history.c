/* History; see history.h. SQLite's integers are signed: a value is kept with its top bit turned,
 * which keeps the order. */
#include "manager/scan/history.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LAYOUT        1
#define BUSY_MS       10000
#define DAY_S         86400
#define LOADED_DAYS   29
#define TOP_BIT       (UINT64_C(1) << 63)
#define WATCHED_USAGE 0.3
#define WATCHED_DAYS  365

static const char make_layout[] =
    "CREATE TABLE series (id INTEGER PRIMARY KEY, grp TEXT NOT NULL, sch TEXT NOT NULL,"
    " tab TEXT NOT NULL, col TEXT NOT NULL, kind INTEGER NOT NULL, class TEXT NOT NULL,"
    " level INTEGER NOT NULL, watched INTEGER NOT NULL, first_s INTEGER NOT NULL,"
    " last_s INTEGER NOT NULL,"
    " UNIQUE (grp, sch, tab, col, kind));"
    "CREATE TABLE sample (series INTEGER NOT NULL, at_s INTEGER NOT NULL, value INTEGER NOT NULL,"
    " PRIMARY KEY (series, at_s)) WITHOUT ROWID;"
    "CREATE TABLE run (at_s INTEGER NOT NULL, grp TEXT NOT NULL, server TEXT NOT NULL,"
    " answer INTEGER NOT NULL, took_ms INTEGER NOT NULL, tables INTEGER NOT NULL,"
    " columns INTEGER NOT NULL, error TEXT NOT NULL);"
    "CREATE INDEX run_by_group ON run (grp, at_s);"
    "CREATE TABLE tidied (at_s INTEGER NOT NULL);"
    "INSERT INTO tidied VALUES (0);"
    "PRAGMA user_version = 1;";

enum statement {
    FIND,
    LOAD,
    ADD,
    TOUCH,
    DROP_HOUR,
    SAMPLE,
    RUN_BEFORE,
    RUN,
    WATCHED,
    KNOWN,
    STATEMENTS
};

static const char *const texts[STATEMENTS] = {
    [FIND] = "SELECT id, level FROM series WHERE grp = ?1 AND sch = ?2 AND tab = ?3 AND col = ?4"
             " AND kind = ?5",
    [LOAD] = "SELECT at_s, value FROM sample WHERE series = ?1 AND at_s >= ?2 AND at_s < ?3"
             " ORDER BY at_s",
    [ADD] = "INSERT INTO series (grp, sch, tab, col, kind, class, level, watched, first_s,"
            " last_s) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?9, ?8, ?8)",
    [TOUCH] = "UPDATE series SET level = ?2, last_s = ?3, class = ?4, watched = ?5 WHERE id = ?1",
    [DROP_HOUR] = "DELETE FROM sample WHERE series = ?1 AND at_s >= ?2 AND at_s <= ?3",
    [SAMPLE] = "INSERT OR REPLACE INTO sample VALUES (?1, ?2, ?3)",
    [RUN_BEFORE] = "SELECT tables FROM run WHERE grp = ?1 AND answer = 2 ORDER BY at_s DESC"
                   " LIMIT 1",
    [RUN] = "INSERT INTO run VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [WATCHED] = "SELECT DISTINCT sch, tab FROM series WHERE grp = ?1 AND watched = 1"
                " ORDER BY sch, tab",
    [KNOWN] = "SELECT 1 FROM series WHERE grp = ?1 LIMIT 1",
};

struct scan_history {
    sqlite3 *db;
    sqlite3_stmt *stmt[STATEMENTS];
    char path[1024];
};

static int failed(const struct scan_history *h, struct err *e)
{
    int rc = h->db ? sqlite3_extended_errcode(h->db) & 0xff : SQLITE_NOMEM;
    const char *text = h->db ? sqlite3_errmsg(h->db) : "out of memory";

    if (rc == SQLITE_NOTADB || rc == SQLITE_CORRUPT)
        return err_set(e, ERR_IO,
                       "the history %s is damaged (%s): move it away, and a new one is begun",
                       h->path, text);
    return err_set(e, ERR_IO, "the history %s: %s", h->path, text);
}

static int run_text(struct scan_history *h, const char *text, struct err *e)
{
    return sqlite3_exec(h->db, text, NULL, NULL, NULL) == SQLITE_OK ? 0 : failed(h, e);
}

static int one_number(struct scan_history *h, const char *text, int64_t *out, struct err *e)
{
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(h->db, text, -1, &s, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_step(s);
    if (rc == SQLITE_ROW)
        *out = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return rc == SQLITE_ROW ? 0 : failed(h, e);
}

/* Layouts follow one another; each step is a transaction of its own. */
static int bring_up_to_date(struct scan_history *h, struct err *e)
{
    int64_t layout = 0;

    if (one_number(h, "PRAGMA user_version", &layout, e) != 0)
        return -1;
    if (layout > LAYOUT)
        return err_set(e, ERR_IO,
                       "the history %s has layout %" PRId64 ", and this program knows %d: it was"
                       " written by a newer one",
                       h->path, layout, LAYOUT);
    if (layout == LAYOUT)
        return 0;
    if (run_text(h, "BEGIN IMMEDIATE", e) != 0)
        return -1;
    if (one_number(h, "PRAGMA user_version", &layout, e) == 0 &&
        (layout == LAYOUT || run_text(h, make_layout, e) == 0))
        return run_text(h, "COMMIT", e);
    scan_history_rollback(h);
    return -1;
}

int scan_history_open(struct scan_history **out, const char *path, struct err *e)
{
    struct scan_history *h = mem_zalloc(sizeof(*h));
    int i, ok;

    *out = NULL;
    snprintf(h->path, sizeof(h->path), "%s", path);
    ok = sqlite3_open_v2(path, &h->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) ==
         SQLITE_OK;
    if (ok) {
        sqlite3_busy_timeout(h->db, BUSY_MS);
        ok = sqlite3_exec(h->db,
                          "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;"
                          " PRAGMA synchronous = NORMAL",
                          NULL, NULL, NULL) == SQLITE_OK;
    }
    if (!ok)
        failed(h, e);
    else
        ok = bring_up_to_date(h, e) == 0;
    for (i = 0; ok && i < STATEMENTS; i++)
        if (sqlite3_prepare_v3(h->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT, &h->stmt[i], NULL) !=
            SQLITE_OK)
            ok = failed(h, e) == 0;
    if (!ok) {
        scan_history_close(&h);
        return -1;
    }
    *out = h;
    return 0;
}

void scan_history_close(struct scan_history **h)
{
    int i;

    if (!*h)
        return;
    for (i = 0; i < STATEMENTS; i++)
        sqlite3_finalize((*h)->stmt[i]);
    sqlite3_close((*h)->db);
    free(*h);
    *h = NULL;
}

int scan_history_begin(struct scan_history *h, struct err *e)
{
    return run_text(h, "BEGIN IMMEDIATE", e);
}

int scan_history_commit(struct scan_history *h, struct err *e)
{
    return run_text(h, "COMMIT", e);
}

void scan_history_rollback(struct scan_history *h)
{
    (void)sqlite3_exec(h->db, "ROLLBACK", NULL, NULL, NULL);
}

static void bind_text(sqlite3_stmt *s, int at, const char *text)
{
    sqlite3_bind_text(s, at, text, -1, SQLITE_STATIC);
}

/* Groups, not servers: the master may be another one tomorrow. */
static void bind_name(sqlite3_stmt *s, const struct scan_finding *f)
{
    bind_text(s, 1, f->server->group);
    bind_text(s, 2, f->column->schema);
    bind_text(s, 3, f->column->table);
    bind_text(s, 4, f->column->column);
    sqlite3_bind_int(s, 5, (int)f->column->kind);
}

static int done(struct scan_history *h, enum statement which, struct err *e)
{
    int rc = sqlite3_step(h->stmt[which]);

    if (rc != SQLITE_DONE)
        failed(h, e);
    sqlite3_reset(h->stmt[which]);
    return rc == SQLITE_DONE ? 0 : -1;
}

static int find(struct scan_history *h, const struct scan_finding *f, struct scan_kept *k,
                struct err *e)
{
    sqlite3_stmt *s = h->stmt[FIND];
    int rc;

    k->series = 0;
    k->n = 0;
    k->before = SCAN_UNJUDGED;
    bind_name(s, f);
    rc = sqlite3_step(s);
    if (rc == SQLITE_ROW) {
        int level = sqlite3_column_int(s, 1);

        k->series = sqlite3_column_int64(s, 0);
        if (level >= SCAN_UNJUDGED && level <= SCAN_CRITICAL)
            k->before = (enum scan_level)level;
    } else if (rc != SQLITE_DONE) {
        failed(h, e);
    }
    sqlite3_reset(s);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : -1;
}

static void add_point(struct scan_kept *k, int64_t at_s, uint64_t value)
{
    if (k->n == k->cap) {
        size_t cap = k->cap ? 2 * k->cap : 256;
        struct scan_point *more = mem_alloc(cap * sizeof(*more));

        if (k->n)
            memcpy(more, k->p, k->n * sizeof(*more));
        free(k->p);
        k->p = more;
        k->cap = cap;
    }
    k->p[k->n++] = (struct scan_point){at_s, value};
}

int scan_history_load(struct scan_history *h, const struct scan_finding *f, int all, int64_t now_s,
                      struct scan_kept *k, struct err *e)
{
    sqlite3_stmt *s = h->stmt[LOAD];
    int rc = SQLITE_DONE;

    if (find(h, f, k, e) != 0)
        return -1;
    if (k->series) {
        sqlite3_bind_int64(s, 1, k->series);
        sqlite3_bind_int64(s, 2, all ? 0 : now_s - LOADED_DAYS * DAY_S);
        sqlite3_bind_int64(s, 3, now_s);
        while ((rc = sqlite3_step(s)) == SQLITE_ROW)
            add_point(k, sqlite3_column_int64(s, 0),
                      (uint64_t)sqlite3_column_int64(s, 1) ^ TOP_BIT);
        if (rc != SQLITE_DONE)
            failed(h, e);
        sqlite3_reset(s);
    }
    add_point(k, now_s, f->column->counter.next);
    return rc == SQLITE_DONE ? 0 : -1;
}

/* Worth a look more often than all others. */
static int is_watched(const struct scan_finding *f)
{
    return f->level > SCAN_FINE || f->usage >= WATCHED_USAGE ||
           (f->days_known && f->days < WATCHED_DAYS);
}

static int add_series(struct scan_history *h, const struct scan_finding *f, int64_t now_s,
                      int64_t *series, struct err *e)
{
    sqlite3_stmt *s = h->stmt[ADD];

    bind_name(s, f);
    bind_text(s, 6, scan_column_class(f->column));
    sqlite3_bind_int(s, 7, (int)f->level);
    sqlite3_bind_int64(s, 8, now_s);
    sqlite3_bind_int(s, 9, is_watched(f));
    if (done(h, ADD, e) != 0)
        return -1;
    *series = sqlite3_last_insert_rowid(h->db);
    return 0;
}

static int touch_series(struct scan_history *h, const struct scan_finding *f, int64_t now_s,
                        int64_t series, struct err *e)
{
    sqlite3_stmt *s = h->stmt[TOUCH];

    sqlite3_bind_int64(s, 1, series);
    sqlite3_bind_int(s, 2, (int)f->level);
    sqlite3_bind_int64(s, 3, now_s);
    bind_text(s, 4, scan_column_class(f->column));
    sqlite3_bind_int(s, 5, is_watched(f));
    return done(h, TOUCH, e);
}

int scan_history_keep(struct scan_history *h, const struct scan_finding *f, int64_t series,
                      int64_t now_s, struct err *e)
{
    sqlite3_stmt *s;
    int rc = series ? touch_series(h, f, now_s, series, e) : add_series(h, f, now_s, &series, e);

    if (rc != 0 || f->column->state != SCAN_MEASURED)
        return rc;
    s = h->stmt[DROP_HOUR];
    sqlite3_bind_int64(s, 1, series);
    sqlite3_bind_int64(s, 2, now_s - now_s % 3600);
    sqlite3_bind_int64(s, 3, now_s);
    if (done(h, DROP_HOUR, e) != 0)
        return -1;
    s = h->stmt[SAMPLE];
    sqlite3_bind_int64(s, 1, series);
    sqlite3_bind_int64(s, 2, now_s);
    sqlite3_bind_int64(s, 3, (sqlite3_int64)(f->column->counter.next ^ TOP_BIT));
    return done(h, SAMPLE, e);
}

int scan_history_keep_run(struct scan_history *h, const struct scan_server *v, int64_t now_s,
                          uint64_t *tables_before, struct err *e)
{
    sqlite3_stmt *s = h->stmt[RUN_BEFORE];

    *tables_before = 0;
    bind_text(s, 1, v->group);
    if (sqlite3_step(s) == SQLITE_ROW)
        *tables_before = (uint64_t)sqlite3_column_int64(s, 0);
    sqlite3_reset(s);
    s = h->stmt[RUN];
    sqlite3_bind_int64(s, 1, now_s);
    bind_text(s, 2, v->group);
    bind_text(s, 3, v->name);
    sqlite3_bind_int(s, 4, (int)v->answer);
    sqlite3_bind_int64(s, 5, v->took_ms);
    sqlite3_bind_int64(s, 6, (sqlite3_int64)v->tables);
    sqlite3_bind_int64(s, 7, (sqlite3_int64)v->columns);
    bind_text(s, 8, v->error);
    return done(h, RUN, e);
}

static int is_known(struct scan_history *h, const char *group)
{
    sqlite3_stmt *s = h->stmt[KNOWN];
    int known;

    bind_text(s, 1, group);
    known = sqlite3_step(s) == SQLITE_ROW;
    sqlite3_reset(s);
    return known;
}

int scan_history_watched(struct scan_history *h, const char *group, struct scan_watched *out,
                         struct err *e)
{
    sqlite3_stmt *s = h->stmt[WATCHED];
    size_t cap = 0;
    int rc;

    memset(out, 0, sizeof(*out));
    if (is_known(h, group)) {
        cap = 64;
        out->table = mem_alloc(cap * sizeof(*out->table));
    }
    bind_text(s, 1, group);
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        if (out->count == cap) {
            struct scan_table *more;

            cap = cap ? 2 * cap : 64;
            more = mem_alloc(cap * sizeof(*more));
            if (out->count)
                memcpy(more, out->table, out->count * sizeof(*more));
            free(out->table);
            out->table = more;
        }
        out->table[out->count].schema =
            scan_text(&out->texts, (const char *)sqlite3_column_text(s, 0));
        out->table[out->count++].table =
            scan_text(&out->texts, (const char *)sqlite3_column_text(s, 1));
    }
    if (rc != SQLITE_DONE)
        failed(h, e);
    sqlite3_reset(s);
    return rc == SQLITE_DONE ? 0 : -1;
}

void scan_watched_release(struct scan_watched *w)
{
    free(w->table);
    scan_texts_release(&w->texts);
    memset(w, 0, sizeof(*w));
}

/* The last sample of each bucket stays. */
static int thin(struct scan_history *h, int64_t from_s, int64_t to_s, int bucket_s, struct err *e)
{
    char text[512];

    snprintf(text, sizeof(text),
             "DELETE FROM sample WHERE at_s >= %" PRId64 " AND at_s < %" PRId64
             " AND EXISTS (SELECT 1 FROM sample later WHERE later.series = sample.series"
             " AND later.at_s > sample.at_s AND later.at_s / %d = sample.at_s / %d)",
             from_s, to_s, bucket_s, bucket_s);
    return run_text(h, text, e);
}

static int drop_before(struct scan_history *h, int64_t at_s, struct err *e)
{
    char text[512];

    snprintf(text, sizeof(text),
             "DELETE FROM sample WHERE at_s < %" PRId64 ";"
             "DELETE FROM run WHERE at_s < %" PRId64 ";"
             "DELETE FROM series WHERE last_s < %" PRId64,
             at_s, at_s, at_s);
    return run_text(h, text, e);
}

static int bytes_of(struct scan_history *h, int64_t *bytes, struct err *e)
{
    int64_t pages = 0, free_pages = 0, size = 0;

    if (one_number(h, "PRAGMA page_count", &pages, e) != 0 ||
        one_number(h, "PRAGMA freelist_count", &free_pages, e) != 0 ||
        one_number(h, "PRAGMA page_size", &size, e) != 0)
        return -1;
    *bytes = (pages - free_pages) * size;
    return 0;
}

/* The oldest half of what there is goes, until it fits; the last month stays in any case. */
static int shorten(struct scan_history *h, int64_t now_s, int64_t max_bytes, struct err *e)
{
    int64_t bytes = 0, oldest = 0;

    if (bytes_of(h, &bytes, e) != 0)
        return -1;
    while (bytes > max_bytes) {
        if (one_number(h, "SELECT coalesce(min(at_s), 0) FROM sample", &oldest, e) != 0)
            return -1;
        if (oldest == 0 || now_s - oldest <= LOADED_DAYS * DAY_S)
            break;
        if (drop_before(h, now_s - (now_s - oldest) / 2, e) != 0 || bytes_of(h, &bytes, e) != 0)
            return -1;
    }
    return 0;
}

int scan_history_tidy(struct scan_history *h, int64_t now_s, int64_t max_bytes, struct err *e)
{
    int64_t last = 0, bytes = 0;
    char text[64];

    if (one_number(h, "SELECT at_s FROM tidied", &last, e) != 0 || bytes_of(h, &bytes, e) != 0)
        return -1;
    if (now_s - last < DAY_S && bytes <= max_bytes)
        return 0;
    snprintf(text, sizeof(text), "UPDATE tidied SET at_s = %" PRId64, now_s);
    if (scan_history_begin(h, e) != 0)
        return -1;
    if (thin(h, last - 15 * DAY_S, now_s - 2 * DAY_S, 21600, e) != 0 ||
        thin(h, last - 30 * DAY_S, now_s - 14 * DAY_S, DAY_S, e) != 0 ||
        drop_before(h, now_s - 730 * (int64_t)DAY_S, e) != 0 ||
        shorten(h, now_s, max_bytes, e) != 0 || run_text(h, text, e) != 0) {
        scan_history_rollback(h);
        return -1;
    }
    if (scan_history_commit(h, e) != 0)
        return -1;
    return run_text(h, "PRAGMA incremental_vacuum", e);
}
