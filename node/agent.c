/* The agent's loop; see agent.h. */
#include "node/agent.h"

#include "common/clock.h"
#include "node/ops.h"
#include "node/vault/vault.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define OUT_MAX_BYTES 1048576u /* unread by the manager: it is gone or stuck */
#define CHUNK_BYTES   16384

static void send_line(struct agent *a, struct json_object *o)
{
    struct err e = {0};

    if (wire_put(&a->out, o, &e)) {
        struct json_object *small = json_object_new_object();

        json_put_int(small, "id", json_get_int(o, "id", -1));
        json_put_bool(small, "ok", 0);
        json_put_str(small, "code", err_code_text(e.code));
        json_put_str(small, "text", e.text);
        wire_put(&a->out, small, NULL);
        json_object_put(small);
    }
    json_object_put(o);
}

void node_reply(struct agent *a, int64_t id, struct json_object *reply, const struct err *e)
{
    static const struct err none;
    int ok = reply != NULL;

    if (!e)
        e = &none;
    if (!reply)
        reply = json_object_new_object();
    json_put_int(reply, "id", id);
    json_put_bool(reply, "ok", ok);
    if (!ok) {
        json_put_str(reply, "code", err_code_text(e->code));
        json_put_str(reply, "text", e->text);
    }
    send_line(a, reply);
}

void node_event(struct agent *a, const char *word, struct json_object *o)
{
    json_put_str(o, "event", word);
    send_line(a, o);
}

static const struct node_op *find_op(const char *name)
{
    for (const struct node_op *op = node_ops; op->name; op++)
        if (strcmp(op->name, name) == 0)
            return op;
    return NULL;
}

/* Takes req over. */
static void handle(struct agent *a, struct json_object *req)
{
    const char *name = json_get_str(req, "op", "");
    const struct node_op *op = find_op(name);
    int64_t id = json_get_int(req, "id", -1);
    struct json_object *reply = json_object_new_object();
    struct err e = {0};
    int rc = 0;

    if (id < 0)
        rc = err_set(&e, ERR_FORMAT, "a request without an id");
    else if (!op)
        rc = err_set(&e, ERR_FORMAT, "there is no operation '%.40s'", name);
    else if (op->begin)
        rc = op->begin(a, req, reply, &e);
    if (rc == 0 && op && op->work) {
        rc = node_job_start(a, op, id, json_object_get(req), &e);
        json_object_put(reply);
        if (rc)
            node_reply(a, id, NULL, &e);
    } else if (rc == 0) {
        node_reply(a, id, reply, NULL);
    } else {
        json_object_put(reply);
        node_reply(a, id, NULL, &e);
    }
    json_object_put(req);
}

static void read_lines(struct agent *a)
{
    ssize_t n;

    buf_reserve(&a->in, CHUNK_BYTES);
    n = read(STDIN_FILENO, a->in.data + a->in.len, CHUNK_BYTES);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        a->ended = 1;
    if (n <= 0)
        return;
    a->in.len += (size_t)n;
    a->in.data[a->in.len] = '\0';
    if (memchr(a->in.data + a->in.len - n, '\n', (size_t)n))
        a->last_line_ms = clock_mono_ms();
    for (;;) {
        struct json_object *o;
        struct err e = {0};
        int got = wire_take(&a->in, &o, &e);

        if (got == 0)
            break;
        if (got > 0)
            handle(a, o);
        else
            node_reply(a, -1, NULL, &e);
    }
}

static void write_lines(struct agent *a)
{
    ssize_t n = write(STDOUT_FILENO, a->out.data, a->out.len);

    if (n > 0)
        buf_drop(&a->out, (size_t)n);
    else if (n < 0 && errno != EAGAIN && errno != EINTR)
        a->ended = 1;
    if (a->out.len > OUT_MAX_BYTES)
        a->ended = 1;
}

/* Microseconds until something is due. */
static int64_t next_due_us(const struct agent *a, int64_t now_us)
{
    int64_t now_ms = now_us / 1000, ms = a->silence_ms - (now_ms - a->last_line_ms), us;

    ms = node_jobs_next_ms(&a->jobs, now_ms, ms);
    ms = node_vip_next_ms(&a->vip, now_ms, ms);
    ms = node_storage_next_ms(a, ms);
    us = node_watch_next_us(a->watch, now_us, ms * 1000);
    return us < 0 ? 0 : us;
}

static void wait_for_something(struct agent *a)
{
    struct pollfd p[3 + NODE_WATCH_MAX] = {
        {.fd = STDIN_FILENO,  .events = POLLIN },
        {.fd = a->jobs.wake,  .events = POLLIN },
        {.fd = STDOUT_FILENO, .events = POLLOUT}
    };
    int64_t us = next_due_us(a, clock_mono_us());
    struct timespec ts = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};

    if (a->out.len == 0)
        p[2].fd = -1;
    for (size_t i = 0; i < NODE_WATCH_MAX; i++) {
        p[3 + i].fd = a->watch[i].used ? a->watch[i].pidfd : -1;
        p[3 + i].events = POLLIN;
    }
    if (ppoll(p, 3 + NODE_WATCH_MAX, &ts, NULL) < 0)
        return;
    for (size_t i = 0; i < NODE_WATCH_MAX; i++)
        if (p[3 + i].revents)
            node_watch_ended(a, &a->watch[i], clock_mono_us());
    if (p[1].revents)
        node_jobs_woken(&a->jobs);
    if (p[0].revents)
        read_lines(a);
}

static void loop(struct agent *a)
{
    while (!a->ended) {
        int64_t now_us;

        wait_for_something(a);
        now_us = clock_mono_us();
        node_watch_tick(a, now_us);
        node_jobs_tick(a, now_us / 1000);
        node_vip_tick(&a->vip, now_us / 1000);
        node_storage_tick(a, now_us);
        node_vault_tick(a);
        if (a->out.len)
            write_lines(a);
        if (now_us / 1000 - a->last_line_ms >= a->silence_ms) {
            fputs("kagemusha-node: nothing came from the manager, ending\n", stderr);
            a->ended = 1;
        }
    }
}

static void no_block(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags >= 0)
        fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

/* The timer slack of 50 us would be a twentieth of a poll. */
int node_agent_run(int64_t silence_ms)
{
    static struct agent a;
    struct err e = {0};

    buf_init(&a.in);
    buf_init(&a.out);
    a.silence_ms = silence_ms;
    a.last_line_ms = clock_mono_ms();
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_TIMERSLACK, 1000UL, 0UL, 0UL, 0UL);
    no_block(STDIN_FILENO);
    no_block(STDOUT_FILENO);
    if (node_jobs_init(&a.jobs, &e)) {
        fprintf(stderr, "kagemusha-node: %s\n", e.text);
        return 1;
    }
    node_vip_init(&a.vip);
    node_greeting(&a);
    wire_greeting_print(&a.greeting, &a.out);
    loop(&a);
    node_jobs_drain(&a);
    return 0;
}
