/* Digests and base64; see digest.h. */
#include "common/digest.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

void digest_sha256(const void *bytes, size_t len, unsigned char out[DIGEST_SHA256_BYTES])
{
    SHA256(bytes, len, out);
}

void digest_sha1(const void *bytes, size_t len, unsigned char out[DIGEST_SHA1_BYTES])
{
    SHA1(bytes, len, out);
}

/* libcrypto can only fail here when memory runs out. */
void digest_hmac_sha1(const void *key, size_t key_len, const char *text,
                      unsigned char out[DIGEST_SHA1_BYTES])
{
    unsigned len = 0;

    if (!HMAC(EVP_sha1(), key, (int)key_len, (const unsigned char *)text, strlen(text), out, &len))
        abort();
}

void digest_base64(struct buf *out, const void *bytes, size_t len)
{
    buf_reserve(out, (len + 2) / 3 * 4);
    out->len += (size_t)EVP_EncodeBlock((unsigned char *)out->data + out->len, bytes, (int)len);
}

int digest_unbase64(struct buf *out, const char *text, size_t len)
{
    size_t pad = 0;
    int n;

    if (len == 0 || len % 4 != 0 || len > INT_MAX)
        return -1;
    buf_reserve(out, len / 4 * 3);
    n = EVP_DecodeBlock((unsigned char *)out->data + out->len, (const unsigned char *)text,
                        (int)len);
    while (pad < 2 && text[len - 1 - pad] == '=')
        pad++;
    if (n >= (int)pad)
        out->len += (size_t)n - pad;
    out->data[out->len] = '\0';
    return n < (int)pad ? -1 : 0;
}
