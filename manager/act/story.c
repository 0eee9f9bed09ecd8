/* Journals read back; see story.h. */
#include "manager/act/story.h"

#include "common/clock.h"
#include "common/file.h"
#include "manager/act/observe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STORY_BYTES_MAX (16u << 20)

static void put(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%.*s", (int)size - 1, text);
}

/* The words of both directions. */
static const char *const thread_words[] = {"no", "yes", "connecting", NULL};
static const char *const follow_words[] = {"position", "auto_position", "slave_pos", "current_pos",
                                           NULL};

static int word_of(const char *text, const char *const *words)
{
    for (int i = 0; words[i]; i++)
        if (strcmp(text, words[i]) == 0)
            return i;
    return 0;
}

static int host_named(const struct topo *t, const char *label)
{
    for (int i = 0; i < t->hosts; i++)
        if (strcmp(topo_label(t, i), label) == 0)
            return i;
    return NO_HOST;
}

static int host_by_name(const struct topo *t, struct json_object *o)
{
    return topo_find(t, json_get_str(o, "host", ""), (int)json_get_int(o, "port", 3306));
}

static void get_pos(struct json_object *o, const char *key, struct binpos *out)
{
    struct binpos p;

    if (binpos_parse(json_get_str(o, key, ""), &p, NULL) == 0)
        *out = p;
}

/* The replication of a host as the header has it: what an undo goes back to. */
static void take_repl(struct json_object *o, struct topo_repl *r)
{
    put(r->master_host, sizeof(r->master_host), json_get_str(o, "master_host", ""));
    r->master_port = (int)json_get_int(o, "master_port", 3306);
    put(r->user, sizeof(r->user), json_get_str(o, "user", ""));
    r->follow = (enum follow)word_of(json_get_str(o, "follow", ""), follow_words);
    r->io = (enum thread_state)word_of(json_get_str(o, "io", ""), thread_words);
    r->sql = (enum thread_state)word_of(json_get_str(o, "sql", ""), thread_words);
    get_pos(o, "read", &r->read);
    get_pos(o, "exec", &r->exec);
}

static void take_hosts(struct story *s, struct json_object *header)
{
    struct json_object *hosts = NULL;
    size_t n = 0;

    if (json_object_object_get_ex(header, "hosts", &hosts) &&
        json_object_is_type(hosts, json_type_array))
        n = json_object_array_length(hosts);
    for (size_t i = 0; i < n; i++) {
        struct json_object *o = json_object_array_get_idx(hosts, i);
        int at = host_by_name(s->before, o);
        struct topo_host *h = at == NO_HOST ? NULL : &s->before->host[at];

        if (!h || json_get_int(o, "read_only", -1) < 0)
            continue;
        h->reach = REACH_UP;
        h->read_only = (int)json_get_int(o, "read_only", 0);
        h->super_read_only = (int)json_get_int(o, "super_read_only", -1);
        h->relay_log_purge = (int)json_get_int(o, "relay_log_purge", 0);
        h->channels = *json_get_str(o, "master_host", "") != '\0';
        take_repl(o, &h->repl);
    }
    topo_link(s->before);
    for (int i = 0; i < s->before->hosts; i++)
        if (s->before->host[i].channels && s->before->host[i].repl.master == s->dead)
            s->replicas |= UINT32_C(1) << i;
}

static void take_header(struct story *s, struct json_object *o)
{
    put(s->manager, sizeof(s->manager), json_get_str(o, "manager", ""));
    put(s->command, sizeof(s->command), json_get_str(o, "command", ""));
    if (!*s->dir)
        put(s->dir, sizeof(s->dir), json_get_str(o, "journal", ""));
    int is_switch = strcmp(json_get_str(o, "kind", ""), "switch") == 0;

    s->dead = host_named(s->before, json_get_str(o, is_switch ? "old_master" : "dead", ""));
    s->next = host_named(s->before, json_get_str(o, "new_master", ""));
    s->kind = json_get_bool(o, "from_note", 0) ? INTERRUPTED_NOTE : INTERRUPTED_JOURNAL;
    if (is_switch)
        s->kind = INTERRUPTED_SWITCH;
    take_hosts(s, o);
}

static int kind_of(const char *word)
{
    for (int k = 0; k < STEP_KIND_COUNT; k++)
        if (strcmp(word, step_word((enum step_kind)k)) == 0)
            return k;
    return -1;
}

/* The step that a line is about; added when it is new. NULL: a host or a word that we do not know.
 */
static struct story_step *step_of(struct story *s, struct json_object *o, int *fresh)
{
    int kind = kind_of(json_get_str(o, "word", ""));
    int host = host_named(s->before, json_get_str(o, "host", ""));

    *fresh = 0;
    for (int i = 0; i < s->steps; i++)
        if ((int)s->step[i].kind == kind && s->step[i].host == host)
            return &s->step[i];
    if (kind < 0 || host == NO_HOST || s->steps == STORY_STEPS_MAX)
        return NULL;
    *fresh = 1;
    s->step[s->steps] =
        (struct story_step){.kind = (enum step_kind)kind,
                            .host = host,
                            .peer = host_named(s->before, json_get_str(o, "peer", ""))};
    return &s->step[s->steps++];
}

static void forget(struct story *s, struct story_step *step)
{
    size_t behind = (size_t)(&s->step[s->steps] - (step + 1));

    memmove(step, step + 1, behind * sizeof(*step));
    s->steps--;
}

/* "already" of a step that no earlier manager had begun here says that there is nothing to take
 * back; where one had, it says that its work is there. */
static void take_begin(struct story *s, struct json_object *o)
{
    int fresh;
    struct story_step *step = step_of(s, o, &fresh);

    if (step && fresh)
        step->was_so = 1;
    if (step)
        step->done = 0;
}

static void take_end(struct story *s, struct json_object *o)
{
    const char *result = json_get_str(o, "result", ""), *text = json_get_str(o, "text", "");
    int fresh;
    struct story_step *step = step_of(s, o, &fresh);

    if (!step)
        return;
    step->done = strcmp(result, "ok") == 0 || strcmp(result, "already") == 0;
    if (strcmp(result, "already") != 0)
        step->was_so = 0;
    if (step->done && step->kind == STEP_PROOF)
        put(s->proof, sizeof(s->proof), text);
    if (step->done && step->kind == STEP_READ_POSITION) {
        if (binpos_parse(text, &s->opened_at, NULL) < 0)
            memset(&s->opened_at, 0, sizeof(s->opened_at));
        get_pos(o, "reached", &s->reached);
        gtid_release(&s->level);
        if (gtid_parse(&s->level, json_get_str(o, "level", ""), NULL) < 0)
            gtid_release(&s->level);
    }
}

static void take_undo(struct story *s, struct json_object *o)
{
    int fresh;
    struct story_step *step = step_of(s, o, &fresh);

    if (step && strcmp(json_get_str(o, "result", ""), "undone") == 0)
        forget(s, step);
}

static void take_hook(struct story *s, struct json_object *o)
{
    if (s->hooks == STORY_HOOKS_MAX)
        return;
    s->hook[s->hooks].pgid = (pid_t)json_get_int(o, "pgid", 0);
    s->hook[s->hooks++].born = json_get_int(o, "start", -1);
}

static void take_line(struct story *s, struct json_object *o)
{
    const char *rec = json_get_str(o, "rec", "");
    int ended = strcmp(rec, "end") == 0 || strcmp(rec, "undo") == 0;

    s->last_ms = json_get_int(o, "at_ms", s->last_ms);
    if (strcmp(rec, "open") == 0)
        take_header(s, o);
    else if (strcmp(rec, "begin") == 0)
        take_begin(s, o);
    else if (strcmp(rec, "end") == 0)
        take_end(s, o);
    else if (strcmp(rec, "undo") == 0)
        take_undo(s, o);
    else if (strcmp(rec, "hook") == 0)
        take_hook(s, o);
    else if (strcmp(rec, "close") == 0)
        s->closed = 1;
    if (ended && strncmp(json_get_str(o, "word", ""), "hook-", 5) == 0)
        s->hooks = 0;
}

/* Steps whose begin was the last that was heard of them may have done anything. */
static void settle(struct story *s)
{
    for (int i = 0; i < s->steps; i++)
        if (!s->step[i].done)
            s->step[i].was_so = 0;
}

static void story_init(const struct group *g, struct story *s)
{
    memset(s, 0, sizeof(*s));
    s->dead = s->next = NO_HOST;
    s->before = observe_nothing(g);
}

int story_read(const struct group *g, const char *dir, struct story *s, struct err *e)
{
    char path[JOURNAL_PATH_BYTES + 32];
    struct buf text = BUF_INIT;
    const char *p;

    story_init(g, s);
    put(s->dir, sizeof(s->dir), dir);
    snprintf(path, sizeof(path), "%s/journal.jsonl", dir);
    if (file_read(path, &text, STORY_BYTES_MAX, e) < 0)
        return err_wrap(e, "the journal of an operation that did not end");
    for (p = text.data; *p;) {
        size_t len = strcspn(p, "\n");
        struct json_object *o = NULL;

        if (json_parse(p, len, &o, NULL) == 0)
            take_line(s, o);
        json_object_put(o);
        p += len + (p[len] == '\n');
    }
    buf_release(&text);
    settle(s);
    s->local = 1;
    if (s->kind == INTERRUPTED_NO)
        s->kind = INTERRUPTED_JOURNAL;
    return 0;
}

int story_of_note(const struct group *g, const char *text, struct story *s, struct err *e)
{
    struct json_object *o = NULL;

    story_init(g, s);
    if (json_parse(text, strlen(text), &o, e) < 0)
        return err_wrap(e, "the note of an operation");
    take_line(s, o);
    json_object_put(o);
    s->kind = INTERRUPTED_NOTE;
    return 0;
}

void story_release(struct story *s)
{
    gtid_release(&s->level);
    topo_free(&s->before);
}

static void add_word(char *out, const char *word)
{
    size_t len = strlen(out);

    snprintf(out + len, TOPO_TEXT - len, "%s%s", len ? " " : "", word);
}

void story_tell(const struct story *s, struct topo *t)
{
    int64_t age_s = (clock_wall_ms() - s->last_ms) / 1000;

    t->interrupted = s->kind;
    t->interrupted_s = age_s < 0 ? 0 : (int)(age_s > INT32_MAX ? INT32_MAX : age_s);
    t->opened_at = s->opened_at;
    put(t->noted_proof, sizeof(t->noted_proof), s->proof);
    for (int i = 0; i < t->hosts; i++) {
        t->host[i].was_replica = (int)(s->replicas >> i & 1);
        t->host[i].was_read_only = s->before->host[i].read_only;
        t->host[i].begun[0] = t->host[i].done[0] = '\0';
    }
    for (int i = 0; i < s->steps; i++) {
        struct topo_host *h = &t->host[s->step[i].host];

        add_word(h->begun, step_word(s->step[i].kind));
        if (s->step[i].done)
            add_word(h->done, step_word(s->step[i].kind));
    }
}

static int has_hosts_of(const struct topo *a, const struct topo *b)
{
    int same = a->hosts == b->hosts;

    for (int i = 0; same && i < a->hosts; i++)
        same = strcmp(a->host[i].host, b->host[i].host) == 0 && a->host[i].port == b->host[i].port;
    return same;
}

struct topo *story_read_behind(const struct story *s, const struct topo *t)
{
    char path[JOURNAL_PATH_BYTES + 32];
    struct buf text = BUF_INIT;
    struct topo *seen = NULL;

    snprintf(path, sizeof(path), "%s/" STORY_BEHIND, s->dir);
    if (s->local && file_read(path, &text, STORY_BYTES_MAX, NULL) == 0 &&
        topo_parse(text.data, &seen, NULL) == 0 && !has_hosts_of(seen, t))
        topo_free(&seen);
    buf_release(&text);
    return seen;
}

static struct json_object *host_line(const struct topo *t, int host)
{
    char text[BINPOS_FILE_BYTES + 24];
    const struct topo_host *h = &t->host[host];
    struct json_object *o = json_object_new_object();
    json_put_str(o, "host", h->host);
    json_put_str(o, "ip", h->ip);
    json_put_int(o, "port", h->port);
    if (h->reach != REACH_UP)
        return o;
    json_put_int(o, "read_only", h->read_only);
    json_put_int(o, "super_read_only", h->super_read_only);
    json_put_int(o, "relay_log_purge", h->relay_log_purge);
    if (h->channels == 0)
        return o;
    json_put_str(o, "master_host", h->repl.master_host);
    json_put_int(o, "master_port", h->repl.master_port);
    json_put_str(o, "user", h->repl.user);
    json_put_str(o, "follow", follow_words[h->repl.follow]);
    json_put_str(o, "io", thread_words[h->repl.io]);
    json_put_str(o, "sql", thread_words[h->repl.sql]);
    json_put_str(o, "read", binpos_print(&h->repl.read, text, sizeof text));
    json_put_str(o, "exec", binpos_print(&h->repl.exec, text, sizeof text));
    return o;
}

struct json_object *journal_hosts(const struct topo *t)
{
    struct json_object *hosts = json_object_new_array();

    for (int i = 0; i < t->hosts; i++)
        json_object_array_add(hosts, host_line(t, i));
    return hosts;
}
