/* What may have been lost, as far as it can be known. */
#ifndef KAGEMUSHA_REPORT_LOSS_H
#define KAGEMUSHA_REPORT_LOSS_H

#include "manager/act/operation_run.h"

/* One or two lines, "could be lost ...". */
void report_loss(const struct operation_run *r, struct buf *out);
/* Up to where the group has the dead master's log: a position or a GTID set. */
void report_received(const struct operation_run *r, struct buf *out);

#endif
