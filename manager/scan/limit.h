/* How far a column can count: integer types, their last value, and what is left. Pure; every number
 * is an exact 64-bit one. */
#ifndef KAGEMUSHA_SCAN_LIMIT_H
#define KAGEMUSHA_SCAN_LIMIT_H

#include <stdint.h>

enum scan_type {
    SCAN_TYPE_UNKNOWN,
    SCAN_TINYINT,
    SCAN_SMALLINT,
    SCAN_MEDIUMINT,
    SCAN_INT,
    SCAN_BIGINT,
    SCAN_FLOAT,
    SCAN_DOUBLE
};

/* From DATA_TYPE ("int"). */
enum scan_type scan_type_parse(const char *data_type);
/* From COLUMN_TYPE ("int(5) unsigned zerofill"): the word may stand anywhere, zerofill implies it.
 */
int scan_type_is_unsigned(const char *column_type);
/* "INT UNSIGNED": for an ALTER. */
const char *scan_type_sql(enum scan_type t, int is_unsigned);
/* The next wider type, or SCAN_TYPE_UNKNOWN when there is none but the unsigned one. */
enum scan_type scan_type_wider(enum scan_type t);

/* The last value an AUTO_INCREMENT column of the type hands out, 0 for an unknown type. BIGINT
 * UNSIGNED ends at 2^64-2: 2^64-1 is the server's own mark for "no value". FLOAT and DOUBLE end
 * where they stop telling neighbours apart. */
uint64_t scan_limit(enum scan_type t, int is_unsigned);

/* A counter: the server gives next, or the first value behind it that is offset modulo step. */
struct scan_counter {
    uint64_t next;      /* the smallest value that may be given next; may stand above limit */
    uint64_t limit;     /* the last value that can be given */
    uint64_t first;     /* where counting begins: 1, a sequence's minimum */
    uint64_t step;      /* auto_increment_increment; 0 counts as 1 */
    uint64_t offset;    /* auto_increment_offset; ignored when above step */
    int stops_at_limit; /* InnoDB of MySQL: next == limit is what a full column shows */
};
/* 1 when no value is left, or when that cannot be told from one left. */
int scan_counter_full(const struct scan_counter *c);
/* How many values are left. */
uint64_t scan_counter_left(const struct scan_counter *c);
/* How far next may still move: limit - next + 1, 0 when full; 2^64-1 where that is too small. */
uint64_t scan_counter_distance(const struct scan_counter *c);
/* The share of the range that is used: 0 when nothing was given, 1 when full, above 1 when the
 * counter was set beyond the limit. */
double scan_counter_usage(const struct scan_counter *c);

#endif
