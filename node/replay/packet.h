/* Packets of the client/server protocol over two descriptors. Knows no command. Input is not
 * trusted: a packet is PACKET_IN_MAX bytes at most. */
#ifndef KAGEMUSHA_NODE_REPLAY_PACKET_H
#define KAGEMUSHA_NODE_REPLAY_PACKET_H

#include "common/buf.h"
#include "common/err.h"

#include <stdint.h>

#define PACKET_IN_MAX (2u * 1024 * 1024) /* a dump command carries a GTID set */
#define PACKET_PIECE  0xffffffu          /* a longer payload goes as several packets */

/* One connection. What is sent is buffered until packet_flush. */
struct packet_conn {
    int in_fd, out_fd; /* one socket; two files where a program feeds the session */
    unsigned char sequence;
    struct buf in; /* the payload read last */
    struct buf out;
    uint64_t left; /* of the payload that packet_begin announced */
    uint32_t room; /* of the packet that is being sent */
    int is_full;   /* that packet has PACKET_PIECE bytes: another follows */
};

/* The descriptors stay the caller's. */
void packet_init(struct packet_conn *c, int in_fd, int out_fd);
/* Frees the buffers. */
void packet_release(struct packet_conn *c);

/* Reads one payload into c->in: 1; 0 at the end of the input; -1 ERR_IO or ERR_FORMAT. */
int packet_read(struct packet_conn *c, struct err *e);

/* A payload of `len` bytes: announced, then written in pieces that add up to it. */
int packet_begin(struct packet_conn *c, uint64_t len, struct err *e);
int packet_write(struct packet_conn *c, const void *bytes, size_t len, struct err *e);
/* The whole of it at once. */
int packet_send(struct packet_conn *c, const void *bytes, size_t len, struct err *e);
int packet_flush(struct packet_conn *c, struct err *e);

/* The answers that every command may get. */
int packet_ok(struct packet_conn *c, struct err *e);
int packet_eof(struct packet_conn *c, struct err *e);
int packet_error(struct packet_conn *c, int number, const char *text, struct err *e);
/* A length-encoded string. */
void packet_add_text(struct buf *out, const char *text);

#endif
