/* Does one thing over common/ssh and prints what came of it; driven by t/ssh.t. */
#include "common/args.h"
#include "common/clock.h"
#include "common/ssh.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct options {
    struct ssh_target target;
    const char *backend;
    int strict, deadline_ms;
};

static int64_t limit(const struct options *o)
{
    return clock_mono_ms() + o->deadline_ms;
}

static int fail(const struct err *e)
{
    printf("error %s: %s\n", err_code_text(e->code), e->text);
    return 1;
}

static int do_exec(struct ssh *s, const struct options *o, const char *command)
{
    struct buf out = BUF_INIT;
    struct err e = {0};
    int status = -1, rc = ssh_exec(s, command, &out, &status, limit(o), &e);

    printf("%s", out.data);
    buf_release(&out);
    if (rc < 0)
        return fail(&e);
    printf("status %d\n", status);
    return 0;
}

/* How often of 60 the exit status is right. */
static int do_repeat(struct ssh *s, const struct options *o)
{
    int right = 0;

    for (int i = 0; i < 60; i++) {
        struct buf out = BUF_INIT;
        char command[64], want[16];
        struct err e = {0};
        int status = -1;

        snprintf(command, sizeof(command), "echo %d; exit %d", i, i % 7);
        snprintf(want, sizeof(want), "%d\n", i);
        right += ssh_exec(s, command, &out, &status, limit(o), &e) == 0 && status == i % 7 &&
                 strcmp(out.data, want) == 0;
        buf_release(&out);
    }
    printf("right %d\n", right);
    return 0;
}

/* Reads exactly len bytes, by polling the descriptor as an owner of several channels does. */
static int read_exactly(struct ssh_channel *c, char *bytes, size_t len, int64_t deadline_ms,
                        struct err *e)
{
    while (len > 0) {
        long n = ssh_read(c, bytes, len, clock_mono_ms(), e);
        struct pollfd p = {.fd = ssh_pollfd(c), .events = POLLIN};

        if (n < 0 && e->code == ERR_TIMEOUT && poll(&p, 1, clock_left_ms(deadline_ms)) > 0)
            continue;
        if (n <= 0)
            return -1;
        bytes += n;
        len -= (size_t)n;
    }
    return 0;
}

/* Two channels talk at the same time, each with its own echo. */
static int do_two(struct ssh *s, const struct options *o)
{
    struct ssh_channel *c[2] = {NULL, NULL};
    struct err e = {0};
    int status[2] = {-1, -1}, good = 0;

    if (ssh_start(s, "cat; exit 4", &c[0], limit(o), &e) < 0 ||
        ssh_start(s, "cat; exit 5", &c[1], limit(o), &e) < 0)
        return fail(&e);
    for (int i = 0; i < 50; i++) {
        char sent[2][32], got[32] = "";

        for (int n = 0; n < 2; n++) {
            snprintf(sent[n], sizeof(sent[n]), "%s line %d", n ? "second" : "first", i);
            if (ssh_write(c[n], sent[n], strlen(sent[n]), limit(o), &e) < 0)
                return fail(&e);
        }
        for (int n = 1; n >= 0; n--) {
            memset(got, 0, sizeof(got));
            if (read_exactly(c[n], got, strlen(sent[n]), limit(o), &e) < 0)
                return fail(&e);
            good += strcmp(got, sent[n]) == 0;
        }
    }
    for (int n = 0; n < 2; n++) {
        if (ssh_send_eof(c[n], limit(o), &e) < 0 || ssh_finish(&c[n], &status[n], limit(o), &e) < 0)
            return fail(&e);
    }
    printf("good %d status %d %d\n", good, status[0], status[1]);
    return 0;
}

static void spin_us(int64_t us)
{
    int64_t until = clock_mono_us() + us;

    while (clock_mono_us() < until)
        continue;
}

/* Answers that come just when nothing is there yet: how many were read, and how many of them only
 * because something else woke us, half a second later. */
static int do_echo(struct ssh *s, const struct options *o)
{
    struct ssh_channel *c;
    struct err e = {0};
    int read_back = 0, late = 0;

    if (ssh_start(s, "cat", &c, limit(o), &e) < 0)
        return fail(&e);
    for (int i = 0; i < 20000; i++) {
        char byte = 'x';
        long n;

        if (ssh_write(c, "x", 1, limit(o), &e) < 0)
            break;
        spin_us(i % 200);
        while ((n = ssh_read(c, &byte, 1, clock_mono_ms(), &e)) < 0 && e.code == ERR_TIMEOUT) {
            struct pollfd p = {.fd = ssh_pollfd(c), .events = POLLIN};

            late += poll(&p, 1, 500) == 0;
        }
        read_back += n == 1;
    }
    ssh_abandon(&c);
    printf("read %d late %d\n", read_back, late);
    return 0;
}

/* Standard input goes to the command, then its output to standard output, until both are done. */
static int pump(struct ssh_channel *c, const struct options *o, struct err *e)
{
    char bytes[8192];
    long n;

    while ((n = read(STDIN_FILENO, bytes, sizeof(bytes))) > 0) {
        if (ssh_write(c, bytes, (size_t)n, limit(o), e) < 0)
            return -1;
    }
    if (ssh_send_eof(c, limit(o), e) < 0)
        return -1;
    while ((n = ssh_read(c, bytes, sizeof(bytes), limit(o), e)) > 0) {
        if (fwrite(bytes, 1, (size_t)n, stdout) != (size_t)n)
            return err_errno(e, ERR_IO, "standard output");
        fflush(stdout);
    }
    return n < 0 ? -1 : 0;
}

static int do_stream(struct ssh *s, const struct options *o, const char *command)
{
    struct ssh_channel *c;
    struct err e = {0};
    int status;

    if (ssh_start(s, command, &c, limit(o), &e) < 0)
        return fail(&e);
    if (pump(c, o, &e) < 0) {
        ssh_abandon(&c);
        return fail(&e);
    }
    fprintf(stderr, "stderr %zu bytes: %.60s\n", strlen(ssh_stderr(c)), ssh_stderr(c));
    if (ssh_finish(&c, &status, limit(o), &e) < 0)
        return fail(&e);
    fprintf(stderr, "status %d\n", status);
    return 0;
}

static int act(const struct options *o, const char *action, const char *command)
{
    struct ssh *s;
    struct err e = {0};
    int64_t begin;
    int rc = 2;

    if (ssh_open(&s, &o->target, limit(o), &e) < 0)
        return fail(&e);
    if (strcmp(action, "backend") == 0)
        rc = printf("%s\n", ssh_backend_text(s)) < 0;
    else if (strcmp(action, "exec") == 0)
        rc = do_exec(s, o, command);
    else if (strcmp(action, "repeat") == 0)
        rc = do_repeat(s, o);
    else if (strcmp(action, "echo") == 0)
        rc = do_echo(s, o);
    else if (strcmp(action, "two") == 0)
        rc = do_two(s, o);
    else if (strcmp(action, "stream") == 0)
        rc = do_stream(s, o, command);
    begin = clock_mono_ms();
    ssh_close(&s);
    if (clock_mono_ms() - begin > 2000)
        printf("closing took %d ms\n", (int)(clock_mono_ms() - begin));
    return rc;
}

int main(int argc, char **argv)
{
    struct options o = {
        .target = {.host = "127.0.0.1", .ip = "127.0.0.1", .port = 22},
        .backend = "auto",
        .deadline_ms = 20000
    };
    const struct args_option table[] = {
        {"host",        ARGS_TEXT, &o.target.host,        "NAME",  "name for known_hosts"     },
        {"ip",          ARGS_TEXT, &o.target.ip,          "ADDR",  "connected to"             },
        {"port",        ARGS_INT,  &o.target.port,        "N",     ""                         },
        {"user",        ARGS_TEXT, &o.target.user,        "NAME",  ""                         },
        {"options",     ARGS_TEXT, &o.target.options,     "FLAGS", "of ssh(1)"                },
        {"known_hosts", ARGS_TEXT, &o.target.known_hosts, "FILE",  "our own"                  },
        {"home",        ARGS_TEXT, &o.target.home,        "DIR",   "where .ssh is"            },
        {"backend",     ARGS_TEXT, &o.backend,            "WORD",  "auto, libssh2 or openssh" },
        {"strict",      ARGS_FLAG, &o.strict,             NULL,    "refuse unknown host keys" },
        {"deadline_ms", ARGS_INT,  &o.deadline_ms,        "N",     "for each single operation"},
        {NULL,          ARGS_FLAG, NULL,                  NULL,    NULL                       },
    };
    struct err e = {0};

    signal(SIGPIPE, SIG_IGN);
    if (args_parse(&argc, argv, table, ARGS_UNKNOWN_ERROR, &e) < 0)
        return fail(&e);
    if (argc < 2) {
        args_help(table);
        return 2;
    }
    o.target.host_key = o.strict ? SSH_STRICT : SSH_ACCEPT_NEW;
    o.target.backend = strcmp(o.backend, "libssh2") == 0   ? SSH_LIBSSH2
                       : strcmp(o.backend, "openssh") == 0 ? SSH_OPENSSH
                                                           : SSH_AUTO;
    return act(&o, argv[1], argc > 2 ? argv[2] : "");
}
