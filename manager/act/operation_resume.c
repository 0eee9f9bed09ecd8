/* Going on with an operation whose manager ended, or stood still for longer than its locks live
 * (decision 13): found, locked, looked at, and then finished, done again, taken back or closed. */
#include "common/clock.h"
#include "common/log.h"
#include "manager/act/observe.h"
#include "manager/act/operation_run.h"
#include "manager/act/report_loss.h"
#include "manager/act/resume.h"
#include "manager/act/status.h"
#include "manager/act/step.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOK_MS    2000
#define OPEN_MS    3000
#define HOOK_MS    5000
#define TRY_MS     200
#define GRACE_MS   5000 /* beyond the lease */
#define CLOSED_MAX 16   /* journals that nobody ever closed, one after another */

/* One attempt. */
struct resuming {
    struct group *g;
    struct operation op;
    struct story *story;
    struct resume *what;
    struct operation_run r;
    struct step *seed; /* what the earlier managers did, as steps of this executor */
};

/* A host that is down must not delay every start: whoever answers in that time can have a note. */
static void open_all(struct group *g)
{
    group_open(g, GROUP_ALL, GROUP_SQL | GROUP_AGENTS, clock_mono_ms() + OPEN_MS);
}

/* The local journal first: it knows the steps. 1 found, 0 none, -1. */
static int find(struct resuming *z, struct err *e)
{
    char dir[JOURNAL_PATH_BYTES];
    int rc = journal_find_open(z->g->conf, dir, sizeof dir, e);
    story_release(z->story);
    if (rc > 0)
        return story_read(z->g, dir, z->story, e) < 0 ? -1 : 1;
    return rc < 0 ? -1 : resume_find_note(z->g, z->story, e);
}

/* A script of the manager that ended may still move addresses: nothing is called beside it. */
static int end_hooks(const struct story *s, struct err *e)
{
    for (int i = 0; i < s->hooks; i++) {
        int rc = hook_end_leftover(s->hook[i].pgid, s->hook[i].born, clock_mono_ms() + HOOK_MS);
        if (rc < 0)
            return err_set(e, ERR_WORLD,
                           "a script of the manager that ended (process group %d) does not end: "
                           "kill it, and start again",
                           (int)s->hook[i].pgid);
        if (rc > 0)
            log_warning("hook-killed",
                        "a script of the manager that ended, process group %d, was "
                        "still running: killed",
                        (int)s->hook[i].pgid);
    }
    return 0;
}

static int lock_all(struct resuming *z, struct err *e)
{
    struct exec *x = z->r.x;
    int missing = 0;
    for (int i = 0; i < z->g->hosts; i++) {
        struct sql *s = &z->g->host[i].sql;
        if (!s->db || x->host[i].locked)
            continue;
        if (exec_lock(x, i, clock_mono_ms() + STEP_SQL_MS, e) < 0)
            missing++;
    }
    return missing ? -1 : 0;
}

/* The locks of a manager that ended go with its sessions; those of one that stands still, or is cut
 * off, when their lease is over. Whoever keeps them longer is at work. */
static int wait_for_locks(struct resuming *z, struct err *e)
{
    int64_t until = clock_mono_ms() + z->g->conf->server[0].lock_lease * INT64_C(1000) + GRACE_MS;
    int told = 0;
    while (lock_all(z, e) < 0) {
        if (clock_mono_ms() >= until)
            return err_wrap(e, "another manager is at work");
        if (!told++)
            log_info("lock-wait", "%s; waiting for it", e->text);
        clock_sleep_ms(TRY_MS);
        int64_t deadline_ms = exec_take_sessions(z->r.x, LOOK_MS);
        group_drop_dead(z->g, GROUP_ALL);
        group_open(z->g, GROUP_ALL, GROUP_SQL, deadline_ms);
        exec_give_sessions(z->r.x);
    }
    return 0;
}

static void look(struct resuming *z)
{
    struct operation_run *r = &z->r;
    int64_t deadline_ms = exec_take_sessions(r->x, LOOK_MS);
    r->first = observe(z->g, &(struct observe){.what = GROUP_SQL | GROUP_AGENTS,
                                               .sights = ~(UINT32_C(1) << z->op.dead),
                                               .master = z->op.dead,
                                               .deadline_ms = deadline_ms});
    exec_give_sessions(r->x);
    operation_guess_datadir(r);
    operation_apply_options(r, r->first);
    story_tell(z->story, r->first);
}

/* Once the locks are held nobody else goes on with it: what is in the journal now is all. 1: it was
 * closed meanwhile. */
static int is_closed_by_now(struct resuming *z, struct err *e)
{
    struct story *now = mem_zalloc(sizeof *now);
    int rc = 0;
    if (z->story->local)
        rc = story_read(z->g, z->story->dir, now, e) < 0 ? -1 : now->closed;
    if (rc == 0 && z->story->local) {
        struct story was = *z->story;
        *z->story = *now;
        *now = was;
    }
    story_release(now);
    free(now);
    return rc;
}

static int ask(const struct resuming *z, struct err *e)
{
    char line[64] = "";
    if (!z->op.interactive)
        return 0;
    printf("An operation on %s was interrupted (%s). Go on: %s? (yes/NO): ",
           topo_label(z->r.first, z->op.dead), z->what->reason, resume_word(z->what->way));
    fflush(stdout);
    if (fgets(line, sizeof line, stdin) && (line[0] == 'y' || line[0] == 'Y'))
        return 0;
    return err_set(e, ERR_WORLD, "stopped at the question whether to go on with it");
}

static void take_back(struct resuming *z)
{
    struct exec *x = z->r.x;
    const struct topo_host *dead = &z->what->view->host[z->op.dead];
    x->t = z->what->view;
    z->r.plan_a->fence.dead = z->op.dead;
    z->r.plan_a->fence.new_master = z->story->next == NO_HOST ? z->op.dead : z->story->next;
    x->p = &z->r.plan_a->fence;
    x->gave_back = dead->reach == REACH_UP && !dead->read_only;
    exec_undo(x);
}

static int decide_second(struct resuming *z, struct err *e)
{
    struct operation_run *r = &z->r;
    operation_look_again(r);
    story_tell(z->story, r->second);
    struct topo *view = resume_view(r->second);
    topo_free(&r->second);
    r->second = view;
    view->fenced = 1;
    if (z->what->way == RESUME_FINISH) {
        r->behind = story_read_behind(z->story, view);
        return failover_finish(view, r->plan_b, e) < 0 ? -1 : operation_journal_finish(r, e);
    }
    return failover_decide(view, r->plan_b, e) < 0 ? -1 : operation_journal_second(r, e);
}

/* Both plans, from the first look and from the one behind the fence. */
static int run_plans(struct resuming *z, struct err *e)
{
    struct operation_run *r = &z->r;
    struct exec *x = r->x;
    *r->plan_a = z->what->plan;
    topo_free(&r->first);
    r->first = topo_copy(z->what->view);
    x->mode = r->plan_a->mode;
    x->ssh_usable = r->first->ssh_reachable == 1 || r->first->host[z->op.dead].agent == AGENT_UP;
    x->past_return = z->what->way == RESUME_FINISH;
    x->opened = r->first->opened != NO_HOST;
    if (z->story->kind == INTERRUPTED_SWITCH && x->past_return)
        x->proof |= PROOF_FROZEN;
    else if (x->opened && !x->proof)
        x->proof |= PROOF_EARLIER;
    if (exec_plan(x, r->first, &r->plan_a->fence, e) < 0)
        return -1;
    if (decide_second(z, e) < 0) {
        if (!x->past_return && !x->lost_lease)
            exec_undo(x);
        return -1;
    }
    x->mode = r->plan_b->mode;
    return exec_plan(x, r->second, &r->plan_b->promote, e);
}

static void go_on(struct resuming *z)
{
    struct operation_run *r = &z->r;
    if (run_plans(z, &r->why) < 0)
        r->code = 1;
    report_loss_find(r);
    r->end_ms = clock_mono_ms();
    if (r->code == 0)
        r->code = operation_result(r);
}

/* What is done about it; the journal is open. */
static enum resumed act(struct resuming *z, struct operation_resumed *out, struct err *e)
{
    struct operation_run *r = &z->r;
    if (z->what->way == RESUME_CLOSE) {
        log_warning("resume-closed", "the operation in %s is closed, nothing is touched: %s",
                    z->story->dir, z->what->reason);
        operation_journal_superseded(r, z->what->reason);
        return RESUMED_BACK;
    }
    resume_seed(r->x, z->story, z->seed);
    if (z->what->way == RESUME_UNDO) {
        take_back(z);
        int up = r->x->gave_back || z->what->view->host[z->op.dead].reach == REACH_UP;
        err_set(&r->why, ERR_WORLD, "an interrupted failover was taken back: %s", z->what->reason);
        r->code = 1;
        r->end_ms = clock_mono_ms();
        operation_resume_end(r, up);
        if (up)
            return RESUMED_BACK;
        *e = r->why;
        return RESUMED_ERROR;
    }
    go_on(z);
    if (r->x->lost_lease)
        return RESUMED_STALE;
    exec_release(r->x);
    operation_end(r);
    *out = (struct operation_resumed){.code = r->code,
                                      .dead = z->op.dead,
                                      .new_master =
                                          r->x->opened ? r->plan_b->choice.new_master : NO_HOST};
    if (r->code == 1)
        *e = r->why;
    return RESUMED_FAILOVER;
}

static enum resumed decide_and_act(struct resuming *z, struct operation_resumed *out, struct err *e)
{
    struct operation_run *r = &z->r;
    look(z);
    resume_decide(r->first, z->what);
    log_warning("resume", "%s: %s: %s", z->story->dir, resume_word(z->what->way), z->what->reason);
    if (z->what->way == RESUME_REFUSED) {
        err_set(e, ERR_WORLD, "the operation in %s did not end: %s", z->story->dir,
                z->what->reason);
        return RESUMED_ERROR;
    }
    if ((z->what->way != RESUME_CLOSE && ask(z, e) < 0) ||
        operation_journal_resume(r, z->story, z->what, e) < 0)
        return RESUMED_ERROR;
    return act(z, out, e);
}

static void log_found(const struct resuming *z)
{
    const struct story *s = z->story;
    log_warning("journal-open", "an operation did not end: %s (by %s on %s)%s", s->dir, s->command,
                s->manager, s->kind == INTERRUPTED_NOTE ? ", as an agent's note tells" : "");
}

static enum resumed resume_found(struct resuming *z, struct operation_resumed *out, struct err *e)
{
    enum resumed rc = RESUMED_ERROR;
    log_found(z);
    z->op.dead = z->story->dead == NO_HOST ? 0 : z->story->dead;
    operation_run_init(&z->r, z->g, &z->op);
    z->r.resumed = 1;
    int closed = 0;
    if (z->story->dead == NO_HOST) {
        z->what->way = RESUME_CLOSE;
        snprintf(z->what->reason, sizeof z->what->reason,
                 "its old master is not in the configuration any more");
        z->r.first = observe_nothing(z->g);
        if (operation_journal_resume(&z->r, z->story, z->what, e) == 0)
            rc = act(z, out, e);
    } else if (end_hooks(z->story, e) == 0 && wait_for_locks(z, e) == 0 &&
               (closed = is_closed_by_now(z, e)) == 0) {
        rc = decide_and_act(z, out, e);
    }
    exec_release(z->r.x);
    operation_run_release(&z->r);
    return closed > 0 ? RESUMED_BACK : rc;
}

/* Sessions whose locks are gone are of no use to anybody. */
static void drop_sessions(struct group *g)
{
    for (int i = 0; i < g->hosts; i++)
        sql_close(&g->host[i].sql);
}

static enum resumed attempt(struct group *g, const struct operation *op,
                            struct operation_resumed *out, struct err *e)
{
    struct resuming *z = mem_zalloc(sizeof *z);
    enum resumed rc = RESUMED_NOTHING;
    z->g = g;
    z->op = *op;
    z->story = mem_zalloc(sizeof *z->story);
    z->what = mem_zalloc(sizeof *z->what);
    z->seed = mem_zalloc(RESUME_SEEDS_MAX * sizeof *z->seed);
    int found = find(z, e);
    if (found < 0)
        rc = RESUMED_ERROR;
    else if (found > 0)
        rc = resume_found(z, out, e);
    resume_release(z->what);
    story_release(z->story);
    free(z->what);
    free(z->story);
    free(z->seed);
    free(z);
    return rc;
}

enum resumed operation_resume(struct group *g, const struct operation *op,
                              struct operation_resumed *out, struct err *e)
{
    enum resumed rc = RESUMED_NOTHING, all = RESUMED_NOTHING;
    *out = (struct operation_resumed){.code = 1, .dead = NO_HOST, .new_master = NO_HOST};
    open_all(g);
    for (int i = 0; i < CLOSED_MAX; i++) {
        rc = attempt(g, op, out, e);
        if (rc == RESUMED_STALE)
            drop_sessions(g);
        else if (rc != RESUMED_BACK)
            break;
        all = RESUMED_BACK;
        open_all(g);
    }
    return rc == RESUMED_NOTHING ? all : rc;
}
