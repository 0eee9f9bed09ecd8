/* Files on a real file system, in a directory of our own under TMPDIR. */
#include "common/file.h"
#include "t/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "kagemusha-file-XXXXXX";

static mode_t mode_of(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? st.st_mode & 07777 : 0;
}

static void test_write_read(void)
{
    struct buf b = BUF_INIT;
    struct err e = {0};

    tap_ok(file_write_atomic("a", "one\0two", 7, 0640, &e) == 0, "a new file is written");
    tap_ok(mode_of("a") == 0640, "with the mode that was asked for");
    tap_ok(file_read("a", &b, 7, &e) == 0 && b.len == 7 && memcmp(b.data, "one\0two", 7) == 0,
           "and read whole, at the cap");
    tap_ok(file_read("a", &b, 7, &e) == 0 && b.len == 14, "a second read appends");
    tap_ok(file_read("a", &b, 6, &e) < 0 && errno == EFBIG && e.code == ERR_IO,
           "over the cap is an error");
    tap_is(e.text, "cannot read a: File too large", "which says so");
    tap_ok(b.len == 14 && b.data[14] == '\0', "and adds nothing");
    tap_ok(file_read("none", &b, 9, &e) < 0 && errno == ENOENT, "errno is kept");
    chmod("a", 0604);
    tap_ok(file_write_atomic("a", "x", 1, 0640, &e) == 0 && mode_of("a") == 0604,
           "an existing file keeps its mode");
    tap_ok(symlink("a", "link") == 0 && file_write_atomic("link", "yy", 2, 0600, &e) == 0,
           "a symbolic link is written through");
    buf_clear(&b);
    tap_ok(file_read("a", &b, 9, &e) == 0 && b.len == 2, "to the file behind it");
    tap_ok(file_write_atomic("none/x", "x", 1, 0600, &e) < 0, "no directory, no file");
    tap_is(e.text, "cannot create a file beside none/x: No such file or directory", "with a word");
    buf_release(&b);
}

static void test_dirs(void)
{
    struct err e = {0};
    mode_t old = umask(077);

    tap_ok(file_mkdirs("p/q/r", 0750, &e) == 0 && mode_of("p/q/r") == 0750 && mode_of("p") == 0750,
           "directories are made, modes whatever the umask");
    umask(old);
    tap_ok(file_mkdirs("p/q/r/", 0700, &e) == 0 && mode_of("p/q/r") == 0750,
           "an existing one is left alone");
    tap_ok(file_mkdirs("a", 0700, &e) < 0, "a file in the place is an error");
    tap_is(e.text, "a is no directory", "which says so");
    tap_ok(file_mkdirs("a/b", 0700, &e) < 0, "and so is one on the way");
}

static void test_lock(void)
{
    struct err e = {0};
    int one = file_lock("lock", &e), two;

    tap_ok(one >= 0 && mode_of("lock") == 0600, "a lock is taken");
    tap_ok((fcntl(one, F_GETFD) & FD_CLOEXEC) != 0, "and does not leak into children");
    tap_ok(file_lock("lock", &e) == -1 && e.code == ERR_WORLD, "only once");
    tap_is(e.text, "another process holds the lock on lock", "the loser is told");
    close(one);
    two = file_lock("lock", &e);
    tap_ok(two >= 0, "closing gives it back");
    close(two);
    tap_ok(file_lock("none/lock", &e) == -1 && e.code == ERR_IO, "no directory is another error");
}

static void test_app_name(void)
{
    static const char *const rows[][2] = {
        {"/etc/mha/app1.cnf", "app1"  },
        {"app1",              "app1"  },
        {"/x.d/app1",         "app1"  },
        {"a/b.prod.cnf",      "b.prod"},
        {"a/",                ""      },
    };
    char name[32], cut[4];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        file_app_name(rows[i][0], name, sizeof(name));
        tap_is(name, rows[i][1], rows[i][0]);
    }
    file_app_name("abcdef.cnf", cut, sizeof(cut));
    tap_is(cut, "abc", "a long name is cut");
}

int main(void)
{
    const char *tmp = getenv("TMPDIR");

    if (chdir(tmp ? tmp : "/tmp") < 0 || !mkdtemp(dir) || chdir(dir) < 0) {
        puts("Bail out! no directory to work in");
        return 1;
    }
    test_write_read();
    test_dirs();
    test_lock();
    test_app_name();
    if (unlink("a") < 0 || unlink("link") < 0 || unlink("lock") < 0 || rmdir("p/q/r") < 0 ||
        rmdir("p/q") < 0 || rmdir("p") < 0)
        tap_ok(0, "something is missing");
    tap_ok(chdir("..") == 0 && rmdir(dir) == 0, "no temporary file was left behind");
    return tap_done();
}
