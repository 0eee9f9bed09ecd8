/* The log; see log.h. */
#include "common/log.h"

#include "common/buf.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/json.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

struct log_sink {
    pthread_mutex_t lock;
    char path[PATH_MAX]; /* empty: standard error */
    char app[128];
    enum log_level level;
    int json, named;
};

static struct log_sink program = {.lock = PTHREAD_MUTEX_INITIALIZER, .level = LOG_LEVEL_INFO};
static _Thread_local struct log_sink *used;

#define WHERE_BYTES 256

static const char *const level_words[] = {
    [LOG_LEVEL_ERROR] = "error",
    [LOG_LEVEL_WARNING] = "warning",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_DEBUG] = "debug",
};

static struct log_sink *mine(void)
{
    return used ? used : &program;
}

static int open_log(const struct log_sink *s)
{
    return open(s->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
}

static int set_up(struct log_sink *s, const char *path, const struct log_format *f, struct err *e)
{
    int fd, rc = 0;

    if (path && strlen(path) >= sizeof(s->path))
        return err_set(e, ERR_CONFIG, "the path of the log file is too long: %.100s...", path);
    pthread_mutex_lock(&s->lock);
    snprintf(s->path, sizeof(s->path), "%s", path ? path : "");
    snprintf(s->app, sizeof(s->app), "%s", f->app ? f->app : "");
    s->level = f->level;
    s->json = f->json;
    s->named = f->named;
    fd = path ? open_log(s) : -1;
    if (path && fd < 0) {
        rc = err_errno(e, ERR_CONFIG, "cannot open the log file %s", path);
        s->path[0] = '\0';
    }
    if (fd >= 0)
        close(fd);
    pthread_mutex_unlock(&s->lock);
    return rc;
}

int log_setup(const char *path, enum log_level level, const char *app, int json, struct err *e)
{
    return set_up(&program, path, &(struct log_format){.level = level, .app = app, .json = json},
                  e);
}

int log_sink_open(struct log_sink **out, const char *path, const struct log_format *f,
                  struct err *e)
{
    *out = mem_zalloc(sizeof(**out));
    pthread_mutex_init(&(*out)->lock, NULL);
    if (set_up(*out, path, f, e) == 0)
        return 0;
    log_sink_close(out);
    return -1;
}

void log_sink_close(struct log_sink **s)
{
    if (!*s)
        return;
    pthread_mutex_destroy(&(*s)->lock);
    free(*s);
    *s = NULL;
}

void log_use(struct log_sink *s)
{
    used = s;
}

struct log_sink *log_used(void)
{
    return used;
}

int log_level_parse(const char *word, enum log_level *level, struct err *e)
{
    size_t i;

    for (i = 0; i < sizeof(level_words) / sizeof(level_words[0]); i++) {
        if (strcasecmp(word, level_words[i]) == 0) {
            *level = (enum log_level)i;
            return 0;
        }
    }
    return err_set(e, ERR_CONFIG, "\"%s\" is no log level (debug, info, warning or error)", word);
}

/* One write per call, so that lines of several processes do not mix. What cannot be written to the
 * file goes to standard error: a full disk must not silence the log. */
static void put(const struct log_sink *s, const struct buf *b)
{
    int fd = s->path[0] ? open_log(s) : -1;

    if (fd < 0 || file_write_all(fd, b->data, b->len, NULL) < 0)
        file_write_all(STDERR_FILENO, b->data, b->len, NULL);
    if (fd >= 0)
        close(fd);
}

static void put_json(const struct log_sink *s, enum log_level level, const char *event,
                     const char *text, struct buf *out)
{
    struct json_object *o = json_object_new_object();
    int64_t now_ms = clock_wall_ms();
    time_t seconds = (time_t)(now_ms / 1000);
    char stamp[32];
    struct tm tm;
    size_t len;

    gmtime_r(&seconds, &tm);
    len = strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(stamp + len, sizeof(stamp) - len, ".%03dZ", (int)(now_ms % 1000));
    json_put_str(o, "time", stamp);
    json_put_str(o, "level", level_words[level]);
    json_put_str(o, "app", s->app[0] ? s->app : NULL);
    json_put_str(o, "event", event);
    json_put_str(o, "text", text);
    json_print(o, out);
    buf_addc(out, '\n');
    json_object_put(o);
}

/* Bytes of the UTF-8 sequence at p, 0 when it is none. */
static size_t utf8_len(const unsigned char *p, size_t left)
{
    size_t n = *p < 0x80 ? 1 : *p < 0xc2 ? 0 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : *p < 0xf5 ? 4 : 0;

    if (n > left)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    }
    return n;
}

/* Bytes that could steer a terminal or are no UTF-8 become "?": text from servers and hosts ends up
 * here. */
static void disarm(struct buf *b)
{
    for (size_t i = 0; i < b->len;) {
        unsigned char c = (unsigned char)b->data[i];
        size_t n = utf8_len((unsigned char *)b->data + i, b->len - i);

        if (n == 0 || (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f)
            b->data[i] = '?';
        i += n ? n : 1;
    }
}

static void put_line(enum log_level level, const char *where, const char *event, const char *text,
                     struct buf *out)
{
    time_t now = (time_t)(clock_wall_ms() / 1000);
    char stamp[32];
    struct tm tm;

    localtime_r(&now, &tm);
    strftime(stamp, sizeof(stamp), "%a %b %e %H:%M:%S %Y", &tm);
    buf_addf(out, "%s - [%s]%s %s%s%s\n", stamp, level_words[level], where, event ? event : "",
             event ? ": " : "", text);
}

/* What stands in brackets behind the level. */
static void put_where(const struct log_sink *s, const char *file, int line, char out[WHERE_BYTES])
{
    int len = 0;

    out[0] = '\0';
    if (s->named && s->app[0])
        len = snprintf(out, WHERE_BYTES, "[%s]", s->app);
    if (file)
        snprintf(out + len, WHERE_BYTES - (size_t)len, "[%.60s, ln%d]", file, line);
}

void log_write(enum log_level level, const char *file, int line, const char *event, const char *fmt,
               ...)
{
    const char *slash = strrchr(file, '/');
    struct buf text = BUF_INIT, out = BUF_INIT;
    struct log_sink *s = mine();
    char where[WHERE_BYTES];
    va_list ap;
    int len;

    va_start(ap, fmt);
    len = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    buf_reserve(&text, len > 0 ? (size_t)len : 0);
    va_start(ap, fmt);
    vsnprintf(text.data, text.cap, fmt, ap);
    va_end(ap);
    text.len = len > 0 ? (size_t)len : 0;
    disarm(&text);
    pthread_mutex_lock(&s->lock);
    put_where(s, level == LOG_LEVEL_ERROR ? slash ? slash + 1 : file : NULL, line, where);
    if (level <= s->level) {
        if (s->json)
            put_json(s, level, event, text.data, &out);
        else
            put_line(level, where, event, text.data, &out);
        put(s, &out);
    }
    pthread_mutex_unlock(&s->lock);
    buf_release(&text);
    buf_release(&out);
}

static void put_raw_json(const struct log_sink *s, const char *text, size_t len, struct buf *out)
{
    struct buf line = BUF_INIT;

    while (len > 0) {
        const char *end = memchr(text, '\n', len);
        size_t n = end ? (size_t)(end - text) : len;

        buf_clear(&line);
        buf_add(&line, text, n);
        disarm(&line);
        put_json(s, LOG_LEVEL_INFO, "output", line.data, out);
        n += end != NULL;
        text += n;
        len -= n;
    }
    buf_release(&line);
}

void log_raw(const char *text, size_t len)
{
    struct buf out = BUF_INIT;
    struct log_sink *s = mine();

    if (len == 0)
        return;
    pthread_mutex_lock(&s->lock);
    if (s->json) {
        put_raw_json(s, text, len, &out);
    } else {
        buf_add(&out, text, len);
        if (text[len - 1] != '\n')
            buf_addc(&out, '\n');
    }
    put(s, &out);
    pthread_mutex_unlock(&s->lock);
    buf_release(&out);
}
