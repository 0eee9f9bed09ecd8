/* The log: MHA's line shape "Thu Mar  7 15:18:50 2019 - [info] text", with an event word before the
 * text where a person or a program may look for it: "[info] failover-begin: text". Only main, the
 * executor and the monitor loop log. Never hand it a password. */
#ifndef KAGEMUSHA_LOG_H
#define KAGEMUSHA_LOG_H

#include "common/err.h"

#include <stddef.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* path: appended to, opened and closed per line so that rotation needs no signal; NULL means
 * standard error. app may be NULL. With json each line is one JSON object {time, level, app, event,
 * text} instead. Thread-safe. */
int log_setup(const char *path, enum log_level level, const char *app, int json, struct err *e);

/* A log beside the program's own, for a process that serves several groups: path, level, app, json
 * as above; named: text lines carry "[app]" behind the level. ERR_CONFIG. The caller frees it when
 * no thread uses it any more. */
struct log_sink;
struct log_format {
    enum log_level level;
    const char *app;
    int json, named;
};
int log_sink_open(struct log_sink **out, const char *path, const struct log_format *f,
                  struct err *e);
void log_sink_close(struct log_sink **s);
/* Lines of the calling thread go there from now on; NULL: to the program's own log. */
void log_use(struct log_sink *s);
struct log_sink *log_used(void);

/* "debug", "info", "warning", "error" in any case; -1 with e for another word. */
int log_level_parse(const char *word, enum log_level *level, struct err *e);

/* Behind the macros below. */
void log_write(enum log_level level, const char *file, int line, const char *event, const char *fmt,
               ...) __attribute__((format(printf, 5, 6)));

/* event: a word from docs/events.md, or NULL. */
#define log_debug(event, ...)   log_write(LOG_LEVEL_DEBUG, __FILE__, __LINE__, event, __VA_ARGS__)
#define log_info(event, ...)    log_write(LOG_LEVEL_INFO, __FILE__, __LINE__, event, __VA_ARGS__)
#define log_warning(event, ...) log_write(LOG_LEVEL_WARNING, __FILE__, __LINE__, event, __VA_ARGS__)
#define log_error(event, ...)   log_write(LOG_LEVEL_ERROR, __FILE__, __LINE__, event, __VA_ARGS__)

/* Text as it came from elsewhere (a hook, a child): written as it is, line by line, without a
 * prefix. */
void log_raw(const char *text, size_t len);

#endif
