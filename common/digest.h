/* Digests and base64 over libcrypto; knows nothing of what is digested. */
#ifndef KAGEMUSHA_DIGEST_H
#define KAGEMUSHA_DIGEST_H

#include "common/buf.h"

#include <stddef.h>

#define DIGEST_SHA1_BYTES   20
#define DIGEST_SHA256_BYTES 32

/* Of bytes in memory. */
void digest_sha256(const void *bytes, size_t len, unsigned char out[DIGEST_SHA256_BYTES]);
void digest_sha1(const void *bytes, size_t len, unsigned char out[DIGEST_SHA1_BYTES]);
/* HMAC (RFC 2104); a key of at most 1 KiB. */
void digest_hmac_sha1(const void *key, size_t key_len, const char *text,
                      unsigned char out[DIGEST_SHA1_BYTES]);
/* Appends with padding, without line breaks. */
void digest_base64(struct buf *out, const void *bytes, size_t len);
/* Appends the bytes: 0, or -1 (and nothing appended) when text is no padded base64. */
int digest_unbase64(struct buf *out, const char *text, size_t len);

#endif
