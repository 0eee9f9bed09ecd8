/* Bulk bytes between hosts, through the manager: a program of the node at each end, each over an
 * SSH connection of its own (decision 28), so that the agents' sessions stay free. Database hosts
 * need no trust in each other. Knows nothing of logs. */
#ifndef KAGEMUSHA_BULK_H
#define KAGEMUSHA_BULK_H

#include "common/frame.h"
#include "manager/act/group.h"

/* One end: a program on a host, fed and read in frames. */
struct bulk {
    struct ssh *ssh;
    struct ssh_channel *channel;
    struct buf in;
    size_t at; /* what of `in` has been handed out */
};

/* Where: a section of the configuration. */
struct bulk_end {
    const struct conf *conf;
    const struct conf_server *section;
};

#define BULK_INIT                                                                                  \
    {                                                                                              \
        .in = BUF_INIT                                                                             \
    }

/* Logs in, starts `<node_path> <word>`, reads its greeting, sends the request (borrowed). ERR_SSH,
 * ERR_TIMEOUT; ERR_WORLD when the program is not there. */
int bulk_open(struct bulk *b, const struct bulk_end *at, const char *word,
              struct json_object *request, int64_t deadline_ms, struct err *e);
/* Ends the program by ending its input. */
void bulk_close(struct bulk *b);

/* The next frame; its data are valid until the next call. */
int bulk_read(struct bulk *b, struct frame *f, int64_t deadline_ms, struct err *e);
/* The next frame, which must be an object; the caller puts it. {"ok":false} becomes an error with
 * its code and text; then there is no object. */
int bulk_answer(struct bulk *b, struct json_object **out, int64_t deadline_ms, struct err *e);
int bulk_keep(struct bulk *b, int64_t deadline_ms, struct err *e);

struct bulk_watch {
    int64_t stall_ms;                            /* ERR_TIMEOUT when nothing moves for so long */
    void (*progress)(void *arg, uint64_t bytes); /* NULL, or called with the bytes so far */
    void *arg;
};

/* Hands the stream of one to the other, up to its end, and gives the report that follows it. */
int bulk_pump(struct bulk *from, struct bulk *to, const struct bulk_watch *w,
              struct json_object **report, struct err *e);

#endif
