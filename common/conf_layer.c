/* Layers of settings; see conf_layer.h. */
#include "common/conf_layer.h"

#include "common/clock.h"
#include "common/run.h"

#include <ctype.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SCRIPT_OUTPUT    "output of init_conf_load_script"
#define SCRIPT_WAIT_MS   10000
#define SCRIPT_MAX_BYTES 65536

char *conf_keep(struct conf *c, const char *text)
{
    struct conf_store *s = c->store;

    if (s->count == s->cap) {
        struct buf *more = mem_zalloc((s->cap * 2 + 64) * sizeof(*more));

        if (s->count)
            memcpy(more, s->text, s->count * sizeof(*more));
        free(s->text);
        s->text = more;
        s->cap = s->cap * 2 + 64;
    }
    buf_init(&s->text[s->count]);
    buf_adds(&s->text[s->count], text);
    buf_reserve(&s->text[s->count], 1);
    return s->text[s->count++].data;
}

static void warn(struct conf_load *l, const struct conf_value *v, const char *text)
{
    buf_addf(&l->c->warnings, "%s line %d: %s\n", v->file, v->line, text);
}

static int unknown_key(const struct conf_value *v, const char *name, struct err *e)
{
    const char *like = conf_key_like(name);

    return err_set(e, ERR_CONFIG, "%s line %d: unknown key \"%.60s\"%s%s%s", v->file, v->line, name,
                   like ? " (did you mean " : "", like ? like : "", like ? "?)" : "");
}

/* A " #" is no comment here as it is elsewhere. */
static void warn_of_hash(struct conf_load *l, const struct conf_key *key,
                         const struct conf_value *v)
{
    char text[160];
    const char *hash = strchr(v->text, '#');

    if (!hash || hash == v->text || !isspace((unsigned char)hash[-1]))
        return;
    snprintf(text, sizeof(text),
             "# does not begin a comment behind a value: it is part of %s; write \" ; text\"",
             key->name);
    warn(l, v, text);
}

/* Puts one setting into a layer of its own. */
static int take(struct conf_load *l, struct conf_layer *own, const char *name,
                const struct conf_value *v, int is_default)
{
    int i = conf_key_index(name);
    char text[160];

    if (i < 0)
        return -1;
    if (is_default && conf_keys[i].scope == CONF_LOCAL) {
        snprintf(text, sizeof(text),
                 "%s has no effect in [" CONF_DEFAULT_SECTION "]: set it in a [serverN]", name);
        warn(l, v, text);
        return 0;
    }
    own->value[i] = *v;
    own->value[i].text = conf_keep(l->c, v->text);
    warn_of_hash(l, &conf_keys[i], v);
    return 0;
}

int conf_take_section(struct conf_load *l, const struct conf_text *t, size_t section,
                      struct conf_layer *own, struct err *e)
{
    int is_default = strcmp(t->section[section].name, CONF_DEFAULT_SECTION) == 0;

    for (size_t i = 0; i < t->entries; i++) {
        const struct conf_entry *entry = &t->entry[i];
        struct conf_value v = {entry->value, t->file, entry->line};

        if (entry->section != section)
            continue;
        if (!entry->used)
            buf_addf(&l->c->warnings, "%s line %d: %s is set again below in [%s]: the last wins\n",
                     t->file, entry->line, entry->key, t->section[section].name);
        else if (take(l, own, entry->key, &v, is_default) < 0)
            return unknown_key(&v, entry->key, e);
    }
    return 0;
}

static const char *os_user(struct conf *c)
{
    const struct passwd *pw = getpwuid(geteuid());

    return conf_keep(c, pw ? pw->pw_name : "root");
}

const struct conf_value *conf_layer_value(const struct conf_layer *layer, size_t offset)
{
    size_t i = 0;

    while (conf_keys[i].offset != offset)
        i++;
    return &layer->value[i];
}

/* What a key comes to in one layer: its own value, else the inherited one, else the built-in. */
static struct conf_value choose(struct conf_load *l, size_t i, const struct conf_layer *own,
                                const struct conf_layer *above)
{
    const struct conf_key *key = &conf_keys[i];
    struct conf_value v = own->value[i];

    if (v.text)
        return v;
    if (above && key->scope == CONF_ANY)
        v = above->value[i];
    if (v.text && (!key->empty_is_default || conf_true(v.text)))
        return v;
    v = (struct conf_value){key->fallback[0] ? key->fallback : NULL, NULL, 0};
    if (key->offset == offsetof(struct conf_server, ssh_user))
        v.text = os_user(l->c);
    return v;
}

/* ssh_options of any section count for the whole process, without any quotes. */
static void note_ssh_options(struct conf_load *l, const struct conf_layer *own)
{
    const struct conf_value *v = conf_layer_value(own, offsetof(struct conf_server, ssh_options));
    char *text, *to;

    if (!v->text)
        return;
    text = to = conf_keep(l->c, v->text);
    for (const char *from = v->text; *from; from++) {
        if (*from != '"' && *from != '\'')
            *to++ = *from;
    }
    *to = '\0';
    l->ssh_options = text;
}

static int ends_in_quote(const char *text)
{
    size_t len = strlen(text);

    return len && strchr("'\"", text[len - 1]) != NULL;
}

int conf_complete(struct conf_load *l, const struct conf_layer *own, const struct conf_layer *above,
                  struct conf_layer *out, struct err *e)
{
    note_ssh_options(l, own);
    for (size_t i = 0; conf_keys[i].name; i++) {
        struct conf_value v = choose(l, i, own, above);
        char *text = NULL;

        if (v.text && (ends_in_quote(v.text) || conf_keys[i].words))
            v.text = text = conf_unquote(conf_keep(l->c, v.text));
        if (v.file && conf_check(&conf_keys[i], &v, e) < 0)
            return -1;
        if (text)
            conf_canonical(&conf_keys[i], text);
        out->value[i] = v;
    }
    return 0;
}

static int find_section(const struct conf_text *t, const char *name, size_t *out)
{
    for (*out = 0; *out < t->sections; (*out)++) {
        if (strcmp(t->section[*out].name, name) == 0)
            return 1;
    }
    return 0;
}

/* The global file's defaults. A missing file is no error: *found tells. */
static int load_global(struct conf_load *l, const char *file, struct conf_layer *out, int *found,
                       struct err *e)
{
    struct conf_text t;
    struct conf_layer own = {0};
    size_t section;
    int rc = -1;

    *found = 0;
    if (access(file, F_OK) < 0 && errno == ENOENT) {
        buf_addf(&l->c->warnings, "Global configuration file %s not found. Skipping.\n", file);
        return 0;
    }
    l->c->global_file = mem_strdup(file);
    if (conf_read(&t, l->c->global_file, e) < 0)
        goto out;
    if (find_section(&t, CONF_DEFAULT_SECTION, &section) &&
        conf_take_section(l, &t, section, &own, e) < 0)
        goto out;
    *found = 1;
    rc = conf_complete(l, &own, NULL, out, e);
out:
    conf_text_release(&t);
    return rc;
}

/* One line "name=value" of the script; text behind a second = is lost, as in MHA. */
static int take_output_line(struct conf_load *l, struct conf_layer *own, char *line, int number,
                            struct err *e)
{
    struct conf_value v = {NULL, SCRIPT_OUTPUT, number};
    char *value = strchr(line, '='), *second = value ? strchr(value + 1, '=') : NULL, *end;

    if (value)
        *value++ = '\0';
    while (isspace((unsigned char)*line))
        line++;
    for (end = line + strlen(line); end > line && isspace((unsigned char)end[-1]);)
        *--end = '\0';
    if (!*line && !value)
        return 0;
    if (conf_key_index(line) < 0)
        return unknown_key(&v, line, e);
    if (second) {
        *second = '\0';
        warn(l, &v, "text behind a second = is lost");
    }
    v.text = value;
    return value ? take(l, own, line, &v, 1) : 0;
}

static int take_output(struct conf_load *l, struct conf_layer *own, char *line, struct err *e)
{
    for (int number = 1; *line; number++) {
        size_t len = strcspn(line, "\n");
        char *next = line + len + (line[len] != '\0');

        line[len] = '\0';
        if (len && line[len - 1] == '\r')
            line[len - 1] = '\0';
        if (take_output_line(l, own, line, number, e) < 0)
            return -1;
        line = next;
    }
    return 0;
}

/* What the script says on standard error is no setting. Its exit status does not count. */
static int load_script(struct conf_load *l, const char *command, const struct conf_layer *above,
                       struct conf_layer *out, struct err *e)
{
    struct buf shell = BUF_INIT, output = BUF_INIT;
    struct run_result res = {0};
    struct run r = {.deadline_ms = clock_mono_ms() + SCRIPT_WAIT_MS,
                    .output_max = SCRIPT_MAX_BYTES};
    struct conf_layer own = {0};
    int rc = -1;

    buf_addf(&shell, "exec 2>/dev/null\n%s\n", command);
    r.shell = shell.data;
    if (run_wait(&r, &output, &res, e) < 0)
        goto out;
    if (res.timed_out || res.dropped_bytes) {
        err_set(e, ERR_CONFIG,
                res.timed_out ? "it did not end within 10 seconds"
                              : "it prints more than 65536 bytes");
        goto out;
    }
    if (!res.exited || res.exit_code != 0)
        buf_addf(&l->c->warnings, "init_conf_load_script failed (%s %d); run it by hand\n",
                 res.exited ? "exit status" : "signal", res.exited ? res.exit_code : res.signal);
    rc = take_output(l, &own, output.data, e);
    if (rc == 0)
        rc = conf_complete(l, &own, above, out, e);
out:
    if (rc < 0)
        err_wrap(e, "init_conf_load_script");
    buf_wipe(&output);
    buf_wipe(&shell);
    return rc;
}

int conf_load_defaults(struct conf_load *l, const char *global_file, struct conf_layer *out,
                       struct err *e)
{
    struct conf_layer global = {0}, own = {0};
    const struct conf_value *script;
    size_t section;
    int found;

    if (load_global(l, global_file ? global_file : CONF_GLOBAL_DEFAULT, &global, &found, e) < 0)
        return -1;
    if (find_section(&l->app, CONF_DEFAULT_SECTION, &section) &&
        conf_take_section(l, &l->app, section, &own, e) < 0)
        return -1;
    if (conf_complete(l, &own, found ? &global : NULL, out, e) < 0)
        return -1;
    script = conf_layer_value(out, offsetof(struct conf_server, init_conf_load_script));
    if (!script->text)
        return 0;
    own = *out;
    return load_script(l, script->text, &own, out, e);
}
