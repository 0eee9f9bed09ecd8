/* kagemusha ledger: what only a server that was replaced has, now that it is seen again. */
#include "manager/cmd/cmd.h"

#include "common/log.h"
#include "manager/cmd/look.h"
#include "manager/decide/loss.h"

#include <inttypes.h>

enum { NOTHING = 0, CANNOT_TELL = 1, SOMETHING = 2 };

struct options {
    struct look look;
    int help, version;
};

static int say_cannot(const struct topo *t, int host, const char *why)
{
    printf("%s: cannot be compared: %s\n", topo_label(t, host), why);
    return CANNOT_TELL;
}

static int compare(const struct topo *t, int master, int host)
{
    const struct topo_host *h = &t->host[host];
    struct gtid_set only = GTID_INIT;
    struct buf text = BUF_INIT;
    int code = NOTHING, parted;

    if (h->reach != REACH_UP)
        return say_cannot(t, host, *h->reach_text ? h->reach_text : "it does not answer");
    if (h->executed.count == 0)
        return say_cannot(t, host, "it has no GTIDs (the journal of the failover has coordinates)");
    parted = loss_only_there(t, master, host, &only);
    gtid_print(&only, &text);
    if (only.count > 0 || parted) {
        code = SOMETHING;
        printf("%s: %" PRIu64 " transactions that %s does not have: %s%s\n", topo_label(t, host),
               gtid_count(&only), t->host[master].host, text.data,
               parted ? "; their histories have parted" : "");
    } else {
        printf("%s: nothing that %s does not have\n", topo_label(t, host), t->host[master].host);
    }
    buf_release(&text);
    gtid_release(&only);
    return code;
}

static int compare_all(const struct topo *t)
{
    int master = loss_master(t), code = NOTHING;

    if (master == NO_HOST) {
        fputs("no server of the group is the master of another: there is nothing to compare with\n",
              stderr);
        return CANNOT_TELL;
    }
    printf("%s: the master\n", topo_label(t, master));
    for (int i = 0; i < t->hosts; i++) {
        int one = i == master ? NOTHING : compare(t, master, i);

        if (one == SOMETHING || code == NOTHING)
            code = one;
    }
    return code;
}

static int run(const struct cmd *self, int as_mha, int argc, char **argv)
{
    struct options o = {.look = {.no_agents = 1}};
    const struct args_option table[] = {
        {"conf",        ARGS_TEXT, &o.look.conf,        "FILE", "configuration of the group (required)"},
        {"global_conf", ARGS_TEXT, &o.look.global_conf, "FILE", "global defaults"                      },
        {"help",        ARGS_FLAG, &o.help,             NULL,   "this text"                            },
        {"version",     ARGS_FLAG, &o.version,          NULL,   "the version"                          },
        {NULL,          ARGS_FLAG, NULL,                NULL,   NULL                                   },
    };
    struct err e = {0};
    int code = CANNOT_TELL;

    if (cmd_args(as_mha, &argc, argv, table) < 0)
        return CANNOT_TELL;
    if (cmd_answered(self, as_mha, o.help, o.version, table))
        return 0;
    if (look_open(&o.look, &e) == 0)
        code = compare_all(o.look.seen);
    else
        fprintf(stderr, "%s\n", e.text);
    look_release(&o.look);
    return code;
}

const struct cmd cmd_ledger = {
    .verb = "ledger",
    .brief = "What only a server that was replaced has",
    .run = run,
};
