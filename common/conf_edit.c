/* Edits configuration files; see conf_edit.h. */
#include "common/conf_edit.h"

#include "common/conf_read.h"
#include "common/conf_value.h"
#include "common/file.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A file being edited: its bytes, and what they say. */
struct edit {
    struct buf raw;
    struct conf_text text;
};

const char *conf_edit_block(const char *block, const char *hostname, char *out, size_t size)
{
    if (!block || !block[0])
        snprintf(out, size, "server_%s", hostname);
    else
        snprintf(out, size, "%s%s", strncmp(block, "server", 6) == 0 ? "" : "server", block);
    return out;
}

static int edit_open(struct edit *edit, const char *file, struct err *e)
{
    *edit = (struct edit){.raw = BUF_INIT, .text = {.bytes = BUF_INIT}};
    if (file_read(file, &edit->raw, CONF_FILE_BYTES, e) < 0)
        return -1;
    return conf_read(&edit->text, file, e);
}

static void edit_close(struct edit *edit)
{
    buf_wipe(&edit->raw);
    conf_text_release(&edit->text);
}

static int has_section(const struct edit *edit, const char *name)
{
    for (size_t i = 0; i < edit->text.sections; i++) {
        if (strcmp(edit->text.section[i].name, name) == 0)
            return 1;
    }
    return 0;
}

/* One word that stands for itself in a section's head or as a host: no blanks, no brackets. */
static int is_word(const char *text)
{
    for (const char *p = text; *p; p++) {
        if (isspace((unsigned char)*p) || iscntrl((unsigned char)*p) || strchr("[]=;#", *p))
            return 0;
    }
    return text[0] != '\0';
}

/* The line end that the file uses. */
static const char *line_end(const struct buf *raw)
{
    size_t at = strcspn(raw->data, "\r\n");

    return strncmp(raw->data + at, "\r\n", 2) == 0 ? "\r\n" : raw->data[at] == '\r' ? "\r" : "\n";
}

/* One "key=value" of --params, cut in place. */
static int add_param(struct buf *out, char *param, const char *end, struct err *e)
{
    char *name = NULL, *value = NULL;
    const char *like;

    switch (conf_line_split(param, &name, &value)) {
    case CONF_LINE_EMPTY:
        return 0;
    case CONF_LINE_SETTING:
        break;
    case CONF_LINE_SECTION:
    case CONF_LINE_BAD:
        return err_set(e, ERR_CONFIG, "params: write key=value;key=value");
    }
    if (strpbrk(value, "\r\n"))
        return err_set(e, ERR_CONFIG, "params: the value of %.60s has more than one line", name);
    like = conf_key_like(name);
    if (conf_key_index(name) < 0)
        return err_set(e, ERR_CONFIG, "params: unknown key \"%.60s\"%s%s%s", name,
                       like ? " (did you mean " : "", like ? like : "", like ? "?)" : "");
    buf_addf(out, "%s=%s%s", name, value, end);
    return 0;
}

static int add_params(struct buf *out, const char *params, const char *end, struct err *e)
{
    char *copy = mem_strdup(params);
    size_t size = strlen(copy);
    int rc = 0;

    for (char *at = copy; rc == 0 && *at;) {
        size_t len = strcspn(at, ";");
        char *next = at + len + (at[len] != '\0');

        at[len] = '\0';
        rc = add_param(out, at, end, e);
        at = next;
    }
    explicit_bzero(copy, size);
    free(copy);
    return rc;
}

static int add_section(struct edit *edit, const char *block, const char *hostname,
                       const char *params, struct err *e)
{
    const char *end = line_end(&edit->raw);
    struct buf *raw = &edit->raw;

    if (has_section(edit, block))
        return err_set(e, ERR_CONFIG, "%s: [%s] is there already", edit->text.file, block);
    if (raw->len && !strchr("\r\n", raw->data[raw->len - 1]))
        buf_adds(raw, end);
    if (raw->len)
        buf_adds(raw, end);
    buf_addf(raw, "[%s]%shostname=%s%s", block, end, hostname, end);
    if (params && add_params(raw, params, end, e) < 0)
        return -1;
    return file_write_atomic(edit->text.file, raw->data, raw->len, 0600, e);
}

int conf_edit_add(const char *file, const char *block, const char *hostname, const char *params,
                  struct err *e)
{
    struct edit edit;
    int rc;

    if (!is_word(block) || !is_word(hostname))
        return err_set(e, ERR_CONFIG, "\"%.100s\" cannot be the name of a %s",
                       is_word(block) ? hostname : block, is_word(block) ? "host" : "section");
    rc = edit_open(&edit, file, e);
    if (rc == 0)
        rc = add_section(&edit, block, hostname, params, e);
    edit_close(&edit);
    return rc;
}

/* The file without a section, while it is made. What stands behind a setting waits: it goes with
 * the section when another setting follows, and stays otherwise. */
struct cut {
    const char *block;
    struct buf out, waiting;
    int inside, found;
};

static void cut_line(struct cut *c, char *line, const char *raw, size_t len)
{
    char *name = NULL, *value = NULL;
    int blank = line[strspn(line, " \t\v\f")] == '\0';
    enum conf_line kind = conf_line_split(line, &name, &value);

    if (kind == CONF_LINE_SECTION) {
        c->inside = strcmp(name, c->block) == 0;
        c->found |= c->inside;
        buf_add(&c->out, c->waiting.data, c->waiting.len);
        buf_clear(&c->waiting);
    }
    if (!c->inside)
        buf_add(&c->out, raw, len);
    else if (kind == CONF_LINE_SETTING)
        buf_clear(&c->waiting);
    else if (kind == CONF_LINE_EMPTY && (!blank || c->waiting.len))
        buf_add(&c->waiting, raw, len);
}

static void cut_section(struct cut *c, const struct buf *raw)
{
    char *copy = mem_strdup(raw->data), *line = copy, *end = copy + raw->len;

    while (line < end) {
        char *next = conf_line_cut(line);

        cut_line(c, line, raw->data + (line - copy), (size_t)(next - line));
        line = next;
    }
    buf_add(&c->out, c->waiting.data, c->waiting.len);
    explicit_bzero(copy, raw->len);
    free(copy);
}

int conf_edit_delete(const char *file, const char *block, int *found, struct err *e)
{
    struct cut c = {.block = block, .out = BUF_INIT, .waiting = BUF_INIT};
    struct edit edit;
    int rc = edit_open(&edit, file, e);

    if (rc == 0) {
        cut_section(&c, &edit.raw);
        *found = c.found;
        if (c.found)
            rc = file_write_atomic(file, c.out.data, c.out.len, 0600, e);
    }
    edit_close(&edit);
    buf_wipe(&c.out);
    buf_wipe(&c.waiting);
    return rc;
}
