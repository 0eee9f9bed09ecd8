/* MHA's file grammar (that of Perl's Config::Tiny): sections with keys and values, and the line of
 * each. Private to conf; knows nothing of which keys exist. */
#ifndef KAGEMUSHA_CONF_READ_H
#define KAGEMUSHA_CONF_READ_H

#include "common/buf.h"
#include "common/err.h"

#include <stddef.h>

#define CONF_FILE_BYTES   (1 << 20)
#define CONF_SECTIONS_MAX 256
#define CONF_ENTRIES_MAX  4096

struct conf_section {
    const char *name; /* "_" for what stands before the first section */
    int line;         /* where it begins first */
};

struct conf_entry {
    size_t section;
    const char *key, *value;
    int line;
    int used; /* 0: a later line of the same section sets the key again */
};

struct conf_text {
    const char *file; /* the caller's */
    struct buf bytes; /* the file, cut into the texts below */
    struct conf_section *section;
    size_t sections;
    struct conf_entry *entry;
    size_t entries;
};

/* Reads a file. ERR_IO when it cannot be read (errno kept), ERR_CONFIG with file and line for what
 * is no line of the grammar. t is overwritten; release it in either case. */
int conf_read(struct conf_text *t, const char *file, struct err *e);
void conf_text_release(struct conf_text *t); /* wipes it */

enum conf_line { CONF_LINE_EMPTY, CONF_LINE_SECTION, CONF_LINE_SETTING, CONF_LINE_BAD };

/* Ends the line at its CR, LF, CRLF or CRCRLF; returns where the next one begins. */
char *conf_line_cut(char *line);
/* Cuts one line into the section's name, or key and value. A bad line's text is in *name. */
enum conf_line conf_line_split(char *line, char **name, char **value);

#endif
