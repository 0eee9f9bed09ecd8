/* `kagemusha-node replay`: the program around the replay server. Frames on standard input: the
 * request, the extract, then signs of life; frames on standard output: where it listens, then a
 * state for each sign. It ends when it is told to, when its input ends or is silent, and with it
 * the spool and the port. See replay.h. */
#include "common/args.h"
#include "common/wire.h"
#include "node/replay/replay.h"
#include "node/replay/spool.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOGIN_S 10 /* who connects and says nothing must not keep the replica out */

/* Binds to loopback only: nobody else has business here. */
static int begin_listening(struct replay *r, struct err *e)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)r->ask.port)};
    socklen_t len = sizeof(at);
    int on = 1;

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    r->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (r->listener < 0)
        return err_errno(e, ERR_IO, "socket");
    setsockopt(r->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(r->listener, (struct sockaddr *)&at, sizeof(at)) || listen(r->listener, 4) ||
        getsockname(r->listener, (struct sockaddr *)&at, &len))
        return err_errno(e, ERR_IO, "cannot listen on 127.0.0.1:%d", r->ask.port);
    r->port = ntohs(at.sin_port);
    return 0;
}

static int make_password(struct replay *r, struct err *e)
{
    static const char letters[] = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz0123456789";
    unsigned char bytes[REPLAY_PASSWORD_BYTES - 1];

    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        return err_errno(e, ERR_IO, "no random bytes");
    for (size_t i = 0; i < sizeof(bytes); i++)
        r->password[i] = letters[bytes[i] % (sizeof(letters) - 1)];
    return 0;
}

/* What is said about the log as a whole is known from its first stretch. */
static int look_into(struct replay *r, const struct spool *spool, struct err *e)
{
    struct extract_piece p;
    int rc;

    r->stream = stream_open(spool->path, e);
    if (!r->stream)
        return err_wrap(e, "the extract that came");
    r->total_bytes = spool->bytes;
    rc = stream_next(r->stream, &p, e);
    if (rc < 0)
        return -1;
    if (rc == 0)
        return err_set(e, ERR_WORLD, "the extract holds no event");
    r->first_checksum = (int)p.checksum;
    snprintf(r->server_version, sizeof(r->server_version), "%s",
             r->ask.version[0] ? r->ask.version : p.format->server_version);
    return 0;
}

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

/* One connection after another: a replica that lost its connection comes back, and asks for what it
 * lacks then. */
static void *serve(void *arg)
{
    struct timeval login = {.tv_sec = LOGIN_S};
    struct replay *r = arg;

    for (;;) {
        struct err e = {0};
        int on = 1, fd = accept4(r->listener, NULL, NULL, SOCK_CLOEXEC);

        if (fd < 0) {
            if (errno == EINTR || errno == ECONNABORTED)
                continue;
            return NULL;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &login, sizeof(login));
        replay_session_run(r, fd, fd, &e);
        close(fd);
        atomic_store(&r->state, REPLAY_WAITING);
    }
}

static int begin_serving(struct replay *r, struct err *e)
{
    pthread_t thread;
    int rc = pthread_create(&thread, NULL, serve, r);

    if (rc)
        return err_set(e, ERR_IO, "cannot start a thread: %s", strerror(rc));
    pthread_detach(thread);
    return 0;
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
        look_into(r, spool, e))
        return -1;
    if (!r->ask.any_password && make_password(r, e))
        return -1;
    return begin_listening(r, e) || begin_serving(r, e) ? -1 : 0;
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
