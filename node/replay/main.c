/* `kagemusha-node replay`: the program around the replay server. Frames on standard input: the
 * request, the extract, then signs of life; frames on standard output: where it listens, then a
 * state for each sign. It ends when it is told to, when its input ends or is silent, and with it
 * the spool and the port. See replay.h. */
#include "common/args.h"
#include "common/wire.h"
#include "node/replay/replay.h"
#include "node/replay/spool.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void say(struct json_object *o)
{
    struct buf b = BUF_INIT;
    const char *p;

    frame_put_json(&b, o);
    json_object_put(o);
    p = b.data;
    while (b.len > 0) {
        ssize_t n = write(STDOUT_FILENO, p, b.len);

        if (n < 0 && errno != EINTR)
            break;
        if (n > 0) {
            p += n;
            b.len -= (size_t)n;
        }
    }
    buf_release(&b);
}

static void say_error(const struct err *e)
{
    struct json_object *o = json_object_new_object();

    json_put_bool(o, "ok", 0);
    json_put_str(o, "code", err_code_text(e->code));
    json_put_str(o, "text", e->text);
    say(o);
}

static void say_ready(const struct replay *r)
{
    struct json_object *o = json_object_new_object();

    json_put_bool(o, "ok", 1);
    json_put_int(o, "port", r->port);
    if (!r->ask.any_password)
        json_put_str(o, "password", r->password);
    json_put_u64(o, "bytes", r->total_bytes);
    say(o);
}

static void say_state(struct replay *r)
{
    static const char *const words[] = {"waiting", "serving", "served"};
    struct json_object *o = json_object_new_object();

    json_put_bool(o, "ok", 1);
    json_put_str(o, "state", words[atomic_load(&r->state)]);
    json_put_u64(o, "sent", atomic_load(&r->sent));
    json_put_int(o, "refused", atomic_load(&r->refused));
    pthread_mutex_lock(&r->lock);
    json_put_str(o, "text", r->text);
    pthread_mutex_unlock(&r->lock);
    say(o);
}

/* The request, and what is needed before the replica may come. */
static int prepare(struct replay *r, struct spool *spool, int silence_ms, struct err *e)
{
    struct json_object *o = NULL;
    struct frame f;
    int rc = spool_frame(spool, &f, silence_ms, e);

    if (rc == 0)
        err_set(e, ERR_IO, "no request came");
    else if (rc > 0 && f.kind != FRAME_JSON)
        rc = err_set(e, ERR_FORMAT, "the request must come first");
    if (rc > 0)
        rc = json_parse(f.data, f.len, &o, e) == 0 ? 1 : -1;
    if (rc > 0)
        rc = replay_ask_read(o, &r->ask, e) == 0 ? 1 : -1;
    json_object_put(o);
    if (rc <= 0 || spool_open(spool, r->ask.dir, e) || spool_fill(spool, silence_ms, e) ||
        replay_begin(r, spool->path, spool->bytes, e))
        return -1;
    return 0;
}

static int run(struct replay *r, struct spool *spool, int silence_ms, struct err *e)
{
    struct frame f;
    int rc;

    if (prepare(r, spool, silence_ms, e))
        return -1;
    say_ready(r);
    while ((rc = spool_frame(spool, &f, silence_ms, e)) > 0 && f.kind != FRAME_END)
        say_state(r);
    return rc < 0 ? -1 : 0;
}

static void greet(void)
{
    struct wire_greeting g = {.protocol = WIRE_PROTOCOL, .uid = (unsigned)geteuid()};
    struct buf b = BUF_INIT;

    snprintf(g.version, sizeof(g.version), "%s", KAGEMUSHA_VERSION);
    snprintf(g.caps, sizeof(g.caps), "replay");
    wire_greeting_print(&g, &b);
    fputs(b.data, stdout);
    fflush(stdout);
    buf_release(&b);
}

/* The serving thread is left to the end of the process: it may hang in a write to the replica. */
int node_replay_main(int argc, char **argv)
{
    static struct replay r = {.listener = -1, .lock = PTHREAD_MUTEX_INITIALIZER};
    struct spool spool = SPOOL_INIT;
    int silence_ms = WIRE_SILENCE_MS;
    const struct args_option table[] = {
        {"silence-ms", ARGS_INT,  &silence_ms, "MS", "end when nothing came for so long (15000)"},
        {NULL,         ARGS_FLAG, NULL,        NULL, NULL                                       },
    };
    struct err e = {0};
    int rc;

    if (args_parse(&argc, argv, table, ARGS_UNKNOWN_ERROR, &e) || argc > 1 || silence_ms < 1) {
        fprintf(stderr, "kagemusha-node replay: %s\n", e.code ? e.text : "wrong arguments");
        return 1;
    }
    signal(SIGPIPE, SIG_IGN);
    greet();
    rc = run(&r, &spool, silence_ms, &e);
    if (rc)
        say_error(&e);
    _exit(rc ? 1 : 0);
}
