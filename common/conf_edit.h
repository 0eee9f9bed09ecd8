/* Adds a server's section to a configuration file, or takes it out, and leaves every other byte as
 * it is: comments, order, line ends. Knows nothing of the settings' meaning but their names. */
#ifndef KAGEMUSHA_CONF_EDIT_H
#define KAGEMUSHA_CONF_EDIT_H

#include "common/err.h"

#include <stddef.h>

/* MHA's rule for --block: "server_" + hostname without one, else with "server" put before a name
 * that does not begin so. Returns out, which is cut to its size. */
const char *conf_edit_block(const char *block, const char *hostname, char *out, size_t size);

/* Puts [block] with the hostname and params ("key=value;key=value", or NULL) at the end of the
 * file. ERR_CONFIG: the file is broken, the section exists, a name or key that cannot be.
 * The file is replaced whole or not at all; a symbolic link stays one. */
int conf_edit_add(const char *file, const char *block, const char *hostname, const char *params,
                  struct err *e);

/* Takes out each [block]: from its head to its last setting, and the blank lines behind. Comments
 * behind the last setting stay. *found is 0 when there is none, which is no error. */
int conf_edit_delete(const char *file, const char *block, int *found, struct err *e);

#endif
