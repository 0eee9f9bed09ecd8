/* What the files that read rows share. Private to sql_status*.c. */
#ifndef KAGEMUSHA_SQL_STATUS_TEXT_H
#define KAGEMUSHA_SQL_STATUS_TEXT_H

#include <stddef.h>

/* Cuts a text that does not fit; NULL is "". */
void sql_put(char *out, size_t size, const char *text);

#endif
