/* What a server's binlogs hold, in one answer, so that a manager can plan a rescue. */
#ifndef KAGEMUSHA_NODE_EXTRACT_SUMMARY_H
#define KAGEMUSHA_NODE_EXTRACT_SUMMARY_H

#include "common/binpos.h"
#include "common/gtid.h"
#include "node/binlog/reader.h"
#include "node/binlog/trx.h"
#include "node/extract/files.h"

#define SUMMARY_GTID_TEXT 4096 /* summary_json prints no longer set than that */

enum summary_stop { SUMMARY_STOP_UNKNOWN, SUMMARY_STOP_CLEAN, SUMMARY_STOP_CRASH };

struct summary {
    size_t files;
    struct binpos first; /* of the first event of the first file that can be read */
    struct binpos last;  /* end of the last file, torn bytes included */
    struct binpos
        clean_end;          /* behind the last event that is outside of a transaction or ends one */
    struct binpos last_trx; /* end of the last complete transaction in the files that were read;
                               "" if none */
    struct binlog_gtid last_gtid;
    int is_open; /* the last file ends amid a transaction */
    struct binlog_gtid open_gtid;
    struct binlog_end end;  /* of the last file */
    int in_use;             /* of the last file */
    enum summary_stop stop; /* the last file: a Stop event and not in use; in use; neither */
    char server_version[51];
    uint32_t server_id;
    struct gtid_set before; /* state before the first file */
    struct gtid_set gtids;  /* complete transactions outside of the given set */
    uint64_t transactions;  /* their number, without GTIDs: those of the files that were read */
    struct buf xa;          /* struct binlog_xid after struct binlog_xid: prepared ones, in the
                               files that were read */
};

/* Reads the heads of the files, and the last of them whole; with have, all files that may hold
 * transactions outside of it. files are binlogs of one server, in order. verify: check sums too.
 * out is initialised here; release it in any case. */
int summary_read(const struct extract_files *files, const struct gtid_set *have, int verify,
                 struct summary *out, struct err *e);
void summary_release(struct summary *s);
/* One JSON object on one line; sets longer than SUMMARY_GTID_TEXT are cut to their number. */
void summary_json(const struct summary *s, struct buf *out);

#endif
