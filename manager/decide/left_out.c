/* Reasons for leaving a replica out; see left_out.h. */
#include "manager/decide/left_out.h"

#include <inttypes.h>
#include <stdio.h>

int left_out_delayed(const struct topo *t, int host, char *why)
{
    int64_t s = t->host[host].repl.delay_s;

    return s > 0 ? snprintf(why, TOPO_TEXT, "it is delayed by %" PRId64 " s and not level", s) : 0;
}

int left_out_purged(const struct topo *t, int host, int new_master, char *why)
{
    struct gtid_set mine = GTID_INIT, purged = topo_view(t, t->host[new_master].purged);
    int short_of;

    topo_received(t, host, &mine);
    short_of = !gtid_contains(&mine, &purged);
    gtid_release(&mine);
    return short_of ? snprintf(why, TOPO_TEXT, "it lacks what %s has purged from its binlogs",
                               topo_name(t, new_master))
                    : 0;
}

int left_out_parted(int parted, char *why)
{
    return parted ? snprintf(why, TOPO_TEXT, "its history has parted from the others'") : 0;
}
