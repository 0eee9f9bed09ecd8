/* Binary log positions; see binpos.h. */
#include "common/binpos.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Reads len digits; 0, or -1 when there is anything else or the number passes max. */
static int read_digits(const char *text, size_t len, uint64_t max, uint64_t *out)
{
    uint64_t n = 0;

    if (len == 0)
        return -1;
    for (size_t i = 0; i < len; i++) {
        unsigned digit = (unsigned char)text[i] - (unsigned)'0';

        if (digit > 9 || n > (max - digit) / 10)
            return -1;
        n = n * 10 + digit;
    }
    *out = n;
    return 0;
}

/* Where the number's dot stands, or the end of a name without number. */
static size_t base_length(const char *file, int64_t number)
{
    const char *dot = number < 0 ? NULL : strrchr(file, '.');

    return dot ? (size_t)(dot - file) : strlen(file);
}

int64_t binpos_number(const char *file)
{
    const char *dot = strrchr(file, '.');
    uint64_t n;

    if (!dot || read_digits(dot + 1, strlen(dot + 1), INT64_MAX, &n) < 0)
        return -1;
    return (int64_t)n;
}

static int file_cmp(const char *a, const char *b)
{
    int64_t na = binpos_number(a), nb = binpos_number(b);
    size_t la = base_length(a, na), lb = base_length(b, nb);
    int d = memcmp(a, b, la < lb ? la : lb);

    if (d)
        return d;
    if (la != lb)
        return la < lb ? -1 : 1;
    return (na > nb) - (na < nb);
}

int binpos_cmp(const struct binpos *a, const struct binpos *b)
{
    int d;

    if (!a->file[0] || !b->file[0])
        return (a->file[0] != 0) - (b->file[0] != 0);
    d = file_cmp(a->file, b->file);
    return d ? d : (a->pos > b->pos) - (a->pos < b->pos);
}

int binpos_parse(const char *text, struct binpos *out, struct err *e)
{
    const char *colon = strrchr(text, ':');
    size_t len = colon ? (size_t)(colon - text) : 0;
    uint64_t pos;

    if (len == 0 || len >= BINPOS_FILE_BYTES || memchr(text, '/', len) ||
        read_digits(colon + 1, strlen(colon + 1), UINT64_MAX, &pos) < 0)
        return err_set(e, ERR_FORMAT,
                       "\"%.80s\" is not a binary log position such as mysql-bin.000007:1234",
                       text);
    memset(out, 0, sizeof(*out));
    memcpy(out->file, text, len);
    out->pos = pos;
    return 0;
}

const char *binpos_print(const struct binpos *p, char *out, size_t size)
{
    if (p->file[0])
        snprintf(out, size, "%s:%" PRIu64, p->file, p->pos);
    else
        snprintf(out, size, "none");
    return out;
}

int64_t binpos_gap(const struct binpos *a, const struct binpos *b)
{
    if (!a->file[0] || !b->file[0] || file_cmp(a->file, b->file) != 0 || b->pos < a->pos ||
        b->pos - a->pos > INT64_MAX)
        return -1;
    return (int64_t)(b->pos - a->pos);
}
