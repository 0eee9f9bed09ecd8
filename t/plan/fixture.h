/* Fixtures: NAME.topo, a snapshot, and beside it what is decided on it, text in and text out. What
 * decides is the caller's. */
#ifndef KAGEMUSHA_FIXTURE_H
#define KAGEMUSHA_FIXTURE_H

#include "common/file.h"
#include "manager/decide/topo.h"
#include "t/tap.h"

#include <glob.h>

#define FIXTURE_MAX (1 << 20)

struct fixtures {
    const char *directory, *ending; /* "t/plan/resume", "resume" */
    size_t least;                   /* fewer would be a test that lost its input */
    /* Prints the decision; 0: it is one to go on with. */
    int (*decide)(const struct topo *t, struct buf *out);
    /* More tests of what decide decided last; NULL: none. */
    void (*go_on)(const char *name, const struct topo *t);
};

static inline int fixture_load(const char *path, struct topo **t, struct err *e)
{
    struct buf text = BUF_INIT;
    int rc = file_read(path, &text, FIXTURE_MAX, e);

    if (rc == 0)
        rc = topo_parse(text.data, t, e);
    buf_release(&text);
    return rc;
}

/* Printing and reading again must give the same text: that is what incidents are saved as. */
static inline void fixture_round_trip(const char *name, const struct topo *t, struct topo **again)
{
    struct buf once = BUF_INIT, twice = BUF_INIT;
    struct err e = {0};

    topo_print(t, &once);
    if (topo_parse(once.data, again, &e) == 0)
        topo_print(*again, &twice);
    tap_is(twice.data, once.data, name);
    buf_release(&once);
    buf_release(&twice);
}

static inline void fixture_run(const struct fixtures *f, const char *path)
{
    struct buf want = BUF_INIT, got = BUF_INIT;
    struct topo *t = NULL, *again = NULL;
    struct err e = {0};
    char answer[512], name[256];

    file_app_name(path, name, sizeof(name));
    snprintf(answer, sizeof(answer), "%s/%s.%s", f->directory, name, f->ending);
    fixture_load(path, &t, &e);
    tap_ok(t != NULL, "%s is read %s", name, e.text);
    if (!t)
        return;
    fixture_round_trip(name, t, &again);
    file_read(answer, &want, FIXTURE_MAX, &e);
    if (f->decide(again ? again : t, &got) == 0 && f->go_on)
        f->go_on(name, t);
    tap_is(got.data, want.data, answer);
    topo_free(&t);
    topo_free(&again);
    buf_release(&want);
    buf_release(&got);
}

static inline int fixture_print(const struct fixtures *f, const char *path)
{
    struct buf out = BUF_INIT;
    struct topo *t = NULL;
    struct err e = {0};

    if (fixture_load(path, &t, &e))
        return fprintf(stderr, "%s\n", e.text), 1;
    f->decide(t, &out);
    fputs(out.data, stdout);
    buf_release(&out);
    topo_free(&t);
    return 0;
}

/* All of the directory as TAP, or with --print FILE the decision on one snapshot. The value is the
 * exit status of main. */
static inline int fixture_main(const struct fixtures *f, int argc, char **argv)
{
    char pattern[256];
    glob_t g;

    if (argc == 3 && strcmp(argv[1], "--print") == 0)
        return fixture_print(f, argv[2]);
    snprintf(pattern, sizeof(pattern), "%s/*.topo", f->directory);
    tap_ok(glob(pattern, 0, NULL, &g) == 0 && g.gl_pathc >= f->least, "at least %zu fixtures",
           f->least);
    for (size_t i = 0; i < g.gl_pathc; i++)
        fixture_run(f, g.gl_pathv[i]);
    globfree(&g);
    return tap_done();
}

#endif
