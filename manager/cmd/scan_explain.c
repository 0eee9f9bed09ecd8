/* Columns in full; see scan_explain.h. */
#include "manager/cmd/scan_explain.h"

#include "common/clock.h"
#include "manager/scan/explain.h"
#include "manager/scan/history.h"

#include <stdlib.h>
#include <string.h>

/* One part of schema.table.column, plain or in backticks; *p goes behind it and its dot. */
static char *take_part(const char **p)
{
    struct buf part = BUF_INIT;
    const char *at = *p;

    if (*at == '`') {
        for (at++; *at && (*at != '`' || at[1] == '`'); at++) {
            at += *at == '`';
            buf_addc(&part, *at);
        }
        at += *at == '`';
    } else {
        for (; *at && *at != '.'; at++)
            buf_addc(&part, *at);
    }
    *p = at + (*at == '.');
    return buf_take(&part);
}

/* Globs in a name are letters here. */
static void add_literal(struct buf *out, const char *text)
{
    for (; *text; text++) {
        if (strchr("*?[\\", *text))
            buf_addc(out, '\\');
        buf_addc(out, *text);
    }
}

int scan_explain_prepare(struct scan_options *o, struct err *e)
{
    const char *p = o->explain;

    o->name.schema = take_part(&p);
    o->name.table = take_part(&p);
    o->name.column = take_part(&p);
    if (!*o->name.schema || !*o->name.table || *p)
        return err_set(e, ERR_CONFIG, "--explain: \"%s\" is not schema.table.column", o->explain);
    add_literal(&o->name_glob, o->name.schema);
    o->one_schema = o->name_glob.data;
    o->ask.schemas = &o->one_schema;
    o->ask.schema_count = 1;
    o->ask.children = 1;
    return 0;
}

static int is_it(const struct scan_options *o, const struct scan_finding *f)
{
    const struct scan_column *c = f->column;

    return strcmp(c->schema, o->name.schema) == 0 && strcmp(c->table, o->name.table) == 0 &&
           (!*o->name.column || strcmp(c->column, o->name.column) == 0);
}

/* A history that cannot be read has been told already. */
static void load(const struct scan_options *o, const struct scan_report *r,
                 const struct scan_finding *f, struct scan_kept *k)
{
    struct scan_history *h = NULL;
    struct err ignored;

    if (!o->history || scan_history_open(&h, o->history, &ignored) != 0)
        return;
    if (scan_history_load(h, f, 1, r->now_s, k, &ignored) != 0)
        k->n = 0;
    scan_history_close(&h);
}

static int read_family(const struct scan_options *o, const struct scan_report *r,
                       const struct scan_finding *f, struct scan_family *family, struct err *e)
{
    const struct scan_target *t = &o->targets.target[f->server - r->server];
    struct scan_server again = {0};
    int64_t deadline_ms = clock_mono_ms() + o->timeout_s * 1000;
    struct sql s = {0};
    size_t i;
    int rc = t->open(t->arg, &s, &again, deadline_ms, e);

    if (rc == 0)
        rc = sql_scan_session(&s, o->ask.statement_ms, deadline_ms, e);
    if (rc == 0)
        rc = scan_family_read(&s, f, family, deadline_ms, e);
    sql_close(&s);
    for (i = 0; i < r->findings; i++) {
        const struct scan_finding *child = &r->finding[i];
        struct buf source = BUF_INIT;

        buf_addf(&source, "%s.%s", f->column->schema, f->column->table);
        if (child->server == f->server && child->column->kind == SCAN_CHILD &&
            strcmp(child->column->source, source.data) == 0)
            scan_family_add_found(family, child);
        buf_release(&source);
    }
    return rc;
}

static int explain_one(const struct scan_options *o, const struct scan_report *r,
                       const struct scan_finding *f)
{
    struct scan_family family = {0};
    struct scan_kept k = {0};
    struct buf out = BUF_INIT;
    struct err e = {0};
    int rc = read_family(o, r, f, &family, &e);

    if (rc != 0)
        fprintf(stderr, "kagemusha scan: %s: %s\n", f->server->name, e.text);
    load(o, r, f, &k);
    scan_print_explain(f, &family, k.p, k.n, &out);
    fputs(out.data, stdout);
    buf_release(&out);
    free(k.p);
    scan_family_release(&family);
    return rc;
}

int scan_explain(const struct scan_options *o, const struct scan_report *r)
{
    size_t found = 0, i;
    int failed = 0, worst = 0;

    for (i = 0; i < r->servers; i++)
        if (r->server[i].answer != SCAN_COMPLETE) {
            fprintf(stderr, "kagemusha scan: %s: %s\n", r->server[i].name, r->server[i].error);
            failed = 1;
        }
    for (i = 0; i < r->findings; i++) {
        const struct scan_finding *f = &r->finding[i];
        int grade = f->ignored || f->level < SCAN_FINE ? 0 : (int)f->level - (int)SCAN_FINE;

        if (!is_it(o, f))
            continue;
        if (found++)
            putchar('\n');
        failed |= explain_one(o, r, f) != 0;
        worst = grade > worst ? grade : worst;
    }
    if (!found)
        fprintf(stderr, "kagemusha scan: no server has an AUTO_INCREMENT column %s\n", o->explain);
    return worst == 2 ? 2 : failed || !found ? 3 : worst;
}
