/* Who is writable when: at every tick of a common clock one committed INSERT is tried on each
 * server, over TCP, by an account without any privilege beyond DML. It judges nothing.
 * A line: TICK NAME RESULT START_US END_US SERVER_ID ERROR; the result is w (committed),
 * r (refused: read only), e (another error or no connection), t (no answer in time). */
#include "t/lab/session.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_TARGETS         8
#define ER_READ_ONLY_OPTION 1290
#define ER_READ_ONLY_MODE   1836

static uint64_t tick_us = 20000;
static int log_fd = -1;
static struct session targets[MAX_TARGETS];

static void note(const struct session *s, char result, uint64_t server_id, unsigned error)
{
    uint64_t start = atomic_load(&s->shared->began_us);
    char line[160];
    int len;

    len = snprintf(line, sizeof line, "%" PRIu64 " %s %c %" PRIu64 " %" PRIu64 " %" PRIu64 " %u\n",
                   atomic_load(&s->shared->n), s->name, result, start, session_now_us(), server_id,
                   error);
    if (write(log_fd, line, (size_t)len) != len)
        perror("sampler: log");
}

static void late(struct session *s)
{
    note(s, 't', 0, 0);
}

static unsigned try_insert(struct session *s, MYSQL *m)
{
    char text[128];
    int len;

    len = snprintf(text, sizeof text, "INSERT INTO app.sample VALUES (%d, %" PRIu64 ")",
                   (int)(s - targets) + 1, atomic_load(&s->shared->n));
    return session_ask(s, m, text, (size_t)len);
}

static void wait_for_tick(struct session *s)
{
    uint64_t now = session_now_us();
    uint64_t next = now / tick_us + 1;

    session_sleep_us(next * tick_us - now);
    atomic_store(&s->shared->n, next);
    atomic_store(&s->shared->began_us, session_now_us());
}

static void run(struct session *s)
{
    uint64_t server_id = 0;
    MYSQL *m = NULL;
    unsigned error;

    for (;;) {
        wait_for_tick(s);
        if (m == NULL)
            m = session_connect(s, &server_id);
        if (m == NULL) {
            note(s, 'e', 0, 0);
            continue;
        }
        error = try_insert(s, m);
        if (error == 0) {
            note(s, 'w', server_id, 0);
        } else if (error == ER_READ_ONLY_OPTION || error == ER_READ_ONLY_MODE) {
            note(s, 'r', server_id, error);
        } else {
            note(s, 'e', server_id, error);
            mysql_close(m);
            m = NULL;
        }
    }
}

static int usage(void)
{
    fprintf(stderr,
            "usage: sampler --login FILE --log FILE [--tick-ms N] NAME=ADDRESS[:PORT]...\n");
    return 2;
}

static int target(struct session *s, char *text, const char *login)
{
    char *equals = strchr(text, '=');

    if (equals == NULL) {
        fprintf(stderr, "sampler: not NAME=ADDRESS: %s\n", text);
        return -1;
    }
    *equals = '\0';
    s->name = text;
    s->connect_us = 300000;
    s->stall_us = 300000;
    s->run = run;
    s->late = late;
    if (session_target(s, equals + 1) != 0)
        return -1;
    return session_init(s, login);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"login",   required_argument, NULL, 'l'},
        {"log",     required_argument, NULL, 'L'},
        {"tick-ms", required_argument, NULL, 't'},
        {NULL,      0,                 NULL, 0  }
    };
    const char *login = NULL, *log_path = NULL;
    size_t count = 0;
    int c;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 'l')
            login = optarg;
        else if (c == 'L')
            log_path = optarg;
        else if (c == 't')
            tick_us = strtoull(optarg, NULL, 10) * 1000;
        else
            return usage();
    }
    if (login == NULL || log_path == NULL || tick_us == 0 || optind == argc ||
        argc - optind > MAX_TARGETS)
        return usage();
    for (; optind < argc; optind++) {
        if (target(&targets[count++], argv[optind], login) != 0)
            return 1;
    }
    log_fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (log_fd < 0) {
        fprintf(stderr, "sampler: %s: %s\n", log_path, strerror(errno));
        return 1;
    }
    session_supervise(targets, count);
    return 0;
}
