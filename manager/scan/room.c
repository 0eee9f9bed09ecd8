/* Room on another server; see room.h. */
#include "manager/scan/room.h"

#include "manager/scan/output.h"

#include <inttypes.h>
#include <stdlib.h>

/* A column that counts on the master and not here fails at the first insert. */
#define NO_ROOM 1e9

struct narrowest {
    const struct scan_column *master, *here; /* here: NULL if it does not count there */
    double usage;
};

/* How full it would be here: the master's counter against this limit. 0: it has the same room. */
static double usage_here(const struct scan_column *master, const struct scan_column *here)
{
    struct scan_counter c;

    if (!here)
        return NO_ROOM;
    if (here->counter.limit == 0 || here->counter.limit >= master->counter.limit)
        return 0;
    c = here->counter;
    if (c.next < master->counter.next)
        c.next = master->counter.next;
    return scan_counter_usage(&c);
}

static int counts(const struct scan_column *c)
{
    return c->kind == SCAN_AUTO && c->counter.limit != 0;
}

static void say(const struct narrowest *n, size_t count, struct buf *out)
{
    scan_print_name(n->master, out);
    if (n->here)
        buf_addf(out, " ends at %" PRIu64 " there, %.1f %% used, and at %" PRIu64 " on the master",
                 n->here->counter.limit, (n->usage < 1 ? n->usage : 1) * 100,
                 n->master->counter.limit);
    else
        buf_adds(out, " is no AUTO_INCREMENT column there");
    if (count > 1)
        buf_addf(out, "; %zu more with less room there", count - 1);
}

size_t scan_room(const struct scan_server *master, const struct scan_server *other, struct buf *out)
{
    struct narrowest worst = {.usage = 0};
    size_t count = 0;

    for (size_t i = 0; i < master->columns; i++) {
        const struct scan_column *c = &master->column[i], *here = NULL;
        double usage;

        if (!counts(c))
            continue;
        if (other->columns)
            here = bsearch(c, other->column, other->columns, sizeof(*here), scan_column_cmp);
        usage = usage_here(c, here);
        if (usage <= 0)
            continue;
        count++;
        if (usage > worst.usage)
            worst = (struct narrowest){c, here, usage};
    }
    if (count)
        say(&worst, count, out);
    return count;
}
