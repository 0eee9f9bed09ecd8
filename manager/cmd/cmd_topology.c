/* kagemusha topology: the group as a tree. */
#include "manager/cmd/cmd.h"

#include "common/json.h"
#include "common/log.h"
#include "manager/cmd/look.h"
#include "manager/decide/diagnose.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum colour { PLAIN, GOOD, CARE, BAD, DIM };

struct tree {
    const struct topo *t;
    int colours;
    int width; /* of the longest name with its branch */
    int shown[TOPO_HOSTS_MAX];
};

static void paint(const struct tree *w, enum colour c, const char *text)
{
    static const char *const codes[] = {"0", "32", "33", "1;31", "2"};
    if (w->colours && c != PLAIN)
        printf("\033[%sm%s\033[0m", codes[c], text);
    else
        fputs(text, stdout);
}

static enum colour thread_colour(enum thread_state s)
{
    if (s == THREAD_YES)
        return GOOD;
    return s == THREAD_NO ? BAD : CARE;
}

static void show_replication(const struct tree *w, const struct topo_host *h)
{
    static const char *const threads[] = {"No", "Yes", "Connecting"};
    const struct topo_repl *r = &h->repl;
    char text[64];
    fputs("  IO ", stdout);
    paint(w, thread_colour(r->io), threads[r->io]);
    fputs("  SQL ", stdout);
    paint(w, thread_colour(r->sql), threads[r->sql]);
    if (r->behind_s < 0)
        snprintf(text, sizeof text, "  lag unknown");
    else
        snprintf(text, sizeof text, "  lag %" PRId64 " s", r->behind_s);
    paint(w, r->behind_s < 0 ? CARE : r->behind_s > 10 ? CARE : PLAIN, text);
    if (r->delay_s > 0)
        printf("  delayed %" PRId64 " s", r->delay_s);
    if (r->io_errno)
        paint(w, BAD, "\n        IO: "), paint(w, BAD, r->io_error);
    if (r->sql_errno)
        paint(w, BAD, "\n        SQL: "), paint(w, BAD, r->sql_error);
}

static void show_marks(const struct tree *w, const struct topo_host *h)
{
    if (h->vip)
        paint(w, GOOD, "  VIP");
    if (h->candidate_master)
        fputs("  candidate", stdout);
    if (h->no_master)
        paint(w, DIM, "  no_master");
    if (h->ignore_fail)
        paint(w, DIM, "  ignore_fail");
    if (h->paused)
        paint(w, CARE, "  paused");
    if (h->retired)
        paint(w, CARE, "  retired");
    if (h->agent == AGENT_MISSING)
        paint(w, CARE, "  no agent");
    if (h->agent == AGENT_UNREACHABLE)
        paint(w, CARE, "  no SSH");
}

static void show_state(const struct tree *w, int host)
{
    static const char *const reaches[] = {"not asked", "up", "refuses us", "down", "silent"};
    const struct topo_host *h = &w->t->host[host];
    if (h->reach != REACH_UP) {
        paint(w, BAD, reaches[h->reach]);
        printf("  %s", h->reach_text);
        return;
    }
    printf("%-16.*s", (int)strcspn(h->version_text, "-"), h->version_text);
    /* Writable is right for the master alone. */
    if (h->read_only)
        paint(w, host == w->t->master ? BAD : PLAIN, "read-only");
    else
        paint(w, host == w->t->master ? GOOD : BAD, "writable ");
    if (h->channels > 0)
        show_replication(w, h);
    show_marks(w, h);
}

static void show_host(struct tree *w, int host, const char *branch, int branch_columns)
{
    const struct topo_host *h = &w->t->host[host];
    int n = branch_columns + printf("%s%s:%d", branch, h->host, h->port) - (int)strlen(branch);
    printf("%*s", w->width - n + 2, "");
    show_state(w, host);
    putchar('\n');
    w->shown[host] = 1;
}

static int is_below(const struct tree *w, int host, int master)
{
    return !w->shown[host] && w->t->host[host].channels > 0 &&
           w->t->host[host].repl.master == master;
}

/* Two levels of indent a tier; a ring ends since every host is shown once. */
static void show_replicas(struct tree *w, int master, int depth)
{
    for (int i = 0, left = 0; i < w->t->hosts; i++) {
        if (!is_below(w, i, master))
            continue;
        left = 0;
        for (int k = i + 1; k < w->t->hosts; k++)
            left += is_below(w, k, master);
        char branch[64];
        snprintf(branch, sizeof branch, "%*s%s", 3 * depth, "", left ? "├─ " : "└─ ");
        show_host(w, i, branch, 3 * depth + 3);
        show_replicas(w, i, depth + 1);
    }
}

static int name_width(const struct topo *t)
{
    int width = 0;
    for (int i = 0; i < t->hosts; i++) {
        int n = 6 + snprintf(NULL, 0, "%s:%d", t->host[i].host, t->host[i].port);
        width = n > width ? n : width;
    }
    return width;
}

static void show_tree(const struct topo *t, const struct verdict *v, int colours)
{
    struct tree w = {.t = t, .colours = colours, .width = name_width(t)};
    printf("%s: ", t->app);
    paint(&w, v->kind == VERDICT_ALIVE ? GOOD : BAD, v->reason);
    if (v->master != NO_HOST)
        printf("  (recovery by %s)", mode_text(diagnose_mode(t, v->master)));
    putchar('\n');
    if (v->master != NO_HOST) {
        show_host(&w, v->master, "", 0);
        show_replicas(&w, v->master, 0);
    }
    for (int i = 0; i < t->hosts; i++) {
        if (w.shown[i])
            continue;
        show_host(&w, i, "?  ", 3);
        show_replicas(&w, i, 1);
    }
}

/* Why a host has no agent, with the fix. */
static void show_agents(const struct look *l)
{
    if (l->no_agents)
        return;
    for (int i = 0; i < l->group->hosts; i++)
        if (l->seen->host[i].agent != AGENT_UP && l->group->host[i].agent_err.code != ERR_NONE)
            printf("%s: %s\n", l->seen->host[i].host, l->group->host[i].agent_err.text);
}

static struct json_object *host_object(const struct topo *t, int host)
{
    static const char *const reaches[] = {"unknown", "up", "denied", "refused", "silent"};
    static const char *const agents[] = {"unknown", "up", "missing", "unreachable"};
    static const char *const threads[] = {"no", "yes", "connecting"};
    char text[BINPOS_FILE_BYTES + 24];
    const struct topo_host *h = &t->host[host];
    struct json_object *o = json_object_new_object();
    json_put_str(o, "section", h->name);
    json_put_str(o, "host", h->host);
    json_put_str(o, "ip", h->ip);
    json_put_int(o, "port", h->port);
    json_put_str(o, "reach", reaches[h->reach]);
    json_put_str(o, "reach_text", h->reach_text);
    json_put_str(o, "agent", agents[h->agent]);
    json_put_bool(o, "vip", h->vip);
    json_put_bool(o, "candidate_master", h->candidate_master);
    json_put_bool(o, "no_master", h->no_master);
    json_put_bool(o, "ignore_fail", h->ignore_fail);
    if (h->reach != REACH_UP)
        return o;
    json_put_str(o, "version", h->version_text);
    json_put_int(o, "server_id", h->server_id);
    json_put_bool(o, "read_only", h->read_only);
    if (h->channels == 0)
        return o;
    json_put_str(o, "master_host", h->repl.master_host);
    json_put_int(o, "master_port", h->repl.master_port);
    json_put_str(o, "io", threads[h->repl.io]);
    json_put_str(o, "sql", threads[h->repl.sql]);
    json_put_str(o, "io_error", h->repl.io_error);
    json_put_str(o, "sql_error", h->repl.sql_error);
    json_put_int(o, "lag_s", h->repl.behind_s);
    json_put_str(o, "read", binpos_print(&h->repl.read, text, sizeof text));
    json_put_str(o, "exec", binpos_print(&h->repl.exec, text, sizeof text));
    return o;
}

static void show_json(const struct topo *t, const struct verdict *v)
{
    struct json_object *o = json_object_new_object(), *hosts = json_object_new_array();
    struct buf text = BUF_INIT;
    json_put_str(o, "app", t->app);
    json_put_str(o, "verdict", verdict_word(v->kind));
    json_put_str(o, "reason", v->reason);
    json_put_str(o, "master", v->master == NO_HOST ? NULL : t->host[v->master].host);
    for (int i = 0; i < t->hosts; i++)
        json_object_array_add(hosts, host_object(t, i));
    json_object_object_add(o, "hosts", hosts);
    json_print(o, &text);
    puts(text.data);
    buf_release(&text);
    json_object_put(o);
}

static int show(struct look *l, int json)
{
    struct verdict v;
    struct err e = {0};
    int rc = look_open(l, &e);
    if (rc < 0) {
        fprintf(stderr, "%s\n", e.text);
    } else {
        const char *no_colour = getenv("NO_COLOR");
        diagnose(l->seen, &v);
        if (json)
            show_json(l->seen, &v);
        else
            show_tree(l->seen, &v, isatty(STDOUT_FILENO) && !(no_colour && *no_colour));
        if (!json)
            show_agents(l);
        rc = v.kind == VERDICT_ALIVE ? 0 : 2;
    }
    look_release(l);
    return rc < 0 ? 1 : rc;
}

static int run(const struct cmd *self, int as_mha, int argc, char **argv)
{
    struct look l = {0};
    int json = 0, help = 0, version = 0;
    /* clang-format off */
    const struct args_option table[] = {
        {"conf",        ARGS_TEXT, &l.conf,        "FILE", "configuration of the group (required)"},
        {"global_conf", ARGS_TEXT, &l.global_conf, "FILE", "global defaults"},
        {"json",        ARGS_FLAG, &json,          NULL,   "one JSON object"},
        {"sql-only",    ARGS_FLAG, &l.no_agents,   NULL,   "do not use SSH"},
        {"help",        ARGS_FLAG, &help,          NULL,   "this text"},
        {"version",     ARGS_FLAG, &version,       NULL,   "the version"},
        {NULL,          ARGS_FLAG, NULL,           NULL,   NULL},
    };
    /* clang-format on */
    if (cmd_args(as_mha, &argc, argv, table) < 0)
        return 1;
    if (cmd_answered(self, as_mha, help, version, table))
        return 0;
    if (!l.conf) {
        fprintf(stderr, "--conf=FILE must be set\n");
        return 1;
    }
    (void)log_setup(NULL, LOG_LEVEL_WARNING, NULL, 0, NULL);
    return show(&l, json);
}

const struct cmd cmd_topology = {
    .verb = "topology",
    .brief = "Shows the group as a tree (exit 0: well, 2: not, 1: could not look)",
    .run = run,
};
