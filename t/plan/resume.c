/* Every t/plan/resume/NAME.topo, a group in the midst of an operation that did not end, becomes
 * NAME.resume; with --print FILE one of them is printed. */
#include "manager/decide/resume.h"
#include "t/plan/fixture.h"

static int decide(const struct topo *t, struct buf *out)
{
    static struct resume r;

    resume_decide(t, &r);
    resume_print(&r, out);
    resume_release(&r);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct fixtures f = {
        .directory = "t/plan/resume", .ending = "resume", .least = 15, .decide = decide};

    return fixture_main(&f, argc, argv);
}
