/* SHOW GRANTS; see grants.h. */
#include "manager/scan/grants.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* 1 when one of the privileges between the verb and " ON " lets its holder see columns. A column
 * grant, "SELECT (`a`)", does not count: it shows that column alone. */
static int shows_columns(const char *from, const char *to)
{
    static const char *const words[] = {"ALL PRIVILEGES", "ALL",    "SELECT",
                                        "INSERT",         "UPDATE", "REFERENCES"};
    int found = 0;

    while (from < to && !found) {
        const char *comma = memchr(from, ',', (size_t)(to - from)), *end = comma ? comma : to;
        size_t i;

        while (from < end && *from == ' ')
            from++;
        for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
            size_t len = strlen(words[i]);

            if ((size_t)(end - from) == len && strncasecmp(from, words[i], len) == 0)
                found = 1;
        }
        from = comma ? comma + 1 : to;
    }
    return found;
}

/* Appends the identifier at p, quoted by backticks or plain; the value is what follows it. */
static const char *take_name(const char *p, struct buf *out)
{
    if (*p != '`') {
        while (*p && *p != '.' && *p != ' ')
            buf_addc(out, *p++);
        return p;
    }
    for (p++; *p; p++) {
        if (*p == '`' && p[1] != '`')
            return p + 1;
        if (*p == '`')
            p++;
        buf_addc(out, *p);
    }
    return p;
}

/* The account behind TO or FROM, up to what follows it. */
static void take_grantee(struct scan_grants *g, const char *at)
{
    int quoted = 0;
    size_t n = 0;

    for (; at[n] && (quoted || at[n] != ' '); n++)
        if (strchr("`'\"", at[n]))
            quoted = !quoted;
    if (n < sizeof(g->grantee))
        snprintf(g->grantee, sizeof(g->grantee), "%.*s", (int)n, at);
}

void scan_grants_add(struct scan_grants *g, const char *line)
{
    int revoke = strncasecmp(line, "REVOKE ", 7) == 0;
    const char *on = strstr(line, " ON "), *to = strstr(line, revoke ? " FROM " : " TO ");
    const char *what, *object;
    struct buf name = BUF_INIT;

    if (!g->grantee[0] && to && !revoke)
        take_grantee(g, to + 4);
    if (!on || (!revoke && strncasecmp(line, "GRANT ", 6) != 0))
        return;
    what = line + (revoke ? 7 : 6);
    if (!shows_columns(what, on))
        return;
    object = on + 4;
    if (!revoke && strncmp(object, "*.*", 3) == 0)
        g->all = 1;
    else if (strncmp(take_name(object, &name), ".*", 2) == 0)
        buf_add(revoke ? &g->revoked : &g->schemas, name.data, name.len + 1);
    buf_release(&name);
}

/* LIKE with its two wildcards and the backslash, as the server matches schemas in grants. */
static int like(const char *pattern, const char *text)
{
    for (; *pattern; pattern++, text++) {
        if (*pattern == '%') {
            for (;; text++) {
                if (like(pattern + 1, text))
                    return 1;
                if (!*text)
                    return 0;
            }
        }
        if (*pattern == '\\' && pattern[1])
            pattern++;
        else if (*pattern == '_' && *text)
            continue;
        if (*pattern != *text)
            return 0;
    }
    return !*text;
}

static int listed(const struct buf *list, const char *schema, int patterns)
{
    for (size_t at = 0; at < list->len; at += strlen(list->data + at) + 1) {
        const char *name = list->data + at;

        if (patterns ? like(name, schema) : strcmp(name, schema) == 0)
            return 1;
    }
    return 0;
}

int scan_grants_cover(const struct scan_grants *g, const char *schema)
{
    if (g->all && !listed(&g->revoked, schema, 0))
        return 1;
    return listed(&g->schemas, schema, 1);
}

void scan_grants_release(struct scan_grants *g)
{
    buf_release(&g->schemas);
    buf_release(&g->revoked);
}
