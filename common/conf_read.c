/* MHA's grammar over iniparser; see conf_read.h.
 * iniparser folds case, cuts values at # and ;, reads quotes in its own way that differs between
 * its versions, and ends at 1024 bytes a line. So the lines are taken apart here, and iniparser is
 * given names that mean the same to it and to MHA: [s0], k0, v0. It decides what repeated
 * sections and keys come to. That text goes through memory only, and holds no password. */
#include "common/conf_read.h"

#include "common/file.h"

#include <iniparser/iniparser.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Cuts the blanks off both ends, in place. */
static char *trim(char *text)
{
    size_t len;

    while (is_space(*text))
        text++;
    len = strlen(text);
    while (len && is_space(text[len - 1]))
        text[--len] = '\0';
    return text;
}

/* An inline comment: blank, semicolon, blank, and at least one character. */
static void cut_comment(char *line)
{
    for (; *line; line++) {
        if (is_space(line[0]) && line[1] == ';' && is_space(line[2]) && line[3]) {
            *line = '\0';
            return;
        }
    }
}

static int at_line(const struct conf_text *t, int line, struct err *e)
{
    return err_wrap(e, "%s line %d", t->file, line);
}

/* The section of that name, made when it is new. */
static int enter_section(struct conf_text *t, const char *name, int line, size_t *out,
                         struct err *e)
{
    for (*out = 0; *out < t->sections; (*out)++) {
        if (strcmp(t->section[*out].name, name) == 0)
            return 0;
    }
    if (t->sections == CONF_SECTIONS_MAX)
        return err_set(e, ERR_CONFIG, "more than %d sections", CONF_SECTIONS_MAX);
    t->section[t->sections].name = name;
    t->section[t->sections++].line = line;
    return 0;
}

/* The length of the word that a bad line is shown by: more of it could be a password. */
static int first_word(const char *text)
{
    size_t len = strcspn(text, " \t");

    return (int)(len < 40 ? len : 40);
}

enum conf_line conf_line_split(char *line, char **name, char **value)
{
    size_t len;
    char *equals;

    while (is_space(*line))
        line++;
    if (*line == '\0' || *line == '#' || *line == ';')
        return CONF_LINE_EMPTY;
    cut_comment(line);
    *name = line = trim(line);
    len = strlen(line);
    if (len > 2 && line[0] == '[' && line[len - 1] == ']') {
        line[len - 1] = '\0';
        *name = trim(line + 1);
        return CONF_LINE_SECTION;
    }
    equals = strchr(line, '=');
    if (!equals || equals == line)
        return CONF_LINE_BAD;
    *equals = '\0';
    trim(line);
    *value = trim(equals + 1);
    return CONF_LINE_SETTING;
}

static int add_entry(struct conf_text *t, const struct conf_entry *entry, struct err *e)
{
    if (t->entries == CONF_ENTRIES_MAX)
        return err_set(e, ERR_CONFIG, "more than %d settings", CONF_ENTRIES_MAX);
    t->entry[t->entries++] = *entry;
    return 0;
}

/* One line without its end. *section is the one that the line stands in, SIZE_MAX for none yet. */
static int read_line(struct conf_text *t, char *line, int number, size_t *section, struct err *e)
{
    char *name = NULL, *value = NULL;

    switch (conf_line_split(line, &name, &value)) {
    case CONF_LINE_EMPTY:
        return 0;
    case CONF_LINE_SECTION:
        return enter_section(t, name, number, section, e);
    case CONF_LINE_SETTING:
        if (*section == SIZE_MAX && enter_section(t, "_", number, section, e) < 0)
            return -1;
        return add_entry(t, &(struct conf_entry){*section, name, value, number, 0}, e);
    case CONF_LINE_BAD:
        break;
    }
    if (name[0] == '=')
        return err_set(e, ERR_CONFIG, "there is no key before the =");
    return err_set(e, ERR_CONFIG, "\"%.*s\" begins neither \"key = value\" nor \"[section]\"",
                   first_word(name), name);
}

char *conf_line_cut(char *line)
{
    char *end = line + strcspn(line, "\r\n"), *next = end;

    if (*end == '\r') {
        size_t cr = end[1] == '\r' ? 2 : 1;

        next = end[cr] == '\n' ? end + cr : end;
    }
    if (*next)
        next++;
    *end = '\0';
    return next;
}

static int read_lines(struct conf_text *t, struct err *e)
{
    static const char bom[] = "\xef\xbb\xbf";
    size_t section = SIZE_MAX;
    char *line = t->bytes.data, *end = line + t->bytes.len;

    if (strncmp(line, bom, 3) == 0)
        return err_set(e, ERR_CONFIG,
                       "%s line 1: begins with a byte order mark; save it as UTF-8 without one",
                       t->file);
    if (strlen(line) != t->bytes.len)
        return err_set(e, ERR_CONFIG, "%s: holds a NUL byte; it must be plain text", t->file);
    for (int number = 1; line < end; number++) {
        char *next = conf_line_cut(line);

        if (read_line(t, line, number, &section, e) < 0)
            return at_line(t, number, e);
        line = next;
    }
    return 0;
}

/* The first entry with the same key stands for its name. */
static size_t key_number(const struct conf_text *t, size_t entry)
{
    size_t i = 0;

    while (strcmp(t->entry[i].key, t->entry[entry].key) != 0)
        i++;
    return i;
}

static void print_tokens(const struct conf_text *t, struct buf *out)
{
    for (size_t i = 0; i < t->entries; i++)
        buf_addf(out, "[s%zu]\nk%zu = v%zu\n", t->entry[i].section, key_number(t, i), i);
}

static int be_silent(const char *format, ...)
{
    (void)format;
    return 0;
}

static int load_tokens(const struct buf *tokens, dictionary **out, struct err *e)
{
    char path[40];
    int fd = memfd_create("kagemusha-conf", MFD_CLOEXEC), rc = -1;

    if (fd < 0)
        return err_errno(e, ERR_IO, "memfd_create");
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (file_write_all(fd, tokens->data, tokens->len, e) < 0)
        goto out;
    iniparser_set_error_callback(be_silent);
    *out = iniparser_load(path);
    iniparser_set_error_callback(NULL);
    rc = *out ? 0 : err_set(e, ERR_IO, "iniparser cannot read %s; is /proc mounted?", path);
out:
    close(fd);
    return rc;
}

/* Marks the entries that iniparser let stand. */
static int mark_used(struct conf_text *t, struct err *e)
{
    struct buf tokens = BUF_INIT;
    dictionary *dict = NULL;
    int rc;

    print_tokens(t, &tokens);
    rc = load_tokens(&tokens, &dict, e);
    for (size_t i = 0; rc == 0 && i < t->entries; i++) {
        char name[64], value[32];

        snprintf(name, sizeof(name), "s%zu:k%zu", t->entry[i].section, key_number(t, i));
        snprintf(value, sizeof(value), "v%zu", i);
        t->entry[i].used = strcmp(iniparser_getstring(dict, name, ""), value) == 0;
    }
    if (dict)
        iniparser_freedict(dict);
    buf_release(&tokens);
    return rc;
}

int conf_read(struct conf_text *t, const char *file, struct err *e)
{
    *t = (struct conf_text){.file = file, .bytes = BUF_INIT};
    if (file_read(file, &t->bytes, CONF_FILE_BYTES, e) < 0)
        return -1;
    t->section = mem_zalloc(CONF_SECTIONS_MAX * sizeof(*t->section));
    t->entry = mem_zalloc(CONF_ENTRIES_MAX * sizeof(*t->entry));
    if (read_lines(t, e) < 0)
        return -1;
    return mark_used(t, e);
}

void conf_text_release(struct conf_text *t)
{
    free(t->section);
    free(t->entry);
    buf_wipe(&t->bytes);
    *t = (struct conf_text){.bytes = BUF_INIT};
}
