/* Every t/plan/preflight/NAME.topo becomes NAME.findings; with --print FILE one of them is printed.
 */
#include "manager/decide/preflight.h"

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

static void judge(const struct topo *t, struct buf *out)
{
    static struct findings f;
    struct preflight p = {.health = 1, .seconds_behind_master = 30};

    memset(&f, 0, sizeof(f));
    preflight(t, &p, &f);
    for (int i = 0; i < f.count; i++)
        buf_addf(out, "%s: %s: %s\n", finding_word(f.item[i].level),
                 f.item[i].host == NO_HOST ? "group" : t->host[f.item[i].host].host,
                 f.item[i].text);
    buf_addf(out, "%d errors, %d warnings\n", f.errors, f.warnings);
}

static void one(const char *path)
{
    struct buf want = BUF_INIT, got = BUF_INIT;
    struct topo *t = NULL;
    struct err e = {0};
    char findings[512];

    snprintf(findings, sizeof(findings), "%.*s.findings", (int)(strlen(path) - strlen(".topo")),
             path);
    if (!tap_ok(load(path, &t, &e) == 0, "%s is read %s", path, e.text))
        return;
    judge(t, &got);
    file_read(findings, &want, SNAPSHOT_MAX, &e);
    tap_is(got.data, want.data, findings);
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
    judge(t, &out);
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
    tap_ok(glob("t/plan/preflight/*.topo", 0, NULL, &g) == 0 && g.gl_pathc >= 10,
           "at least 10 fixtures");
    for (size_t i = 0; i < g.gl_pathc; i++)
        one(g.gl_pathv[i]);
    globfree(&g);
    return tap_done();
}
