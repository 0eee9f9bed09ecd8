/* Configuration: servers and what must hold between them; see conf.h. */
#include "common/conf.h"

#include "common/conf_layer.h"
#include "common/file.h"

#include <ctype.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

/* A [serverN] or [binlogN] as a place in the file. */
struct place {
    const char *id;
    size_t section;
    int line;
};

struct places {
    struct place at[CONF_SERVERS_MAX];
    size_t count;
};

void conf_free(struct conf **c)
{
    struct conf_store *s;

    if (!*c)
        return;
    s = (*c)->store;
    for (size_t i = 0; i < s->count; i++)
        buf_wipe(&s->text[i]);
    free(s->text);
    free(s);
    free((*c)->file);
    free((*c)->global_file);
    buf_release(&(*c)->warnings);
    free(*c);
    *c = NULL;
}

static void put_text(struct conf_server *s, size_t offset, const char *text)
{
    memcpy((char *)s + offset, &text, sizeof(text));
}

static void fill(struct conf_server *s, const struct conf_layer *layer)
{
    for (size_t i = 0; conf_keys[i].name; i++) {
        const struct conf_key *key = &conf_keys[i];
        const char *text = layer->value[i].text ? layer->value[i].text : "";
        int n = conf_number(key, text);

        if (key->type == CONF_TEXT)
            put_text(s, key->offset, text);
        else
            memcpy((char *)s + key->offset, &n, sizeof(n));
    }
    if (!s->repl_user[0])
        s->repl_user = NULL;
    if (!s->repl_password[0])
        s->repl_password = NULL;
}

/* An address for a text that may be a name; "" and a warning where that may wait. */
static int resolve(struct conf_load *l, const char *host, const char **ip, struct err *e)
{
    char text[NI_MAXHOST];
    struct err own = {0};

    if (conf_resolve(host, text, sizeof(text), &own) < 0) {
        if (!(l->flags & CONF_RESOLVE_LATER)) {
            if (e)
                *e = own;
            return -1;
        }
        buf_addf(&l->c->warnings, "%s\n", own.text);
        text[0] = '\0';
    }
    *ip = conf_keep(l->c, text);
    return 0;
}

static int address(struct conf_load *l, struct conf_server *s, struct err *e)
{
    if (resolve(l, s->ip[0] ? s->ip : s->hostname, &s->ip, e) < 0)
        return -1;
    if (!s->ssh_host[0])
        s->ssh_host = s->hostname;
    if (s->ssh_ip[0])
        return resolve(l, s->ssh_ip, &s->ssh_ip, e);
    if (strcmp(s->ssh_host, s->hostname) != 0)
        return resolve(l, s->ssh_host, &s->ssh_ip, e);
    s->ssh_ip = s->ip;
    return 0;
}

/* A user alone has the empty password; without it, user and password serve. */
static int own_account(const char **user, const char **password, const char *name,
                       const struct conf_value *told, struct err *e)
{
    if (**user)
        return 0;
    if (**password)
        return err_set(e, ERR_CONFIG, "%s line %d: %s_password without %s_user", told->file,
                       told->line, name, name);
    *user = *password = NULL;
    return 0;
}

static int own_accounts(struct conf_server *s, const struct conf_layer *layer, struct err *e)
{
    const struct conf_value *monitor =
        conf_layer_value(layer, offsetof(struct conf_server, monitor_password));
    const struct conf_value *scan =
        conf_layer_value(layer, offsetof(struct conf_server, scan_password));

    if (own_account(&s->monitor_user, &s->monitor_password, "monitor", monitor, e) != 0)
        return -1;
    return own_account(&s->scan_user, &s->scan_password, "scan", scan, e);
}

/* "a, b" -> "a,b" */
static void remove_blanks(struct conf *c, const char **text)
{
    char *copy = conf_keep(c, *text), *to = copy;

    for (const char *from = *text; *from; from++) {
        if (!isspace((unsigned char)*from))
            *to++ = *from;
    }
    *to = '\0';
    *text = copy;
}

static int load_server(struct conf_load *l, const struct place *p,
                       const struct conf_layer *defaults, struct conf_server *s, struct err *e)
{
    struct conf_layer layer = {0};

    if (conf_take_section(l, &l->app, p->section, &layer, e) < 0 ||
        conf_complete(l, &layer, defaults, &layer, e) < 0)
        return -1;
    s->id = conf_keep(l->c, p->id);
    fill(s, &layer);
    if (!s->hostname[0])
        return err_set(e, ERR_CONFIG, "%s line %d: [%s] has no hostname: add \"hostname=...\"",
                       l->c->file, p->line, p->id);
    remove_blanks(l->c, &s->master_binlog_dir);
    if (own_accounts(s, &layer, e) < 0)
        return -1;
    if (address(l, s, e) < 0)
        return err_wrap(e, "%s line %d: [%s]", l->c->file, p->line, p->id);
    return 0;
}

/* The first number in a name, without leading zeros; *len is 0 for none. */
static const char *first_number(const char *name, size_t *len)
{
    const char *digits = name + strcspn(name, "0123456789");
    size_t all = strspn(digits, "0123456789");

    while (all > 1 && *digits == '0') {
        digits++;
        all--;
    }
    *len = all;
    return digits;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(((const struct place *)a)->id, ((const struct place *)b)->id);
}

static int by_number(const void *a, const void *b)
{
    size_t la, lb;
    const char *na = first_number(((const struct place *)a)->id, &la);
    const char *nb = first_number(((const struct place *)b)->id, &lb);
    int d = la == lb ? memcmp(na, nb, la) : la < lb ? -1 : 1;

    return d ? d : by_text(a, b);
}

/* MHA's order: by the first number when every name has one, else by text. */
static void sort_servers(struct places *p)
{
    int numbered = 1;
    size_t len;

    for (size_t i = 0; i < p->count; i++) {
        first_number(p->at[i].id, &len);
        numbered = numbered && len > 0;
    }
    qsort(p->at, p->count, sizeof(p->at[0]), numbered ? by_number : by_text);
}

/* "server1" is a server's name, "server" and "server x" are not. */
static int is_block(const char *name, const char *word)
{
    size_t len = strlen(word);

    return strncmp(name, word, len) == 0 && name[len] && !isspace((unsigned char)name[len]);
}

static int sort_out(struct conf_load *l, struct places *servers, struct places *binlogs,
                    struct err *e)
{
    for (size_t i = 0; i < l->app.sections; i++) {
        const struct conf_section *s = &l->app.section[i];
        struct places *to = is_block(s->name, "server")   ? servers
                            : is_block(s->name, "binlog") ? binlogs
                                                          : NULL;

        if (strcmp(s->name, CONF_DEFAULT_SECTION) == 0)
            continue;
        if (strcmp(s->name, "_") == 0)
            return err_set(
                e, ERR_CONFIG,
                "%s line %d: a setting before the first section; write [" CONF_DEFAULT_SECTION
                "] above it",
                l->c->file, s->line);
        if (!to)
            return err_set(e, ERR_CONFIG,
                           "%s line %d: [%.60s] is no section: write [" CONF_DEFAULT_SECTION
                           "], [serverN] or [binlogN]",
                           l->c->file, s->line, s->name);
        if (to->count == CONF_SERVERS_MAX)
            return err_set(e, ERR_CONFIG, "%s line %d: more than %d servers", l->c->file, s->line,
                           CONF_SERVERS_MAX);
        to->at[to->count++] = (struct place){s->name, i, s->line};
    }
    sort_servers(servers);
    qsort(binlogs->at, binlogs->count, sizeof(binlogs->at[0]), by_text);
    return servers->count ? 0
                          : err_set(e, ERR_CONFIG,
                                    "%s: no server: add a section [server1] with "
                                    "\"hostname=...\"",
                                    l->c->file);
}

static int check_twins(const struct conf *c, struct err *e)
{
    for (size_t i = 0; i < c->servers; i++) {
        for (size_t j = 0; j < i; j++) {
            const struct conf_server *a = &c->server[j], *b = &c->server[i];

            if (a->port == b->port && conf_same_ip(a->ip, b->ip))
                return err_set(e, ERR_CONFIG, "%s: [%s] and [%s] are the same server, %s:%d",
                               c->file, a->id, b->id, b->ip, b->port);
        }
    }
    return 0;
}

static int load_all(struct conf_load *l, const char *global_file, struct err *e)
{
    struct places servers = {.count = 0}, binlogs = {.count = 0};
    struct conf *c = l->c;
    struct conf_layer defaults = {0};

    if (conf_load_defaults(l, global_file, &defaults, e) < 0 ||
        sort_out(l, &servers, &binlogs, e) < 0)
        return -1;
    for (; c->servers < servers.count; c->servers++) {
        if (load_server(l, &servers.at[c->servers], &defaults, &c->server[c->servers], e) < 0)
            return -1;
    }
    for (; c->binlogs < binlogs.count; c->binlogs++) {
        if (load_server(l, &binlogs.at[c->binlogs], &defaults, &c->binlog[c->binlogs], e) < 0)
            return -1;
    }
    for (size_t i = 0; i < c->servers + c->binlogs; i++) {
        struct conf_server *s = i < c->servers ? &c->server[i] : &c->binlog[i - c->servers];

        s->ssh_options = l->ssh_options;
    }
    return check_twins(c, e);
}

int conf_load(struct conf **out, const char *file, const char *global_file, unsigned flags,
              struct err *e)
{
    struct conf_load l = {.c = mem_zalloc(sizeof(*l.c)), .flags = flags, .ssh_options = ""};
    int rc;

    l.c->store = mem_zalloc(sizeof(struct conf_store));
    l.c->file = mem_strdup(file);
    buf_init(&l.c->warnings);
    file_app_name(file, l.c->app, sizeof(l.c->app));
    rc = conf_read(&l.app, l.c->file, e);
    if (rc == 0)
        rc = load_all(&l, global_file, e);
    conf_text_release(&l.app);
    if (rc < 0) {
        if (e)
            e->code = ERR_CONFIG;
        conf_free(&l.c);
    }
    *out = l.c;
    return rc;
}

int conf_find(const struct conf *c, const char *host, int port)
{
    for (size_t i = 0; i < c->servers; i++) {
        const struct conf_server *s = &c->server[i];

        if (s->port == port && (strcasecmp(s->hostname, host) == 0 || strcmp(s->ip, host) == 0 ||
                                conf_same_ip(s->ip, host)))
            return (int)i;
    }
    return -1;
}
