/* GTID sets as values: MySQL's "uuid[:tag]:1-5:7, ..." and MariaDB's "domain-server-sequence, ...".
 * One representation serves both: sorted, merged ranges under a key. MySQL's key is uuid + tag;
 * MariaDB's key is the domain, a position domain-server-seq being the range 1..seq whose last
 * transaction came from server. So "contains", "minus" and "union" mean the same for both families.
 * Pure. */
#ifndef KAGEMUSHA_GTID_H
#define KAGEMUSHA_GTID_H

#include "common/buf.h"
#include "common/err.h"

#include <stdint.h>

#define GTID_TAG_BYTES 33        /* 32 characters and a NUL (MySQL 8.3+) */
#define GTID_TEXT_MAX  (1 << 20) /* a longer text is an error */

enum gtid_kind { GTID_NONE, GTID_MYSQL, GTID_MARIADB };

struct gtid_range {
    unsigned char
        uuid[16]; /* MariaDB: the domain in the first four bytes, big endian, the rest 0 */
    char tag[GTID_TAG_BYTES]; /* lower case; "" for none */
    uint32_t server_id;       /* MariaDB: who wrote transaction `last`; MySQL: 0 */
    uint64_t first, last;     /* both inclusive */
};

struct gtid_set {
    enum gtid_kind kind; /* GTID_NONE: empty */
    struct gtid_range *range;
    size_t count;
    size_t cap; /* 0: range is borrowed or NULL */
};

#define GTID_INIT                                                                                  \
    {                                                                                              \
        GTID_NONE, NULL, 0, 0                                                                      \
    }

void gtid_release(struct gtid_set *s); /* leaves it empty */

/* Reads either syntax; white space and newlines between items are skipped, upper case accepted,
 * empty text is the empty set. Overwrites s (which must be initialised). ERR_FORMAT names the item.
 * The family follows from the text. */
int gtid_parse(struct gtid_set *s, const char *text, struct err *e);
/* Canonical text, as the server prints it, on one line. What a MariaDB server cannot say, a range
 * that does not begin at 1 (a difference), is printed and read as 0-1-51..100. */
void gtid_print(const struct gtid_set *s, struct buf *out);

/* to becomes a copy; it must be initialised. */
void gtid_copy(struct gtid_set *to, const struct gtid_set *from);
/* The first range decides the family of an empty set: MariaDB when it has a server_id. */
void gtid_add(struct gtid_set *s, const struct gtid_range *r);
/* A set of the other family is left out. */
void gtid_union(struct gtid_set *s, const struct gtid_set *more);
/* out = a without b; out is initialised and distinct from both. */
void gtid_minus(struct gtid_set *out, const struct gtid_set *a, const struct gtid_set *b);
int gtid_contains(const struct gtid_set *a, const struct gtid_set *b); /* b lies within a */
/* MariaDB: the last writers must be the same too, so that parted histories are never equal. */
int gtid_equal(const struct gtid_set *a, const struct gtid_set *b);
uint64_t gtid_count(const struct gtid_set *s); /* transactions */

/* MariaDB: 1 when a and b name the same sequence number of a domain with different servers:
 * histories that parted. */
int gtid_conflict(const struct gtid_set *a, const struct gtid_set *b);
/* Only the ranges under one uuid (MySQL); text form of the uuid as the server prints it. */
void gtid_of_uuid(struct gtid_set *out, const struct gtid_set *s, const char *uuid);

#endif
