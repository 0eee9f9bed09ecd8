/* Every t/plan/preflight/NAME.topo becomes NAME.findings; with --print FILE one of them is printed.
 */
#include "manager/decide/preflight.h"
#include "t/plan/fixture.h"

static int judge(const struct topo *t, struct buf *out)
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
    return 0;
}

int main(int argc, char **argv)
{
    static const struct fixtures f = {
        .directory = "t/plan/preflight", .ending = "findings", .least = 10, .decide = judge};

    return fixture_main(&f, argc, argv);
}
