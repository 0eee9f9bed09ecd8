/* What an old master has that the group has not. With GTIDs both servers are asked; by position the
 * journal of the operation that replaced it tells up to where the group has its binlog. */
#include "common/clock.h"
#include "common/file.h"
#include "common/sql_freeze.h"
#include "manager/act/journal.h"
#include "manager/act/rejoin_run.h"
#include "manager/decide/rejoin.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SQL_MS     5000
#define TAIL_MS    60000
#define REPORT_MAX (4u << 20)

static struct sql *sql_of(struct rejoin_run *r, int host)
{
    return &r->g->host[host].sql;
}

static int compare_states(struct rejoin_run *r, struct err *e)
{
    struct buf mine = BUF_INIT, theirs = BUF_INIT;
    int64_t deadline_ms = clock_mono_ms() + SQL_MS;
    int rc = -1;
    if (sql_read_binlog_state(sql_of(r, r->host), &mine, deadline_ms, e) == 0 &&
        sql_read_binlog_state(sql_of(r, r->master), &theirs, deadline_ms, e) == 0)
        rc = rejoin_errant_mariadb(mine.data, theirs.data, &r->errant, e);
    buf_release(&mine);
    buf_release(&theirs);
    return rc;
}

/* What came by a channel that is not the group's is nobody's loss. */
static void only_here(struct rejoin_run *r, const struct gtid_set *mine,
                      const struct gtid_set *theirs)
{
    struct gtid_set foreign = topo_view(r->seen, r->seen->host[r->host].foreign);
    struct gtid_set extra = GTID_INIT;
    gtid_minus(&extra, mine, theirs);
    gtid_minus(&r->errant, &extra, &foreign);
    gtid_release(&extra);
}

static int compare_gtids(struct rejoin_run *r, struct err *e)
{
    struct sql_gtids mine = {0}, theirs = {0};
    int64_t deadline_ms = clock_mono_ms() + SQL_MS;
    int rc = -1;
    if (sql_read_gtids(sql_of(r, r->host), &mine, deadline_ms, e) == 0 &&
        sql_read_gtids(sql_of(r, r->master), &theirs, deadline_ms, e) == 0) {
        if (r->mode == MODE_MARIADB_GTID)
            rc = compare_states(r, e);
        else
            rc = (only_here(r, &mine.executed, &theirs.executed), 0);
        gtid_minus(&r->common, &mine.executed, &r->errant);
        gtid_copy(&r->target, &theirs.executed);
    }
    sql_gtids_release(&mine);
    sql_gtids_release(&theirs);
    return rc;
}

static int take_place(struct json_object *o, const char *key, struct binpos *out)
{
    const char *text = json_get_str(o, key, "");
    struct err e;
    return *text && strcmp(text, "none") != 0 && binpos_parse(text, out, &e) == 0;
}

/* A failover's report has where the new master opened as the text of a step. */
static int take_opening(struct json_object *report, struct binpos *out)
{
    struct json_object *steps;
    int found = 0;
    if (!json_object_object_get_ex(report, "steps", &steps))
        return 0;
    for (size_t i = 0; i < json_object_array_length(steps); i++) {
        struct json_object *s = json_object_array_get_idx(steps, i);
        if (strcmp(json_get_str(s, "word", ""), "read-position") == 0)
            found = take_place(s, "text", out);
    }
    return found;
}

/* How far the new master was in the dead one's log, with what was rescued for it from there. */
static int take_reached(struct json_object *report, struct binpos *out)
{
    struct json_object *loss;
    return json_object_object_get_ex(report, "loss", &loss) && take_place(loss, "reached", out);
}

/* 1 when the report is that of the operation that replaced the host, by a master that is still it.
 */
static int take_report(struct rejoin_run *r, const char *path)
{
    struct buf text = BUF_INIT;
    struct json_object *o = NULL;
    struct err e;
    const char *host = topo_label(r->seen, r->host), *master = topo_label(r->seen, r->master);
    int rc = 0;
    if (file_read(path, &text, REPORT_MAX, &e) == 0 &&
        json_parse(text.data, text.len, &o, &e) == 0 &&
        strcmp(json_get_str(o, "new_master", ""), master) == 0) {
        if (strcmp(json_get_str(o, "dead", ""), host) == 0)
            rc = take_reached(o, &r->end) && take_opening(o, &r->begin);
        else if (strcmp(json_get_str(o, "old_master", ""), host) == 0)
            rc = take_place(o, "old_end", &r->end) && take_place(o, "new_begin", &r->begin);
    }
    json_object_put(o);
    buf_release(&text);
    return rc;
}

/* The newest first: directories are named by their time. */
static int find_report(struct rejoin_run *r, struct err *e)
{
    char base[JOURNAL_PATH_BYTES], path[JOURNAL_PATH_BYTES + 300];
    struct dirent **list = NULL;
    int found = 0;
    if (journal_base(r->g->conf, base, sizeof base, e) < 0)
        return -1;
    int n = scandir(base, &list, NULL, alphasort);
    for (int i = n - 1; i >= 0; i--) {
        snprintf(path, sizeof path, "%s/%s/report.json", base, list[i]->d_name);
        found = found || (list[i]->d_name[0] != '.' && take_report(r, path));
        free(list[i]);
    }
    free(list);
    if (found)
        return 0;
    return err_set(e, ERR_WORLD,
                   "by file and position only the journal tells up to where the group has the "
                   "binlog of %s, and %s has none of the operation that replaced it by %s: make it "
                   "anew from a copy",
                   topo_label(r->seen, r->host), base, topo_label(r->seen, r->master));
}

/* What lies behind that end in its own binlogs, as its agent counts it. */
static int count_behind(struct rejoin_run *r, struct err *e)
{
    struct group_host *h = &r->g->host[r->host];
    struct json_object *req, *reply = NULL;
    if (!h->agent || !agent_alive(h->agent))
        return err_set(e, ERR_WORLD, "no agent on %s can read its binlogs: %s",
                       topo_label(r->seen, r->host), h->agent_err.text);
    req = rejoin_ask(r, e);
    if (!req || agent_call(h->agent, "tail", req, &reply, clock_mono_ms() + TAIL_MS, e) < 0)
        return -1;
    int rc = 0;
    if (json_get_bool(reply, "readable", 0))
        r->errant_transactions = json_get_u64(reply, "transactions", 0);
    else
        rc = err_set(e, ERR_WORLD, "the binlogs of %s cannot be read: %s",
                     topo_label(r->seen, r->host), json_get_str(reply, "text", "no reason given"));
    json_object_put(reply);
    return rc;
}

int rejoin_compare(struct rejoin_run *r, struct err *e)
{
    if (r->mode != MODE_POSITION)
        return compare_gtids(r, e);
    return find_report(r, e) < 0 ? -1 : count_behind(r, e);
}
