/* A position in a binary log: file name and offset. File names compare by their number, so that
 * mysql-bin.999999 < mysql-bin.1000000 (MHA compares them as text). */
#ifndef KAGEMUSHA_BINPOS_H
#define KAGEMUSHA_BINPOS_H

#include "common/err.h"

#include <stddef.h>
#include <stdint.h>

#define BINPOS_FILE_BYTES 256

struct binpos {
    char file[BINPOS_FILE_BYTES]; /* without directory; "" means no position */
    uint64_t pos;
};

/* <0, 0, >0. Different base names compare as text; no position is less than any other. */
int binpos_cmp(const struct binpos *a, const struct binpos *b);
/* The number behind the last dot, or -1. */
int64_t binpos_number(const char *file);
/* "mysql-bin.000007:1234"; ERR_FORMAT otherwise. */
int binpos_parse(const char *text, struct binpos *out, struct err *e);
/* Prints the same; "none" for no position. out holds BINPOS_FILE_BYTES + 24 bytes. */
const char *binpos_print(const struct binpos *p, char *out, size_t size);
/* Bytes from a to b when both are in one file, else -1. */
int64_t binpos_gap(const struct binpos *a, const struct binpos *b);

#endif
