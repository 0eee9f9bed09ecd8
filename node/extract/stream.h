/* An extract as one stream of bytes, for another host: written to a callback, read from a file that
 * holds it. Layout, all numbers little endian:
 *   "KGXTRCT1"
 *   records: kind 1 byte, length 4 bytes, payload
 *     'F'  the format event that rules what follows, whole
 *     'P'  position: u64 start, then the master's file name. Before the first 'D', and at each jump
 *     'D'  raw whole or partial events, at most 1 MiB a record; events cross records only inside
 * one piece 'L'  u64: the master's coordinate behind the last event of a piece; u64 events, u64
 * transactions 'E'  end: 32 bytes of SHA-256 over everything before this record A stream without
 * its 'E' record, or with another digest, is refused whole. */
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

/* Checks the whole file at path (digest, records, event borders) before it is used; ERR_FORMAT when
 * anything is wrong. NULL with e. */
struct stream *stream_open(const char *path, struct err *e);
/* The pieces that were written, over the file at path; as extract_next. A piece may come back as
 * several, of which all but the first have no jump. */
int stream_next(struct stream *s, struct extract_piece *piece, struct err *e);
/* Begins anew with the first piece: for a replica that connects again. */
void stream_rewind(struct stream *s);
void stream_close(struct stream *s);

#endif
