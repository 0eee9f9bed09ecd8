/* Log files for people; see show.h. */
#include "node/extract/show.h"

#include "common/args.h"
#include "node/binlog/reader.h"
#include "node/binlog/relay.h"
#include "node/binlog/trx.h"
#include "node/extract/summary.h"

#include <stdio.h>

static const char *role_text(int role)
{
    static const char *const texts[] = {
        [TRX_OUTSIDE] = "outside", [TRX_OPENS] = "opens", [TRX_CONTINUES] = "continues",
        [TRX_CLOSES] = "closes",   [TRX_WHOLE] = "whole",
    };

    return texts[role];
}

static const char *end_text(enum binlog_end_kind kind)
{
    static const char *const texts[] = {
        [BINLOG_END_OPEN] = "open",           [BINLOG_END_CLEAN] = "clean",
        [BINLOG_END_TORN] = "torn",           [BINLOG_END_CORRUPT] = "corrupt",
        [BINLOG_END_ENCRYPTED] = "encrypted", [BINLOG_END_FOREIGN] = "foreign",
    };

    return texts[kind];
}

/* offset, end, type, role, flags, server, log_pos, GTID; of relay logs the master's coordinates. */
static void show_event(const struct binlog_event *ev, int role, const struct trx_scan *trx,
                       const struct relay_place *place, const struct relay_walk *walk)
{
    struct buf gtid = BUF_INIT;
    char type[24], where[BINPOS_FILE_BYTES + 64] = "";

    if (role == TRX_OPENS || role == TRX_WHOLE)
        binlog_gtid_text(&trx->gtid, &gtid);
    if (place)
        snprintf(where, sizeof(where), " %s:%llu-%llu%s", walk->at.file,
                 (unsigned long long)place->start, (unsigned long long)place->end,
                 place->gap    ? " gap"
                 : place->hole ? " hole"
                               : "");
    printf("%llu %llu %s %s %04x %u %u %s%s\n", (unsigned long long)ev->offset,
           (unsigned long long)ev->offset + ev->length, binlog_type_text(ev->type, type),
           role_text(role), ev->flags, ev->server_id, ev->log_pos, gtid.len ? gtid.data : "-",
           where);
    buf_release(&gtid);
}

static int show_file(const char *path, int is_relay, struct trx_scan *trx, struct relay_walk *walk,
                     struct err *e)
{
    struct binlog_reader r;
    struct binlog_event ev;
    struct relay_place place;
    int rc, role, kind;

    if (binlog_open(&r, path, 1, e))
        return -1;
    while ((rc = binlog_next(&r, &ev, e)) > 0) {
        kind = is_relay ? relay_feed(walk, &ev, &r.format, &place, e) : RELAY_SKIP;
        role = trx_feed(trx, &ev, e);
        if (kind < 0 || role < 0) {
            rc = -1;
            break;
        }
        show_event(&ev, role, trx, kind == RELAY_EVENT ? &place : NULL, walk);
    }
    if (rc == 0)
        printf("%s: %s at %llu of %llu%s%s\n", path, end_text(r.end.kind),
               (unsigned long long)r.end.offset, (unsigned long long)r.size,
               r.end.why[0] ? ": " : "", r.end.why);
    rc = rc == 0 && r.end.kind != BINLOG_END_CLEAN ? 1 : rc;
    binlog_close(&r);
    return rc;
}

static int show_events(int count, char **paths, int is_relay)
{
    struct trx_scan trx;
    struct relay_walk walk;
    struct err e = {0};
    int status = 0;

    trx_init(&trx);
    relay_init(&walk);
    for (int i = 0; i < count; i++) {
        int rc = show_file(paths[i], is_relay, &trx, &walk, &e);

        status |= rc != 0;
        if (rc < 0)
            fprintf(stderr, "kagemusha-node binlog: %s\n", e.text);
    }
    trx_release(&trx);
    return status;
}

static int show_summary(int count, char **paths)
{
    struct extract_files files = EXTRACT_FILES_INIT;
    struct summary s = {0};
    struct buf out = BUF_INIT;
    struct err e = {0};
    int rc = 0;

    for (int i = 0; i < count && rc == 0; i++)
        rc = extract_files_add(&files, paths[i], -1, &e);
    if (rc == 0)
        rc = summary_read(&files, NULL, 1, &s, &e);
    if (rc == 0) {
        summary_json(&s, &out);
        puts(out.data);
        rc = s.end.kind != BINLOG_END_CLEAN;
    } else {
        fprintf(stderr, "kagemusha-node binlog: %s\n", e.text);
    }
    summary_release(&s);
    extract_files_release(&files);
    buf_release(&out);
    return rc != 0;
}

int binlog_show_main(int argc, char **argv)
{
    int events = 0, relay = 0, summary = 0;
    const struct args_option table[] = {
        {"events",  ARGS_FLAG, &events,  NULL, "a line per event"                    },
        {"relay",   ARGS_FLAG, &relay,   NULL, "relay logs: the master's coordinates"},
        {"summary", ARGS_FLAG, &summary, NULL, "what binlogs hold, as JSON"          },
        {NULL,      ARGS_FLAG, NULL,     NULL, NULL                                  },
    };
    struct err e = {0};

    if (args_parse(&argc, argv, table, ARGS_UNKNOWN_ERROR, &e) || argc < 2 ||
        events + summary != 1) {
        fprintf(stderr, "kagemusha-node binlog: %s\n",
                e.code ? e.text : "say --events or --summary, and name files");
        return 1;
    }
    if (summary)
        return show_summary(argc - 1, argv + 1);
    return show_events(argc - 1, argv + 1, relay);
}
