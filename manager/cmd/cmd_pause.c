/* kagemusha pause and resume: an operator's word that a group is only watched for a while, or that
 * a host is not promoted (decision 39). No manager has to run. */
#include "manager/cmd/cmd.h"

#include "common/clock.h"
#include "common/file.h"
#include "manager/act/pause.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_FOR "1h"
#define LONGEST_S   (30 * INT64_C(86400))

struct options {
    const char *conf, *global_conf, *workdir, *duration, *reason;
    int help, version;
    const char *group, *host; /* words */
};

struct target {
    char app[128], workdir[1024];
    char host[TOPO_TEXT]; /* "" is the group */
    int port;
};

/* "90s", "30m", "2h", "1d", or seconds. */
static int parse_duration(const char *text, int64_t *seconds, struct err *e)
{
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {
        {'\0', 1    },
        {'s',  1    },
        {'m',  60   },
        {'h',  3600 },
        {'d',  86400}
    };
    char *end;
    long long n = strtoll(text, &end, 10);

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (end == text || *end != units[i].unit || (*end && end[1]) || n < 1 || n > LONGEST_S)
            continue;
        *seconds = n * units[i].seconds;
        if (*seconds <= LONGEST_S)
            return 0;
    }
    return err_set(e, ERR_CONFIG, "--for=%.40s: write 90s, 30m, 2h or 1d, 30d at most", text);
}

/* A group by its name is where the service and MHA look for it. */
static const char *find_file(const struct options *o, struct buf *path)
{
    static const char *const places[] = {"/etc/kagemusha", "/usr/local/masterha/conf"};

    if (o->conf || strchr(o->group, '/') || access(o->group, R_OK) == 0)
        return o->conf ? o->conf : o->group;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        buf_clear(path);
        buf_addf(path, "%s/%s.cnf", places[i], o->group);
        if (access(path->data, R_OK) == 0)
            break;
    }
    return path->data;
}

static int find_host(const struct conf *c, const char *name, struct target *t, struct err *e)
{
    char host[TOPO_TEXT];
    const char *colon = strrchr(name, ':');
    int port = colon ? (int)strtol(colon + 1, NULL, 10) : 0;

    snprintf(host, sizeof(host), "%.*s", colon ? (int)(colon - name) : (int)strlen(name), name);
    for (size_t i = 0; i < c->servers; i++) {
        const struct conf_server *s = &c->server[i];

        if ((port && s->port != port) ||
            (strcmp(s->hostname, host) != 0 && strcmp(s->ip, host) != 0))
            continue;
        snprintf(t->host, sizeof(t->host), "%.*s", (int)sizeof(t->host) - 1, s->hostname);
        t->port = s->port;
        return 0;
    }
    return err_set(e, ERR_CONFIG, "%.200s is no server of %s", name, c->file);
}

static int find_target(const struct options *o, struct target *t, struct err *e)
{
    struct buf path = BUF_INIT;
    struct conf *c = NULL;
    int rc = conf_load(&c, find_file(o, &path), o->global_conf, CONF_RESOLVE_LATER, e);

    memset(t, 0, sizeof(*t));
    buf_release(&path);
    if (rc < 0)
        return -1;
    snprintf(t->app, sizeof(t->app), "%s", c->app);
    snprintf(t->workdir, sizeof(t->workdir), "%s",
             o->workdir ? o->workdir : c->server[0].manager_workdir);
    if (o->host)
        rc = find_host(c, o->host, t, e);
    conf_free(&c);
    return rc;
}

static void forget(struct pauses *p, const struct target *t)
{
    int kept = 0;

    for (int i = 0; i < p->count; i++)
        if (strcmp(p->item[i].host, t->host) != 0 || p->item[i].port != t->port)
            p->item[kept++] = p->item[i];
    p->count = kept;
}

static void who(char *out, size_t size)
{
    const char *sudo = getenv("SUDO_USER");
    const struct passwd *p = getpwuid(getuid());

    snprintf(out, size, "%.60s", sudo && *sudo ? sudo : p ? p->pw_name : "unknown");
}

static int add(const struct options *o, const struct target *t, struct pauses *p, struct err *e)
{
    struct pause *x = &p->item[p->count];
    int64_t seconds = 0;

    if (parse_duration(o->duration ? o->duration : DEFAULT_FOR, &seconds, e) < 0)
        return -1;
    if (p->count > TOPO_HOSTS_MAX)
        return err_set(e, ERR_CONFIG, "more pauses than hosts");
    memset(x, 0, sizeof(*x));
    x->since_wall_ms = clock_wall_ms();
    x->until_wall_ms = x->since_wall_ms + seconds * 1000;
    x->port = t->port;
    snprintf(x->host, sizeof(x->host), "%s", t->host);
    snprintf(x->reason, sizeof(x->reason), "%.200s", o->reason ? o->reason : "");
    who(x->by, sizeof(x->by));
    p->count++;
    return 0;
}

static void say(const struct target *t, const struct pauses *p)
{
    const struct pause *x = pauses_find(p, t->host, t->port);
    const char *sep = *t->host ? ": " : "";
    struct buf text = BUF_INIT;

    if (x)
        pause_print(x, &text);
    if (x && *t->host)
        printf("%s%s%s is not promoted %s\n", t->app, sep, t->host, text.data);
    else if (x)
        printf("%s is only watched %s\n", t->app, text.data);
    else
        printf("%s%s%s is not paused any more\n", t->app, sep, t->host);
    buf_release(&text);
}

static int change(const struct options *o, int resume)
{
    struct pauses *p = mem_zalloc(sizeof(*p));
    struct target t;
    struct err e = {0};
    int rc = find_target(o, &t, &e);

    if (rc == 0)
        rc = file_mkdirs(t.workdir, 0755, &e);
    if (rc == 0) {
        pauses_read(t.workdir, t.app, clock_wall_ms(), p);
        forget(p, &t);
        rc = resume ? 0 : add(o, &t, p, &e);
    }
    if (rc == 0)
        rc = pauses_write(t.workdir, t.app, p, &e);
    if (rc == 0)
        say(&t, p);
    else
        fprintf(stderr, "%s\n", e.text);
    free(p);
    return rc < 0;
}

/* GROUP and HOST; with --conf the first word is HOST. */
static int take_words(struct options *o, int argc, char **argv)
{
    int next = 1;

    if (!o->conf && next < argc)
        o->group = argv[next++];
    if (next < argc)
        o->host = argv[next++];
    if (next < argc || (!o->conf && !o->group))
        return -1;
    return 0;
}

static int run(const struct cmd *self, int as_mha, int argc, char **argv)
{
    struct options o = {0};
    /* clang-format off */
    const struct args_option table[] = {
        {"conf",        ARGS_TEXT, &o.conf,        "FILE",     "configuration of the group, instead of its name"},
        {"global_conf", ARGS_TEXT, &o.global_conf, "FILE",     "global defaults"},
        {"manager_workdir|workdir", ARGS_TEXT, &o.workdir, "DIR", "where the manager's files are"},
        {"for",         ARGS_TEXT, &o.duration,    "DURATION", "how long: 90s, 30m, 2h, 1d; default " DEFAULT_FOR},
        {"reason",      ARGS_TEXT, &o.reason,      "TEXT",     "why; shown wherever the pause is"},
        {"help",        ARGS_FLAG, &o.help,        NULL,       "this text"},
        {"version",     ARGS_FLAG, &o.version,     NULL,       "the version"},
        {NULL,          ARGS_FLAG, NULL,           NULL,       NULL},
    };
    /* clang-format on */
    struct err e;

    if (args_parse(&argc, argv, table, ARGS_UNKNOWN_ERROR, &e) < 0) {
        fprintf(stderr, "%s: %s\n", argv[0], e.text);
        return 1;
    }
    if (cmd_answered(self, as_mha, o.help, o.version, table))
        return 0;
    if (take_words(&o, argc, argv) < 0) {
        fprintf(stderr, "usage: kagemusha %s GROUP|--conf=FILE [HOST[:PORT]] [options]\n",
                self->verb);
        return 1;
    }
    return change(&o, strcmp(self->verb, "resume") == 0);
}

const struct cmd cmd_pause = {
    .verb = "pause",
    .brief = "Lets a group only be watched for a while, or keeps a host from being promoted",
    .run = run,
};

const struct cmd cmd_resume = {
    .verb = "resume",
    .brief = "Ends a pause",
    .run = run,
};
