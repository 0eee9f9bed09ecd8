/* Columns that hold other tables' ids, by their names; see collect.h. */
#include "manager/scan/collect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_BYTES 256

/* The AUTO_INCREMENT column of a table among the first n sorted columns, or NULL. */
static const struct scan_column *find(const struct scan_server *s, size_t n, const char *schema,
                                      const char *table)
{
    size_t low = 0, high = n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        const struct scan_column *c = &s->column[mid];
        int rc = strcmp(c->schema, schema);

        if (rc == 0)
            rc = strcmp(c->table, table);
        if (rc < 0)
            low = mid + 1;
        else
            high = mid;
    }
    for (; low < n; low++) {
        const struct scan_column *c = &s->column[low];

        if (strcmp(c->schema, schema) != 0 || strcmp(c->table, table) != 0)
            break;
        if (c->kind == SCAN_AUTO && (c->state == SCAN_MEASURED || c->state == SCAN_UNUSED))
            return c;
    }
    return NULL;
}

/* user -> users, user, box -> boxes, category -> categories. */
static const struct scan_column *find_plural(const struct scan_server *s, size_t n,
                                             const char *schema, const char *stem)
{
    static const char *const ends[] = {"s", "", "es"};
    const struct scan_column *parent = NULL;
    size_t len = strlen(stem), i;
    char name[NAME_BYTES + 8];

    for (i = 0; !parent && i < sizeof(ends) / sizeof(ends[0]); i++) {
        snprintf(name, sizeof(name), "%.*s%s", NAME_BYTES, stem, ends[i]);
        parent = find(s, n, schema, name);
    }
    if (!parent && len > 1 && stem[len - 1] == 'y') {
        snprintf(name, sizeof(name), "%.*sies", (int)(len < NAME_BYTES ? len - 1 : NAME_BYTES),
                 stem);
        parent = find(s, n, schema, name);
    }
    return parent;
}

/* owner_user_id: owner_users, then users. */
static const struct scan_column *find_parent(const struct scan_server *s, size_t n,
                                             const struct scan_column *child)
{
    size_t len = strlen(child->column);
    const struct scan_column *parent = NULL;
    char stem[NAME_BYTES];
    const char *from = stem;

    if (len <= 3 || len - 3 >= sizeof(stem))
        return NULL;
    snprintf(stem, sizeof(stem), "%.*s", (int)(len - 3), child->column);
    while (from && *from && !parent) {
        parent = find_plural(s, n, child->schema, from);
        from = strchr(from, '_');
        if (from)
            from++;
    }
    return parent;
}

void scan_link_children(struct scan_server *s, const struct scan_column *candidate, size_t count)
{
    size_t known = s->columns, i;

    for (i = 0; i < count; i++) {
        const struct scan_column *parent;
        struct scan_column child = candidate[i];
        char source[2 * NAME_BYTES];

        if (child.kind != SCAN_CHILD || child.type == SCAN_TYPE_UNKNOWN)
            continue;
        parent = find_parent(s, known, &child);
        if (!parent || child.counter.limit >= parent->counter.limit)
            continue;
        snprintf(source, sizeof(source), "%s.%s", parent->schema, parent->table);
        child.source = scan_text(&s->texts, source);
        child.engine = parent->engine;
        child.state = parent->state;
        child.counter.next = parent->counter.next;
        child.counter.step = parent->counter.step;
        child.counter.offset = parent->counter.offset;
        *scan_server_add(s) = child;
    }
    if (s->columns)
        qsort(s->column, s->columns, sizeof(*s->column), scan_column_cmp);
}
