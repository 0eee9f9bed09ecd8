/* Pieces of statement text that the sql_repl_*.c files share. Private to them. */
#ifndef KAGEMUSHA_SQL_REPL_TEXT_H
#define KAGEMUSHA_SQL_REPL_TEXT_H

#include "common/buf.h"
#include "common/sql_status.h"

/* A string literal under the session's sql_mode '' of sql_open(), for grammar that takes no hex
 * literal: CHANGE, FOR CHANNEL, connection names. */
void sql_literal(struct buf *out, const char *text);
/* The text with MariaDB's connection name after SLAVE or MASTER, where there is one. */
void sql_with_channel(struct buf *out, const struct sql *s, const char *text, const char *channel);
/* " FOR CHANNEL '...'" where the dialect has channels, else nothing. */
void sql_channel_clause(struct buf *out, const struct sql *s, const char *channel);

#endif
