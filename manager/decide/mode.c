/* How the group recovers: by file and position, or by one of the two kinds of GTID. */
#include "manager/decide/diagnose.h"

struct census {
    int slaves;
    int mariadb;
    int by_gtid;  /* slaves that find their place by GTID */
    int gtid_off; /* answering servers without gtid_mode=ON */
    int no_set;   /* slaves that have executed nothing */
};

static struct census count(const struct topo *t, int master)
{
    struct census c = {0};

    for (int i = 0; i < t->hosts; i++) {
        const struct topo_host *h = &t->host[i];
        int slave = is_alive_slave(t, master, i);

        if (h->reach != REACH_UP)
            continue;
        c.gtid_off += h->gtid_mode != GTID_MODE_ON;
        c.slaves += slave;
        c.mariadb += slave && h->version.family == FAMILY_MARIADB;
        c.by_gtid += slave && h->repl.follow != FOLLOW_POSITION;
        c.no_set += slave && h->executed.count == 0 && h->repl.retrieved.count == 0;
    }
    return c;
}

/* A fresh GTID group without one transaction has empty sets everywhere and is still GTID (MHA calls
 * it position mode): so an empty set counts against GTID only where replicas use positions. */
enum mode diagnose_mode(const struct topo *t, int master)
{
    struct census c = count(t, master);

    if (c.slaves == 0)
        return MODE_UNKNOWN;
    if (c.mariadb > 0)
        return c.by_gtid == c.slaves ? MODE_MARIADB_GTID : MODE_POSITION;
    if (c.gtid_off > 0)
        return MODE_POSITION;
    if (c.by_gtid > 0)
        return MODE_MYSQL_GTID;
    return t->use_gtid_auto_pos && c.no_set == 0 ? MODE_MYSQL_GTID : MODE_POSITION;
}

const char *mode_text(enum mode m)
{
    static const char *const words[] = {"unknown", "file and position", "MySQL GTID",
                                        "MariaDB GTID"};

    return words[m];
}

int mode_mha(enum mode m)
{
    return m == MODE_MYSQL_GTID || m == MODE_MARIADB_GTID;
}
