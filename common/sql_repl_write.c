/* Writability and the named locks that guard it; see sql_repl.h. */
#include "common/sql_repl.h"

/* Decision 12: the guard is in the statement itself, so that a session which lost its lock changes
 * nothing. super_read_only comes first: it would keep read_only up. */
#define OWN_LOCK "IS_USED_LOCK('" SQL_LOCK_FAILOVER "') <=> CONNECTION_ID()"
static const char open_plain[] = "SET GLOBAL read_only = IF(" OWN_LOCK ", 0, @@GLOBAL.read_only)";
static const char open_super[] =
    "SET GLOBAL super_read_only = IF(" OWN_LOCK ", 0, @@GLOBAL.super_read_only),"
    " GLOBAL read_only = IF(" OWN_LOCK ", 0, @@GLOBAL.read_only)";
static const char read_back[] = "SELECT @@GLOBAL.read_only AS ro, " OWN_LOCK " AS held";
/* Decision 12: a manager that is cut off frees its locks within this time. */
static const char lock_session[] = "SET SESSION wait_timeout = 15";

int sql_set_super_read_only(struct sql *s, int on, int64_t deadline_ms, struct err *e)
{
    const char *text = on ? "SET GLOBAL super_read_only = 1" : "SET GLOBAL super_read_only = 0";

    if (!s->dialect->super_read_only && !on)
        return 0;
    if (!s->dialect->super_read_only)
        return err_set(e, ERR_WORLD, "%s has no super_read_only", s->dialect->name);
    return db_query(s->db, text, deadline_ms, NULL, e) == 0 ? 0 : err_wrap(e, "%s", text);
}

int sql_set_read_only(struct sql *s, int on, int64_t deadline_ms, struct err *e)
{
    const char *text = on ? "SET GLOBAL read_only = 1" : "SET GLOBAL read_only = 0";

    if (!on && sql_set_super_read_only(s, 0, deadline_ms, e) != 0)
        return -1;
    return db_query(s->db, text, deadline_ms, NULL, e) == 0 ? 0 : err_wrap(e, "%s", text);
}

int sql_open_for_writes(struct sql *s, int64_t deadline_ms, struct err *e)
{
    const char *text = s->dialect->super_read_only ? open_super : open_plain;
    int64_t read_only, held;
    struct db_rows *r;

    if (db_query(s->db, text, deadline_ms, NULL, e) != 0 ||
        db_query(s->db, read_back, deadline_ms, &r, e) != 0)
        return err_wrap(e, "open for writes");
    read_only = db_rows_int(r, 0, "ro", 1);
    held = db_rows_int(r, 0, "held", 0);
    db_rows_free(&r);
    if (held != 1)
        return err_set(e, ERR_WORLD, "open for writes: the failover lock is lost");
    if (read_only != 0)
        return err_set(e, ERR_WORLD, "open for writes: the server is still read_only");
    return 0;
}

/* Who holds a lock, for the message; what cannot be read is left out. */
static void name_holder(struct sql *s, uint64_t id, int64_t deadline_ms, struct buf *out)
{
    struct sql_sessions l;
    struct err ignored;
    size_t i;

    buf_addf(out, "connection %llu", (unsigned long long)id);
    if (sql_read_sessions(s, &l, deadline_ms, &ignored) != 0)
        return;
    for (i = 0; i < l.count; i++)
        if (l.item[i].id == id)
            buf_addf(out, " (%s from %s)", l.item[i].user, l.item[i].host);
    sql_sessions_release(&l);
}

/* Asked for only when it is not ours yet: since MySQL 5.7 a lock taken twice must be given back
 * twice. */
static int try_lock(struct sql *s, const char *name, int64_t deadline_ms, uint64_t *holder,
                    struct err *e)
{
    struct buf quoted = BUF_INIT, text = BUF_INIT;
    struct db_rows *r = NULL;
    int rc;

    db_quote(&quoted, name);
    buf_addf(&text,
             "SELECT IF(IS_USED_LOCK(%s) <=> CONNECTION_ID(), 1, GET_LOCK(%s, 0)) AS got,"
             " IS_USED_LOCK(%s) AS holder",
             quoted.data, quoted.data, quoted.data);
    rc = db_query(s->db, text.data, deadline_ms, &r, e);
    *holder = 0;
    if (rc == 0) {
        *holder = db_rows_u64(r, 0, "holder", 0);
        rc = (int)db_rows_int(r, 0, "got", -1);
        if (rc < 0)
            err_set(e, ERR_SQL, "the server could not say");
    }
    db_rows_free(&r);
    buf_release(&quoted);
    buf_release(&text);
    return rc;
}

int sql_lock(struct sql *s, const char *name, int64_t deadline_ms, struct err *e)
{
    struct buf who = BUF_INIT;
    uint64_t holder;
    int got;

    /* Before the lock: a holder that is stopped in between would keep it for a day. */
    if (db_query(s->db, lock_session, deadline_ms, NULL, e) != 0)
        return err_wrap(e, "take the lock %s", name);
    got = try_lock(s, name, deadline_ms, &holder, e);
    if (got == 1)
        return 0;
    if (got != 0)
        return err_wrap(e, "take the lock %s", name);
    name_holder(s, holder, deadline_ms, &who);
    err_set(e, ERR_WORLD, "the lock %s is held by %s", name, who.data);
    buf_release(&who);
    return -1;
}

int sql_lock_holder(struct sql *s, const char *name, struct buf *who, int64_t deadline_ms,
                    struct err *e)
{
    struct buf quoted = BUF_INIT, text = BUF_INIT;
    struct db_rows *r = NULL;
    uint64_t holder;
    int rc;

    db_quote(&quoted, name);
    dialect_fill(&text, "SELECT IS_USED_LOCK(%s) AS n", (const char *const[]){quoted.data});
    rc = db_query(s->db, text.data, deadline_ms, &r, e);
    holder = rc == 0 ? (uint64_t)db_rows_int(r, 0, "n", 0) : 0;
    db_rows_free(&r);
    if (holder)
        name_holder(s, holder, deadline_ms, who);
    buf_release(&quoted);
    buf_release(&text);
    return rc == 0 ? 0 : err_wrap(e, "lock %s", name);
}

/* One query with the quoted name in the place of %s; its column n goes to *n. */
static int ask_lock(struct sql *s, const char *shape, const char *name, int64_t deadline_ms, int *n,
                    struct err *e)
{
    struct buf quoted = BUF_INIT, text = BUF_INIT;
    struct db_rows *r = NULL;
    int rc;

    db_quote(&quoted, name);
    dialect_fill(&text, shape, (const char *const[]){quoted.data});
    rc = db_query(s->db, text.data, deadline_ms, &r, e);
    if (rc == 0)
        *n = db_rows_int(r, 0, "n", 0) == 1;
    db_rows_free(&r);
    buf_release(&quoted);
    buf_release(&text);
    return rc == 0 ? 0 : err_wrap(e, "lock %s", name);
}

int sql_unlock(struct sql *s, const char *name, int64_t deadline_ms, struct err *e)
{
    int released;

    return ask_lock(s, "SELECT RELEASE_LOCK(%s) AS n", name, deadline_ms, &released, e);
}

int sql_lock_held(struct sql *s, const char *name, int *held, int64_t deadline_ms, struct err *e)
{
    *held = 0;
    return ask_lock(s, "SELECT IS_USED_LOCK(%s) <=> CONNECTION_ID() AS n", name, deadline_ms, held,
                    e);
}
