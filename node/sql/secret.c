/* Passwords on command lines; see sql_tools.h. */
#include "node/sql/sql_tools.h"

#include <stdio.h>
#include <string.h>

void tool_take_secret(const char **password, char *first_word, char *secret, size_t size)
{
    ptrdiff_t at = *password - first_word;

    snprintf(secret, size, "%s", *password);
    memset(first_word + at, 'x', strlen(*password));
    *password = secret;
}
