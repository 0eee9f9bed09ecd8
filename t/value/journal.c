/* The journal on disk: modes, names, lines, what is found open, and that nothing starts without it.
 */
#include "manager/act/journal.h"

#include "common/file.h"
#include "t/tap.h"

#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char top[] = "/tmp/kagemusha-journal-XXXXXX";

static struct json_object *line(const char *rec)
{
    struct json_object *o = json_object_new_object();
    json_put_str(o, "rec", rec);
    return o;
}

static int mode_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (int)(st.st_mode & 07777) : -1;
}

static void test_one(const struct conf *c, char *dir)
{
    struct journal j;
    struct err e = {0};
    char path[JOURNAL_PATH_BYTES + 32];
    struct buf text = BUF_INIT;
    tap_ok(journal_open(&j, c, "db/1", &e) == 0, "opened%s%s", *e.text ? ": " : "", e.text);
    snprintf(dir, JOURNAL_PATH_BYTES, "%s", j.dir);
    tap_ok(mode_of(j.dir) == 0700, "its directory is ours alone");
    tap_ok(strstr(j.dir, "db_1") != NULL, "no slash of a host's name gets into the path");
    tap_ok(journal_line(&j, line("open"), 1, &e) == 0, "a line");
    tap_ok(journal_line(&j, line("begin"), 0, &e) == 0, "another");
    tap_ok(journal_file(&j, "plan-a.txt", "x\n", 2, &e) == 0, "a file beside it");
    snprintf(path, sizeof path, "%s/plan-a.txt", j.dir);
    tap_ok(mode_of(path) == 0600, "for nobody else to read");
    snprintf(path, sizeof path, "%s/journal.jsonl", j.dir);
    tap_ok(mode_of(path) == 0600, "nor the journal");
    (void)file_read(path, &text, 4096, &e);
    tap_ok(strncmp(text.data, "{\"rec\":\"open\",\"at_ms\":", 22) == 0 &&
               strstr(text.data, "}\n{") != NULL,
           "one JSON object a line");
    buf_release(&text);
    journal_close(&j);
}

static void test_find(const struct conf *c, const char *first)
{
    struct journal j;
    struct err e = {0};
    char dir[JOURNAL_PATH_BYTES] = "";
    tap_ok(journal_find_open(c, dir, sizeof dir, &e) == 1 && strcmp(dir, first) == 0,
           "an operation without an end is found: %s", dir);
    tap_ok(journal_open(&j, c, "db/1", &e) == 0 && strcmp(j.dir, first) != 0,
           "a second one gets a directory of its own");
    (void)journal_line(&j, line("close"), 1, &e);
    journal_close(&j);
    tap_ok(journal_find_open(c, dir, sizeof dir, &e) == 1 && strcmp(dir, first) == 0,
           "one that has ended is not");
}

static void test_refusals(struct conf *c)
{
    struct journal j;
    struct err e = {0};
    char path[128], dir[64];
    snprintf(path, sizeof path, "%s/file", top);
    (void)file_write_atomic(path, "", 0, 0600, &e);
    snprintf(path, sizeof path, "%s/file/below", top);
    c->server[0].journal_dir = path;
    tap_ok(journal_open(&j, c, "db1", &e) < 0 && strstr(e.text, "journal_dir"),
           "where nothing can be written the key is named: %s", e.text);
    tap_ok(journal_line(&j, line("open"), 1, &e) < 0, "and a line is refused");
    c->server[0].journal_dir = "/nonexistent-kagemusha";
    tap_ok(journal_find_open(c, dir, sizeof dir, &e) == 0, "no directory, no journal");
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void clean_up(void)
{
    (void)nftw(top, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
    static struct conf c;
    char base[64], dir[JOURNAL_PATH_BYTES];
    if (!mkdtemp(top)) {
        printf("1..0 # SKIP no temporary directory\n");
        return 0;
    }
    snprintf(base, sizeof base, "%s/a/b", top);
    snprintf(c.app, sizeof c.app, "app1");
    c.servers = 1;
    c.server[0].journal_dir = base;
    test_one(&c, dir);
    test_find(&c, dir);
    test_refusals(&c);
    clean_up();
    return tap_done();
}
