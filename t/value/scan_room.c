/* What room another server has for the master's counters. */
#include "manager/scan/room.h"
#include "t/tap.h"
#include "t/value/scan_column.h"

static void is(const struct scan_server *master, const struct scan_server *other, size_t count,
               const char *text, const char *name)
{
    struct buf out = BUF_INIT;

    tap_ok(scan_room(master, other, &out) == count, "%s: %zu", name, count);
    tap_is(out.data, text, name);
    buf_release(&out);
}

int main(void)
{
    struct scan_server master = {0}, same = {0}, narrow = {0}, empty = {0};

    add(&master, "a", SCAN_BIGINT, 1000);
    add(&master, "b", SCAN_INT, 120);
    add(&same, "a", SCAN_BIGINT, 900);
    add(&same, "b", SCAN_BIGINT, 1);
    add(&narrow, "a", SCAN_INT, 1);
    add(&narrow, "b", SCAN_TINYINT, 3);
    is(&master, &master, 0, "", "the master itself");
    is(&master, &same, 0, "", "a column that is wider has the room");
    is(&master, &narrow, 2,
       "shop.b.id ends at 127 there, 93.7 % used, and at 2147483647 on the master; "
       "1 more with less room there",
       "the master's counter against the other's limit");
    is(&master, &empty, 2,
       "shop.a.id is no AUTO_INCREMENT column there; 1 more with less room there", "none at all");
    scan_server_release(&master);
    scan_server_release(&same);
    scan_server_release(&narrow);
    scan_server_release(&empty);
    return tap_done();
}
