/* Settings as layers: built-in defaults, the global file, the application's defaults, the output of
 * init_conf_load_script, a section. Private to conf; knows nothing of servers. */
#ifndef KAGEMUSHA_CONF_LAYER_H
#define KAGEMUSHA_CONF_LAYER_H

#include "common/conf_read.h"
#include "common/conf_value.h"

#define CONF_DEFAULT_SECTION "server default"

/* What the texts of a conf live in; all of it is wiped at the end, since some are passwords. */
struct conf_store {
    struct buf *text;
    size_t count, cap;
};

/* A value for each row of conf_keys. */
struct conf_layer {
    struct conf_value value[CONF_KEYS_MAX];
};

struct conf_load {
    struct conf *c;
    unsigned flags;
    const char *ssh_options; /* the last one set wins for all */
    struct conf_text app;
};

/* A copy that lives as long as the conf, with a NUL. */
char *conf_keep(struct conf *c, const char *text);
/* The value of the key at that offset of struct conf_server. */
const struct conf_value *conf_layer_value(const struct conf_layer *layer, size_t offset);
/* Adds the settings of one section to own. ERR_CONFIG: an unknown key. */
int conf_take_section(struct conf_load *l, const struct conf_text *t, size_t section,
                      struct conf_layer *own, struct err *e);
/* Makes a layer complete from the one above (or NULL) and the built-in defaults. A value loses its
 * quotes once in each layer that it passes through, as in MHA. own and out may be the same.
 * ERR_CONFIG: a value that is not legal. */
int conf_complete(struct conf_load *l, const struct conf_layer *own, const struct conf_layer *above,
                  struct conf_layer *out, struct err *e);
/* All that a server inherits; l->app holds the application's file. */
int conf_load_defaults(struct conf_load *l, const char *global_file, struct conf_layer *out,
                       struct err *e);

#endif
