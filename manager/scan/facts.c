/* Facts of a scan; see facts.h. */
#include "manager/scan/facts.h"

#include "common/buf.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES 65536

struct scan_block {
    struct scan_block *before;
    size_t used, size;
    char bytes[];
};

const char *scan_text(struct scan_texts *t, const char *text)
{
    size_t len = text ? strlen(text) + 1 : 1;
    char *at;

    if (!t->last || t->last->size - t->last->used < len) {
        size_t size = len > BLOCK_BYTES ? len : BLOCK_BYTES;
        struct scan_block *b = mem_alloc(sizeof(*b) + size);

        b->before = t->last;
        b->used = 0;
        b->size = size;
        t->last = b;
    }
    at = t->last->bytes + t->last->used;
    memcpy(at, text ? text : "", len);
    t->last->used += len;
    return at;
}

void scan_texts_release(struct scan_texts *t)
{
    while (t->last) {
        struct scan_block *b = t->last;

        t->last = b->before;
        free(b);
    }
}

struct scan_column *scan_server_add(struct scan_server *s)
{
    struct scan_column *c;

    if (s->columns == s->columns_cap) {
        size_t cap = s->columns_cap ? s->columns_cap * 2 : 64;
        struct scan_column *more = mem_alloc(cap * sizeof(*more));

        if (s->columns)
            memcpy(more, s->column, s->columns * sizeof(*more));
        free(s->column);
        s->column = more;
        s->columns_cap = cap;
    }
    c = &s->column[s->columns++];
    memset(c, 0, sizeof(*c));
    c->schema = c->table = c->column = c->type_text = c->engine = c->source = "";
    return c;
}

void scan_server_release(struct scan_server *s)
{
    free(s->column);
    scan_texts_release(&s->texts);
    memset(s, 0, sizeof(*s));
}

const char *scan_column_class(const struct scan_column *c)
{
    static const char *const words[][2] = {
        [SCAN_TYPE_UNKNOWN] = {"unknown",          "unknown"           },
        [SCAN_TINYINT] = {"tinyint_signed",   "tinyint_unsigned"  },
        [SCAN_SMALLINT] = {"smallint_signed",  "smallint_unsigned" },
        [SCAN_MEDIUMINT] = {"mediumint_signed", "mediumint_unsigned"},
        [SCAN_INT] = {"int_signed",       "int_unsigned"      },
        [SCAN_BIGINT] = {"bigint_signed",    "bigint_unsigned"   },
        [SCAN_FLOAT] = {"float",            "float"             },
        [SCAN_DOUBLE] = {"double",           "double"            },
    };

    if (c->kind == SCAN_SEQUENCE)
        return "sequence";
    if (c->kind == SCAN_CHILD)
        return "logical_fk";
    return words[c->type][c->is_unsigned != 0];
}

int scan_column_cmp(const void *a, const void *b)
{
    const struct scan_column *x = a, *y = b;
    int rc = strcmp(x->schema, y->schema);

    if (rc == 0)
        rc = strcmp(x->table, y->table);
    if (rc == 0)
        rc = strcmp(x->column, y->column);
    return rc ? rc : (int)x->kind - (int)y->kind;
}
