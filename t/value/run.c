/* Child processes: real ones, well-behaved and not. Durations are only bounded from above, widely.
 */
#include "common/run.h"
#include "common/clock.h"
#include "t/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

struct outcome {
    struct run_result res;
    struct buf output;
    int64_t took_ms;
};

static void sh(struct outcome *o, const char *line, int64_t limit_ms)
{
    struct run r = {.shell = line, .output_max = 1024};
    struct err e = {0};
    int64_t begin = clock_mono_ms();

    buf_init(&o->output);
    r.deadline_ms = begin + limit_ms;
    if (run_wait(&r, &o->output, &o->res, &e) < 0)
        tap_ok(0, "%s starts: %s", line, e.text);
    o->took_ms = clock_mono_ms() - begin;
}

/* The number that the command printed, for processes it left behind. */
static pid_t printed_pid(const struct outcome *o)
{
    return (pid_t)strtol(o->output.data, NULL, 10);
}

static int gone(pid_t pid)
{
    char path[64], state[256] = "";
    FILE *f;
    int i;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    for (i = 0; i < 100; i++) {
        f = fopen(path, "re");
        if (!f)
            return 1;
        if (fgets(state, sizeof(state), f) && strstr(state, ") Z "))
            i = 1000;
        fclose(f);
        if (i < 1000)
            clock_sleep_ms(20);
    }
    return i > 1000;
}

static void test_ends(void)
{
    struct outcome o;

    sh(&o, "echo out; echo err >&2; exit 7", 10000);
    tap_ok(o.res.exited && o.res.exit_code == 7 && !o.res.timed_out, "an exit code is passed on");
    tap_is(o.output.data, "out\nerr\n", "both outputs come in order");
    buf_release(&o.output);
    sh(&o, "exit 137", 10000);
    tap_ok(o.res.exited && o.res.exit_code == 137, "exit 137 is an exit");
    buf_release(&o.output);
    sh(&o, "kill -SEGV $$", 10000);
    tap_ok(!o.res.exited && o.res.signal == SIGSEGV && !o.res.timed_out, "a signal is a signal");
    buf_release(&o.output);
    sh(&o, "trap - PIPE; kill -PIPE $$", 10000);
    tap_ok(!o.res.exited && o.res.signal == SIGPIPE, "ignored signals are not inherited");
    buf_release(&o.output);
}

static void test_hangs(void)
{
    struct outcome o;
    pid_t pid;

    sh(&o, "sleep 1000 & echo $!; wait", 200);
    tap_ok(o.res.timed_out && !o.res.exited && o.res.signal == SIGTERM, "a hang ends by TERM");
    tap_ok(o.took_ms < 5000, "soon after the deadline");
    pid = printed_pid(&o);
    tap_ok(pid > 0 && gone(pid), "and its children too");
    buf_release(&o.output);

    sh(&o, "trap '' TERM; while :; do sleep 1; done", 200);
    tap_ok(o.res.timed_out && o.res.signal == SIGKILL, "who ignores TERM is killed");
    buf_release(&o.output);
    sh(&o, "trap 'echo bye; exit 3' TERM; sleep 1000 & wait", 200);
    tap_ok(o.res.timed_out && o.res.exited && o.res.exit_code == 3, "who catches it may end");
    tap_is(o.output.data, "bye\n", "with last words");
    buf_release(&o.output);
    sh(&o, "kill -STOP $$", 200);
    tap_ok(o.res.timed_out && o.took_ms < 5000, "a stopped one is ended as well");
    buf_release(&o.output);
    sh(&o, "yes", 300);
    tap_ok(o.res.timed_out && o.res.dropped_bytes > 0 && o.took_ms < 5000,
           "endless output does not hide the deadline");
    buf_release(&o.output);
}

static void test_output(void)
{
    struct outcome o;

    sh(&o, "head -c 1073741824 /dev/zero", 120000);
    tap_ok(o.res.exited && o.res.exit_code == 0, "a gigabyte of output is read");
    tap_ok(o.output.len == 1024 && o.res.dropped_bytes == 1073741824 - 1024,
           "kept to the cap, counted beyond");
    buf_release(&o.output);
}

static void test_left_over(void)
{
    struct outcome o;
    pid_t pid;

    sh(&o, "sleep 1000 & echo $!", 60000);
    tap_ok(o.res.exited && o.res.exit_code == 0 && !o.res.timed_out, "a background job is no hang");
    tap_ok(o.took_ms < 10000, "though it holds the output open");
    tap_ok(gone(printed_pid(&o)), "it is killed as a member of the group");
    buf_release(&o.output);

    sh(&o,
       "f=$(mktemp -u) && mkfifo $f && (setsid sh -c \"echo \\$\\$ >$f; exec sleep 1000\" & "
       "cat $f; rm $f)",
       60000);
    tap_ok(o.res.exited && o.res.exit_code == 0 && o.took_ms < 10000, "a daemon is no hang");
    pid = printed_pid(&o);
    tap_ok(pid > 0 && kill(pid, SIGKILL) == 0, "and lives on in its own session");
    buf_release(&o.output);
}

static void test_input(void)
{
    struct run r = {.output_max = 1 << 20, .deadline_ms = clock_mono_ms() + 60000};
    struct run_result res;
    struct buf big = BUF_INIT, out = BUF_INIT;
    struct err e = {0};

    buf_reserve(&big, 50000000);
    memset(big.data, 'x', 50000000);
    r.input = big.data;
    r.input_len = 50000000;
    r.shell = "exit 5";
    tap_ok(run_wait(&r, &out, &res, &e) == 0 && res.exit_code == 5, "input that nobody reads");
    r.shell = "wc -c";
    tap_ok(run_wait(&r, &out, &res, &e) == 0 && strcmp(out.data, "50000000\n") == 0,
           "input that is read whole");
    r.input = NULL;
    r.shell = "cat; readlink /proc/self/fd/0";
    buf_clear(&out);
    tap_ok(run_wait(&r, &out, &res, &e) == 0 && strcmp(out.data, "/dev/null\n") == 0,
           "no input is /dev/null");
    buf_release(&out);
    buf_release(&big);
}

static void note_start(pid_t pgid, void *arg)
{
    *(pid_t *)arg = pgid;
}

static void test_world(void)
{
    char name[] = "KAGEMUSHA_X=new", other[] = "KAGEMUSHA_Y=1", prog[] = "sh", flag[] = "-c";
    char line[] = "echo $KAGEMUSHA_X $KAGEMUSHA_Y; env | grep -c KAGEMUSHA_X; echo $$; "
                  "ls /proc/self/fd | wc -l; cut -d' ' -f5 /proc/$$/stat";
    char *env[] = {name, other, NULL}, *argv[] = {prog, flag, line, NULL}, want[128];
    pid_t pgid = 0;
    struct run r = {.argv = argv,
                    .env = env,
                    .output_max = 4096,
                    .deadline_ms = clock_mono_ms() + 60000,
                    .started = note_start,
                    .started_arg = &pgid};
    struct run_result res;
    struct buf out = BUF_INIT;
    struct err e = {0};
    int leak = open("/dev/null", O_RDONLY); /* without O_CLOEXEC, as a library might */

    setenv("KAGEMUSHA_X", "old", 1);
    tap_ok(run_wait(&r, &out, &res, &e) == 0 && pgid > 0, "started is told the group");
    snprintf(want, sizeof(want), "new 1\n1\n%d\n4\n%d\n", (int)pgid, (int)pgid);
    tap_is(out.data, want, "environment, no foreign descriptor (0 to 2 and ls's own), own group");
    snprintf(line, sizeof(line), "x");
    snprintf(prog, sizeof(prog), "./");
    tap_ok(run_wait(&r, &out, &res, &e) < 0 && e.code == ERR_IO, "what cannot start is an error");
    tap_is(e.text, "cannot start ./: Permission denied", "with the reason");
    close(leak);
    buf_release(&out);
}

static void test_quote(void)
{
    static const char raw[] = "a 'b' \"c\" $d `e` \\ \n!*~#&;|<>(){}[]^,?";
    struct buf line = BUF_INIT;
    struct outcome o;

    buf_adds(&line, "printf %s ");
    run_quote(&line, raw);
    sh(&o, line.data, 10000);
    tap_is(o.output.data, raw, "quoted text arrives as it is");
    buf_clear(&line);
    run_quote(&line, "");
    tap_is(line.data, "''", "an empty word stays a word");
    buf_release(&line);
    buf_release(&o.output);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    test_ends();
    test_hangs();
    test_output();
    test_left_over();
    test_input();
    test_world();
    test_quote();
    return tap_done();
}
