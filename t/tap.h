/* TAP output for tests written in C; it knows nothing of what is tested. */
#ifndef KAGEMUSHA_TAP_H
#define KAGEMUSHA_TAP_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int tap_count, tap_failed;

static inline int __attribute__((format(printf, 2, 3))) tap_ok(int pass, const char *fmt, ...)
{
    va_list ap;

    tap_failed += !pass;
    printf("%sok %d - ", pass ? "" : "not ", ++tap_count);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
    return pass;
}

/* Compares two texts and shows both when they differ. */
static inline int tap_is(const char *got, const char *want, const char *name)
{
    int pass = strcmp(got, want) == 0;

    tap_ok(pass, "%s", name);
    if (!pass)
        printf("#   got:  %s\n#   want: %s\n", got, want);
    return pass;
}

/* Prints the plan line; the value is the exit status of main. */
static inline int tap_done(void)
{
    printf("1..%d\n", tap_count);
    return tap_failed != 0;
}

#endif
