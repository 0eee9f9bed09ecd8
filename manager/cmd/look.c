/* One look at a group; see look.h. */
#include "manager/cmd/look.h"

#include "common/clock.h"
#include "common/file.h"
#include "manager/act/observe.h"
#include "manager/decide/diagnose.h"

#include <stdlib.h>

#define LOOK_MS 3000

static struct topo *see(struct look *l, int master, int64_t deadline_ms)
{
    unsigned what = l->no_agents ? GROUP_SQL : GROUP_SQL | GROUP_AGENTS;
    return observe(l->group,
                   &(struct observe){.what = what, .master = master, .deadline_ms = deadline_ms});
}

int look_open(struct look *l, struct err *e)
{
    struct conf *c = NULL;
    struct verdict v;
    if (conf_load(&c, l->conf, l->global_conf, 0, e) < 0)
        return -1;
    l->group = mem_zalloc(sizeof *l->group);
    group_init(l->group, c, FENCE_MHA);
    l->library = 1;
    if (db_library_init(e) < 0)
        return -1;
    int64_t deadline = clock_mono_ms() + LOOK_MS + c->server[0].ssh_connection_timeout * 1000;
    /* The known host keys are kept there. */
    if (!l->no_agents && file_mkdirs(c->server[0].manager_workdir, 0755, e) < 0)
        return err_wrap(e, "manager_workdir");
    group_open(l->group, group_mask(l->group), l->no_agents ? GROUP_SQL : GROUP_SQL | GROUP_AGENTS,
               deadline);
    l->seen = see(l, NO_HOST, deadline);
    diagnose(l->seen, &v);
    l->seen->master = v.master;
    return 0;
}

void look_release(struct look *l)
{
    topo_free(&l->seen);
    if (l->group)
        group_release(l->group);
    free(l->group);
    l->group = NULL;
    if (l->library)
        db_library_end();
    l->library = 0;
}
