/* Errors as values; see err.h. */
#include "common/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void __attribute__((format(printf, 3, 0)))
fill(struct err *e, enum err_code code, const char *fmt, va_list ap)
{
    e->code = code;
    e->server_errno = 0;
    vsnprintf(e->text, sizeof(e->text), fmt, ap);
}

int err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
    va_list ap;

    if (!e)
        return -1;
    va_start(ap, fmt);
    fill(e, code, fmt, ap);
    va_end(ap);
    return -1;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
    char inner[ERR_TEXT_BYTES];
    size_t len;
    va_list ap;

    if (!e)
        return -1;
    memcpy(inner, e->text, sizeof(inner));
    va_start(ap, fmt);
    vsnprintf(e->text, sizeof(e->text), fmt, ap);
    va_end(ap);
    len = strlen(e->text);
    snprintf(e->text + len, sizeof(e->text) - len, ": %s", inner);
    return -1;
}

int err_errno(struct err *e, enum err_code code, const char *fmt, ...)
{
    int saved = errno;
    size_t len;
    va_list ap;

    if (!e)
        return -1;
    va_start(ap, fmt);
    fill(e, code, fmt, ap);
    va_end(ap);
    len = strlen(e->text);
    snprintf(e->text + len, sizeof(e->text) - len, ": %s", strerror(saved));
    return -1;
}

const char *err_code_text(enum err_code code)
{
    static const char *const words[] = {
        [ERR_NONE] = "none",       [ERR_CONFIG] = "config", [ERR_SQL] = "sql",
        [ERR_CONNECT] = "connect", [ERR_DENIED] = "denied", [ERR_SSH] = "ssh",
        [ERR_TIMEOUT] = "timeout", [ERR_WORLD] = "world",   [ERR_IO] = "io",
        [ERR_FORMAT] = "format",   [ERR_BUG] = "bug",
    };

    return words[code];
}
