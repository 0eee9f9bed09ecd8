/* Known hosts in the format of sshd(8): read from three files, written to our own. Knows nothing of
 * sessions. */
#include "common/buf.h"
#include "common/digest.h"
#include "common/file.h"
#include "common/ssh_internal.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <unistd.h>

#define HOSTS_FILE_MAX ((size_t)8 * 1024 * 1024)
#define KIND_BYTES     64

/* One line that speaks of our host. */
struct entry {
    int name; /* index into known_hosts.name */
    int revoked;
    int line;
    const char *file;
    char kind[KIND_BYTES];
    struct buf blob;
};

typedef void visit_fn(const struct entry *en, void *arg);

/* Next word of a line; *p moves behind it. */
static size_t next_word(const char **p, const char **word)
{
    size_t len;

    *p += strspn(*p, " \t");
    *word = *p;
    len = strcspn(*p, " \t\r");
    *p += len;
    return len;
}

/* "|1|salt|hash", where hash is HMAC-SHA1(salt, name). */
static int hashed_match(const char *text, size_t len, const char *name)
{
    const char *bar = memchr(text + 3, '|', len - 3);
    struct buf salt = BUF_INIT, want = BUF_INIT;
    unsigned char got[DIGEST_SHA1_BYTES];
    int match = 0;

    if (bar && digest_unbase64(&salt, text + 3, (size_t)(bar - text - 3)) == 0 &&
        digest_unbase64(&want, bar + 1, len - (size_t)(bar + 1 - text)) == 0) {
        digest_hmac_sha1(salt.data, salt.len, name, got);
        match = want.len == sizeof(got) && memcmp(got, want.data, sizeof(got)) == 0;
    }
    buf_release(&salt);
    buf_release(&want);
    return match;
}

/* A pattern with * and ?, in any case. Iterative: a hostile file must not cost a deep stack. */
static int pattern_match(const char *pat, size_t len, const char *name)
{
    const char *end = pat + len, *star = NULL, *retry = NULL;

    while (*name) {
        if (pat < end && *pat == '*') {
            star = ++pat;
            retry = name;
        } else if (pat < end &&
                   (*pat == '?' || tolower((unsigned char)*pat) == tolower((unsigned char)*name))) {
            pat++;
            name++;
        } else if (star) {
            pat = star;
            name = ++retry;
        } else {
            return 0;
        }
    }
    while (pat < end && *pat == '*')
        pat++;
    return pat == end;
}

/* The first field of a line: patterns separated by commas, "!" excludes. */
static int hosts_match(const char *field, size_t len, const char *name)
{
    int found = 0;

    if (len > 3 && strncmp(field, "|1|", 3) == 0)
        return hashed_match(field, len, name);
    while (len > 0) {
        const char *comma = memchr(field, ',', len);
        size_t one = comma ? (size_t)(comma - field) : len;
        int negated = one > 0 && *field == '!';

        if (pattern_match(field + negated, one - (size_t)negated, name)) {
            if (negated)
                return 0;
            found = 1;
        }
        one += comma != NULL;
        field += one;
        len -= one;
    }
    return found;
}

/* Fills en from a line; 0 when it does not speak of our host, or cannot be read. */
static int parse_line(const struct known_hosts *k, const char *line, struct entry *en)
{
    const char *hosts, *kind, *key;
    size_t hosts_len = next_word(&line, &hosts), kind_len, key_len;

    en->revoked = 0;
    if (hosts_len && *hosts == '@') {
        if (hosts_len != 8 || strncmp(hosts, "@revoked", 8) != 0)
            return 0;
        en->revoked = 1;
        hosts_len = next_word(&line, &hosts);
    }
    kind_len = next_word(&line, &kind);
    key_len = next_word(&line, &key);
    if (!hosts_len || *hosts == '#' || !key_len || kind_len >= sizeof(en->kind))
        return 0;
    for (en->name = 0; en->name < 2; en->name++) {
        if (k->name[en->name][0] && hosts_match(hosts, hosts_len, k->name[en->name]))
            break;
    }
    buf_clear(&en->blob);
    if (en->name == 2 || digest_unbase64(&en->blob, key, key_len) < 0)
        return 0;
    snprintf(en->kind, sizeof(en->kind), "%.*s", (int)kind_len, kind);
    return 1;
}

static void scan_file(const struct known_hosts *k, const char *file, visit_fn *visit, void *arg)
{
    struct buf text = BUF_INIT;
    struct entry en = {.file = file, .blob = BUF_INIT};
    char *line, *end;

    /* A file that is not there knows nobody. */
    if (file_read(file, &text, HOSTS_FILE_MAX, NULL) == 0) {
        for (line = text.data; *line; line = end) {
            end = line + strcspn(line, "\n");
            if (*end)
                *end++ = '\0';
            en.line++;
            if (parse_line(k, line, &en))
                visit(&en, arg);
        }
    }
    buf_release(&en.blob);
    buf_release(&text);
}

static void scan(const struct known_hosts *k, visit_fn *visit, void *arg)
{
    for (size_t i = 0; i < SSH_HOSTS_FILES; i++) {
        if (k->file[i][0])
            scan_file(k, k->file[i], visit, arg);
    }
}

static void host_form(const char *host, int port, char *out, size_t size)
{
    if (port == 22)
        snprintf(out, size, "%s", host);
    else
        snprintf(out, size, "[%s]:%d", host, port);
    for (; *out; out++)
        *out = (char)tolower((unsigned char)*out);
}

void known_init(struct known_hosts *k, const struct ssh_target *t)
{
    char home[SSH_PATH_BYTES - 32];

    *k = (struct known_hosts){0};
    ssh_home(t, home, sizeof(home));
    snprintf(k->file[0], sizeof(k->file[0]), "%s", t->known_hosts ? t->known_hosts : "");
    if (home[0])
        snprintf(k->file[1], sizeof(k->file[1]), "%s/.ssh/known_hosts", home);
    snprintf(k->file[2], sizeof(k->file[2]), "/etc/ssh/ssh_known_hosts");
    host_form(t->host, t->port, k->name[0], sizeof(k->name[0]));
    if (t->ip && strcmp(t->ip, t->host) != 0)
        host_form(t->ip, t->port, k->name[1], sizeof(k->name[1]));
}

struct check {
    const void *key;
    size_t key_len;
    char kind[KIND_BYTES];
    int same_kind; /* the entry noted so far is of this kind */
    struct known_answer *out;
};

static void note(const struct check *c, const struct entry *en, enum known_verdict verdict)
{
    c->out->verdict = verdict;
    c->out->matched_name = en->name;
    c->out->line = en->line;
    snprintf(c->out->file, sizeof(c->out->file), "%s", en->file);
}

static void check_entry(const struct entry *en, void *arg)
{
    struct check *c = arg;
    int same = en->blob.len == c->key_len && memcmp(en->blob.data, c->key, c->key_len) == 0;
    int kind = strcmp(en->kind, c->kind) == 0;

    if (en->revoked) {
        if (same)
            note(c, en, KNOWN_REVOKED);
    } else if (c->out->verdict == KNOWN_REVOKED || c->out->verdict == KNOWN_MATCH) {
        return;
    } else if (same) {
        note(c, en, KNOWN_MATCH);
    } else if (c->out->verdict == KNOWN_UNKNOWN || (kind && !c->same_kind)) {
        note(c, en, KNOWN_CHANGED);
        c->same_kind = kind;
    }
}

/* "ssh-ed25519 SHA256:...", as ssh-keygen -l prints it. */
static void fingerprint(const void *key, size_t key_len, char *out, size_t size)
{
    unsigned char sum[DIGEST_SHA256_BYTES];
    struct buf text = BUF_INIT;
    char kind[KIND_BYTES];

    digest_sha256(key, key_len, sum);
    digest_base64(&text, sum, sizeof(sum));
    key_kind_text(key, key_len, kind, sizeof(kind));
    snprintf(out, size, "%s SHA256:%.*s", kind, (int)strcspn(text.data, "="), text.data);
    buf_release(&text);
}

void known_check(const struct known_hosts *k, const void *key, size_t key_len,
                 struct known_answer *out)
{
    struct check c = {.key = key, .key_len = key_len, .out = out};

    *out = (struct known_answer){.verdict = KNOWN_UNKNOWN};
    fingerprint(key, key_len, out->print, sizeof(out->print));
    key_kind_text(key, key_len, c.kind, sizeof(c.kind));
    scan(k, check_entry, &c);
}

static void add_kind(const struct entry *en, void *arg)
{
    struct buf *kinds = arg;
    size_t len = strlen(en->kind);
    const char *p;

    if (en->revoked)
        return;
    for (p = kinds->data; (p = strstr(p, en->kind)); p += len) {
        if (p[len] == ',')
            return;
    }
    buf_addf(kinds, "%s,", en->kind);
}

void known_kinds(const struct known_hosts *k, char *out, size_t size)
{
    struct buf kinds = BUF_INIT;

    scan(k, add_kind, &kinds);
    snprintf(out, size, "%.*s", kinds.len ? (int)kinds.len - 1 : 0, kinds.data);
    buf_release(&kinds);
}

static void best_name(const struct entry *en, void *arg)
{
    int *name = arg;

    if (!en->revoked && (*name < 0 || en->name < *name))
        *name = en->name;
}

int known_name(const struct known_hosts *k)
{
    int name = -1;

    scan(k, best_name, &name);
    return name < 0 ? 0 : name;
}

/* Takes the lock that a second manager takes too, and begins a new line if the last has no end. The
 * file is appended to, never replaced: ssh(1) appends to it as well, which a rename would lose. */
static int begin_line(int fd, const char *path, struct buf *line, struct err *e)
{
    off_t end;
    char last = '\n';

    if (flock(fd, LOCK_EX) < 0)
        return err_errno(e, ERR_IO, "cannot lock %s", path);
    end = lseek(fd, 0, SEEK_END);
    if (end > 0 && pread(fd, &last, 1, end - 1) == 1 && last != '\n')
        buf_adds(line, "\n");
    return 0;
}

/* The work directory that holds it is made on first use, whichever command comes first. */
static int open_ours(const char *path, struct err *e)
{
    const char *slash = strrchr(path, '/');
    char dir[PATH_MAX];
    int fd;

    snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - path) : 0, path);
    if (*dir && file_mkdirs(dir, 0755, e) < 0)
        return -1;
    fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    return fd < 0 ? err_errno(e, ERR_IO, "cannot open %s", path) : fd;
}

int known_touch(const struct known_hosts *k, struct err *e)
{
    int fd = k->file[0][0] ? open_ours(k->file[0], e) : 0;

    if (fd > 0)
        close(fd);
    return fd < 0 ? -1 : 0;
}

int known_record(const struct known_hosts *k, const void *key, size_t key_len, struct err *e)
{
    const char *path = k->file[0];
    struct buf line = BUF_INIT;
    char kind[KIND_BYTES];
    int fd, rc;

    if (!*path)
        return 0;
    fd = open_ours(path, e);
    if (fd < 0)
        return -1;
    key_kind_text(key, key_len, kind, sizeof(kind));
    rc = begin_line(fd, path, &line, e);
    buf_addf(&line, "%s %s ", k->name[0], kind);
    digest_base64(&line, key, key_len);
    buf_adds(&line, "\n");
    if (rc == 0)
        rc = file_write_all(fd, line.data, line.len, e);
    if (rc == 0 && fsync(fd) < 0)
        rc = err_errno(e, ERR_IO, "cannot sync %s", path);
    close(fd);
    buf_release(&line);
    return rc;
}

int known_refuse(const struct ssh_target *t, const struct known_hosts *k,
                 const struct known_answer *a, struct err *e)
{
    if (a->verdict == KNOWN_REVOKED)
        return err_set(e, ERR_SSH, "host %s: its key (%s) is revoked in %s line %d", t->host,
                       a->print, a->file, a->line);
    if (a->verdict == KNOWN_CHANGED)
        return err_set(e, ERR_SSH,
                       "host %s: its key (%s) is not the one in %s line %d: the host was set up "
                       "anew, or somebody stands in between; once checked: "
                       "ssh-keygen -R '%s' -f %s",
                       t->host, a->print, a->file, a->line, k->name[a->matched_name], a->file);
    return err_set(e, ERR_SSH,
                   "host %s: its key (%s) is unknown and ssh_host_key=strict; once checked: "
                   "ssh-keyscan -p %d %s >>%s",
                   t->host, a->print, t->port, t->ip ? t->ip : t->host,
                   k->file[0][0] ? k->file[0] : k->file[1]);
}
