/* What may have been lost; see report_loss.h. */
#include "manager/act/report_loss.h"

#include <stdio.h>

static void add_set(const struct topo *t, int host, struct buf *out)
{
    struct gtid_set received = GTID_INIT;
    topo_received(t, host, &received);
    gtid_print(&received, out);
    gtid_release(&received);
}

void report_received(const struct operation_run *r, struct buf *out)
{
    char text[BINPOS_FILE_BYTES + 24];
    const struct topo *t = r->second ? r->second : r->first;
    const struct failover *f = r->second ? r->plan_b : r->plan_a;
    int base = f->choice.base;
    if (!t || base == NO_HOST)
        return;
    if (f->mode == MODE_POSITION)
        buf_adds(out, binpos_print(&t->host[base].repl.read, text, sizeof text));
    else
        add_set(t, base, out);
}

/* What no replica had received is only in the dead master's own binlog. Saying "nothing" would need
 * that log to have been read. */
void report_loss(const struct operation_run *r, struct buf *out)
{
    struct buf received = BUF_INIT;
    if (!r->x->opened)
        return;
    report_received(r, &received);
    buf_addf(out,
             "could be lost none known; the tail of %s's own binlog was not read: what it "
             "acknowledged behind %s is only there\n",
             r->section->hostname, received.data);
    buf_release(&received);
}
