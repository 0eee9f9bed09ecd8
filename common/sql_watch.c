/* What only the watch loop asks of a server; see sql_status.h. */
#include "common/sql_status.h"

#include <stdio.h>

static const char read_index[] =
    "SELECT @@GLOBAL.log_bin_index AS index_file, @@GLOBAL.datadir AS datadir";

int sql_read_binlog_index(struct sql *s, char *out, size_t size, int64_t deadline_ms, struct err *e)
{
    const char *index, *datadir;
    struct db_rows *r;

    out[0] = '\0';
    if (db_query(s->db, read_index, deadline_ms, &r, e) != 0)
        return err_wrap(e, "read the name of the binlog index");
    index = db_rows_get(r, 0, "index_file", NULL);
    datadir = db_rows_get(r, 0, "datadir", NULL);
    if (index && *index == '/')
        snprintf(out, size, "%s", index);
    else if (index && *index && datadir)
        snprintf(out, size, "%s/%s", datadir, index);
    db_rows_free(&r);
    return 0;
}

int sql_read_relay_logs(struct sql *s, struct sql_relay_logs *out, int64_t deadline_ms,
                        struct err *e)
{
    static const char text[] =
        "SELECT @@GLOBAL.relay_log_basename AS base, @@GLOBAL.datadir AS datadir";
    const char *base, *datadir;
    struct db_rows *r;

    out->base[0] = out->datadir[0] = '\0';
    if (db_query(s->db, text, deadline_ms, &r, e) != 0)
        return err_wrap(e, "read where the relay logs are");
    base = db_rows_get(r, 0, "base", NULL);
    datadir = db_rows_get(r, 0, "datadir", NULL);
    if (!datadir)
        datadir = "";
    snprintf(out->datadir, sizeof(out->datadir), "%s", datadir);
    if (base && *base)
        snprintf(out->base, sizeof(out->base), "%s%s%s", *base == '/' ? "" : datadir,
                 *base == '/' ? "" : "/", base);
    db_rows_free(&r);
    return 0;
}

int sql_set_idle_limit(struct sql *s, int seconds, int64_t deadline_ms, struct err *e)
{
    char text[80];

    snprintf(text, sizeof(text), "SET SESSION wait_timeout = %d", seconds);
    if (db_query(s->db, text, deadline_ms, NULL, e) != 0)
        return err_wrap(e, "session settings");
    return 0;
}
