/* What an account may see of other people's tables, read from its SHOW GRANTS lines. Pure. */
#ifndef KAGEMUSHA_SCAN_GRANTS_H
#define KAGEMUSHA_SCAN_GRANTS_H

#include "common/buf.h"

/* information_schema shows a table's columns and counter only to who has SELECT, INSERT, UPDATE or
 * REFERENCES on it; others get no error, but no rows. */
struct scan_grants {
    int all;            /* on *.* */
    char grantee[400];  /* "'scan'@'10.%'", "" before the first line */
    struct buf schemas; /* patterns as the server keeps them, a NUL behind each: granted */
    struct buf revoked; /* names, likewise: partial revokes of MySQL */
};
#define SCAN_GRANTS_INIT                                                                           \
    {                                                                                              \
        0, "", BUF_INIT, BUF_INIT                                                                  \
    }

/* Takes one line of SHOW GRANTS. Lines that say nothing of visibility are skipped. */
void scan_grants_add(struct scan_grants *g, const char *line);
/* 1 when every table of the schema is seen. */
int scan_grants_cover(const struct scan_grants *g, const char *schema);
void scan_grants_release(struct scan_grants *g);

#endif
