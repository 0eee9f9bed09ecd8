/* Private key files, looked at without using them, and the client side of ssh-agent's protocol
 * (draft-miller-ssh-agent), with deadlines. */
#include "common/digest.h"
#include "common/file.h"
#include "common/ssh_internal.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define KEY_FILE_MAX     65536
#define AGENT_ANSWER_MAX 262144
#define AGENT_LIST       11
#define AGENT_LIST_OK    12
#define AGENT_SIGN       13
#define AGENT_SIGN_OK    14
#define AGENT_SHA2_256   2
#define AGENT_SHA2_512   4

static unsigned get_u32(const void *bytes)
{
    const unsigned char *p = bytes;

    return (unsigned)p[0] << 24 | (unsigned)p[1] << 16 | (unsigned)p[2] << 8 | p[3];
}

static void put_u32(struct buf *b, size_t n)
{
    const unsigned char bytes[4] = {(unsigned char)(n >> 24), (unsigned char)(n >> 16),
                                    (unsigned char)(n >> 8), (unsigned char)n};

    buf_add(b, bytes, sizeof(bytes));
}

/* A string of the wire format at *at: 1 with its bytes, *at behind it; 0 when it is cut off. */
static int get_string(const void *bytes, size_t len, size_t *at, const char **out, size_t *out_len)
{
    const char *p = bytes;

    if (len - *at < 4)
        return 0;
    *out_len = get_u32(p + *at);
    if (len - *at - 4 < *out_len)
        return 0;
    *out = p + *at + 4;
    *at += 4 + *out_len;
    return 1;
}

void key_kind_text(const void *blob, size_t len, char *out, size_t size)
{
    size_t at = 0, kind_len;
    const char *kind;

    *out = '\0';
    if (!get_string(blob, len, &at, &kind, &kind_len))
        return;
    for (size_t i = 0; i < kind_len; i++) {
        if (kind[i] <= ' ' || kind[i] > '~')
            return;
    }
    snprintf(out, size, "%.*s", (int)(kind_len < size ? kind_len : size - 1), kind);
}

/* at: behind the magic word. */
static void read_header(const char *raw, size_t len, size_t at, struct key_file *f)
{
    char kind[64];
    size_t one_len;
    const char *one;

    if (!get_string(raw, len, &at, &one, &one_len)) /* cipher */
        return;
    f->encrypted = one_len != 4 || memcmp(one, "none", 4) != 0;
    if (!get_string(raw, len, &at, &one, &one_len) || /* key derivation, its options */
        !get_string(raw, len, &at, &one, &one_len) || len - at < 8)
        return;
    at += 8; /* number of keys, length of the first */
    key_kind_text(raw + at, len - at, kind, sizeof(kind));
    f->kind = strcmp(kind, "ssh-rsa") == 0 ? KEY_RSA : KEY_OTHER;
}

/* OpenSSH's own format: the cipher and the public key stand in front in the clear. */
static void look_inside(const char *text, struct key_file *f)
{
    static const char magic[] = "openssh-key-v1"; /* with its NUL */
    struct buf b64 = BUF_INIT, raw = BUF_INIT;

    buf_reserve(&b64, strlen(text));
    for (text += strcspn(text, "\n"); *text && *text != '-'; text++) {
        if (*text != '\n' && *text != '\r')
            buf_addc(&b64, *text);
    }
    if (digest_unbase64(&raw, b64.data, b64.len) == 0 && raw.len > sizeof(magic) &&
        memcmp(raw.data, magic, sizeof(magic)) == 0)
        read_header(raw.data, raw.len, sizeof(magic), f);
    buf_wipe(&b64);
    buf_wipe(&raw);
}

static void look_at(struct key_file *f)
{
    struct buf text = BUF_INIT;

    if (file_read(f->path, &text, KEY_FILE_MAX, NULL) == 0) {
        f->kind = strstr(text.data, "BEGIN RSA ") ? KEY_RSA : KEY_OTHER;
        f->encrypted = strstr(text.data, "ENCRYPTED") != NULL;
        if (strncmp(text.data, "-----BEGIN OPENSSH ", 19) == 0)
            look_inside(text.data, f);
    }
    buf_wipe(&text);
}

void key_files(const char *home, struct key_file out[KEY_FILES])
{
    static const char *const names[KEY_FILES] = {"id_ed25519", "id_ecdsa", "id_rsa"};

    for (size_t i = 0; i < KEY_FILES; i++) {
        out[i] = (struct key_file){.kind = KEY_NONE};
        snprintf(out[i].path, sizeof(out[i].path), "%s/.ssh/%s", home, names[i]);
        if (*home)
            look_at(&out[i]);
    }
}

/* Sends one message; the socket does not block. */
static int agent_send(struct key_agent *a, const struct buf *message, struct err *e)
{
    struct buf all = BUF_INIT;
    size_t sent = 0;
    int rc = 0;

    put_u32(&all, message->len);
    buf_add(&all, message->data, message->len);
    while (rc == 0 && sent < all.len) {
        ssize_t n = send(a->fd, all.data + sent, all.len - sent, MSG_NOSIGNAL);

        if (n > 0)
            sent += (size_t)n;
        else if (errno == EAGAIN || errno == EINTR)
            rc = ssh_wait(a->fd, POLLOUT, a->deadline_ms, "ssh-agent", e);
        else
            rc = err_errno(e, ERR_SSH, "ssh-agent");
    }
    buf_release(&all);
    return rc;
}

/* Receives until a->answer holds want bytes. */
static int agent_receive(struct key_agent *a, size_t want, struct err *e)
{
    while (a->answer.len < want) {
        char bytes[4096];
        size_t room = want - a->answer.len;
        ssize_t n = recv(a->fd, bytes, room < sizeof(bytes) ? room : sizeof(bytes), 0);

        if (n > 0)
            buf_add(&a->answer, bytes, (size_t)n);
        else if (n == 0)
            return err_set(e, ERR_SSH, "ssh-agent closed the connection");
        else if (errno != EAGAIN && errno != EINTR)
            return err_errno(e, ERR_SSH, "ssh-agent");
        else if (ssh_wait(a->fd, POLLIN, a->deadline_ms, "ssh-agent", e) < 0)
            return -1;
    }
    return 0;
}

/* One request and its answer, which must be of the given kind. */
static int key_agent_ask(struct key_agent *a, const struct buf *request, int kind, struct err *e)
{
    size_t len;

    buf_clear(&a->answer);
    if (agent_send(a, request, e) < 0 || agent_receive(a, 5, e) < 0)
        return -1;
    len = get_u32(a->answer.data);
    if (len == 0 || len > AGENT_ANSWER_MAX)
        return err_set(e, ERR_SSH, "ssh-agent sent an answer of %zu bytes", len);
    if (agent_receive(a, 4 + len, e) < 0)
        return -1;
    if ((unsigned char)a->answer.data[4] != kind)
        return err_set(e, ERR_SSH, "ssh-agent refused");
    return 0;
}

static int key_agent_list(struct key_agent *a, struct err *e)
{
    struct buf request = BUF_INIT;
    int rc;

    buf_addc(&request, AGENT_LIST);
    rc = key_agent_ask(a, &request, AGENT_LIST_OK, e);
    buf_release(&request);
    if (rc < 0)
        return -1;
    if (a->answer.len < 9)
        return err_set(e, ERR_SSH, "ssh-agent sent a short answer");
    a->left = get_u32(a->answer.data + 5);
    a->next = 9;
    return 0;
}

int key_agent_open(struct key_agent *a, int64_t deadline_ms, struct err *e)
{
    const char *path = getenv("SSH_AUTH_SOCK");
    struct sockaddr_un sun = {.sun_family = AF_UNIX};

    *a = (struct key_agent){.fd = -1, .deadline_ms = deadline_ms, .answer = BUF_INIT};
    if (!path || !*path)
        return 0;
    if (strlen(path) >= sizeof(sun.sun_path))
        return err_set(e, ERR_SSH, "SSH_AUTH_SOCK is too long");
    snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
    a->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (a->fd < 0)
        return err_errno(e, ERR_SSH, "ssh-agent");
    if (connect(a->fd, (struct sockaddr *)&sun, sizeof(sun)) == 0 && key_agent_list(a, e) == 0)
        return 0;
    if (a->answer.len == 0 && (!e || !e->text[0]))
        err_errno(e, ERR_SSH, "ssh-agent at %s", path);
    key_agent_close(a);
    return -1;
}

int key_agent_next(struct key_agent *a, struct buf *blob)
{
    const char *key, *comment;
    size_t key_len, comment_len;

    if (a->fd < 0 || a->left == 0 ||
        !get_string(a->answer.data, a->answer.len, &a->next, &key, &key_len) ||
        !get_string(a->answer.data, a->answer.len, &a->next, &comment, &comment_len))
        return 0;
    a->left--;
    buf_add(blob, key, key_len);
    return 1;
}

/* The flags for RSA: which hash to use stands in the data to be signed, behind session id, message
 * number, user, service, method and a boolean (RFC 4252, section 7). */
static unsigned sign_flags(const void *data, size_t len)
{
    size_t at = 0, one_len;
    const char *one;

    if (!get_string(data, len, &at, &one, &one_len) || len - at < 1)
        return 0;
    at++;
    for (int i = 0; i < 3; i++) {
        if (!get_string(data, len, &at, &one, &one_len))
            return 0;
    }
    if (len - at < 1)
        return 0;
    at++;
    if (!get_string(data, len, &at, &one, &one_len) || one_len != 12)
        return 0;
    if (memcmp(one, "rsa-sha2-256", 12) == 0)
        return AGENT_SHA2_256;
    return memcmp(one, "rsa-sha2-512", 12) == 0 ? AGENT_SHA2_512 : 0;
}

int key_agent_sign(struct key_agent *a, const struct buf *blob, const void *data, size_t len,
                   struct buf *sig)
{
    struct buf request = BUF_INIT;
    size_t at = 5, whole_len, one_len, inner = 0;
    const char *whole, *one;
    int rc;

    buf_addc(&request, AGENT_SIGN);
    put_u32(&request, blob->len);
    buf_add(&request, blob->data, blob->len);
    put_u32(&request, len);
    buf_add(&request, data, len);
    put_u32(&request, sign_flags(data, len));
    rc = key_agent_ask(a, &request, AGENT_SIGN_OK, NULL);
    buf_release(&request);
    /* The answer holds one string, and in it the kind and the bare signature. */
    if (rc < 0 || !get_string(a->answer.data, a->answer.len, &at, &whole, &whole_len) ||
        !get_string(whole, whole_len, &inner, &one, &one_len) ||
        !get_string(whole, whole_len, &inner, &one, &one_len))
        return -1;
    buf_add(sig, one, one_len);
    return 0;
}

void key_agent_close(struct key_agent *a)
{
    if (a->fd >= 0)
        close(a->fd);
    a->fd = -1;
    buf_release(&a->answer);
}
