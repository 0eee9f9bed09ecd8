/* A measured AUTO_INCREMENT column, for tests of the scanner's pure parts. */
#ifndef KAGEMUSHA_T_VALUE_SCAN_COLUMN_H
#define KAGEMUSHA_T_VALUE_SCAN_COLUMN_H

#include "manager/scan/facts.h"

/* shop.TABLE.id, which counts by one. */
static inline void add(struct scan_server *s, const char *table, enum scan_type type, uint64_t next)
{
    struct scan_column *c = scan_server_add(s);

    c->schema = "shop";
    c->table = table;
    c->column = "id";
    c->kind = SCAN_AUTO;
    c->state = SCAN_MEASURED;
    c->type = type;
    c->counter = (struct scan_counter){
        .next = next, .limit = scan_limit(type, 0), .first = 1, .step = 1, .offset = 1};
}

#endif
