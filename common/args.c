/* Command lines; see args.h. The rules are those of Perl's Getopt::Long 2.52 with default settings,
 * each tried against it: an abbreviation of several names of one row is unique, "--opt=" has no
 * value, a value may begin with a dash, and in pass-through mode whatever cannot be used is left
 * aside without a word. */
#include "common/args.h"

#include <ctype.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct parse {
    const struct args_option *table;
    enum args_unknown unknown;
    char **argv;
    int argc, next, kept; /* next: to be read; kept: words left in argv so far */
};

/* An option as it was written: "--name=value". */
struct word {
    const char *name;
    size_t name_len;
    const char *value; /* behind the "=", NULL without one */
    int negated;
};

/* Compares a written name with each of "a|b": 2 equal, 1 an abbreviation, 0 neither. */
static int name_match(const char *names, const char *name, size_t len)
{
    int best = 0;

    while (*names) {
        size_t one = strcspn(names, "|");

        if (one >= len && strncasecmp(names, name, len) == 0) {
            if (one == len)
                return 2;
            best = 1;
        }
        names += one + (names[one] == '|');
    }
    return best;
}

/* Finds the row. NULL with *hits 0 (none) or more than 1 (ambiguous). */
static const struct args_option *find_row(const struct parse *p, const struct word *w, int *hits)
{
    const struct args_option *row, *found = NULL;

    *hits = 0;
    for (row = p->table; row->name; row++) {
        int match =
            w->negated && row->type != ARGS_FLAG ? 0 : name_match(row->name, w->name, w->name_len);

        if (match == 2) {
            *hits = 1;
            return row;
        }
        if (match == 1) {
            found = row;
            ++*hits;
        }
    }
    return *hits == 1 ? found : NULL;
}

/* The same for "--nox" and "--no-x", once no row fits the word as it stands. */
static const struct args_option *find_negated(const struct parse *p, struct word *w, int *hits)
{
    size_t skip = w->name_len > 3 && w->name[2] == '-' ? 3 : 2;

    if (w->name_len <= skip || strncasecmp(w->name, "no", 2) != 0)
        return NULL;
    w->name += skip;
    w->name_len -= skip;
    w->negated = 1;
    return find_row(p, w, hits);
}

/* Something about an option cannot be used: an error, a warning, or nothing at all. */
static int __attribute__((format(printf, 3, 4)))
complain(const struct parse *p, struct err *e, const char *fmt, ...)
{
    char text[ERR_TEXT_BYTES];
    va_list ap;

    if (p->unknown == ARGS_UNKNOWN_IGNORE)
        return 0;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (p->unknown == ARGS_UNKNOWN_ERROR)
        return err_set(e, ERR_CONFIG, "%s", text);
    fprintf(stderr, "%s\n", text);
    return 0;
}

/* "[-+]digits", underscores between them allowed as in Perl's numbers. */
static int parse_int(const char *text, int *out)
{
    long long value = 0;
    int negative = *text == '-', digits = 0;

    for (text += *text == '-' || *text == '+'; *text; text++) {
        if (*text == '_')
            continue;
        if (!isdigit((unsigned char)*text) || value > INT_MAX)
            return -1;
        value = value * 10 + (*text - '0');
        digits++;
    }
    if (!digits || value > INT_MAX)
        return -1;
    *out = (int)(negative ? -value : value);
    return 0;
}

static int set_value(const struct parse *p, const struct args_option *row, const char *value,
                     struct err *e)
{
    int name_len = (int)strcspn(row->name, "|");
    struct args_list *list;

    if (row->type == ARGS_INT) {
        if (parse_int(value, row->target) == 0)
            return 0;
        return complain(p, e, "Value \"%s\" invalid for option %.*s (number expected)", value,
                        name_len, row->name);
    }
    if (row->type == ARGS_TEXT) {
        *(const char **)row->target = value;
        return 0;
    }
    list = row->target;
    if (list->count == sizeof(list->item) / sizeof(list->item[0]))
        return err_set(e, ERR_CONFIG, "Option %.*s is given more than %zu times", name_len,
                       row->name, list->count);
    list->item[list->count++] = value;
    return 0;
}

static int take_flag(const struct parse *p, const struct args_option *row, const struct word *w,
                     struct err *e)
{
    if (w->value)
        return complain(p, e, "Option %.*s does not take an argument", (int)strcspn(row->name, "|"),
                        row->name);
    *(int *)row->target = !w->negated;
    return 0;
}

static int take_value(struct parse *p, const struct args_option *row, const struct word *w,
                      struct err *e)
{
    const char *value = w->value;
    int bad, own = 0;

    if (value ? !*value : p->next >= p->argc)
        return complain(p, e, "Option %.*s requires an argument", (int)strcspn(row->name, "|"),
                        row->name);
    if (!value)
        value = p->argv[p->next];
    /* A word that is no number stays where it is and may be read as something else. */
    bad = row->type == ARGS_INT && parse_int(value, &own) < 0;
    if (!w->value && !bad)
        p->next++;
    return set_value(p, row, value, e);
}

static int take_option(struct parse *p, const char *text, struct err *e)
{
    struct word w = {.name = text + (text[1] == '-' ? 2 : 1)};
    const struct args_option *row;
    size_t written_len;
    int hits;

    w.name_len = strcspn(w.name, "=");
    if (w.name_len == 0)
        w.name_len = strlen(w.name);
    else if (w.name[w.name_len] == '=')
        w.value = w.name + w.name_len + 1;
    written_len = w.name_len + (size_t)(w.name - text);
    row = find_row(p, &w, &hits);
    if (!row && hits == 0)
        row = find_negated(p, &w, &hits);
    if (!row)
        return complain(p, e, "%s option: %.*s", hits > 1 ? "Ambiguous" : "Unknown",
                        (int)written_len, text);
    return row->type == ARGS_FLAG ? take_flag(p, row, &w, e) : take_value(p, row, &w, e);
}

int args_parse(int *argc, char **argv, const struct args_option *table, enum args_unknown unknown,
               struct err *e)
{
    struct parse p = {
        .table = table, .unknown = unknown, .argv = argv, .argc = *argc, .next = 1, .kept = 1};

    while (p.next < p.argc) {
        char *text = argv[p.next++];

        if (strcmp(text, "--") == 0)
            break;
        if (text[0] != '-' || text[1] == '\0')
            argv[p.kept++] = text;
        else if (take_option(&p, text, e) < 0)
            return -1;
    }
    while (p.next < p.argc)
        argv[p.kept++] = argv[p.next++];
    if (p.kept < p.argc)
        argv[p.kept] = NULL;
    *argc = p.kept < p.argc ? p.kept : p.argc;
    return 0;
}

void args_help(const struct args_option *table)
{
    const struct args_option *row;

    for (row = table; row->name; row++) {
        char left[64];

        snprintf(left, sizeof(left), "--%.*s%s%s", (int)strcspn(row->name, "|"), row->name,
                 row->value_name ? "=" : "", row->value_name ? row->value_name : "");
        if (strlen(left) > 30)
            printf("  %s\n  %-30s  %s\n", left, "", row->help);
        else
            printf("  %-30s  %s\n", left, row->help);
    }
}
