/* A growing byte string, always with a NUL behind its last byte. The one place where text is put on
 * the heap; running out of memory ends the program with a message. */
#ifndef KAGEMUSHA_BUF_H
#define KAGEMUSHA_BUF_H

#include <stddef.h>

struct buf {
    char *data; /* never NULL after buf_init */
    size_t len; /* without the NUL */
    size_t cap; /* 0 while data is the shared empty text */
};

#define BUF_INIT                                                                                   \
    {                                                                                              \
        buf_empty, 0, 0                                                                            \
    }
extern char buf_empty[1];

/* An empty string; needs no memory. */
void buf_init(struct buf *b);
void buf_release(struct buf *b); /* frees, and leaves b as buf_init does */
void buf_clear(struct buf *b);   /* length 0, memory kept */
/* Makes room, and appends: bytes, a text, one byte, a formatted text. */
void buf_reserve(struct buf *b, size_t more);
void buf_add(struct buf *b, const void *bytes, size_t len);
void buf_adds(struct buf *b, const char *text);
void buf_addc(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Removes the first n bytes (n <= len). */
void buf_drop(struct buf *b, size_t n);
/* Overwrites the memory before freeing it; for passwords. */
void buf_wipe(struct buf *b);
/* Hands the memory over; the caller frees it. b is empty afterwards. */
char *buf_take(struct buf *b);

/* malloc, calloc and strdup that end the program when memory runs out. */
void *mem_alloc(size_t bytes);
void *mem_zalloc(size_t bytes);
char *mem_strdup(const char *text);

#endif
