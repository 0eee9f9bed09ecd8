/* CRC-32: known values, and both ways against the definition, at every length and alignment. */
#include "common/crc32.h"
#include "t/tap.h"

static uint32_t by_definition(const unsigned char *p, size_t len)
{
    uint32_t crc = 0xffffffffu;

    for (size_t i = 0; i < len; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
    }
    return ~crc;
}

int main(void)
{
    static unsigned char bytes[1100];
    uint32_t seed = 1;
    int same = 1, same_tables = 1, same_parts = 1;

    tap_ok(crc32_add(0, "", 0) == 0, "nothing");
    tap_ok(crc32_add(0, "123456789", 9) == 0xcbf43926u, "the check value");
    for (size_t i = 0; i < sizeof(bytes); i++) {
        seed = seed * 1664525u + 1013904223u;
        bytes[i] = (unsigned char)(seed >> 24);
    }
    for (size_t len = 0; len <= 1000; len++) {
        const unsigned char *p = bytes + len % 37;
        uint32_t want = by_definition(p, len);

        same &= crc32_add(0, p, len) == want;
        same_tables &= crc32_add_tables(0, p, len) == want;
        same_parts &= crc32_add(crc32_add(0, p, len / 3), p + len / 3, len - len / 3) == want;
    }
    tap_ok(same, "0 to 1000 bytes as by definition");
    tap_ok(same_tables, "by tables too");
    tap_ok(same_parts, "in two parts too");
    return tap_done();
}
