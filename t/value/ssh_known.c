/* known_hosts files as text, and the verdicts on keys. */
#include "common/digest.h"
#include "common/file.h"
#include "common/ssh_internal.h"
#include "t/tap.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Keys as they stand on the wire: a length, the kind, and bytes that tell them apart. */
#define ED(c)  "\0\0\0\013ssh-ed25519" c
#define RSA(c) "\0\0\0\007ssh-rsa" c

static char path[] = "/tmp/kagemusha-known-XXXXXX";

struct known_case {
    const char *name;
    const char *lines; /* %E and %F are Ed25519 keys, %R an RSA key, in base64 */
    int port;
    enum known_verdict verdict; /* on %E */
    int line;
};

static const struct known_case cases[] = {
    {"empty file",           "",                                                22,   KNOWN_UNKNOWN, 0},
    {"plain",                "db1 ssh-ed25519 %E\n",                            22,   KNOWN_MATCH,   1},
    {"no end of line",       "db1 ssh-ed25519 %E",                              22,   KNOWN_MATCH,   1},
    {"CR LF and a comment",  "# x\r\n\r\ndb1 ssh-ed25519 %E me@there\r\n",      22,   KNOWN_MATCH,   3},
    {"any case",             "DB1 ssh-ed25519 %E\n",                            22,   KNOWN_MATCH,   1},
    {"by address",           "x,10.0.0.1 ssh-ed25519 %E\n",                     22,   KNOWN_MATCH,   1},
    {"another host",         "db2 ssh-ed25519 %E\n",                            22,   KNOWN_UNKNOWN, 0},
    {"a port is part of it", "db1 ssh-ed25519 %E\n",                            2222, KNOWN_UNKNOWN, 0},
    {"with the port",        "[db1]:2222 ssh-ed25519 %E\n",                     2222, KNOWN_MATCH,   1},
    {"stars",                "d*1,zz ssh-ed25519 %E\n",                         22,   KNOWN_MATCH,   1},
    {"many stars",           "*a*b*c*d*e*f*g*h* ssh-ed25519 %E\n",              22,   KNOWN_UNKNOWN, 0},
    {"question mark",        "db? ssh-ed25519 %E\n",                            22,   KNOWN_MATCH,   1},
    {"excluded",             "*,!db1 ssh-ed25519 %E\n",                         22,   KNOWN_MATCH,   1},
    {"excluded both ways",   "*,!db1,!10.0.0.1 ssh-ed25519 %E\n",               22,   KNOWN_UNKNOWN, 0},
    {"another key",          "# x\ndb1 ssh-ed25519 %F\n",                       22,   KNOWN_CHANGED, 2},
    {"another kind only",    "db1 ssh-rsa %R\n",                                22,   KNOWN_CHANGED, 1},
    {"same kind is named",   "db1 ssh-rsa %R\ndb1 ssh-ed25519 %F\n",            22,   KNOWN_CHANGED, 2},
    {"one of two",           "db1 ssh-ed25519 %F\ndb1 ssh-ed25519 %E\n",        22,   KNOWN_MATCH,   2},
    {"revoked",              "@revoked * ssh-ed25519 %E\n",                     22,   KNOWN_REVOKED, 1},
    {"revoked wins",         "db1 ssh-ed25519 %E\n@revoked * ssh-ed25519 %E\n", 22,   KNOWN_REVOKED, 2},
    {"another one revoked",  "@revoked * ssh-ed25519 %F\n",                     22,   KNOWN_UNKNOWN, 0},
    {"an authority's line",  "@cert-authority * ssh-ed25519 %E\n",              22,   KNOWN_UNKNOWN, 0},
    {"cut off",              "db1\ndb1 ssh-ed25519\ndb1 ssh-ed25519 %%%\n",     22,   KNOWN_UNKNOWN, 0},
    {"hash of nothing",      "|1| ssh-ed25519 %E\n|1|a|b ssh-ed25519 %E\n",     22,   KNOWN_UNKNOWN, 0},
};

static void add_key(struct buf *out, char which)
{
    if (which == 'E')
        digest_base64(out, ED("one"), sizeof(ED("one")) - 1);
    else if (which == 'F')
        digest_base64(out, ED("two"), sizeof(ED("two")) - 1);
    else if (which == 'R')
        digest_base64(out, RSA("one"), sizeof(RSA("one")) - 1);
    else
        buf_addc(out, which);
}

static void write_lines(const char *lines)
{
    struct buf text = BUF_INIT;
    struct err e = {0};

    for (; *lines; lines++) {
        if (*lines == '%')
            add_key(&text, *++lines);
        else
            buf_addc(&text, *lines);
    }
    if (file_write_atomic(path, text.data, text.len, 0600, &e) < 0)
        tap_ok(0, "writing: %s", e.text);
    buf_release(&text);
}

static void known_of(struct known_hosts *k, int port)
{
    struct ssh_target t = {
        .host = "db1", .ip = "10.0.0.1", .port = port, .known_hosts = path, .home = "/nonexistent"};

    known_init(k, &t);
    k->file[2][0] = '\0';
}

static void test_record(void)
{
    struct known_answer a;
    struct known_hosts k;
    struct err e = {0};
    char kinds[64];
    struct stat st;

    known_of(&k, 2222);
    unlink(path);
    tap_ok(known_record(&k, ED("one"), sizeof(ED("one")) - 1, &e) == 0, "a key is recorded");
    tap_ok(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600, "in a file for us alone");
    known_check(&k, ED("one"), sizeof(ED("one")) - 1, &a);
    tap_ok(a.verdict == KNOWN_MATCH && a.line == 1, "and known then");
    write_lines("db9 ssh-ed25519 %E");
    tap_ok(known_record(&k, RSA("one"), sizeof(RSA("one")) - 1, &e) == 0, "a file without a last "
                                                                          "newline");
    known_check(&k, RSA("one"), sizeof(RSA("one")) - 1, &a);
    tap_ok(a.verdict == KNOWN_MATCH && a.line == 2, "gets one first");
    write_lines("[db1]:2222 ssh-rsa %R\n[10.0.0.1]:2222 ssh-ed25519 %E\n[db1]:2222 ssh-rsa %R\n");
    known_kinds(&k, kinds, sizeof(kinds));
    tap_is(kinds, "ssh-rsa,ssh-ed25519", "the kinds by which a host is known");
    tap_ok(known_name(&k) == 0, "its name comes first");
    write_lines("[10.0.0.1]:2222 ssh-ed25519 %E\n");
    tap_ok(known_name(&k) == 1, "then its address");
}

static void test_kind(void)
{
    char kind[8];

    key_kind_text(ED("x"), sizeof(ED("x")) - 1, kind, sizeof(kind));
    tap_is(kind, "ssh-ed2", "a kind is cut to its room");
    key_kind_text("\377\377\377\377abc", 7, kind, sizeof(kind));
    tap_is(kind, "", "a length beyond the end is none");
    key_kind_text("\0\0\0\003a\nb", 7, kind, sizeof(kind));
    tap_is(kind, "", "nor are control characters");
}

int main(void)
{
    struct known_answer a;
    struct known_hosts k;
    int fd = mkstemp(path);

    if (fd < 0) {
        puts("Bail out! no file to write to");
        return 1;
    }
    close(fd);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct known_case *c = &cases[i];

        write_lines(c->lines);
        known_of(&k, c->port);
        known_check(&k, ED("one"), sizeof(ED("one")) - 1, &a);
        if (!tap_ok(a.verdict == c->verdict && a.line == c->line, "%s", c->name))
            printf("#   got %d in line %d\n", (int)a.verdict, a.line);
    }
    test_record();
    test_kind();
    unlink(path);
    return tap_done();
}
