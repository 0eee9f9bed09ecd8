/* Sections added to and taken out of a file, every other byte kept. */
#include "common/conf_edit.h"
#include "common/conf.h"
#include "common/file.h"
#include "t/tap.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/kagemusha-edit-XXXXXX";
static char path[64];

static void put(const char *text)
{
    struct err e = {0};

    if (file_write_atomic(path, text, strlen(text), 0600, &e) < 0)
        printf("# %s\n", e.text);
}

static void holds(const char *want, const char *name)
{
    struct buf got = BUF_INIT;
    struct err e = {0};

    if (file_read(path, &got, 1 << 20, &e) < 0)
        printf("# %s\n", e.text);
    tap_is(got.data, want, name);
    buf_release(&got);
}

static void names(void)
{
    char out[32], cut[10];

    tap_is(conf_edit_block(NULL, "db1", out, sizeof(out)), "server_db1", "no block: the host's");
    tap_is(conf_edit_block("", "db1", out, sizeof(out)), "server_db1", "empty block: the host's");
    tap_is(conf_edit_block("100", "db1", out, sizeof(out)), "server100", "100 is server100");
    tap_is(conf_edit_block("server7", "db1", out, sizeof(out)), "server7", "server7 stays");
    tap_is(conf_edit_block("binlog1", "x", out, sizeof(out)), "serverbinlog1", "as MHA does");
    tap_is(conf_edit_block(NULL, "db1.example", cut, sizeof(cut)), "server_db", "cut to its size");
}

static void add(const char *before, const char *params, const char *want, const char *name)
{
    struct err e = {0};

    put(before);
    tap_ok(conf_edit_add(path, "server_new", "10.0.0.9", params, &e) == 0, "%s %s", name, e.text);
    holds(want, name);
}

static void adding(void)
{
#define NEW "[server_new]\nhostname=10.0.0.9\n"
    add("", NULL, NEW, "to an empty file");
    add("# c\n[server1] ; x\n\n  hostname = a \n", NULL,
        "# c\n[server1] ; x\n\n  hostname = a \n\n" NEW, "at the end, all else kept");
    add("[server1]\nhostname=a", NULL, "[server1]\nhostname=a\n\n" NEW, "without last line end");
    add("[server1]\r\nhostname=a\r\n", "port=3307",
        "[server1]\r\nhostname=a\r\n\r\n[server_new]\r\nhostname=10.0.0.9\r\nport=3307\r\n",
        "CRLF");
    add("", "port=3307; candidate_master = 1 ;;password=\"a=b#c\";",
        NEW "port=3307\ncandidate_master=1\npassword=\"a=b#c\"\n", "with params");
}

static void add_fails(const char *block, const char *host, const char *params, const char *want)
{
    struct err e = {0};

    tap_ok(conf_edit_add(path, block, host, params, &e) == -1 && e.code == ERR_CONFIG, "refused");
    tap_ok(strstr(e.text, want) != NULL, "says: %s", want);
}

static void adding_refused(void)
{
    static const char text[] = "[server1]\nhostname=a\n";
    struct err e = {0};

    put(text);
    add_fails("server1", "b", NULL, "[server1] is there already");
    add_fails("server2", "b", "prot=1", "unknown key \"prot\" (did you mean port?)");
    add_fails("server2", "b", "port", "write key=value;key=value");
    add_fails("server2", "b", "[server3]", "write key=value;key=value");
    add_fails("server2", "b", "user=x\nno_master=1", "more than one line");
    add_fails("server 2", "b", NULL, "\"server 2\" cannot be the name of a section");
    add_fails("server]", "b", NULL, "cannot be the name of a section");
    add_fails("server2", "b\nuser=x", NULL, "cannot be the name of a host");
    add_fails("server2", "", NULL, "cannot be the name of a host");
    holds(text, "and the file is as it was");
    put("[server1]\nnonsense\n");
    add_fails("server2", "b", NULL, "line 2");
    holds("[server1]\nnonsense\n", "a broken file is left alone");
    unlink(path);
    tap_ok(conf_edit_add(path, "server2", "b", NULL, &e) == -1 && access(path, F_OK) < 0,
           "a missing file is not made: %s", e.text);
}

static void delete (const char *before, const char *want, const char *name)
{
    struct err e = {0};
    int found = 0;

    put(before);
    tap_ok(conf_edit_delete(path, "server2", &found, &e) == 0 && found, "%s %s", name, e.text);
    holds(want, name);
}

static void deleting(void)
{
    struct err e = {0};
    int found = 1;

    delete ("[server1]\nhostname=a\n\n[server2]\nhostname=b\n\n[server3]\nhostname=c\n",
            "[server1]\nhostname=a\n\n[server3]\nhostname=c\n", "one of three");
    delete ("# top\n[ server2 ] ; old\n# inside\nhostname=b\n\n# inside too\nuser=x\n# behind\n\n"
            "[server3]\nhostname=c\n",
            "# top\n# behind\n\n[server3]\nhostname=c\n", "comments around it stay");
    delete ("[server2]\r\nhostname=b\r\n[server3]\r\nhostname=c", "[server3]\r\nhostname=c",
            "CRLF");
    delete ("[server2]\nhostname=b\n[server1]\nhostname=a\n[server2]\nuser=x",
            "[server1]\nhostname=a\n", "twice in the file");
    delete ("[server1]\nhostname=a\n[server2]\n", "[server1]\nhostname=a\n", "an empty section");
    delete ("[server22]\nhostname=a\n[server2]\nhostname=b\n[xserver2]\n",
            "[server22]\nhostname=a\n[xserver2]\n", "the very name only");
    put("[server1]\nhostname=a\n");
    tap_ok(conf_edit_delete(path, "server2", &found, &e) == 0 && !found, "none: not found");
    holds("[server1]\nhostname=a\n", "and nothing changed");
    put("[server2]\nbad\n");
    tap_ok(conf_edit_delete(path, "server2", &found, &e) == -1 && e.code == ERR_CONFIG,
           "a broken file is an error: %s", e.text);
    holds("[server2]\nbad\n", "and left alone");
}

/* What was there is there again after add and delete, for a file of every kind of line. */
static void there_and_back(void)
{
    static const char text[] = "; one\n\n[server default]\nuser = a ; b\n\n#[server2]\n[server1]\n"
                               "hostname = 127.0.0.1\n   \n\t# tail\n";
    struct err e = {0};
    struct conf *c = NULL;
    struct stat st;
    char link[80];
    int found;

    put(text);
    chmod(path, 0640);
    snprintf(link, sizeof(link), "%s/link", dir);
    if (symlink(path, link) < 0)
        printf("# no symbolic link\n");
    tap_ok(conf_edit_add(link, "server2", "127.0.0.2", "port=3307", &e) == 0, "added by link");
    tap_ok(conf_load(&c, path, "/nonexistent", 0, &e) == 0 && c->servers == 2 &&
               c->server[1].port == 3307,
           "it loads %s", e.text);
    conf_free(&c);
    tap_ok(conf_edit_delete(link, "server2", &found, &e) == 0 && found, "deleted again");
    holds("; one\n\n[server default]\nuser = a ; b\n\n#[server2]\n[server1]\n"
          "hostname = 127.0.0.1\n   \n\t# tail\n\n",
          "as before, and a blank line");
    tap_ok(lstat(link, &st) == 0 && S_ISLNK(st.st_mode), "the link is a link");
    tap_ok(stat(path, &st) == 0 && (st.st_mode & 0777) == 0640, "the mode is kept");
    unlink(link);
}

int main(void)
{
    if (!mkdtemp(dir)) {
        printf("Bail out! no directory in /tmp\n");
        return 1;
    }
    snprintf(path, sizeof(path), "%s/app.cnf", dir);
    names();
    adding();
    adding_refused();
    deleting();
    there_and_back();
    unlink(path);
    rmdir(dir);
    return tap_done();
}
