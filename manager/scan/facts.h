/* What a scan saw: servers and their counting columns, as facts without a judgement. Knows no SQL.
 */
#ifndef KAGEMUSHA_SCAN_FACTS_H
#define KAGEMUSHA_SCAN_FACTS_H

#include "manager/scan/limit.h"

#include <stddef.h>

/* Texts that live as long as what owns them; never given back one by one. */
struct scan_texts {
    struct scan_block *last;
};
const char *scan_text(struct scan_texts *t, const char *text); /* NULL becomes "" */
void scan_texts_release(struct scan_texts *t);

enum scan_kind {
    SCAN_AUTO,     /* an AUTO_INCREMENT column */
    SCAN_SEQUENCE, /* a MariaDB SEQUENCE; column is "" */
    SCAN_NEXTVAL,  /* a column whose default is NEXTVAL of a sequence */
    SCAN_CHILD     /* a column that holds another table's ids and is narrower than they are */
};

enum scan_state {
    SCAN_UNREADABLE, /* the server does not let us see the value */
    SCAN_MEASURED,
    SCAN_UNUSED,    /* no value given yet: the server shows NULL */
    SCAN_PER_GROUP, /* MyISAM and kin count per group of leading key columns */
    SCAN_CYCLES     /* a sequence that begins anew */
};

struct scan_column {
    const char *schema, *table, *column;
    const char *type_text; /* COLUMN_TYPE as the server writes it */
    const char *engine;
    const char *source; /* "schema.table" whose values it holds (NEXTVAL, CHILD), else "" */
    enum scan_kind kind;
    enum scan_state state;
    enum scan_type type;
    int is_unsigned;
    int declared; /* CHILD: by a foreign key, not by its name alone */
    struct scan_counter counter;
};

enum scan_answer {
    SCAN_FAILED,  /* nothing was read; error says why */
    SCAN_PARTIAL, /* what stands in column is right, but not all; error says why and how to mend it
                   */
    SCAN_COMPLETE
};

struct scan_server {
    char name[300]; /* "host:port", for people */
    char group[128];
    char version[128];
    enum scan_answer answer;
    char error[1024];
    long long took_ms;
    uint64_t increment, offset;
    size_t schemas, tables; /* visible; tables: in the schemas that were read */
    struct scan_column *column;
    size_t columns, columns_cap;
    struct scan_texts texts;
};

/* A new zeroed column at the end; valid until the next call. */
struct scan_column *scan_server_add(struct scan_server *s);
void scan_server_release(struct scan_server *s);

/* "int_signed", "bigint_unsigned", "float", "sequence", "logical_fk": the fixed words by which
 * dashboards divide. */
const char *scan_column_class(const struct scan_column *c);
/* By schema, table, column, kind; bytes, not letters. For qsort. */
int scan_column_cmp(const void *a, const void *b);

#endif
