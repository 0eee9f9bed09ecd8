/* What a failover did, on one page: for people, as JSON, and as the mail MHA's report_script sends.
 * Reads what the executor kept; asks nobody. */
#ifndef KAGEMUSHA_REPORT_H
#define KAGEMUSHA_REPORT_H

#include "manager/act/operation_run.h"

/* One page of text. */
void report_text(const struct operation_run *r, struct buf *out);
/* One JSON object and a newline. */
void report_json(const struct operation_run *r, struct buf *out);
/* MHA's subject and body. */
void report_subject(const struct operation_run *r, struct buf *out);
void report_body(const struct operation_run *r, struct buf *out);
/* The replicas that follow the new master, as "h1,h2". */
void report_slaves(const struct operation_run *r, struct buf *out);
/* "Master failover to db2(192.0.2.2:3306) completed successfully." and its kin. */
void report_sentence(const struct operation_run *r, struct buf *out);

/* "agent-killed power-off", "NONE BY POLICY" or "none". */
const char *report_proof(unsigned proof, char *out, size_t size);

#endif
