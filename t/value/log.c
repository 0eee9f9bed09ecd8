/* The log: exact lines, many threads, rotation under its feet. */
#include "common/log.h"
#include "common/buf.h"
#include "common/file.h"
#include "common/json.h"
#include "t/tap.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define THREADS 8
#define LINES   500

static char path[] = "/tmp/kagemusha-log-XXXXXX";

/* What the file holds; it is empty afterwards. */
static const char *taken(struct buf *b)
{
    struct err e = {0};

    buf_clear(b);
    if (file_read(path, b, 1 << 22, &e) < 0 || truncate(path, 0) < 0)
        tap_ok(0, "reading the log: %s", e.text);
    return b->data;
}

/* Checks "Thu Mar  7 15:18:50 2019" and gives what follows. */
static const char *behind_stamp(const char *line)
{
    static const char shape[] = "Aaa Aaa 00 00:00:00 0000";
    size_t i;

    for (i = 0; shape[i]; i++) {
        char c = line[i];
        int fits = shape[i] == '0'   ? (c >= '0' && c <= '9') || (i == 8 && c == ' ')
                   : shape[i] == 'A' ? c >= 'A' && c <= 'Z'
                   : shape[i] == 'a' ? c >= 'a' && c <= 'z'
                                     : c == shape[i];

        if (!fits)
            return "(no stamp)";
    }
    return line + i;
}

static void test_lines(struct buf *b)
{
    struct err e = {0};
    char want[128];
    int line;

    tap_ok(log_setup(path, LOG_LEVEL_INFO, "app1", 0, &e) == 0, "a file is set up");
    log_info(NULL, "plain %d", 1);
    tap_is(behind_stamp(taken(b)), " - [info] plain 1\n", "a plain line");
    log_warning("master-down", "host1");
    tap_is(behind_stamp(taken(b)), " - [warning] master-down: host1\n", "a line with its event");
    line = __LINE__ + 1;
    log_error("step-failed", "why");
    snprintf(want, sizeof(want), " - [error][log.c, ln%d] step-failed: why\n", line);
    tap_is(behind_stamp(taken(b)), want, "an error says where");
    log_debug(NULL, "not");
    tap_is(taken(b), "", "below the level nothing is written");
    tap_ok(log_setup(path, LOG_LEVEL_DEBUG, NULL, 0, &e) == 0, "with debug");
    log_debug(NULL, "yes");
    tap_is(behind_stamp(taken(b)), " - [debug] yes\n", "it is");
    log_info(NULL, "a\033[2Jb\tc \xc3\xa4 \xff\xc3");
    tap_is(behind_stamp(taken(b)), " - [info] a?[2Jb\tc \xc3\xa4 ??\n",
           "control bytes and broken UTF-8 are disarmed");
    log_info(NULL, "%0*d", 9000, 7);
    tap_ok(strlen(taken(b)) == 24 + 10 + 9000 + 1, "long lines are not cut");
    log_raw("one\r\ntwo", 8);
    tap_is(taken(b), "one\r\ntwo\n", "raw text stays raw, and ends its line");
    log_raw("", 0);
    tap_is(taken(b), "", "nothing stays nothing");
}

static void test_json(struct buf *b)
{
    struct json_object *o = NULL;
    struct err e = {0};
    const char *behind;

    log_setup(path, LOG_LEVEL_INFO, "app1", 1, &e);
    log_error("step-failed", "say \"%s\"\n/x \xff", "hi");
    behind = strstr(taken(b), "Z\",");
    tap_is(behind ? behind : b->data,
           "Z\",\"level\":\"error\",\"app\":\"app1\",\"event\":\"step-failed\","
           "\"text\":\"say \\\"hi\\\"\\n/x ?\"}\n",
           "a JSON line");
    tap_ok(json_parse(b->data, b->len, &o, &e) == 0 && strlen(json_get_str(o, "time", "")) == 24,
           "is JSON, with its time in UTC to the millisecond");
    json_object_put(o);
    log_raw("one\ntwo\n", 8);
    behind = strstr(taken(b), "\"event\":\"output\",\"text\":\"one\"}\n{\"time\":");
    tap_ok(behind && strstr(behind, "\"text\":\"two\"}\n"), "raw text becomes an object a line");
    log_setup(path, LOG_LEVEL_INFO, NULL, 1, &e);
    log_info(NULL, "x");
    tap_ok(strstr(taken(b), "\"app\":null,\"event\":null,\"text\":\"x\"}") != NULL,
           "what is not known is null");
}

static void test_sinks(struct buf *b)
{
    struct log_format f = {.level = LOG_LEVEL_INFO, .app = "app2", .named = 1};
    struct log_sink *s = NULL;
    struct err e = {0};

    log_setup(NULL, LOG_LEVEL_ERROR, NULL, 0, &e);
    tap_ok(log_sink_open(&s, path, &f, &e) == 0, "a log beside the program's own");
    log_use(s);
    log_info("ping-ok", "yes");
    tap_is(behind_stamp(taken(b)), " - [info][app2] ping-ok: yes\n", "its lines bear a name");
    log_use(NULL);
    log_info("ping-ok", "not there");
    tap_is(taken(b), "", "and nobody else's go there");
    log_sink_close(&s);
    tap_ok(log_sink_open(&s, "/nowhere/log", &f, &e) < 0 && !s, "a path that cannot be is refused");
}

static void *shout(void *arg)
{
    for (int i = 0; i < LINES; i++)
        log_info(NULL, "thread %d %0200d end", *(int *)arg, i);
    return NULL;
}

static void test_threads(struct buf *b)
{
    pthread_t threads[THREADS];
    int numbers[THREADS], lines = 0, whole = 0;
    struct err e = {0};

    log_setup(path, LOG_LEVEL_INFO, NULL, 0, &e);
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        pthread_create(&threads[i], NULL, shout, &numbers[i]);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    taken(b);
    for (char *line = b->data, *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        lines++;
        whole += strncmp(behind_stamp(line), " - [info] thread ", 17) == 0 &&
                 strcmp(end - 4, " end") == 0;
    }
    tap_ok(lines == THREADS * LINES && whole == lines, "threads do not mix their lines");
}

static void test_rotation(struct buf *b)
{
    char moved[64];
    struct err e = {0};

    snprintf(moved, sizeof(moved), "%s.1", path);
    log_info(NULL, "before");
    tap_ok(rename(path, moved) == 0, "the file is moved away");
    log_info(NULL, "after");
    tap_is(behind_stamp(taken(b)), " - [info] after\n", "the next line is in a new one");
    unlink(moved);
    tap_ok(log_setup("/nonexistent/x", LOG_LEVEL_INFO, NULL, 0, &e) < 0 && e.code == ERR_CONFIG,
           "a log file that cannot be had is refused");
    tap_is(e.text, "cannot open the log file /nonexistent/x: No such file or directory", "by name");
}

static void test_levels(void)
{
    enum log_level level = LOG_LEVEL_ERROR;
    struct err e = {0};

    tap_ok(log_level_parse("DEBUG", &level, &e) == 0 && level == LOG_LEVEL_DEBUG, "DEBUG");
    tap_ok(log_level_parse("info", &level, &e) == 0 && level == LOG_LEVEL_INFO, "info");
    tap_ok(log_level_parse("Warning", &level, &e) == 0 && level == LOG_LEVEL_WARNING, "Warning");
    tap_ok(log_level_parse("loud", &level, &e) < 0 && e.code == ERR_CONFIG, "another word is none");
    tap_is(e.text, "\"loud\" is no log level (debug, info, warning or error)", "and is named");
}

int main(void)
{
    struct buf b = BUF_INIT;
    int fd = mkstemp(path);

    if (fd < 0) {
        puts("Bail out! no file to log to");
        return 1;
    }
    close(fd);
    test_lines(&b);
    test_json(&b);
    test_sinks(&b);
    test_threads(&b);
    test_rotation(&b);
    test_levels();
    unlink(path);
    buf_release(&b);
    return tap_done();
}
