/* Stands between `kagemusha-node extract` and `kagemusha-node replay` as a manager does, with pipes
 * instead of SSH. Usage: serve NODE EXTRACT-REQUEST REPLAY-REQUEST. Prints the report of the one
 * and "port P password W" of the other, then a state for each line on standard input; ends with it.
 */
#include "common/file.h"
#include "common/frame.h"
#include "common/run.h"
#include "common/wire.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct side {
    int to, from;
    pid_t pid;
    struct buf in;
    size_t at;
};

static void die(const char *what, const struct err *e)
{
    printf("failed %s: %s\n", what, e ? e->text : "");
    exit(1);
}

static void begin(struct side *s, char *node, char *word, const char *request)
{
    int down[2], up[2], out = -1;
    char *argv[] = {node, word, NULL};
    struct buf b = BUF_INIT;
    struct err e = {0};

    buf_init(&s->in);
    s->at = 0;
    if (pipe2(down, O_CLOEXEC) || pipe2(up, O_CLOEXEC) || (out = dup(2)) < 0)
        die("pipe", NULL);
    if (run_spawn(argv, NULL, (int[3]){down[0], up[1], out}, &s->pid, &e))
        die(word, &e);
    close(down[0]);
    close(up[1]);
    close(out);
    s->to = down[1];
    s->from = up[0];
    frame_put(&b, FRAME_JSON, request, strlen(request));
    if (file_write_all(s->to, b.data, b.len, &e))
        die(word, &e);
    buf_release(&b);
}

static void more(struct side *s)
{
    ssize_t n;

    buf_drop(&s->in, s->at);
    s->at = 0;
    buf_reserve(&s->in, 65536);
    n = read(s->from, s->in.data + s->in.len, 65536);
    if (n <= 0)
        die("a program has ended", NULL);
    s->in.len += (size_t)n;
    s->in.data[s->in.len] = '\0';
}

static void greeting(struct side *s)
{
    struct wire_greeting g;
    struct err e = {0};
    int rc;

    while ((rc = wire_greeting_find(&s->in, &g, &e)) == 0)
        more(s);
    if (rc < 0)
        die("greeting", &e);
}

static void next(struct side *s, struct frame *f)
{
    struct err e = {0};
    int rc;

    while ((rc = frame_take(&s->in, &s->at, f, &e)) == 0)
        more(s);
    if (rc < 0)
        die("frame", &e);
}

static void pump(struct side *from, struct side *to)
{
    struct buf b = BUF_INIT;
    struct frame f;

    for (;;) {
        next(from, &f);
        if (f.kind == FRAME_JSON)
            break;
        buf_clear(&b);
        frame_put(&b, f.kind, f.data, f.len);
        if (to->to >= 0 && file_write_all(to->to, b.data, b.len, NULL)) {
            close(to->to);
            to->to = -1;
        }
    }
    printf("report %.*s\n", (int)f.len, f.data);
    fflush(stdout);
    buf_release(&b);
}

static int ready(struct side *s)
{
    struct json_object *o = NULL;
    struct frame f;

    next(s, &f);
    if (json_parse(f.data, f.len, &o, NULL))
        die("answer", NULL);
    if (!json_get_bool(o, "ok", 0)) {
        printf("refused %.*s\n", (int)f.len, f.data);
        return 0;
    }
    printf("port %d password %s\n", (int)json_get_int(o, "port", 0),
           json_get_str(o, "password", "-"));
    fflush(stdout);
    json_object_put(o);
    return 1;
}

int main(int argc, char **argv)
{
    struct side from = {.to = -1}, to = {.to = -1};
    struct buf keep = BUF_INIT;
    char line[64];
    struct frame f;

    if (argc != 4)
        return 2;
    signal(SIGPIPE, SIG_IGN);
    static char extract[] = "extract", replay[] = "replay";
    begin(&from, argv[1], extract, argv[2]);
    begin(&to, argv[1], replay, argv[3]);
    greeting(&from);
    greeting(&to);
    printf("pid %d\n", (int)to.pid);
    pump(&from, &to);
    if (!ready(&to))
        return 1;
    frame_put(&keep, FRAME_KEEP, "", 0);
    while (fgets(line, sizeof(line), stdin)) {
        if (file_write_all(to.to, keep.data, keep.len, NULL))
            die("keep", NULL);
        next(&to, &f);
        printf("state %.*s\n", (int)f.len, f.data);
        fflush(stdout);
    }
    close(to.to);
    waitpid(to.pid, NULL, 0);
    return 0;
}
