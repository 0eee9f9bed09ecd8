/* An extract as one stream of bytes, for another host: written to a callback, read from a file that
 * holds it. Layout, all numbers little endian:
 *   "KGXTRCT1"
 *   records: kind 1 byte, length 8 bytes, payload
 *     'F'  the format event that rules what follows, whole; before the first 'P', and when it
 * changes 'P'  a piece: start, end_pos, events, transactions 8 bytes each, jump 1 byte, the
 * master's file name 'D'  its raw events, whole; follows each 'P' 'E'  the end: SHA-256 (32 bytes)
 * over everything before this record A stream without its 'E' record, or with another digest, is
 * refused whole. */
#ifndef KAGEMUSHA_NODE_EXTRACT_STREAM_H
#define KAGEMUSHA_NODE_EXTRACT_STREAM_H

#include "node/extract/extract.h"

#define STREAM_DIGEST_BYTES 32u

/* Takes len bytes; 0, or -1 with e, which ends the writing. */
typedef int stream_sink(void *ctx, const void *bytes, size_t len, struct err *e);

/* Writes all pieces of x. digest (STREAM_DIGEST_BYTES) is that of the 'E' record. */
int stream_write(struct extract *x, stream_sink *sink, void *ctx, unsigned char *digest,
                 struct err *e);

struct stream;

/* Checks the whole file at path (digest, records) before it is used; ERR_FORMAT when anything is
 * wrong. NULL with e. */
struct stream *stream_open(const char *path, struct err *e);
/* The pieces that were written, over the file at path; as extract_next. */
int stream_next(struct stream *s, struct extract_piece *piece, struct err *e);
/* Begins anew with the first piece: for a replica that connects again. */
void stream_rewind(struct stream *s);
void stream_close(struct stream *s);

#endif
