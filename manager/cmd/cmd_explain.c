/* kagemusha explain: what every witness says of the master now, the verdict, and what is missing
 * for a failover. Live, and changes nothing. */
#include "manager/cmd/cmd.h"

#include "common/clock.h"
#include "common/log.h"
#include "manager/act/observe.h"
#include "manager/act/pause.h"
#include "manager/act/status.h"
#include "manager/cmd/look.h"
#include "manager/decide/failover.h"
#include "manager/decide/preflight.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LOOK_MS 3000

struct options {
    struct look look;
    const char *fence;
    int last_failover_minute, no_probe, help, version;
};

/* The page as it grows. */
struct page {
    const struct options *o;
    struct group *g;
    struct topo *t;
    struct verdict v;
    struct buf out, missing;
};

static void missing(struct page *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void missing(struct page *p, const char *fmt, ...)
{
    char text[1024];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    buf_addf(&p->missing, "  - %s\n", text);
}

static const char *reach_sentence(const struct topo_host *h)
{
    switch (h->reach) {
    case REACH_UP:
        return "answers";
    case REACH_DENIED:
        return "lives, but refuses us";
    case REACH_REFUSED:
        return "refuses connections";
    case REACH_SILENT:
        return "is silent";
    case REACH_UNKNOWN:
        break;
    }
    return "was not asked";
}

static const char *agent_sentence(const struct topo_host *h)
{
    static const char *const lives[] = {"its process was not looked for", "mysqld runs",
                                        "mysqld is stopped by a signal", "mysqld is ending",
                                        "there is no mysqld"};

    if (h->agent == AGENT_UP)
        return lives[h->life];
    if (h->agent == AGENT_MISSING)
        return "SSH works, kagemusha-node does not";
    return h->agent == AGENT_UNREACHABLE ? "no SSH" : "was not asked";
}

static const char *sight_sentence(enum sight s)
{
    static const char *const words[] = {"was not asked", "gets the greeting",
                                        "is let in, and gets no greeting", "is refused",
                                        "gets no answer"};

    return words[s];
}

static void print_replica(struct page *p, int i)
{
    static const char *const threads[] = {"stopped", "running", "connecting"};
    const struct topo_host *h = &p->t->host[i];

    buf_addf(&p->out, "  %s: %s", topo_label(p->t, i), reach_sentence(h));
    if (h->reach == REACH_UP && h->channels)
        buf_addf(&p->out, "; IO thread %s, SQL thread %s", threads[h->repl.io],
                 threads[h->repl.sql]);
    if (h->reach != REACH_UP && *h->reach_text)
        buf_addf(&p->out, ": %s", h->reach_text);
    if (h->retired)
        buf_adds(&p->out, "; replaced as a master");
    buf_addf(&p->out, "; its agent at the master's port %s\n",
             h->agent == AGENT_UP ? sight_sentence(h->sight) : "was not asked");
}

static void print_witnesses(struct page *p)
{
    const struct topo_host *m;
    int master = p->v.master;

    buf_adds(&p->out, "witnesses\n");
    if (master != NO_HOST) {
        m = &p->t->host[master];
        buf_addf(&p->out, "  our session: %s %s%s%s\n", topo_label(p->t, master), reach_sentence(m),
                 m->reach == REACH_UP ? "" : ": ", m->reach == REACH_UP ? "" : m->reach_text);
        buf_addf(&p->out, "  agent on %s: %s\n", m->host, agent_sentence(m));
    }
    for (int i = 0; i < p->t->hosts; i++)
        if (i != master)
            print_replica(p, i);
    if (!*p->g->conf->server[0].secondary_check_script)
        buf_adds(&p->out, "  secondary_check_script: not configured\n");
}

static void print_manager(struct page *p)
{
    const char *dir = p->g->conf->server[0].manager_workdir;
    struct status s;
    struct err e;
    int rc = status_read(dir, p->g->conf->app, &s, &e);

    buf_addf(&p->out, "group    %s (%s)\n", p->g->conf->app, p->g->conf->file);
    if (rc > 0 && status_alive(&s)) {
        buf_addf(&p->out, "manager  pid %d: %s, master %s\n", (int)s.pid, status_word(s.code),
                 s.master);
        return;
    }
    buf_adds(&p->out, "manager  none runs here\n");
    missing(p, "no manager of this group runs on this host");
}

static void find_flags(struct page *p)
{
    const char *dir = p->g->conf->server[0].manager_workdir, *app = p->g->conf->app;
    int64_t age_s = status_complete_age_s(dir, app);

    if (p->g->paused_until_wall_ms)
        missing(p, "paused %s", p->g->paused);
    if (status_error_exists(dir, app))
        missing(p,
                "the last failover ended with an error: look at the group, then remove "
                "%s/%s.failover.error",
                dir, app);
    if (age_s >= 0 && age_s < p->o->last_failover_minute * INT64_C(60))
        missing(p,
                "the last failover was %lld minutes ago: within --last_failover_minute=%d only "
                "kagemusha manage acts again, after a proved fence",
                (long long)age_s / 60, p->o->last_failover_minute);
}

static void find_locks(struct page *p)
{
    for (int i = 0; i < p->g->hosts; i++) {
        struct sql *s = &p->g->host[i].sql;
        struct buf who = BUF_INIT;

        if (s->db &&
            sql_lock_holder(s, SQL_LOCK_FAILOVER, &who, clock_mono_ms() + LOOK_MS, NULL) == 0 &&
            who.len)
            missing(p, "the failover lock on %s is held by %s", topo_label(p->t, i), who.data);
        buf_clear(&who);
        if (s->db && i == p->v.master &&
            sql_lock_holder(s, SQL_LOCK_MONITOR, &who, clock_mono_ms() + LOOK_MS, NULL) == 0)
            buf_addf(&p->out, "monitor lock on %s: %s\n", topo_label(p->t, i),
                     who.len ? who.data : "free");
        buf_release(&who);
    }
}

/* The whole host silent: no agent, no answer, and nobody else reaches it. */
static struct topo *what_if_silent(const struct topo *t, int master)
{
    struct topo *s = what_if_dead(t, master);
    struct topo_host *m = &s->host[master];

    m->reach = REACH_SILENT;
    m->agent = AGENT_UNREACHABLE;
    m->life = LIFE_UNKNOWN;
    m->ending = ENDING_UNKNOWN;
    s->ssh_reachable = 0;
    for (int i = 0; i < s->hosts; i++)
        if (i != master && s->host[i].sight == SIGHT_REFUSED)
            s->host[i].sight = SIGHT_SILENT;
    return s;
}

/* One way to die, and what would come of it. The candidates are printed with the first. */
static int print_death(struct page *p, const char *how, struct topo *dead, int candidates)
{
    struct failover *f = mem_zalloc(sizeof(*f));
    struct err e = {0};
    int rc = failover_decide(dead, f, &e);

    if (rc == 0)
        buf_addf(&p->out, "  %s: %s would be promoted\n", how,
                 topo_label(dead, f->choice.new_master));
    else
        buf_addf(&p->out, "  %s: NO FAILOVER: %s\n", how, e.text);
    if (rc < 0)
        missing(p, "%s: %s", how, e.text);
    if (candidates)
        choice_print(dead, &f->choice, &p->out);
    free(f);
    topo_free(&dead);
    return rc;
}

static int print_deaths(struct page *p)
{
    int master = p->v.master, rc;

    if (p->v.broken || master == NO_HOST)
        return -1;
    buf_addf(&p->out, "if %s died now (fence_required=%s)\n", topo_label(p->t, master),
             p->t->fence == FENCE_PROOF ? "proof" : "mha");
    rc = print_death(p, "its mysqld crashes", what_if_dead(p->t, master), 1);
    print_death(p, "its host falls silent", what_if_silent(p->t, master), 0);
    return rc;
}

static void set_policy(struct page *p)
{
    const char *configured = p->g->conf->server[0].fence_required;
    const char *word = p->o->fence ? p->o->fence : *configured ? configured : "proof";

    p->t->fence = strcasecmp(word, "mha") == 0 ? FENCE_MHA : FENCE_PROOF;
}

/* The witnesses at the replicas are asked only now that the master is known. */
static void ask_witnesses(struct page *p)
{
    struct observe o = {.what = GROUP_SQL | GROUP_AGENTS,
                        .sights = p->o->no_probe ? 0 : group_mask(p->g) & ~(1U << p->v.master),
                        .master = p->v.master,
                        .deadline_ms = clock_mono_ms() + LOOK_MS};

    topo_free(&p->t);
    p->t = observe(p->g, &o);
    diagnose(p->t, &p->v);
}

static int explain(struct options *o)
{
    struct page p = {.o = o, .out = BUF_INIT, .missing = BUF_INIT};
    struct err e = {0};
    int rc;

    if (look_open(&o->look, &e) < 0) {
        fprintf(stderr, "%s\n", e.text);
        look_release(&o->look);
        return 1;
    }
    p.g = o->look.group;
    p.t = o->look.seen;
    o->look.seen = NULL;
    diagnose(p.t, &p.v);
    if (p.v.master != NO_HOST)
        ask_witnesses(&p);
    set_policy(&p);
    print_manager(&p);
    print_witnesses(&p);
    find_locks(&p);
    buf_addf(&p.out, "verdict  %s: %s\n", verdict_word(p.v.kind), p.v.reason);
    if (!p.v.dead)
        missing(&p, "the verdict: %s", p.v.reason);
    find_flags(&p);
    rc = print_deaths(&p);
    printf("%smissing for a failover now\n%s", p.out.data,
           p.missing.len ? p.missing.data : "  nothing\n");
    buf_release(&p.out);
    buf_release(&p.missing);
    topo_free(&p.t);
    look_release(&o->look);
    return rc < 0 ? 2 : 0;
}

static int run(const struct cmd *self, int as_mha, int argc, char **argv)
{
    struct options o = {.last_failover_minute = 480};
    /* clang-format off */
    const struct args_option table[] = {
        {"conf",                 ARGS_TEXT, &o.look.conf,            "FILE",      "configuration of the group (required)"},
        {"global_conf",          ARGS_TEXT, &o.look.global_conf,     "FILE",      "global defaults"},
        {"fence_required",       ARGS_TEXT, &o.fence,                "proof|mha", "the policy; default: the configuration's, else proof"},
        {"last_failover_minute", ARGS_INT,  &o.last_failover_minute, "MINUTES",   "as the manager has it; default 480"},
        {"skip_probe",            ARGS_FLAG, &o.no_probe,             NULL,        "do not let the agents connect to the master's port"},
        {"help",                 ARGS_FLAG, &o.help,                 NULL,        "this text"},
        {"version",              ARGS_FLAG, &o.version,              NULL,        "the version"},
        {NULL,                   ARGS_FLAG, NULL,                    NULL,        NULL},
    };
    /* clang-format on */
    if (cmd_args(as_mha, &argc, argv, table) < 0)
        return 1;
    if (cmd_answered(self, as_mha, o.help, o.version, table))
        return 0;
    if (!o.look.conf) {
        fprintf(stderr, "--conf=FILE must be set\n");
        return 1;
    }
    (void)log_setup(NULL, LOG_LEVEL_WARNING, NULL, 0, NULL);
    return explain(&o);
}

const struct cmd cmd_explain = {
    .verb = "explain",
    .brief = "Tells what every witness says, the verdict, and what a failover lacks",
    .run = run,
};
