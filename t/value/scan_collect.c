/* What of a scan needs no server: privileges from SHOW GRANTS lines, and columns that hold other
 * tables' ids by their names. */
#include "manager/scan/collect.h"
#include "manager/scan/grants.h"
#include "t/tap.h"
#include "t/value/scan_column.h"

#include <stdlib.h>
#include <string.h>

static void covers(const char *const *lines, const char *schema, int want, const char *name)
{
    struct scan_grants g = SCAN_GRANTS_INIT;

    for (; *lines; lines++)
        scan_grants_add(&g, *lines);
    tap_ok(scan_grants_cover(&g, schema) == want, "%s: %s is %s", name, schema,
           want ? "seen" : "hidden");
    scan_grants_release(&g);
}

#define LINES(...) ((const char *const[]){__VA_ARGS__, NULL})

static void grants(void)
{
    static const char usage[] = "GRANT USAGE ON *.* TO `s`@`%` IDENTIFIED BY PASSWORD '*0'";

    covers(LINES(usage), "a", 0, "nothing");
    covers(LINES("GRANT REFERENCES ON *.* TO `s`@`%`"), "a", 1, "REFERENCES");
    covers(LINES("GRANT ALL PRIVILEGES ON *.* TO 'root'@'localhost' WITH GRANT OPTION"), "a", 1,
           "ALL");
    covers(LINES("GRANT PROCESS, SELECT, RELOAD ON *.* TO `s`@`%`"), "a", 1, "SELECT among others");
    covers(LINES("GRANT REPLICATION CLIENT, PROCESS, SHOW DATABASES, SHOW VIEW ON *.* TO `z`@`%`"),
           "a", 0, "a monitoring account");
    covers(LINES("GRANT TRIGGER, INDEX, CREATE ON *.* TO `s`@`%`"), "a", 0,
           "counters without columns");
    covers(LINES(usage, "GRANT SELECT (`ts`) ON `a`.`t` TO `s`@`%`"), "a", 0, "one column");
    covers(LINES(usage, "GRANT SELECT ON `a`.`t` TO `s`@`%`"), "a", 0, "one table");
    covers(LINES(usage, "GRANT SELECT ON `a`.* TO `s`@`%`"), "a", 1, "a schema");
    covers(LINES(usage, "GRANT SELECT ON `a`.* TO `s`@`%`"), "b", 0, "another schema");
    covers(LINES(usage, "GRANT SELECT ON `a\\_b`.* TO `s`@`%`"), "a_b", 1, "an escaped wildcard");
    covers(LINES(usage, "GRANT SELECT ON `a\\_b`.* TO `s`@`%`"), "axb", 0, "an escaped wildcard");
    covers(LINES(usage, "GRANT SELECT ON `a_%`.* TO `s`@`%`"), "axyz", 1, "wildcards");
    covers(LINES(usage, "GRANT SELECT ON `a``.b`.* TO `s`@`%`"), "a`.b", 1, "a quote in a name");
    covers(LINES("GRANT SELECT ON *.* TO `s`@`%`", "REVOKE SELECT ON `b`.* FROM `s`@`%`"), "b", 0,
           "a partial revoke");
    covers(LINES("GRANT SELECT ON *.* TO `s`@`%`", "REVOKE SELECT ON `b`.* FROM `s`@`%`"), "a", 1,
           "a partial revoke of another");
    covers(LINES("GRANT `role`@`%` TO `s`@`%`"), "a", 0, "a role that is not in force");
    covers(LINES("GRANT SELECT ON `x ON *`.* TO `s`@`%`"), "a", 0, "a schema that looks like *.*");
}

static void grantee(void)
{
    struct scan_grants g = SCAN_GRANTS_INIT;

    scan_grants_add(&g, "GRANT USAGE ON *.* TO `a b`@`10.0.%` IDENTIFIED BY PASSWORD '*0'");
    tap_is(g.grantee, "`a b`@`10.0.%`", "who must be granted more, without the hash");
    scan_grants_release(&g);
}

static struct scan_column child(const char *column, enum scan_type type)
{
    struct scan_column c = {.schema = "shop",
                            .table = "visits",
                            .column = column,
                            .type_text = "",
                            .engine = "",
                            .source = "",
                            .kind = SCAN_CHILD,
                            .type = type};

    c.counter.limit = scan_limit(type, 0);
    c.counter.first = 1;
    return c;
}

static void links(const char *column, enum scan_type type, const char *want)
{
    struct scan_server s = {0};
    struct scan_column c = child(column, type);
    const char *found = "";
    size_t i;

    add(&s, "boxes", SCAN_BIGINT, 7);
    add(&s, "categories", SCAN_BIGINT, 8);
    add(&s, "small", SCAN_INT, 9);
    add(&s, "users", SCAN_BIGINT, 3000000000);
    scan_link_children(&s, &c, 1);
    for (i = 0; i < s.columns; i++)
        if (s.column[i].kind == SCAN_CHILD)
            found = s.column[i].source;
    tap_is(found, want, column);
    scan_server_release(&s);
}

static void children(void)
{
    struct scan_server s = {0};
    struct scan_column c = child("user_id", SCAN_INT);

    links("user_id", SCAN_INT, "shop.users");
    links("owner_user_id", SCAN_INT, "shop.users");
    links("box_id", SCAN_INT, "shop.boxes");
    links("category_id", SCAN_SMALLINT, "shop.categories");
    links("small_id", SCAN_SMALLINT, "shop.small");
    links("small_id", SCAN_INT, "");
    links("user_id", SCAN_BIGINT, "");
    links("thing_id", SCAN_INT, "");
    links("_id", SCAN_INT, "");
    add(&s, "users", SCAN_BIGINT, 3000000000);
    scan_link_children(&s, &c, 1);
    tap_ok(s.columns == 2 && s.column[1].counter.next == 3000000000 &&
               s.column[1].counter.limit == 2147483647,
           "a child counts by its parent, and ends by itself");
    scan_server_release(&s);
}

int main(void)
{
    grants();
    grantee();
    children();
    return tap_done();
}
