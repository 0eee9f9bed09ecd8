/* Every t/plan/resume/NAME.topo, a group in the midst of an operation that did not end, becomes
 * NAME.resume; with --print FILE one of them is printed. */
#include "manager/decide/resume.h"

#include "common/file.h"
#include "t/tap.h"

#include <glob.h>

#define SNAPSHOT_MAX (1 << 20)

static int load(const char *path, struct topo **t, struct err *e)
{
    struct buf text = BUF_INIT;
    int rc = file_read(path, &text, SNAPSHOT_MAX, e);

    if (rc == 0)
        rc = topo_parse(text.data, t, e);
    buf_release(&text);
    return rc;
}

static void decide(const struct topo *t, struct buf *out)
{
    static struct resume r;

    resume_decide(t, &r);
    resume_print(&r, out);
    resume_release(&r);
}

/* What is planned on must be printable as well: it is saved as evidence. */
static void round_trip(const char *path, const struct topo *t)
{
    struct buf once = BUF_INIT, twice = BUF_INIT;
    struct topo *again = NULL;
    struct err e = {0};

    topo_print(t, &once);
    if (topo_parse(once.data, &again, &e) == 0)
        topo_print(again, &twice);
    tap_is(twice.data, once.data, path);
    topo_free(&again);
    buf_release(&once);
    buf_release(&twice);
}

static void one(const char *path)
{
    struct buf want = BUF_INIT, got = BUF_INIT;
    struct topo *t = NULL;
    struct err e = {0};
    char name[512];

    snprintf(name, sizeof(name), "%.*s.resume", (int)(strlen(path) - strlen(".topo")), path);
    if (!tap_ok(load(path, &t, &e) == 0, "%s is read %s", path, e.text))
        return;
    round_trip(path, t);
    decide(t, &got);
    file_read(name, &want, SNAPSHOT_MAX, &e);
    tap_is(got.data, want.data, name);
    topo_free(&t);
    buf_release(&want);
    buf_release(&got);
}

static int print_one(const char *path)
{
    struct buf out = BUF_INIT;
    struct topo *t = NULL;
    struct err e = {0};

    if (load(path, &t, &e))
        return fprintf(stderr, "%s\n", e.text), 1;
    decide(t, &out);
    fputs(out.data, stdout);
    buf_release(&out);
    topo_free(&t);
    return 0;
}

int main(int argc, char **argv)
{
    glob_t g;

    if (argc == 3 && strcmp(argv[1], "--print") == 0)
        return print_one(argv[2]);
    tap_ok(glob("t/plan/resume/*.topo", 0, NULL, &g) == 0 && g.gl_pathc >= 15,
           "at least 15 fixtures");
    for (size_t i = 0; i < g.gl_pathc; i++)
        one(g.gl_pathv[i]);
    globfree(&g);
    return tap_done();
}
