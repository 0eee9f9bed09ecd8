/* A client that shows the truth: numbered rows, one connection, every acknowledged row in a ledger
 * on disk before the next is sent. A number is never used twice, so that a row without an answer
 * cannot be taken for another. It knows nothing of failovers. */
#include "t/lab/session.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_ROWS       1000
#define LINE_MAX_BYTES 96

struct writer {
    struct session session; /* first: the session's callbacks get back to the writer through it */
    uint64_t id;
    uint64_t pause_us;
    uint64_t blob_bytes;
    uint64_t rows;
    const char *ledger_path;
    int ledger;
};

static int send_row(struct writer *w, MYSQL *m, uint64_t n)
{
    char text[256];
    int len;

    len = snprintf(text, sizeof text,
                   "INSERT INTO app.ledger VALUES (%" PRIu64 ", %" PRIu64
                   ", @@server_id, REPEAT(CHAR(%d), %" PRIu64 "))",
                   w->id, n, 'A' + (int)(n % 26), w->blob_bytes);
    return session_ask(&w->session, m, text, (size_t)len) == 0 ? 0 : -1;
}

/* Sends one transaction; *first is its first number. */
static int send_transaction(struct writer *w, MYSQL *m, uint64_t *first)
{
    uint64_t i;

    *first = atomic_fetch_add(&w->session.shared->n, w->rows) + 1;
    if (w->rows == 1)
        return send_row(w, m, *first);
    if (session_ask(&w->session, m, "START TRANSACTION", 17) != 0)
        return -1;
    for (i = 0; i < w->rows; i++) {
        if (send_row(w, m, *first + i) != 0)
            return -1;
    }
    return session_ask(&w->session, m, "COMMIT", 6) == 0 ? 0 : -1;
}

static void note_gap(struct session_shared *s, uint64_t now_us)
{
    uint64_t last = atomic_exchange(&s->last_ack_us, now_us);

    if (last != 0 && now_us - last > atomic_load(&s->max_gap_us))
        atomic_store(&s->max_gap_us, now_us - last);
}

/* All lines of a transaction in one write: the ledger holds it whole or not at all. */
static void acknowledge(struct writer *w, uint64_t first, uint64_t server_id)
{
    static char text[MAX_ROWS * LINE_MAX_BYTES];
    uint64_t now = session_now_us();
    size_t used = 0;
    uint64_t i;

    for (i = 0; i < w->rows; i++)
        used += (size_t)snprintf(text + used, LINE_MAX_BYTES,
                                 "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", w->id,
                                 first + i, now, server_id);
    if (write(w->ledger, text, used) != (ssize_t)used) {
        fprintf(stderr, "writer: %s: %s\n", w->ledger_path, strerror(errno));
        kill(getppid(), SIGTERM);
        _exit(1);
    }
    note_gap(w->session.shared, now);
    atomic_fetch_add(&w->session.shared->acked, w->rows);
}

static void run(struct session *s)
{
    struct writer *w = (struct writer *)s;
    uint64_t server_id, first;
    MYSQL *m = NULL;

    for (;;) {
        if (m == NULL)
            m = session_connect(s, &server_id);
        if (m != NULL && send_transaction(w, m, &first) == 0) {
            acknowledge(w, first, server_id);
            session_sleep_us(w->pause_us);
            continue;
        }
        atomic_fetch_add(&s->shared->errors, 1);
        /* The address may have moved: a client that keeps a refusing server never notices. */
        if (m != NULL)
            mysql_close(m);
        m = NULL;
        session_sleep_us(1000);
    }
}

/* A writer that is started again goes on behind its last number. */
static uint64_t last_number(const char *path, uint64_t id)
{
    FILE *f = fopen(path, "re");
    char line[LINE_MAX_BYTES];
    uint64_t n, last = 0;
    char *end;

    if (f == NULL)
        return 0;
    while (fgets(line, sizeof line, f) != NULL) {
        if (strtoull(line, &end, 10) != id)
            continue;
        n = strtoull(end, NULL, 10);
        if (n > last)
            last = n;
    }
    fclose(f);
    return last;
}

static int usage(void)
{
    fprintf(stderr,
            "usage: writer --login FILE --ledger FILE [--id N] [--pause-ms N] [--rows N]\n"
            "              [--blob BYTES] [--connect-ms N] [--stall-ms N] ADDRESS[:PORT]\n");
    return 2;
}

static int number(const char *text, uint64_t max, uint64_t *out)
{
    char *end;

    errno = 0;
    *out = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || *text == '-' || *out > max) {
        fprintf(stderr, "writer: not a number up to %" PRIu64 ": %s\n", max, text);
        return -1;
    }
    return 0;
}

static int option(struct writer *w, int c, const char **login)
{
    uint64_t n = 0;

    if (strchr("iprbcs", c) != NULL && number(optarg, UINT32_MAX, &n) != 0)
        return -1;
    switch (c) {
    case 'l':
        *login = optarg;
        return 0;
    case 'L':
        w->ledger_path = optarg;
        return 0;
    case 'i':
        w->id = n;
        return 0;
    case 'p':
        w->pause_us = n * 1000;
        return 0;
    case 'r':
        w->rows = n;
        return n >= 1 && n <= MAX_ROWS ? 0 : -1;
    case 'b':
        w->blob_bytes = n;
        return 0;
    case 'c':
        w->session.connect_us = n * 1000;
        return 0;
    case 's':
        w->session.stall_us = n * 1000;
        return 0;
    default:
        return -1;
    }
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"login",      required_argument, NULL, 'l'},
        {"ledger",     required_argument, NULL, 'L'},
        {"id",         required_argument, NULL, 'i'},
        {"pause-ms",   required_argument, NULL, 'p'},
        {"rows",       required_argument, NULL, 'r'},
        {"blob",       required_argument, NULL, 'b'},
        {"connect-ms", required_argument, NULL, 'c'},
        {"stall-ms",   required_argument, NULL, 's'},
        {NULL,         0,                 NULL, 0  }
    };
    static struct writer w = {
        .session = {.connect_us = 50000, .stall_us = 300000, .run = run},
        .id = 1,
        .pause_us = 1000,
        .rows = 1
    };
    struct session_shared *sh;
    const char *login = NULL, *path;
    int c;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option(&w, c, &login) != 0)
            return usage();
    }
    path = w.ledger_path;
    if (login == NULL || path == NULL || optind != argc - 1)
        return usage();
    if (session_target(&w.session, argv[optind]) != 0 || session_init(&w.session, login) != 0)
        return 1;
    sh = w.session.shared;
    w.ledger = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (w.ledger < 0) {
        fprintf(stderr, "writer: %s: %s\n", path, strerror(errno));
        return 1;
    }
    atomic_store(&sh->n, last_number(path, w.id));
    session_supervise(&w.session, 1);
    printf("writer %" PRIu64 "\nacknowledged %" PRIu64 "\nerrors %" PRIu64 "\nconnections %" PRIu64
           "\nstalls %" PRIu64 "\nmax_gap_ms %.1f\n",
           w.id, atomic_load(&sh->acked), atomic_load(&sh->errors), atomic_load(&sh->connects),
           w.session.kills, (double)atomic_load(&sh->max_gap_us) / 1000.0);
    return 0;
}
