/* `kagemusha scan --explain`: the columns of one name, in full. */
#ifndef KAGEMUSHA_SCAN_EXPLAIN_CMD_H
#define KAGEMUSHA_SCAN_EXPLAIN_CMD_H

#include "manager/cmd/scan_options.h"
#include "manager/scan/judge.h"

/* Limits the scan to the schema of o->explain. -1 with a sentence when that is no name. */
int scan_explain_prepare(struct scan_options *o, struct err *e);
/* Prints each column of the report that has the name. The exit code by the worst of them; 3 when
 * there is none, or where something could not be read, which is told on standard error. */
int scan_explain(const struct scan_options *o, const struct scan_report *r);

#endif
