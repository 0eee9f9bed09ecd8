/* The handshake and who may come in; see replay.h. Packets as the client/server protocol has them
 * since 4.1; mysql_native_password, and the fast path of caching_sha2_password. */
#include "common/digest.h"
#include "node/replay/replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

enum capability {
    CAP_LONG_PASSWORD = 1,
    CAP_LONG_FLAG = 4,
    CAP_CONNECT_WITH_DB = 8,
    CAP_PROTOCOL_41 = 0x200,
    CAP_TRANSACTIONS = 0x2000,
    CAP_SECURE_CONNECTION = 0x8000,
    CAP_PLUGIN_AUTH = 0x80000,
    CAP_CONNECT_ATTRS = 0x100000,
    CAP_PLUGIN_AUTH_LENENC = 0x200000
};
/* Neither TLS nor compression nor new result sets: what a client does not find here it leaves. */
#define CAPS                                                                                       \
    (CAP_LONG_PASSWORD | CAP_LONG_FLAG | CAP_CONNECT_WITH_DB | CAP_PROTOCOL_41 |                   \
     CAP_TRANSACTIONS | CAP_SECURE_CONNECTION | CAP_PLUGIN_AUTH | CAP_CONNECT_ATTRS |              \
     CAP_PLUGIN_AUTH_LENENC)

enum { ER_ACCESS_DENIED = 1045, LOGIN_HEAD_BYTES = 32 };

static const char *plugin_of(const struct replay_session *s)
{
    return s->r->ask.use_sha2 ? "caching_sha2_password" : "mysql_native_password";
}

/* Clients take the nonce for text: no byte of it may be 0. */
static int make_nonce(unsigned char *out, size_t len, struct err *e)
{
    if (getrandom(out, len, 0) != (ssize_t)len)
        return err_errno(e, ERR_IO, "no random bytes");
    for (size_t i = 0; i < len; i++)
        out[i] = (unsigned char)(out[i] % 94 + 33);
    return 0;
}

static int send_handshake(struct replay_session *s, struct err *e)
{
    struct buf b = BUF_INIT;
    int rc;

    buf_addc(&b, 10);
    buf_add(&b, s->r->server_version, strlen(s->r->server_version) + 1);
    buf_add(&b, "\1\0\0\0", 4); /* connection id */
    buf_add(&b, s->nonce, 8);
    buf_addc(&b, 0);
    buf_addc(&b, (char)(CAPS & 0xff));
    buf_addc(&b, (char)(CAPS >> 8 & 0xff));
    buf_add(&b, "\x2d\2\0", 3); /* utf8mb4, autocommit */
    buf_addc(&b, (char)(CAPS >> 16 & 0xff));
    buf_addc(&b, (char)(CAPS >> 24 & 0xff));
    buf_addc(&b, REPLAY_NONCE_BYTES + 1);
    buf_add(&b, "\0\0\0\0\0\0\0\0\0\0", 10);
    buf_add(&b, s->nonce + 8, REPLAY_NONCE_BYTES - 8);
    buf_addc(&b, 0);
    buf_add(&b, plugin_of(s), strlen(plugin_of(s)) + 1);
    rc = packet_send(&s->conn, b.data, b.len, e) || packet_flush(&s->conn, e) ? -1 : 0;
    buf_release(&b);
    return rc;
}

struct cursor {
    const unsigned char *at, *end;
};

static const char *take_string(struct cursor *c)
{
    const unsigned char *nul = memchr(c->at, 0, (size_t)(c->end - c->at));
    const char *text = (const char *)c->at;

    if (!nul)
        return NULL;
    c->at = nul + 1;
    return text;
}

/* The answer to the nonce: its length comes first, in one byte in all clients there are. */
static int take_scramble(struct cursor *c, const unsigned char **out, size_t *len)
{
    if (c->at == c->end || *c->at > 250 || *c->at > c->end - c->at - 1)
        return -1;
    *len = *c->at;
    *out = c->at + 1;
    c->at += 1 + *len;
    return 0;
}

struct login {
    const unsigned char *scramble;
    size_t scramble_len;
    const char *plugin; /* "" unknown */
};

static int read_login(const struct buf *in, struct login *l, struct err *e)
{
    struct cursor c = {(const unsigned char *)in->data, (const unsigned char *)in->data + in->len};
    const char *plugin;
    uint32_t caps;

    if (in->len < LOGIN_HEAD_BYTES)
        return err_set(e, ERR_FORMAT, "a login of %zu bytes", in->len);
    caps = c.at[0] | (uint32_t)c.at[1] << 8 | (uint32_t)c.at[2] << 16 | (uint32_t)c.at[3] << 24;
    if (!(caps & CAP_PROTOCOL_41) || !(caps & CAP_SECURE_CONNECTION))
        return err_set(e, ERR_FORMAT, "a login of an old protocol");
    c.at += LOGIN_HEAD_BYTES;
    if (!take_string(&c) || take_scramble(&c, &l->scramble, &l->scramble_len))
        return err_set(e, ERR_FORMAT, "a login that contradicts itself");
    if ((caps & CAP_CONNECT_WITH_DB) && !take_string(&c))
        return err_set(e, ERR_FORMAT, "a login whose database has no end");
    plugin = caps & CAP_PLUGIN_AUTH ? take_string(&c) : NULL;
    l->plugin = plugin ? plugin : "";
    return 0;
}

/* SHA1(password) xor SHA1(nonce + SHA1(SHA1(password))). */
static size_t native_scramble(const struct replay_session *s, unsigned char *out)
{
    unsigned char once[DIGEST_SHA1_BYTES], text[REPLAY_NONCE_BYTES + DIGEST_SHA1_BYTES];
    const char *password = s->r->password;

    digest_sha1(password, strlen(password), once);
    memcpy(text, s->nonce, REPLAY_NONCE_BYTES);
    digest_sha1(once, sizeof(once), text + REPLAY_NONCE_BYTES);
    digest_sha1(text, sizeof(text), out);
    for (size_t i = 0; i < DIGEST_SHA1_BYTES; i++)
        out[i] ^= once[i];
    return DIGEST_SHA1_BYTES;
}

/* SHA256(password) xor SHA256(SHA256(SHA256(password)) + nonce). */
static size_t sha2_scramble(const struct replay_session *s, unsigned char *out)
{
    unsigned char once[DIGEST_SHA256_BYTES], text[DIGEST_SHA256_BYTES + REPLAY_NONCE_BYTES];
    const char *password = s->r->password;

    digest_sha256(password, strlen(password), once);
    digest_sha256(once, sizeof(once), text);
    memcpy(text + DIGEST_SHA256_BYTES, s->nonce, REPLAY_NONCE_BYTES);
    digest_sha256(text, sizeof(text), out);
    for (size_t i = 0; i < DIGEST_SHA256_BYTES; i++)
        out[i] ^= once[i];
    return DIGEST_SHA256_BYTES;
}

static int is_right(const struct replay_session *s, const unsigned char *scramble, size_t len)
{
    unsigned char want[DIGEST_SHA256_BYTES];
    size_t n = s->r->ask.use_sha2 ? sha2_scramble(s, want) : native_scramble(s, want);
    unsigned char differs = 0;

    if (len != n)
        return 0;
    for (size_t i = 0; i < n; i++)
        differs |= (unsigned char)(want[i] ^ scramble[i]);
    return differs == 0;
}

/* A client that began with another plugin is asked to take ours. */
static int ask_plugin(struct replay_session *s, struct err *e)
{
    struct buf b = BUF_INIT;
    int rc;

    buf_addc(&b, (char)0xfe);
    buf_add(&b, plugin_of(s), strlen(plugin_of(s)) + 1);
    buf_add(&b, s->nonce, REPLAY_NONCE_BYTES);
    buf_addc(&b, 0);
    rc = packet_send(&s->conn, b.data, b.len, e) || packet_flush(&s->conn, e) ? -1 : 0;
    buf_release(&b);
    if (rc == 0 && packet_read(&s->conn, e) <= 0)
        rc = e->code ? -1 : err_set(e, ERR_IO, "the replica hung up while it logged in");
    return rc;
}

static int judge(const struct replay_session *s, const struct login *l, struct err *e)
{
    if (s->r->ask.any_password)
        return replay_peer_is(s->conn.in_fd, s->r->ask.peer_uid, e);
    return is_right(s, l->scramble, l->scramble_len);
}

/* With caching_sha2_password "it was right" is a packet of its own, before the usual one; a client
 * whose account has no password does not wait for it. */
static int welcome(struct replay_session *s, size_t scramble_len, struct err *e)
{
    if (s->r->ask.use_sha2 && scramble_len > 1 && packet_send(&s->conn, "\1\3", 2, e))
        return -1;
    return packet_ok(&s->conn, e);
}

int replay_login(struct replay_session *s, struct err *e)
{
    struct login l = {.plugin = ""};
    int rc;

    if (make_nonce(s->nonce, sizeof(s->nonce), e) || send_handshake(s, e))
        return -1;
    rc = packet_read(&s->conn, e);
    if (rc <= 0)
        return rc;
    if (read_login(&s->conn.in, &l, e))
        return -1;
    if (strcmp(l.plugin, plugin_of(s)) != 0) {
        if (ask_plugin(s, e))
            return -1;
        l.scramble = (const unsigned char *)s->conn.in.data;
        l.scramble_len = s->conn.in.len;
    }
    rc = judge(s, &l, e);
    if (rc < 0)
        return -1;
    if (rc == 0) {
        packet_error(&s->conn, ER_ACCESS_DENIED, "Access denied: not the replica that is awaited",
                     e);
        return 0;
    }
    return welcome(s, l.scramble_len, e) ? -1 : 1;
}
