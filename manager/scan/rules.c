/* The rules file; see rules.h. */
#include "manager/scan/rules.h"

#include <errno.h>
#include <fnmatch.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum value_kind { GLOB, TEXT, YES_NO, DATE, NUMBER, RATIO, DAYS };

/* clang-format off */
static const struct {
    const char *name;
    enum value_kind kind;
    int in_defaults;
    size_t offset;
} keys[] = {
    {"group",      GLOB,   0, offsetof(struct scan_rule, group)},
    {"server",     GLOB,   0, offsetof(struct scan_rule, server)},
    {"schema",     GLOB,   0, offsetof(struct scan_rule, schema)},
    {"table",      GLOB,   0, offsetof(struct scan_rule, table)},
    {"column",     GLOB,   0, offsetof(struct scan_rule, column)},
    {"owner",      TEXT,   0, offsetof(struct scan_rule, owner)},
    {"reason",     TEXT,   0, offsetof(struct scan_rule, reason)},
    {"ignore",     YES_NO, 0, offsetof(struct scan_rule, ignore)},
    {"until",      DATE,   0, offsetof(struct scan_rule, until_s)},
    {"limit",      NUMBER, 0, offsetof(struct scan_rule, limit)},
    {"warn_usage", RATIO,  1, offsetof(struct scan_rule, level.warn_usage)},
    {"crit_usage", RATIO,  1, offsetof(struct scan_rule, level.crit_usage)},
    {"warn_days",  DAYS,   1, offsetof(struct scan_rule, level.warn_days)},
    {"crit_days",  DAYS,   1, offsetof(struct scan_rule, level.crit_days)},
};
/* clang-format on */
#define KEYS (sizeof(keys) / sizeof(keys[0]))

enum section { NO_SECTION, DEFAULTS, RULE };

struct reader {
    struct scan_rules *rules;
    const char *name;
    int line;
    enum section section;
    struct scan_rule defaults;
};

static int bad(const struct reader *r, struct err *e, const char *what)
{
    return err_set(e, ERR_CONFIG, "%s line %d: %s", r->name, r->line, what);
}

static char *trim(char *text)
{
    size_t len;

    text += strspn(text, " \t\r");
    len = strlen(text);
    while (len > 0 && strchr(" \t\r", text[len - 1]))
        text[--len] = '\0';
    if (len >= 2 && text[0] == '"' && text[len - 1] == '"') {
        text[len - 1] = '\0';
        text++;
    }
    return text;
}

static struct scan_rule *add_rule(struct scan_rules *r)
{
    struct scan_rule *more = mem_zalloc((r->rules + 1) * sizeof(*more)), *rule;

    if (r->rules)
        memcpy(more, r->rule, r->rules * sizeof(*more));
    free(r->rule);
    r->rule = more;
    rule = &more[r->rules++];
    rule->owner = rule->reason = "";
    rule->level = (struct scan_thresholds){-1, -1, -1, -1};
    return rule;
}

static int take_section(struct reader *r, const char *word, struct err *e)
{
    if (strcasecmp(word, "[defaults]") == 0) {
        r->section = DEFAULTS;
    } else if (strcasecmp(word, "[rule]") == 0) {
        r->section = RULE;
        add_rule(r->rules)->line = r->line;
    } else {
        return bad(r, e, "a section is [defaults] or [rule]");
    }
    return 0;
}

static int take_double(const struct reader *r, const char *text, double max, double *out,
                       struct err *e)
{
    char *end;

    *out = strtod(text, &end);
    if (end == text || *end || !(*out >= 0) || *out > max)
        return bad(r, e,
                   max <= 1 ? "a share is a number from 0 to 1, as 0.85"
                            : "days are a number from 0 to 36500");
    return 0;
}

static int take_date(const struct reader *r, const char *text, int64_t *out, struct err *e)
{
    struct tm tm = {0};
    const char *end = strptime(text, "%Y-%m-%d", &tm);

    if (!end || *end)
        return bad(r, e, "a date is year-month-day, as 2027-01-31");
    *out = (int64_t)timegm(&tm);
    return 0;
}

static int take_number(const struct reader *r, const char *text, uint64_t *out, struct err *e)
{
    char *end;

    errno = 0;
    *out = strtoull(text, &end, 10);
    if (end == text || *end || errno != 0 || *text == '-' || *out == 0)
        return bad(r, e, "limit is a whole number from 1, as 2147483647");
    return 0;
}

static int take_switch(const struct reader *r, const char *text, int *out, struct err *e)
{
    *out = strcasecmp(text, "yes") == 0 || strcmp(text, "1") == 0;
    if (!*out && strcasecmp(text, "no") != 0 && strcmp(text, "0") != 0)
        return bad(r, e, "ignore is yes or no");
    return 0;
}

/* The targets are members of a struct scan_rule, found by their offsets. */
static int take_value(struct reader *r, size_t key, const char *value, struct err *e)
{
    struct scan_rule *rule =
        r->section == DEFAULTS ? &r->defaults : &r->rules->rule[r->rules->rules - 1];
    void *target = (char *)rule + keys[key].offset;

    switch (keys[key].kind) {
    case GLOB:
    case TEXT:
        *(const char **)target = scan_text(&r->rules->texts, value);
        return 0;
    case YES_NO:
        return take_switch(r, value, target, e);
    case DATE:
        return take_date(r, value, target, e);
    case NUMBER:
        return take_number(r, value, target, e);
    case RATIO:
        return take_double(r, value, 1, target, e);
    case DAYS:
        return take_double(r, value, 36500, target, e);
    }
    return 0;
}

static int take_line(struct reader *r, char *line, struct err *e)
{
    char *equals, *word = line + strspn(line, " \t\r");
    size_t i;

    if (!*word || *word == '#' || *word == ';')
        return 0;
    if (*word == '[')
        return take_section(r, trim(word), e);
    equals = strchr(word, '=');
    if (!equals)
        return bad(r, e, "a line is [section], key = value, or begins with #");
    if (r->section == NO_SECTION)
        return bad(r, e, "[defaults] or [rule] must stand before the first key");
    *equals = '\0';
    word = trim(word);
    for (i = 0; i < KEYS && strcasecmp(keys[i].name, word) != 0; i++)
        ;
    if (i == KEYS)
        return err_set(e, ERR_CONFIG, "%s line %d: there is no key \"%s\"", r->name, r->line, word);
    if (r->section == DEFAULTS && !keys[i].in_defaults)
        return err_set(e, ERR_CONFIG, "%s line %d: %s belongs into a [rule]", r->name, r->line,
                       word);
    return take_value(r, i, trim(equals + 1), e);
}

/* An ignore says who wants it and why, or it is there for ever. */
static int check(const struct reader *r, struct err *e)
{
    size_t i;

    for (i = 0; i < r->rules->rules; i++) {
        const struct scan_rule *rule = &r->rules->rule[i];

        if (rule->ignore && !*rule->reason)
            return err_set(e, ERR_CONFIG, "%s line %d: a rule with ignore needs a reason", r->name,
                           rule->line);
    }
    return 0;
}

int scan_rules_parse(struct scan_rules *r, const char *name, const char *text, struct err *e)
{
    struct reader reader = {.rules = r, .name = name};
    char *copy = mem_strdup(text), *line = copy;
    int rc = 0;

    memset(r, 0, sizeof(*r));
    reader.defaults.level = (struct scan_thresholds)SCAN_THRESHOLDS_DEFAULT;
    while (line && rc == 0) {
        char *next = strchr(line, '\n');

        if (next)
            *next++ = '\0';
        reader.line++;
        rc = take_line(&reader, line, e);
        line = next;
    }
    free(copy);
    r->level = reader.defaults.level;
    return rc == 0 ? check(&reader, e) : rc;
}

void scan_rules_release(struct scan_rules *r)
{
    free(r->rule);
    scan_texts_release(&r->texts);
    memset(r, 0, sizeof(*r));
}

static int fits(const char *glob, const char *text)
{
    return !glob || fnmatch(glob, text, 0) == 0;
}

const struct scan_rule *scan_rules_find(const struct scan_rules *r, const struct scan_server *s,
                                        const struct scan_column *c)
{
    size_t i;

    for (i = 0; i < r->rules; i++) {
        const struct scan_rule *rule = &r->rule[i];

        if (fits(rule->group, s->group) && fits(rule->server, s->name) &&
            fits(rule->schema, c->schema) && fits(rule->table, c->table) &&
            fits(rule->column, c->column))
            return rule;
    }
    return NULL;
}
