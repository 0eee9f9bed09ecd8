/* What was lost of the dead master's log, as far as it can be known (decide/loss.h). */
#ifndef KAGEMUSHA_REPORT_LOSS_H
#define KAGEMUSHA_REPORT_LOSS_H

#include "common/json.h"
#include "manager/act/operation_run.h"

/* Finds out, with the slots of the plans: before exec_release. */
void report_loss_find(struct operation_run *r);
/* One line, "lost ...", where a server was opened. */
void report_loss(const struct operation_run *r, struct buf *out);
/* The same as an object, the caller's; NULL where no server was opened. */
struct json_object *report_loss_json(const struct operation_run *r);
/* And on the log. */
void report_loss_log(const struct operation_run *r);
/* Up to where the group has the dead master's log: a position or a GTID set. */
void report_received(const struct operation_run *r, struct buf *out);

#endif
