/* Answers from standard input, as MHA reads them. */
#ifndef KAGEMUSHA_ASK_H
#define KAGEMUSHA_ASK_H

#include "manager/decide/topo.h"

#include <stddef.h>

/* Flushes standard output, where the question stands, and reads a line without its end; "" at the
 * end of the input. */
void ask_line(char *out, size_t size);
/* 1 when the answer begins with y or Y. */
int ask_yes(void);
/* Asks for another new master, who is looked up among the servers that answer and by port 3306
 * only, as MHA does, and becomes t->forced. */
int ask_other_master(struct topo *t, struct err *e);

#endif
