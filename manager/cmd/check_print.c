/* A check for people; see check_print.h. */
#include "manager/cmd/check_print.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int is_terminal(void)
{
    return isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
}

static const char *colour(enum finding_level l)
{
    static const char *const codes[] = {"\033[31m", "\033[33m", "\033[36m"};

    return is_terminal() ? codes[l] : "";
}

static const char *plain(void)
{
    return is_terminal() ? "\033[0m" : "";
}

static const char *role_of(const struct topo *t, const struct verdict *v, int i)
{
    if (t->host[i].reach == REACH_DENIED)
        return "refuses us";
    if (t->host[i].reach != REACH_UP)
        return i == v->master ? "master, DEAD" : "DEAD";
    if (i == v->master)
        return "master";
    return t->host[i].channels ? "replica" : "no replica";
}

static const char *thread_word(enum thread_state s)
{
    static const char *const words[] = {"No", "Yes", "Connecting"};

    return words[s];
}

static void print_replication(const struct topo_host *h)
{
    char at[BINPOS_FILE_BYTES + 24], lag[32] = "-";

    if (h->channels == 0) {
        printf(" %-10s %-4s %-6s %s", "-", "-", "-", binpos_print(&h->binlog, at, sizeof(at)));
        return;
    }
    if (h->repl.behind_s >= 0)
        snprintf(lag, sizeof(lag), "%" PRId64 " s", h->repl.behind_s);
    printf(" %-10s %-4s %-6s %s", thread_word(h->repl.io), thread_word(h->repl.sql), lag,
           binpos_print(&h->repl.read, at, sizeof(at)));
}

static void print_table(const struct topo *t, const struct verdict *v)
{
    static const char *const agents[] = {"-", "up", "missing", "no ssh"};

    printf("%-22s %-12s %-24s %-9s %-8s %-10s %-4s %-6s %s\n", "host", "role", "version",
           "read_only", "agent", "IO", "SQL", "lag", "received");
    for (int i = 0; i < t->hosts; i++) {
        const struct topo_host *h = &t->host[i];
        char name[TOPO_TEXT + 16];

        snprintf(name, sizeof(name), "%.200s:%d", h->host, h->port);
        printf("%-22s %-12s %-24.24s %-9s %-8s", name, role_of(t, v, i), h->version_text,
               h->reach == REACH_UP ? (h->read_only ? "1" : "0") : "-", agents[h->agent]);
        if (h->reach == REACH_UP)
            print_replication(h);
        putchar('\n');
    }
}

static void print_findings(const struct check *c)
{
    for (int i = 0; i < c->findings.count; i++) {
        const struct finding *f = &c->findings.item[i];

        printf("%s%-8s%s %s%s%s\n", colour(f->level), finding_word(f->level), plain(),
               f->host == NO_HOST ? "" : topo_name(c->seen, f->host),
               f->host == NO_HOST ? "" : ": ", f->text);
    }
}

void check_rehearse(const struct topo *t, int master, struct rehearsal *out)
{
    struct failover *f = mem_zalloc(sizeof(*f));
    struct topo *dead = what_if_dead(t, master);
    struct err e = {0};

    for (int i = 0; i < t->hosts; i++) {
        out[i] = (struct rehearsal){0};
        if (i == master)
            continue;
        dead->forced = i;
        out[i].possible = failover_decide(dead, f, &e) == 0;
        if (out[i].possible)
            predict(dead, f, &out[i].seconds);
        else
            snprintf(out[i].why, sizeof(out[i].why), "%.*s", (int)sizeof(out[i].why) - 1,
                     f->choice.barred[i] ? f->choice.reason[i] : e.text);
    }
    topo_free(&dead);
    free(f);
}

static void print_candidates(const struct topo *t, int master)
{
    struct rehearsal *r = mem_zalloc(sizeof(*r) * TOPO_HOSTS_MAX);

    check_rehearse(t, master, r);
    for (int i = 0; i < t->hosts; i++) {
        int64_t ms = r[i].seconds.open_ms, all = r[i].seconds.done_ms;

        if (i != master && r[i].possible)
            printf("  %-22s would take writes about %" PRId64 ".%" PRId64
                   " s after the verdict, all replicas follow after %" PRId64 ".%" PRId64 " s\n",
                   topo_name(t, i), ms / 1000, ms % 1000 / 100, all / 1000, all % 1000 / 100);
    }
    free(r);
}

/* The rehearsal: the same decision as in earnest, on the same group with its master dead. */
static void print_rehearsal(const struct topo *t, const struct verdict *v)
{
    struct failover *f = mem_zalloc(sizeof(*f));
    struct topo *dead = what_if_dead(t, v->master);
    struct buf text = BUF_INIT;
    struct err e = {0};
    int rc = failover_decide(dead, f, &e);

    printf("\nIf %s died now (recovery by %s):\n", topo_name(t, v->master), mode_text(f->mode));
    choice_print(dead, &f->choice, &text);
    fputs(text.data, stdout);
    if (rc)
        printf("  NO FAILOVER: %s\n", e.text);
    else
        printf("  %s would become the master: %d steps to the fence, %d after it (`kagemusha plan` "
               "shows them)\n",
               topo_name(t, f->promote.new_master), f->fence.steps, f->promote.steps);
    print_candidates(t, v->master);
    buf_release(&text);
    topo_free(&dead);
    free(f);
}

void check_print(const struct check *c, const struct verdict *v)
{
    print_table(c->seen, v);
    print_findings(c);
    if (!v->broken)
        print_rehearsal(c->seen, v);
}
