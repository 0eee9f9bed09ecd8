/* What a site wants of its columns: thresholds, and rules by server, schema, table and column. Read
 * from a file of sections; knows nothing of values. */
#ifndef KAGEMUSHA_SCAN_RULES_H
#define KAGEMUSHA_SCAN_RULES_H

#include "common/buf.h"
#include "common/err.h"
#include "manager/scan/facts.h"

#include <stdint.h>

struct scan_thresholds {
    double warn_usage, crit_usage; /* share of the range, 0 to 1 */
    double warn_days, crit_days;
};
#define SCAN_THRESHOLDS_DEFAULT                                                                    \
    {                                                                                              \
        0.70, 0.85, 180, 30                                                                        \
    }

struct scan_rule {
    const char *group, *server, *schema, *table, *column; /* globs, NULL: any */
    const char *owner, *reason;                           /* "" when not told */
    int ignore;
    int64_t until_s;              /* an ignore's end, exclusive; 0: none */
    uint64_t limit;               /* of the application, 0: the column's own */
    struct scan_thresholds level; /* a member below 0: not told */
    int line;
};

struct scan_rules {
    struct scan_thresholds level; /* [defaults] */
    struct scan_rule *rule;
    size_t rules;
    struct scan_texts texts;
};

/* text: sections [defaults] and [rule]; see docs/scanner.md. ERR_CONFIG with name, line, key and
 * what to write instead. */
int scan_rules_parse(struct scan_rules *r, const char *name, const char *text, struct err *e);
void scan_rules_release(struct scan_rules *r);

/* The first rule that fits, or NULL. */
const struct scan_rule *scan_rules_find(const struct scan_rules *r, const struct scan_server *s,
                                        const struct scan_column *c);

#endif
