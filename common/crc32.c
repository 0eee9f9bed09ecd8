/* CRC-32; see crc32.h. The tables are those of slicing by 16; the multiplication folds 64 bytes a
 * step as in Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ" (2009),
 * whose constants for this polynomial in reflected order stand below. */
#include "common/crc32.h"

#include <pthread.h>
#include <string.h>

#define POLYNOMIAL 0xedb88320u
#define SLICES     16

static uint32_t tables[SLICES][256];
static int has_clmul;
static pthread_once_t prepared = PTHREAD_ONCE_INIT;

static void prepare(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;

        for (int bit = 0; bit < 8; bit++)
            c = c & 1 ? c >> 1 ^ POLYNOMIAL : c >> 1;
        tables[0][i] = c;
    }
    for (int s = 1; s < SLICES; s++)
        for (int i = 0; i < 256; i++)
            tables[s][i] = tables[s - 1][i] >> 8 ^ tables[0][tables[s - 1][i] & 255];
#if defined(__x86_64__)
    has_clmul = __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1");
#endif
}

static uint32_t le32(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* Four bytes through the tables top, top - 1, ... */
static uint32_t slice(uint32_t v, int top)
{
    return tables[top][v & 255] ^ tables[top - 1][v >> 8 & 255] ^ tables[top - 2][v >> 16 & 255] ^
           tables[top - 3][v >> 24];
}

/* crc is inverted here and below: as it stands between the first and the last step. */
static uint32_t by_tables(uint32_t crc, const unsigned char *p, size_t len)
{
    for (; len >= SLICES; len -= SLICES, p += SLICES)
        crc = slice(crc ^ le32(p), 15) ^ slice(le32(p + 4), 11) ^ slice(le32(p + 8), 7) ^
              slice(le32(p + 12), 3);
    for (; len; len--)
        crc = crc >> 8 ^ tables[0][(crc ^ *p++) & 255];
    return crc;
}

#if defined(__x86_64__)
#include <immintrin.h>

#define CLMUL __attribute__((target("pclmul,sse4.1")))

CLMUL static __m128i load(const unsigned char *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

/* Moves x ahead by the distance that k stands for, and takes in the next bytes. */
CLMUL static __m128i fold(__m128i x, __m128i k, __m128i next)
{
    __m128i low = _mm_clmulepi64_si128(x, k, 0x00), high = _mm_clmulepi64_si128(x, k, 0x11);

    return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

/* 128 bits to the 32 of the remainder: by 64, by 32, then Barrett's reduction. */
CLMUL static uint32_t reduce(__m128i x)
{
    const __m128i k4 = _mm_set_epi64x(0, 0x0ccaa009e), k5 = _mm_set_epi64x(0, 0x163cd6124);
    const __m128i barrett = _mm_set_epi64x(0x1f7011641, 0x1db710641);
    const __m128i low32 = _mm_setr_epi32(-1, 0, -1, 0);
    __m128i t;

    x = _mm_xor_si128(_mm_clmulepi64_si128(x, k4, 0x00), _mm_srli_si128(x, 8));
    t = _mm_and_si128(x, low32);
    x = _mm_xor_si128(_mm_clmulepi64_si128(t, k5, 0x00), _mm_srli_si128(x, 4));
    t = _mm_and_si128(_mm_clmulepi64_si128(_mm_and_si128(x, low32), barrett, 0x10), low32);
    t = _mm_clmulepi64_si128(t, barrett, 0x00);
    return (uint32_t)_mm_extract_epi32(_mm_xor_si128(x, t), 1);
}

/* len: at least 64, and a multiple of 16. */
CLMUL static uint32_t by_clmul(uint32_t crc, const unsigned char *p, size_t len)
{
    const __m128i by64 = _mm_set_epi64x(0x1c6e41596, 0x154442bd4);
    const __m128i by16 = _mm_set_epi64x(0x0ccaa009e, 0x1751997d0);
    __m128i a = _mm_xor_si128(load(p), _mm_cvtsi32_si128((int)crc));
    __m128i b = load(p + 16), c = load(p + 32), d = load(p + 48);

    for (p += 64, len -= 64; len >= 64; p += 64, len -= 64) {
        a = fold(a, by64, load(p));
        b = fold(b, by64, load(p + 16));
        c = fold(c, by64, load(p + 32));
        d = fold(d, by64, load(p + 48));
    }
    a = fold(fold(fold(a, by16, b), by16, c), by16, d);
    for (; len >= 16; p += 16, len -= 16)
        a = fold(a, by16, load(p));
    return reduce(a);
}
#endif

uint32_t crc32_add_tables(uint32_t crc, const void *bytes, size_t len)
{
    pthread_once(&prepared, prepare);
    return ~by_tables(~crc, bytes, len);
}

uint32_t crc32_add(uint32_t crc, const void *bytes, size_t len)
{
    const unsigned char *p = bytes;

    pthread_once(&prepared, prepare);
    crc = ~crc;
#if defined(__x86_64__)
    if (has_clmul && len >= 64) {
        size_t whole = len & ~(size_t)15;

        crc = by_clmul(crc, p, whole);
        p += whole;
        len -= whole;
    }
#endif
    return ~by_tables(crc, p, len);
}
