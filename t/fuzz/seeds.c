/* The fuzz targets without a fuzzer: each seed as it is, cut short, and with bytes changed, the
 * same way in every run. Linked with one target; usage: seeds-NAME FILE... */
#include "common/file.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CUTS     24
#define CHANGES  48
#define SEED_MAX 65536u
#define LCG_MUL  6364136223846793005ull
#define LCG_PLUS 1442695040888963407ull

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t len);

/* In memory of exactly its size, so that a sanitizer sees every byte too many. */
static void run(const char *bytes, size_t len, size_t at, unsigned char change)
{
    unsigned char *copy = malloc(len ? len : 1);

    memcpy(copy, bytes, len);
    if (len)
        copy[at % len] ^= change;
    LLVMFuzzerTestOneInput(copy, len);
    free(copy);
}

int main(int argc, char **argv)
{
    uint64_t state = 1;
    unsigned long runs = 0;
    struct err e = {0};

    for (int i = 1; i < argc; i++) {
        struct buf seed = BUF_INIT;

        if (file_read(argv[i], &seed, SEED_MAX, &e)) {
            fprintf(stderr, "%s\n", e.text);
            return 1;
        }
        for (size_t cut = 0; cut <= CUTS; cut++, runs++)
            run(seed.data, seed.len * cut / CUTS, 0, 0);
        for (int n = 0; n < CHANGES; n++, runs++) {
            state = state * LCG_MUL + LCG_PLUS;
            run(seed.data, seed.len, (size_t)(state >> 33), (unsigned char)(state >> 24 | 1));
        }
        buf_release(&seed);
    }
    printf("%lu inputs\n", runs);
    return 0;
}
