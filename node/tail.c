/* What logs hold beyond a coordinate or a GTID set, told and not sent: an extract that nobody
 * takes. */
#include "node/logs.h"
#include "node/ops.h"

#include <string.h>

#define SET_MAX 40000 /* a reply is a line of at most 64 KiB */

/* A set that is too long for a line is told by its number only. */
static void shorten(struct json_object *reply)
{
    const char *set = json_get_str(reply, "set", "");

    if (strlen(set) <= SET_MAX)
        return;
    json_object_object_del(reply, "set");
    json_put_bool(reply, "set_is_cut", 1);
}

/* A refusal is an answer: it says where what there is begins, and why that is not enough. */
int node_tail_work(struct json_object *req, struct json_object *reply, struct err *e)
{
    struct node_logs logs;
    struct extract_report report;
    struct extract_piece piece;
    struct extract *x = NULL;
    struct err why = {0};
    int rc = node_logs_read(req, &logs, e);

    if (rc == 0) {
        x = extract_open(&logs.ask, &report, &why);
        while (x && (rc = extract_next(x, &piece, &why)) > 0)
            ;
        json_put_bool(reply, "readable", x && rc == 0);
        node_logs_report(&report, reply);
        if (why.code != ERR_NONE)
            json_put_str(reply, "text", why.text);
        shorten(reply);
        rc = 0;
        extract_close(x);
        extract_report_release(&report);
    }
    node_logs_release(&logs);
    return rc;
}
