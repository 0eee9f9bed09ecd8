/* One agent's session; see agent.h. The thread owns the SSH session: whoever wants something puts a
 * line into `out` and wakes it. */
#include "manager/act/agent.h"

#include "common/clock.h"
#include "common/run.h"
#include "manager/act/thread.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define PING_EVERY_MS 4000
/* Nothing heard for so long, though it was asked: the session is lost (decision 33: a session that
 * hangs delays nobody, since every call has its own deadline). */
#define LOST_AFTER_MS 10000
#define WRITE_MS      2000
#define CHUNK_BYTES   8192

/* One call that waits for its reply; lives on the caller's stack. */
struct call {
    int64_t id;
    const char *op;
    int64_t deadline_ms;
    struct json_object *reply;
    int done;
    pthread_cond_t wake;
    struct call *next;
};

struct agent {
    struct ssh *ssh;
    struct ssh_channel *channel;
    struct wire_greeting greeting;
    struct buf in; /* the thread's */
    struct agent_listener listener;
    pthread_t thread;
    int wake; /* eventfd */
    int64_t heard_ms, pinged_ms;
    int doubted; /* silence was told */

    pthread_mutex_t lock; /* over what follows */
    struct buf out;
    struct call *calls;
    int64_t next_id;
    int alive, closing;
    int pace_ms;
    struct err lost; /* why it is not alive */
};

static void wake_thread(struct agent *a)
{
    uint64_t one = 1;

    if (write(a->wake, &one, sizeof(one)) < 0)
        return; /* the counter is full: it is awake */
}

/* Takes the call with that id out of the list. The lock is held. */
static struct call *take_call(struct agent *a, int64_t id)
{
    struct call **at, *c;

    for (at = &a->calls; *at; at = &(*at)->next)
        if ((*at)->id == id) {
            c = *at;
            *at = c->next;
            return c;
        }
    return NULL;
}

static void give_reply(struct agent *a, struct json_object *line)
{
    struct call *c;

    pthread_mutex_lock(&a->lock);
    c = take_call(a, json_get_int(line, "id", -1));
    if (c) {
        c->reply = line;
        c->done = 1;
        pthread_cond_signal(&c->wake);
    }
    pthread_mutex_unlock(&a->lock);
    if (!c)
        json_object_put(line); /* a ping's, or too late */
}

static int take_lines(struct agent *a, struct err *e)
{
    struct json_object *line;
    int rc;

    while ((rc = wire_take(&a->in, &line, e)) > 0) {
        if (json_get_str(line, "event", NULL)) {
            a->listener.on_event(line, a->listener.arg);
            json_object_put(line);
        } else {
            give_reply(a, line);
        }
    }
    return rc;
}

/* Reads all that is there. -1: the session is over. */
static int read_some(struct agent *a, struct err *e)
{
    char chunk[CHUNK_BYTES];
    long n;

    for (;;) {
        n = ssh_read(a->channel, chunk, sizeof(chunk), clock_mono_ms(), e);
        if (n < 0)
            return e->code == ERR_TIMEOUT ? 0 : -1;
        if (n == 0)
            return err_set(e, ERR_SSH, "the agent has ended: %.300s", ssh_stderr(a->channel));
        buf_add(&a->in, chunk, (size_t)n);
        a->heard_ms = clock_mono_ms();
        a->doubted = 0;
        if (take_lines(a, e) < 0)
            return -1;
    }
}

/* Sends what callers have put into `out`. */
static int write_out(struct agent *a, struct err *e)
{
    struct buf mine = BUF_INIT;
    int rc = 0;

    pthread_mutex_lock(&a->lock);
    if (a->out.len) {
        mine = a->out;
        buf_init(&a->out);
    }
    pthread_mutex_unlock(&a->lock);
    if (mine.len)
        rc = ssh_write(a->channel, mine.data, mine.len, clock_mono_ms() + WRITE_MS, e);
    buf_release(&mine);
    return rc;
}

static int pace(struct agent *a)
{
    int ms;

    pthread_mutex_lock(&a->lock);
    ms = a->pace_ms;
    pthread_mutex_unlock(&a->lock);
    return ms;
}

static int unanswered(const struct agent *a)
{
    return a->heard_ms < a->pinged_ms;
}

static void tell_silence(struct agent *a)
{
    struct json_object *line = json_object_new_object();

    a->doubted = 1;
    json_put_str(line, "event", "silent");
    a->listener.on_event(line, a->listener.arg);
    json_object_put(line);
}

/* The agent ends when it hears nothing for 15 s, and so do we. */
static int keep_alive(struct agent *a, int every_ms, struct err *e)
{
    static const char ping[] = "{\"id\":0,\"op\":\"ping\"}\n";
    int64_t now = clock_mono_ms();

    if (unanswered(a) && !a->doubted && now - a->pinged_ms >= every_ms / 2)
        tell_silence(a);
    if (now - a->pinged_ms < every_ms)
        return 0;
    if (now - a->heard_ms > LOST_AFTER_MS && now - a->pinged_ms < 2 * every_ms)
        return err_set(e, ERR_SSH, "the agent has not answered for %d s", LOST_AFTER_MS / 1000);
    a->pinged_ms = now;
    return ssh_write(a->channel, ping, sizeof(ping) - 1, now + WRITE_MS, e);
}

static int turn(struct agent *a, struct err *e)
{
    struct pollfd fds[2] = {
        {.fd = ssh_pollfd(a->channel), .events = POLLIN},
        {.fd = a->wake,                .events = POLLIN},
    };
    uint64_t count;
    int every_ms = pace(a), wait_ms = every_ms;

    if (keep_alive(a, every_ms, e) < 0 || write_out(a, e) < 0 || read_some(a, e) < 0)
        return -1;
    if (unanswered(a) && !a->doubted)
        wait_ms = every_ms / 2;
    if (poll(fds, 2, clock_left_ms(a->pinged_ms + wait_ms)) < 0 && errno != EINTR)
        return err_errno(e, ERR_IO, "poll");
    if ((fds[1].revents & POLLIN) && read(a->wake, &count, sizeof(count)) < 0 && errno != EAGAIN)
        return err_errno(e, ERR_IO, "eventfd");
    return 0;
}

static int closing(struct agent *a)
{
    int yes;

    pthread_mutex_lock(&a->lock);
    yes = a->closing;
    pthread_mutex_unlock(&a->lock);
    return yes;
}

/* Whoever waits is told; who closes the agent need not be. */
static void *agent_main(void *arg)
{
    struct agent *a = arg;
    struct err e = {0};
    struct call *c;
    int was_closing;

    while (!closing(a) && turn(a, &e) == 0)
        ;
    pthread_mutex_lock(&a->lock);
    was_closing = a->closing;
    a->alive = 0;
    a->lost = e;
    while ((c = a->calls)) {
        a->calls = c->next;
        c->done = 1;
        pthread_cond_signal(&c->wake);
    }
    pthread_mutex_unlock(&a->lock);
    if (!was_closing)
        a->listener.on_event(NULL, a->listener.arg);
    return NULL;
}

static int read_greeting(struct agent *a, const struct ssh_target *t, int64_t deadline_ms,
                         struct err *e)
{
    char chunk[CHUNK_BYTES];
    long n = 1;
    int rc;

    while ((rc = wire_greeting_find(&a->in, &a->greeting, e)) == 0 && n > 0) {
        n = ssh_read(a->channel, chunk, sizeof(chunk), deadline_ms, e);
        if (n > 0)
            buf_add(&a->in, chunk, (size_t)n);
    }
    if (rc < 0) {
        e->code = ERR_WORLD;
        return err_wrap(e, "%s", t->host);
    }
    if (rc > 0)
        return 0;
    if (n < 0)
        return err_wrap(e, "%s: waiting for the agent's greeting", t->host);
    return err_set(e, ERR_WORLD,
                   "%s: kagemusha-node does not start there (%.200s); install it: apt install "
                   "kagemusha-node, or set node_path",
                   t->host, *ssh_stderr(a->channel) ? ssh_stderr(a->channel) : "no output");
}

static int start_program(struct agent *a, const char *node_path, int64_t deadline_ms, struct err *e)
{
    struct buf command = BUF_INIT;
    int rc;

    run_quote(&command, node_path);
    buf_adds(&command, " agent");
    rc = ssh_start(a->ssh, command.data, &a->channel, deadline_ms, e);
    buf_release(&command);
    return rc;
}

static void agent_free(struct agent *a)
{
    if (a->channel)
        ssh_abandon(&a->channel);
    if (a->ssh)
        ssh_close(&a->ssh);
    if (a->wake >= 0)
        close(a->wake);
    buf_release(&a->in);
    buf_release(&a->out);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

int agent_open(struct agent **out, const struct ssh_target *t, const char *node_path,
               struct agent_listener listener, int64_t deadline_ms, struct err *e)
{
    struct agent *a = mem_zalloc(sizeof(*a));

    *out = NULL;
    a->listener = listener;
    a->next_id = 1;
    a->alive = 1;
    a->pace_ms = PING_EVERY_MS;
    buf_init(&a->in);
    buf_init(&a->out);
    pthread_mutex_init(&a->lock, NULL);
    a->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (a->wake < 0) {
        err_errno(e, ERR_IO, "eventfd");
        goto fail;
    }
    if (ssh_open(&a->ssh, t, deadline_ms, e) < 0)
        goto fail;
    if (start_program(a, node_path, deadline_ms, e) < 0)
        goto fail;
    if (read_greeting(a, t, deadline_ms, e) < 0)
        goto fail;
    a->heard_ms = a->pinged_ms = clock_mono_ms();
    if (thread_start(&a->thread, agent_main, a, e) < 0)
        goto fail;
    *out = a;
    return 0;
fail:
    agent_free(a);
    return -1;
}

void agent_close(struct agent **ap)
{
    struct agent *a = *ap;

    if (!a)
        return;
    *ap = NULL;
    pthread_mutex_lock(&a->lock);
    a->closing = 1;
    pthread_mutex_unlock(&a->lock);
    wake_thread(a);
    pthread_join(a->thread, NULL);
    agent_free(a);
}

void agent_pace(struct agent *a, int every_ms)
{
    pthread_mutex_lock(&a->lock);
    a->pace_ms = every_ms;
    pthread_mutex_unlock(&a->lock);
    wake_thread(a);
}

int agent_alive(struct agent *a)
{
    int alive;

    if (!a)
        return 0;
    pthread_mutex_lock(&a->lock);
    alive = a->alive;
    pthread_mutex_unlock(&a->lock);
    return alive;
}

const struct wire_greeting *agent_greeting(const struct agent *a)
{
    return &a->greeting;
}

static enum err_code code_of(const char *word)
{
    for (int c = ERR_CONFIG; c <= ERR_BUG; c++)
        if (strcmp(err_code_text((enum err_code)c), word) == 0)
            return (enum err_code)c;
    return ERR_WORLD;
}

/* Queues the request and puts c into the list. The lock is held. */
static int post(struct agent *a, struct call *c, struct json_object *req, struct err *e)
{
    if (!a->alive)
        return err_set(e, ERR_SSH, "the agent's session is lost: %.300s", a->lost.text);
    c->id = a->next_id++;
    json_put_int(req, "id", c->id);
    json_put_str(req, "op", c->op);
    json_put_int(req, "deadline_ms", clock_left_ms(c->deadline_ms));
    if (wire_put(&a->out, req, e) < 0)
        return -1;
    c->next = a->calls;
    a->calls = c;
    return 0;
}

static int finish(struct agent *a, const struct call *c, struct err *e)
{
    struct json_object *line = c->reply;

    if (!c->done)
        return err_set(e, ERR_TIMEOUT, "the agent does not answer '%s' in time", c->op);
    if (!line)
        return err_set(e, ERR_SSH, "the agent's session was lost during '%s': %.300s", c->op,
                       a->lost.text);
    if (json_get_bool(line, "ok", 0))
        return 0;
    return err_set(e, code_of(json_get_str(line, "code", "")), "%s",
                   json_get_str(line, "text", "the agent refuses"));
}

/* The lock is held. */
static void await(struct agent *a, struct call *c, int64_t deadline_ms)
{
    while (!c->done && thread_cond_wait(&c->wake, &a->lock, deadline_ms) == 0)
        ;
}

int agent_call(struct agent *a, const char *op, struct json_object *req, struct json_object **reply,
               int64_t deadline_ms, struct err *e)
{
    struct call c = {.op = op, .deadline_ms = deadline_ms};
    int rc;

    if (reply)
        *reply = NULL;
    if (!req)
        req = json_object_new_object();
    thread_cond_init(&c.wake);
    pthread_mutex_lock(&a->lock);
    rc = post(a, &c, req, e);
    if (rc == 0) {
        wake_thread(a);
        await(a, &c, deadline_ms);
        if (!c.done && a->alive && clock_mono_ms() - CLOCK_LATE_MS > deadline_ms)
            await(a, &c, clock_mono_ms() + CLOCK_GRACE_MS);
        take_call(a, c.id);
        rc = finish(a, &c, e);
    }
    pthread_mutex_unlock(&a->lock);
    pthread_cond_destroy(&c.wake);
    json_object_put(req);
    if (rc == 0 && reply)
        *reply = c.reply;
    else if (c.reply)
        json_object_put(c.reply);
    return rc;
}

void agent_send(struct agent *a, const char *op, struct json_object *req)
{
    struct call c = {.op = op};

    pthread_mutex_lock(&a->lock);
    if (post(a, &c, req, NULL) == 0) {
        take_call(a, c.id);
        wake_thread(a);
    }
    pthread_mutex_unlock(&a->lock);
    json_object_put(req);
}
