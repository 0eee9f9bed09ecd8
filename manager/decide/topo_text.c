/* The snapshot as text, both ways: one table row per field serves the printer and the parser. */
#include "manager/decide/topo.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum field_type {
    FIELD_INT,
    FIELD_I64,
    FIELD_U32,
    FIELD_TEXT,
    FIELD_WORD,
    FIELD_POS,
    FIELD_SET,
    FIELD_HOST
};

struct field {
    const char *key;
    enum field_type type;
    size_t offset;
    size_t size;              /* FIELD_TEXT */
    const char *const *words; /* FIELD_WORD: ends with NULL, in the order of the enum */
};

static const char *const reach_words[] = {"unknown", "up", "denied", "refused", "silent", NULL};
static const char *const agent_words[] = {"unknown", "up", "missing", "unreachable", NULL};
static const char *const life_words[] = {"unknown", "running", "frozen", "dying", "gone", NULL};
static const char *const ending_words[] = {"unknown", "clean", "crash", NULL};
static const char *const sight_words[] = {"unknown", "greeting", "accepted",
                                          "refused", "silent",   NULL};
static const char *const storage_words[] = {"unknown", "ok",       "slow",   "stalled",
                                            "full",    "no-right", "failed", NULL};
static const char *const thread_words[] = {"no", "yes", "connecting", NULL};
static const char *const gtid_mode_words[] = {"off", "off_permissive", "on_permissive", "on", NULL};
static const char *const follow_words[] = {"position", "auto_position", "slave_pos", "current_pos",
                                           NULL};
static const char *const moved_words[] = {"no", "heir", "aside", NULL};
static const char *const interrupted_words[] = {"no", "journal", "note", "switch", NULL};
static const char *const fence_words[] = {"proof", "mha", NULL};

/* clang-format off */
#define G(type, key)   {#key, FIELD_##type, offsetof(struct topo, key), 0, NULL}
#define H(type, key)   {#key, FIELD_##type, offsetof(struct topo_host, key), 0, NULL}
#define R(type, key)   {#key, FIELD_##type, offsetof(struct topo_repl, key), 0, NULL}
#define SIZE(of, key)  sizeof(((struct of *)0)->key)
#define TEXT(of, key)  {#key, FIELD_TEXT, offsetof(struct of, key), SIZE(of, key), NULL}
#define HTEXT(key)     TEXT(topo_host, key)
#define RTEXT(key)     TEXT(topo_repl, key)
#define HWORD(key, w)  {#key, FIELD_WORD, offsetof(struct topo_host, key), 0, w}
#define RWORD(key, w)  {#key, FIELD_WORD, offsetof(struct topo_repl, key), 0, w}
#define BUSY_AT(kind, key)                                                                         \
    (offsetof(struct topo_host, busy) + (kind) * sizeof(struct topo_busy) +                        \
     offsetof(struct topo_busy, key))
#define BUSY(word, kind)                                                                           \
    {#word "_count", FIELD_INT, BUSY_AT(kind, count), 0, NULL},                                    \
    {#word "_s", FIELD_I64, BUSY_AT(kind, longest_s), 0, NULL},                                    \
    {#word "_text", FIELD_TEXT, BUSY_AT(kind, text), TOPO_TEXT, NULL}
#define FIT_AT(key)    (offsetof(struct topo_host, fit) + offsetof(struct topo_fitness, key))
#define F(type, word, key) {word, FIELD_##type, FIT_AT(key), 0, NULL}
#define FTEXT(word, key) {word, FIELD_TEXT, FIT_AT(key), TOPO_TEXT, NULL}
#define END            {NULL, FIELD_INT, 0, 0, NULL}

static const struct field group_fields[] = {
    {"app", FIELD_TEXT, offsetof(struct topo, app), sizeof(((struct topo *)0)->app), NULL},
    G(I64, taken_wall_ms), G(HOST, master), G(HOST, forced), G(INT, fenced),
    {"fence", FIELD_WORD, offsetof(struct topo, fence), 0, fence_words},
    {"interrupted", FIELD_WORD, offsetof(struct topo, interrupted), 0, interrupted_words},
    G(INT, interrupted_s), G(INT, resume_window_s), G(HOST, heir), G(HOST, opened),
    G(POS, opened_at), TEXT(topo, noted_proof),
    G(INT, writer_vip), G(INT, latest_priority), G(INT, check_repl_delay),
    G(INT, check_repl_filter), G(INT, use_gtid_auto_pos), G(INT, skip_change_master),
    G(INT, skip_disable_read_only), G(INT, wait_until_gtid_in_sync), G(INT, allow_data_loss),
    G(INT, skip_save_master_binlog), G(INT, planned), G(INT, orig_master_is_new_slave),
    G(INT, skip_lock_all_tables), G(INT, flush_tables), G(INT, running_updates_limit),
    G(INT, running_seconds_limit), G(INT, seconds_behind_master),
    G(INT, ssh_reachable), G(INT, misses), G(INT, misses_needed), G(INT, secondary),
    G(INT, stood_still), G(INT, ride), END,
};

static const struct field host_fields[] = {
    HTEXT(host), HTEXT(ip), H(INT, port),
    H(INT, candidate_master), H(INT, no_master), H(INT, ignore_fail), H(INT, multi_tier_slave),
    H(INT, skip_reset_slave), H(INT, has_shutdown_script), H(INT, has_ip_script),
    H(INT, has_online_script), H(INT, retired), H(INT, paused), H(INT, narrow),
    HTEXT(narrow_text),
    H(INT, was_replica), H(INT, was_read_only), HTEXT(begun), HTEXT(done),
    HWORD(moved, moved_words),
    HWORD(reach, reach_words), HTEXT(reach_text), HWORD(agent, agent_words), HTEXT(agent_caps),
    HWORD(life, life_words), HWORD(ending, ending_words), HWORD(sight, sight_words), H(INT, vip),
    H(INT, came_back), HWORD(storage, storage_words),
    {"version", FIELD_TEXT, offsetof(struct topo_host, version_text), TOPO_NAME, NULL},
    H(U32, server_id), HTEXT(uuid), H(INT, read_only), H(INT, super_read_only),
    H(INT, log_bin), H(INT, log_slave_updates), H(INT, relay_log_purge),
    H(INT, relay_log_recovery), H(INT, workers), H(INT, slave_net_timeout),
    H(INT, semisync_master), H(INT, semisync_slave), H(INT, semisync_waiting),
    H(INT, semisync_clients), H(INT, catching_up),
    H(INT, galera), H(INT, group_replication), HTEXT(binlog_format),
    HWORD(gtid_mode, gtid_mode_words), H(POS, binlog), HTEXT(binlog_do_db), HTEXT(binlog_ignore_db),
    H(SET, executed), H(SET, purged),
    H(INT, tail_known), H(POS, tail_end), H(SET, tail), H(I64, tail_bytes), H(I64, tail_cut_bytes),
    HTEXT(tail_text), H(POS, relay_first), H(POS, vault_first), H(POS, vault_end), H(SET, vault),
    H(INT, repl_grant),
    BUSY(update, BUSY_UPDATE), BUSY(query, BUSY_QUERY), BUSY(trx, BUSY_TRX), BUSY(ddl, BUSY_DDL),
    BUSY(xa, BUSY_XA), BUSY(backup, BUSY_BACKUP),
    F(INT, "fit", known), F(INT, "sync_binlog", sync_binlog), F(INT, "flush_log", flush_log),
    F(INT, "info_in_file", info_in_file), F(INT, "binlog_encrypted", binlog_encrypted),
    F(INT, "semisync_on", semisync_on), F(INT, "semisync_clients", semisync_clients),
    F(I64, "clock_ahead_ms", clock_ahead_ms), F(I64, "disk_free_mb", disk_free_mb),
    F(INT, "disk_free_percent", disk_free_percent), FTEXT("missing", missing),
    FTEXT("account", account), FTEXT("agent_text", agent_text), H(INT, channels),
    H(INT, others), H(INT, others_run), HTEXT(others_text), H(SET, foreign),
    END,
};

static const struct field repl_fields[] = {
    RTEXT(master_host), R(INT, master_port), RTEXT(master_uuid),
    RWORD(io, thread_words), RWORD(sql, thread_words),
    R(INT, io_errno), R(INT, sql_errno), RTEXT(io_error), RTEXT(sql_error),
    R(POS, read), R(POS, exec), R(POS, relay), R(SET, retrieved), RWORD(follow, follow_words),
    R(I64, behind_s), R(I64, delay_s), R(INT, heard), RTEXT(user), RTEXT(channel),
    RTEXT(filters), END,
};
/* clang-format on */

/* clang-format off */
#define S(type, key)   {#key, FIELD_##type, offsetof(struct topo_server, key), 0, NULL}
static const struct field server_fields[] = {
    TEXT(topo_server, host),
    {"agent", FIELD_WORD, offsetof(struct topo_server, agent), 0, agent_words},
    TEXT(topo_server, text), S(POS, first), S(POS, end), S(SET, held), END,
};
/* clang-format on */

static const void *at(const void *base, const struct field *f)
{
    return (const char *)base + f->offset;
}

static void print_quoted(struct buf *out, const char *text)
{
    if (*text && !strpbrk(text, " \t\n\"\\=#")) {
        buf_adds(out, text);
        return;
    }
    buf_addc(out, '"');
    for (const char *p = text; *p; p++) {
        if (*p == '"' || *p == '\\')
            buf_addc(out, '\\');
        if (*p == '\n')
            buf_adds(out, "\\n");
        else
            buf_addc(out, *p);
    }
    buf_addc(out, '"');
}

static void print_pos(struct buf *out, const struct binpos *p)
{
    char text[BINPOS_FILE_BYTES + 24];

    buf_adds(out, binpos_print(p, text, sizeof(text)));
}

static void print_value(const struct topo *t, const void *base, const struct field *f,
                        struct buf *out)
{
    const void *p = at(base, f);
    struct gtid_set set;
    int i;

    switch (f->type) {
    case FIELD_INT:
        buf_addf(out, "%d", *(const int *)p);
        break;
    case FIELD_I64:
        buf_addf(out, "%" PRId64, *(const int64_t *)p);
        break;
    case FIELD_U32:
        buf_addf(out, "%" PRIu32, *(const uint32_t *)p);
        break;
    case FIELD_TEXT:
        print_quoted(out, p);
        break;
    case FIELD_WORD:
        buf_adds(out, f->words[*(const unsigned *)p]);
        break;
    case FIELD_POS:
        print_pos(out, p);
        break;
    case FIELD_SET:
        set = topo_view(t, *(const struct topo_set *)p);
        gtid_print(&set, out);
        break;
    case FIELD_HOST:
        i = *(const int *)p;
        buf_adds(out, i == NO_HOST ? "none" : t->host[i].name);
        break;
    }
}

/* A thing of a snapshot: the group, a host, a channel. */
struct thing {
    const struct topo *t;
    const void *base;
};

/* Everything is compared as text, so that "differs from the default" has one meaning for all types.
 */
static void print_fields(struct thing a, struct thing plain, const struct field *fields,
                         struct buf *out)
{
    struct buf value = BUF_INIT, usual = BUF_INIT;

    for (const struct field *f = fields; f->key; f++) {
        buf_clear(&value);
        buf_clear(&usual);
        print_value(a.t, a.base, f, &value);
        print_value(plain.t, plain.base, f, &usual);
        if (strcmp(value.data, usual.data) == 0)
            continue;
        if (f->type == FIELD_SET)
            buf_addf(out, " %s=\"%s\"", f->key, value.data);
        else
            buf_addf(out, " %s=%s", f->key, value.data);
    }
    buf_release(&value);
    buf_release(&usual);
}

static void print_servers(const struct topo *t, struct buf *out)
{
    static const struct topo_server plain;

    for (int i = 0; i < t->servers; i++) {
        buf_adds(out, "binlog ");
        print_quoted(out, t->server[i].name);
        print_fields((struct thing){t, &t->server[i]}, (struct thing){t, &plain}, server_fields,
                     out);
        buf_addc(out, '\n');
    }
}

void topo_print(const struct topo *t, struct buf *out)
{
    struct topo *plain = topo_new();

    buf_adds(out, "group");
    print_fields((struct thing){t, t}, (struct thing){plain, plain}, group_fields, out);
    buf_addc(out, '\n');
    for (int i = 0; i < t->hosts; i++) {
        buf_adds(out, "host ");
        print_quoted(out, t->host[i].name);
        print_fields((struct thing){t, &t->host[i]}, (struct thing){plain, &plain->host[0]},
                     host_fields, out);
        buf_addc(out, '\n');
        if (t->host[i].channels == 0)
            continue;
        buf_adds(out, "  repl");
        print_fields((struct thing){t, &t->host[i].repl},
                     (struct thing){plain, &plain->host[0].repl}, repl_fields, out);
        buf_addc(out, '\n');
    }
    print_servers(t, out);
    topo_free(&plain);
}

/* What a parse carries along. */
struct reader {
    struct topo *t;
    struct topo_host usual; /* set by `default` lines, copied into each new host */
    int line;
    struct err *e;
};

static int fail(const struct reader *r, const char *what, const char *word)
{
    return err_set(r->e, ERR_FORMAT, "snapshot line %d: %s \"%s\"", r->line, what, word);
}

static int read_word(const struct reader *r, const struct field *f, const char *value, void *p)
{
    for (unsigned i = 0; f->words[i]; i++) {
        if (strcmp(f->words[i], value) == 0) {
            *(unsigned *)p = i;
            return 0;
        }
    }
    return fail(r, "no such word", value);
}

static int read_number(const struct reader *r, const struct field *f, const char *value, void *p)
{
    char *end;
    long long n;

    errno = 0;
    n = strtoll(value, &end, 10);
    if (errno || end == value || *end)
        return fail(r, "not a number:", value);
    if (f->type == FIELD_INT)
        *(int *)p = (int)n;
    else if (f->type == FIELD_U32)
        *(uint32_t *)p = (uint32_t)n;
    else
        *(int64_t *)p = n;
    return 0;
}

static int read_set(const struct reader *r, const char *value, struct topo_set *ref)
{
    struct gtid_set set = GTID_INIT;
    int rc = gtid_parse(&set, value, r->e);

    if (rc == 0)
        *ref = topo_keep(r->t, &set);
    else
        err_wrap(r->e, "snapshot line %d", r->line);
    gtid_release(&set);
    return rc;
}

static int read_host_name(const struct reader *r, const char *value, int *host)
{
    *host = NO_HOST;
    if (strcmp(value, "none") == 0)
        return 0;
    *host = topo_find(r->t, value, 0);
    return *host == NO_HOST ? fail(r, "no such host", value) : 0;
}

static int read_value(const struct reader *r, const struct field *f, void *base, const char *value)
{
    void *p = (char *)base + f->offset;

    switch (f->type) {
    case FIELD_INT:
    case FIELD_I64:
    case FIELD_U32:
        return read_number(r, f, value, p);
    case FIELD_TEXT:
        if (strlen(value) >= f->size)
            return fail(r, "too long:", value);
        snprintf(p, f->size, "%s", value);
        return 0;
    case FIELD_WORD:
        return read_word(r, f, value, p);
    case FIELD_POS:
        if (strcmp(value, "none") == 0)
            return memset(p, 0, sizeof(struct binpos)), 0;
        return binpos_parse(value, p, r->e) ? err_wrap(r->e, "snapshot line %d", r->line) : 0;
    case FIELD_SET:
        return read_set(r, value, p);
    case FIELD_HOST:
        return read_host_name(r, value, p);
    }
    return 0;
}

/* Cuts the next word out of *s: blank-separated, double quotes keep blanks, \ keeps the next
 * character. NULL at the end. */
static char *next_word(char **s)
{
    char *p = *s, *to, *word;
    int quoted = 0;

    while (*p == ' ' || *p == '\t')
        p++;
    if (!*p)
        return NULL;
    word = to = p;
    for (; *p && (quoted || (*p != ' ' && *p != '\t')); p++) {
        if (*p == '"') {
            quoted = !quoted;
        } else if (*p == '\\' && p[1]) {
            p++;
            *to++ = (char)(*p == 'n' ? '\n' : *p);
        } else {
            *to++ = *p;
        }
    }
    *s = *p ? p + 1 : p;
    *to = '\0';
    return word;
}

static int read_fields(const struct reader *r, char *rest, const struct field *fields, void *base)
{
    char *word;

    while ((word = next_word(&rest)) != NULL) {
        char *value = strchr(word, '=');
        const struct field *f = fields;

        if (!value)
            return fail(r, "key=value expected, not", word);
        *value++ = '\0';
        while (f->key && strcmp(f->key, word) != 0)
            f++;
        if (!f->key)
            return fail(r, "no such key", word);
        if (read_value(r, f, base, value))
            return -1;
    }
    return 0;
}

static int read_host_version(const struct reader *r, struct topo_host *h)
{
    if (!*h->version_text)
        return 0;
    return version_parse(h->version_text, &h->version, r->e)
               ? err_wrap(r->e, "snapshot line %d", r->line)
               : 0;
}

static int read_server(struct reader *r, char *rest)
{
    struct topo *t = r->t;
    char *word = next_word(&rest);
    struct topo_server *more = mem_zalloc(sizeof(*more) * (size_t)(t->servers + 1));

    if (t->servers > 0)
        memcpy(more, t->server, sizeof(*more) * (size_t)t->servers);
    free(t->server);
    t->server = more;
    more += t->servers++;
    snprintf(more->name, sizeof(more->name), "%s", word ? word : "");
    return read_fields(r, rest, server_fields, more);
}

static int read_line(struct reader *r, char *line)
{
    char *rest = line, *word = next_word(&rest);
    struct topo *t = r->t;

    if (!word || *word == '#')
        return 0;
    if (strcmp(word, "group") == 0)
        return read_fields(r, rest, group_fields, t);
    if (strcmp(word, "default") == 0) {
        word = next_word(&rest);
        if (word && strcmp(word, "repl") == 0)
            return read_fields(r, rest, repl_fields, &r->usual.repl);
        if (word && strcmp(word, "host") == 0)
            return read_fields(r, rest, host_fields, &r->usual);
        return fail(r, "\"default host\" or \"default repl\" expected, not", word ? word : "");
    }
    if (strcmp(word, "host") == 0) {
        struct topo_host *h = &t->host[t->hosts];

        word = next_word(&rest);
        /* Names and count are known from the first pass. */
        *h = (t->hosts++, r->usual);
        snprintf(h->name, sizeof(h->name), "%s", word ? word : "");
        return read_fields(r, rest, host_fields, h) || read_host_version(r, h) ? -1 : 0;
    }
    if (strcmp(word, "binlog") == 0)
        return read_server(r, rest);
    if (strcmp(word, "repl") == 0 && t->hosts > 0) {
        struct topo_host *h = &t->host[t->hosts - 1];

        if (h->channels == 0)
            h->channels = 1;
        return read_fields(r, rest, repl_fields, &h->repl);
    }
    return fail(r, "group, default, host, repl or binlog expected, not", word);
}

/* Host names first: the group's line may name hosts that come after it. */
static int read_names(struct reader *r, const char *text)
{
    int n = 0;

    for (const char *p = text; p && *p; p = strchr(p, '\n'), p += p != NULL) {
        if (strncmp(p, "host ", 5) != 0)
            continue;
        if (n == TOPO_HOSTS_MAX)
            return err_set(r->e, ERR_FORMAT, "snapshot: more than %d hosts", TOPO_HOSTS_MAX);
        snprintf(r->t->host[n].name, TOPO_NAME, "%.*s", (int)strcspn(p + 5, " \t\n"), p + 5);
        n++;
    }
    r->t->hosts = n;
    return 0;
}

/* Two passes: `group` lines when all names are known, then the hosts in order. */
static int read_pass(struct reader *r, const char *text, int groups)
{
    struct buf line = BUF_INIT;
    int rc = 0;

    r->line = 0;
    while (*text && rc == 0) {
        size_t len = strcspn(text, "\n");

        r->line++;
        buf_clear(&line);
        buf_add(&line, text, len);
        if ((strncmp(line.data, "group", 5) == 0) == groups)
            rc = read_line(r, line.data);
        text += len + (text[len] == '\n');
    }
    buf_release(&line);
    return rc;
}

int topo_parse(const char *text, struct topo **out, struct err *e)
{
    struct reader r = {.t = topo_new(), .e = e};

    r.usual = r.t->host[0];
    *out = NULL;
    if (read_names(&r, text) || read_pass(&r, text, 1))
        goto bad;
    r.t->hosts = 0;
    if (read_pass(&r, text, 0))
        goto bad;
    for (int i = 0; i < r.t->hosts; i++) {
        if (!*r.t->host[i].host)
            memcpy(r.t->host[i].host, r.t->host[i].name, TOPO_NAME);
    }
    topo_link(r.t);
    *out = r.t;
    return 0;
bad:
    topo_free(&r.t);
    return -1;
}
