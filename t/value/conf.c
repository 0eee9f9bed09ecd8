/* Configuration files. Each NAME.cnf under t/value/conf is loaded, with NAME.global where that
 * exists; what comes out must be NAME.want: the warnings and each setting that is not the built-in
 * default, or the error. */
#include "common/conf.h"
#include "common/file.h"
#include "t/tap.h"

#include <dirent.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIRECTORY  "t/value/conf"
#define FIXTURES   200
#define TEXT_BYTES (1 << 20)

static const char *text_at(const struct conf_server *s, const struct conf_key *key)
{
    const char *text;

    memcpy(&text, (const char *)s + key->offset, sizeof(text));
    return text;
}

static int number_at(const struct conf_server *s, const struct conf_key *key)
{
    int n;

    memcpy(&n, (const char *)s + key->offset, sizeof(n));
    return n;
}

/* ip and ssh_ip follow from hostname unless they are set; only then they are shown. */
static int is_default(const struct conf_server *s, const struct conf_key *key)
{
    const char *text = key->type == CONF_TEXT ? text_at(s, key) : "";
    const struct passwd *pw = getpwuid(geteuid());

    if (key->type != CONF_TEXT)
        return number_at(s, key) == (int)strtol(key->fallback, NULL, 10);
    if (!text)
        return 1;
    if (strcmp(key->name, "ssh_user") == 0)
        return pw && strcmp(text, pw->pw_name) == 0;
    if (strcmp(key->name, "ip") == 0 || strcmp(key->name, "ssh_host") == 0)
        return strcmp(text, s->hostname) == 0;
    if (strcmp(key->name, "ssh_ip") == 0)
        return strcmp(text, s->ip) == 0;
    return strcmp(text, key->fallback) == 0;
}

static void dump_server(const struct conf_server *s, struct buf *out)
{
    buf_addf(out, "[%s]\n", s->id);
    for (const struct conf_key *key = conf_keys; key->name; key++) {
        if (is_default(s, key))
            continue;
        if (key->type == CONF_TEXT)
            buf_addf(out, "%s=%s\n", key->name, text_at(s, key));
        else
            buf_addf(out, "%s=%d\n", key->name, number_at(s, key));
    }
}

static void dump(const struct conf *c, struct buf *out)
{
    buf_adds(out, c->warnings.data);
    for (size_t i = 0; i < c->servers; i++)
        dump_server(&c->server[i], out);
    for (size_t i = 0; i < c->binlogs; i++)
        dump_server(&c->binlog[i], out);
}

static void load_and_dump(const char *file, const char *global_file, unsigned flags,
                          struct buf *out)
{
    struct conf *c = NULL;
    struct err e = {0};

    if (conf_load(&c, file, global_file, flags, &e) < 0)
        buf_addf(out, "%s: %s\n", err_code_text(e.code), e.text);
    else
        dump(c, out);
    conf_free(&c);
}

static void fixture(const char *name)
{
    char file[300], global_file[300], want_file[300];
    struct buf got = BUF_INIT, want = BUF_INIT;
    struct err e = {0};

    snprintf(file, sizeof(file), "%s.cnf", name);
    snprintf(global_file, sizeof(global_file), "%s.global", name);
    snprintf(want_file, sizeof(want_file), "%s.want", name);
    if (access(global_file, F_OK) < 0)
        snprintf(global_file, sizeof(global_file), "empty.global");
    load_and_dump(file, global_file, strncmp(name, "later", 5) == 0 ? CONF_RESOLVE_LATER : 0, &got);
    if (getenv("ACCEPT"))
        file_write_atomic(want_file, got.data, got.len, 0644, &e);
    if (file_read(want_file, &want, TEXT_BYTES, &e) < 0)
        printf("# %s\n", e.text);
    tap_is(got.data, want.data, name);
    buf_release(&got);
    buf_release(&want);
}

static int is_fixture(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);

    return len > 4 && strcmp(entry->d_name + len - 4, ".cnf") == 0;
}

static void fixtures(void)
{
    struct dirent **list = NULL;
    int n = scandir(".", &list, is_fixture, alphasort);

    tap_ok(n > 30, "%d fixtures", n);
    for (int i = 0; i < n; i++) {
        list[i]->d_name[strlen(list[i]->d_name) - 4] = '\0';
        fixture(list[i]->d_name);
        free(list[i]);
    }
    free(list);
}

/* Loads a text as an application file beside the fixtures' empty global file. */
static void load_text(const char *bytes, size_t len, struct buf *out)
{
    char path[] = "/tmp/kagemusha-conf-XXXXXX";
    int fd = mkstemp(path);
    struct err e = {0};
    char *at;

    if (fd < 0 || file_write_all(fd, bytes, len, &e) < 0)
        printf("# %s: %s\n", path, e.text);
    load_and_dump(path, "empty.global", 0, out);
    while ((at = strstr(out->data, path)) != NULL) {
        memcpy(at, "FILE", 4);
        memmove(at + 4, at + strlen(path), strlen(at + strlen(path)) + 1);
    }
    close(fd);
    unlink(path);
}

static void text_gives(const char *bytes, size_t len, const char *want, const char *name)
{
    struct buf got = BUF_INIT;

    load_text(bytes, len, &got);
    tap_is(got.data, want, name);
    buf_release(&got);
}

#define GIVES(bytes, want, name) text_gives(bytes, sizeof(bytes) - 1, want, name)

/* What editors and git would not keep in a fixture file. */
static void line_ends(void)
{
    GIVES("[server1]\r\nhostname=127.0.0.1\r\nuser=a\r\n",
          "[server1]\nhostname=127.0.0.1\nuser=a\n", "CRLF");
    GIVES("[server1]\rhostname=127.0.0.1\ruser=a", "[server1]\nhostname=127.0.0.1\nuser=a\n", "CR");
    GIVES("[server1]\r\r\nhostname=127.0.0.1\n\rbad\n",
          "config: FILE line 4: \"bad\" begins neither \"key = value\" nor \"[section]\"\n",
          "CR CR LF is one line end, LF CR are two");
    GIVES("\xef\xbb\xbf[server1]\nhostname=127.0.0.1\n",
          "config: FILE line 1: begins with a byte order mark; save it as UTF-8 without one\n",
          "byte order mark");
    GIVES("[server1]\nhostname=127.0.0.1\0\n",
          "config: FILE: holds a NUL byte; it must be plain text\n", "NUL byte");
    GIVES("[server1]\nhostname=127.0.0.1\nuser=a ; \npassword=b ;  \n\t[server2] ; two\n"
          "\thostname\t=\t127.0.0.2\t\n",
          "[server1]\nhostname=127.0.0.1\nuser=a ;\npassword=b\n[server2]\nhostname=127.0.0.2\n",
          "blanks at the ends of lines");
    GIVES("", "config: FILE: no server: add a section [server1] with \"hostname=...\"\n", "empty");
}

/* Lines and values past any limit of iniparser. */
static void long_lines(void)
{
    struct buf text = BUF_INIT, want = BUF_INIT;

    buf_adds(&text, "[server1]\nhostname=127.0.0.1\nreport_script=");
    buf_adds(&want, "[server1]\nhostname=127.0.0.1\nreport_script=");
    for (int i = 0; i < 20000; i++) {
        buf_addf(&text, "%d#", i % 10);
        buf_addf(&want, "%d#", i % 10);
    }
    buf_addc(&want, '\n');
    text_gives(text.data, text.len, want.data, "a value of 40000 bytes");
    buf_clear(&text);
    for (int i = 0; i < 5000; i++)
        buf_adds(&text, "user=a\n");
    text_gives(text.data, text.len, "config: FILE line 4097: more than 4096 settings\n",
               "too many settings");
    buf_release(&text);
    buf_release(&want);
}

static void many_servers(void)
{
    struct buf text = BUF_INIT, got = BUF_INIT;

    for (int i = 1; i <= CONF_SERVERS_MAX; i++)
        buf_addf(&text, "[server%d]\nhostname=127.0.1.%d\n", i, i);
    load_text(text.data, text.len, &got);
    tap_ok(strstr(got.data, "[server32]\nhostname=127.0.1.32\n") != NULL, "32 servers");
    buf_adds(&text, "[server33]\nhostname=127.0.1.33\n");
    text_gives(text.data, text.len, "config: FILE line 65: more than 32 servers\n",
               "33 servers are too many");
    buf_release(&text);
    buf_release(&got);
}

static void the_conf_itself(void)
{
    struct conf *c = NULL;
    struct err e = {0};

    if (!tap_ok(conf_load(&c, "find.cnf", "no/such/file", 0, &e) == 0, "loaded: %s", e.text))
        return;
    tap_is(c->app, "find", "the application's name");
    tap_is(c->file, "find.cnf", "the file as given");
    tap_ok(c->global_file == NULL, "no global file");
    tap_is(c->warnings.data, "Global configuration file no/such/file not found. Skipping.\n",
           "which is a warning");
    tap_ok(conf_find(c, "localhost", 3306) == 0, "found by name");
    tap_ok(conf_find(c, "LOCALHOST", 3306) == 0, "in any case");
    tap_ok(conf_find(c, "127.0.0.2", 3307) == 1, "found by address");
    tap_ok(conf_find(c, "0:0::1", 3306) == 2, "found by an IPv6 address written otherwise");
    tap_ok(conf_find(c, "localhost", 3307) == -1, "another port is another server");
    tap_ok(c->server[0].repl_user == NULL && c->server[0].repl_password == NULL &&
               c->server[0].monitor_user == NULL && c->server[0].monitor_password == NULL,
           "what is NULL when unset");
    tap_is(c->server[0].ssh_ip, c->server[0].ip, "ssh_ip follows ip");
    conf_free(&c);
    tap_ok(c == NULL, "freed");
    conf_free(&c);
    tap_ok(conf_load(&c, "no-such.cnf", "empty.global", 0, &e) == -1 && c == NULL &&
               e.code == ERR_CONFIG && strstr(e.text, "no-such.cnf"),
           "no such file: %s", e.text);
    tap_ok(conf_load(&c, "find.cnf", ".", 0, &e) == -1 && c == NULL && e.code == ERR_CONFIG,
           "an unreadable global file is an error: %s", e.text);
}

/* 1 when the sample has a line "key = value", in use or behind "# ". */
static int occurs(const char *sample, const char *key)
{
    size_t len = strlen(key);

    for (const char *at = sample; (at = strstr(at, key)) != NULL; at += len) {
        const char *begin = at;

        while (begin > sample && strchr("# ", begin[-1]))
            begin--;
        if ((begin == sample || begin[-1] == '\n') && at[len + strspn(at + len, " ")] == '=')
            return 1;
    }
    return 0;
}

static void samples(void)
{
    static const char global_file[] = "../../../conf/samples/masterha_default.cnf";
    static const char file[] = "../../../conf/samples/app1.cnf";
    struct buf text = BUF_INIT, got = BUF_INIT;
    struct err e = {0};
    int mha = 0;

    tap_ok(file_read(global_file, &text, TEXT_BYTES, &e) == 0 &&
               file_read(file, &text, TEXT_BYTES, &e) == 0,
           "sample files: %s", e.text);
    for (const struct conf_key *key = conf_keys; key->name; key++) {
        mha += key->from_mha;
        tap_ok(occurs(text.data, key->name), "the samples show %s", key->name);
        tap_ok(key->help && key->help[0] && strlen(key->help) < 80, "and it has a help line");
    }
    tap_ok(mha == 42, "%d of MHA's 42 keys", mha);
    load_and_dump(file, global_file, CONF_RESOLVE_LATER, &got);
    if (!tap_ok(strncmp(got.data, "[server1]\n", 10) == 0, "the samples load without a warning"))
        printf("# %.300s\n", got.data);
    buf_release(&text);
    buf_release(&got);
}

int main(void)
{
    if (chdir(DIRECTORY) < 0) {
        printf("Bail out! run it from the top of the source: no " DIRECTORY "\n");
        return 1;
    }
    fixtures();
    line_ends();
    long_lines();
    many_servers();
    the_conf_itself();
    samples();
    return tap_done();
}
