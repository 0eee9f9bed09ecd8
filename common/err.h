/* What went wrong, as a value: a code that says what a caller can do, and one sentence.
 * Knows nothing of logging: an error is set or logged, never both. */
#ifndef KAGEMUSHA_ERR_H
#define KAGEMUSHA_ERR_H

#define ERR_TEXT_BYTES 512

enum err_code {
    ERR_NONE,
    ERR_CONFIG,  /* the user must change a file or an option */
    ERR_SQL,     /* a server answered with an error */
    ERR_CONNECT, /* a server or host could not be reached */
    ERR_DENIED,  /* it is alive, and refuses us */
    ERR_SSH,     /* transport to a host, or its agent */
    ERR_TIMEOUT, /* a deadline passed */
    ERR_WORLD,   /* the world is not as it must be; OpenSSL has taken ERR_STATE */
    ERR_IO,      /* a local file, process or descriptor */
    ERR_FORMAT,  /* bytes or text that cannot be understood */
    ERR_BUG
};

struct err {
    enum err_code code;
    int server_errno; /* the server's own number with ERR_SQL, ERR_CONNECT and ERR_DENIED, else 0 */
    char text[ERR_TEXT_BYTES];
};

/* Sets e (which may be NULL) and returns -1, so that a function can end with it. A text too long is
 * cut. */
int err_set(struct err *e, enum err_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts a clause and ": " before the text of e, keeps the code, returns -1. */
int err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Like err_set with strerror(errno) behind the text. */
int err_errno(struct err *e, enum err_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* One lower-case word for a code: "config", "sql", ... Static text. */
const char *err_code_text(enum err_code code);

#endif
