/* CRC-32 as binary logs, zip and Ethernet have it (polynomial 0xedb88320). Knows no format. */
#ifndef KAGEMUSHA_CRC32_H
#define KAGEMUSHA_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* Continues crc (0 at the beginning) over len bytes; the same values as zlib's crc32(). Takes the
 * processor's carry-less multiplication where it is there, tables otherwise. Thread-safe. */
uint32_t crc32_add(uint32_t crc, const void *bytes, size_t len);

/* The same from tables alone; what crc32_add falls back to. */
uint32_t crc32_add_tables(uint32_t crc, const void *bytes, size_t len);

#endif
