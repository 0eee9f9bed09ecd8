/* Who is the master for an old one that comes back, and what it has that nobody else has. */
#include "manager/decide/rejoin.h"
#include "t/tap.h"

#include <string.h>

static void errant(const char *mine, const char *theirs, const char *want)
{
    struct gtid_set set = GTID_INIT;
    struct buf text = BUF_INIT;
    struct err e = {0};

    if (rejoin_errant_mariadb(mine, theirs, &set, &e) < 0)
        buf_addf(&text, "error %s", e.text);
    else
        gtid_print(&set, &text);
    tap_is(text.data ? text.data : "", want, mine);
    buf_release(&text);
    gtid_release(&set);
}

static void master(const char *text, const char *want)
{
    struct topo *t = NULL;
    struct err e = {0};

    if (!tap_ok(topo_parse(text, &t, &e) == 0, "is read %s", e.text))
        return;
    int host = rejoin_master(t, 0, &e);
    if (strncmp(want, "db", 2) == 0)
        tap_is(host == NO_HOST ? e.text : t->host[host].name, want, "the master");
    else
        tap_ok(host == NO_HOST && strstr(e.text, want), "refused: %s", e.text);
    topo_free(&t);
}

int main(void)
{
    errant("0-1-105", "0-1-105,0-2-110", "");
    errant("0-1-105", "0-1-100,0-2-110", "0-1-101..105");
    errant("0-1-105,0-3-90", "0-1-105,0-2-110,0-3-90", "");
    errant("0-1-105,5-1-2", "0-1-105,0-2-110", "5-1-2");
    errant("0-2-1991,0-1-1992", "0-1-382,0-2-2341", "0-1-1992..1992");
    errant("0-2-1995,0-1-1992", "0-1-382,0-2-2341", "0-1-383..1992");
    errant("", "0-1-105", "");
    errant("0-1-105", "", "0-1-105");
    errant("0-1", "0-1-1", "error not a binlog state: \"1\"");
    master("group app=a\nhost db1 reach=refused\nhost db2 reach=up\nhost db3 reach=up\n  repl "
           "master_host=db2\n",
           "db2");
    master("group app=a\nhost db1 reach=up\nhost db2 reach=up\n", "db2");
    master("group app=a\nhost db1 reach=up\nhost db2 reach=up read_only=1\n", "read-only");
    master("group app=a\nhost db1 reach=up\nhost db2 reach=up\n  repl master_host=db1\n",
           "is its master");
    master("group app=a\nhost db1 reach=up\nhost db2 reach=up\nhost db3 reach=up\n",
           "both replicate from nobody");
    return tap_done();
}
