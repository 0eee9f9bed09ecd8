/* The beginning of a session of libssh2: keys exchanged, the host's key checked, a login by what
 * keys there are. */
#include "common/buf.h"
#include "common/clock.h"
#include "common/ssh_libssh2.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RSA_SHA2_SINCE 0x010b00 /* 1.11.0; older ones sign RSA with SHA-1, which sshd refuses */
#define TRIED_BYTES    200
#define AGENT_MS       2000 /* one that hangs, or asks a person, must not use up the deadline */

static int kind_listed(const char *kinds, const char *alg)
{
    const char *kind = strncmp(alg, "rsa-sha2-", 9) == 0 ? "ssh-rsa" : alg;
    size_t len = strlen(kind);

    for (; *kinds; kinds += strcspn(kinds, ","), kinds += *kinds == ',') {
        if (strncmp(kinds, kind, len) == 0 && (kinds[len] == ',' || !kinds[len]))
            return 1;
    }
    return 0;
}

/* Asks first for the kinds of key that known_hosts holds, as ssh(1) does: else a host that is known
 * by one kind and offers another would look changed. */
static void prefer_known(struct lib_session *s, const char *kinds)
{
    const char **algs = NULL;
    struct buf order = BUF_INIT;
    int n = libssh2_session_supported_algs(s->lib, LIBSSH2_METHOD_HOSTKEY, &algs);

    for (int listed = 1; listed >= 0; listed--) {
        for (int i = 0; i < n; i++) {
            if (kind_listed(kinds, algs[i]) == listed)
                buf_addf(&order, "%s%s", order.len ? "," : "", algs[i]);
        }
    }
    if (*kinds && order.len)
        libssh2_session_method_pref(s->lib, LIBSSH2_METHOD_HOSTKEY, order.data);
    if (algs)
        libssh2_free(s->lib, (void *)(uintptr_t)algs);
    buf_release(&order);
}

static int check_host_key(struct lib_session *s, const struct ssh_target *t,
                          const struct known_hosts *k, enum ssh_refusal *why, struct err *e)
{
    struct known_answer answer;
    char kinds[SSH_NAME_BYTES], kind[64];
    size_t len = 0;
    int type;
    const char *key = libssh2_session_hostkey(s->lib, &len, &type);

    if (!key)
        return lib_error(s, "host key", e);
    known_check(k, key, len, &answer);
    if (answer.verdict == KNOWN_MATCH)
        return 0;
    if (answer.verdict == KNOWN_UNKNOWN && t->host_key == SSH_ACCEPT_NEW)
        return known_record(k, key, len, e) < 0 ? err_wrap(e, "host %s", t->host) : 0;
    known_kinds(k, kinds, sizeof(kinds));
    key_kind_text(key, len, kind, sizeof(kind));
    if (answer.verdict == KNOWN_CHANGED && !kind_listed(kinds, kind))
        *why = SSH_REFUSAL_HOST_KEY;
    return known_refuse(t, k, &answer, e);
}

int lib_shake_hands(struct lib_session *s, const struct ssh_target *t, int64_t deadline_ms,
                    enum ssh_refusal *why, struct err *e)
{
    struct known_hosts k;
    char kinds[SSH_NAME_BYTES];
    int rc, more;

    known_init(&k, t);
    known_kinds(&k, kinds, sizeof(kinds));
    prefer_known(s, kinds);
    do
        rc = libssh2_session_handshake(s->lib, s->fd);
    while ((more = lib_again(s, rc, deadline_ms, "SSH handshake", e)) > 0);
    if (more < 0)
        return -1;
    if (rc == LIBSSH2_ERROR_KEX_FAILURE || rc == LIBSSH2_ERROR_KEY_EXCHANGE_FAILURE)
        *why = SSH_REFUSAL_KEX;
    if (rc != 0)
        return lib_error(s, "SSH handshake", e);
    return check_host_key(s, t, &k, why, e);
}

struct login {
    struct lib_session *session;
    const struct ssh_target *target;
    int64_t deadline_ms;
    char tried[TRIED_BYTES]; /* for the message: what was tried, what was skipped and why */
};

struct signer {
    struct key_agent *agent;
    const struct buf *blob;
};

static void __attribute__((format(printf, 2, 3))) note_tried(struct login *l, const char *fmt, ...)
{
    size_t len = strlen(l->tried);
    va_list ap;

    if (len) {
        snprintf(l->tried + len, sizeof(l->tried) - len, ", ");
        len = strlen(l->tried);
    }
    va_start(ap, fmt);
    vsnprintf(l->tried + len, sizeof(l->tried) - len, fmt, ap);
    va_end(ap);
}

/* Called by the library; it frees *sig with free(). */
static LIBSSH2_USERAUTH_PUBLICKEY_SIGN_FUNC(sign_by_agent)
{
    struct signer *by = *abstract;
    struct buf out = BUF_INIT;

    (void)session;
    if (key_agent_sign(by->agent, by->blob, data, data_len, &out) < 0) {
        buf_release(&out);
        return -1;
    }
    *sig_len = out.len;
    *sig = (unsigned char *)buf_take(&out);
    return 0;
}

/* One key of the agent: 1 logged in, 0 not accepted, -1 the session is of no more use. */
static int try_identity(struct login *l, struct key_agent *agent, const struct buf *blob,
                        struct err *e)
{
    struct signer by = {agent, blob};
    void *abstract = &by;
    int rc, more;

    do
        rc = libssh2_userauth_publickey(l->session->lib, l->target->user,
                                        (const unsigned char *)blob->data, blob->len, sign_by_agent,
                                        &abstract);
    while ((more = lib_again(l->session, rc, l->deadline_ms, "login", e)) > 0);
    if (more < 0)
        return -1;
    return rc == 0;
}

/* Takes all keys out first: the next answer of the agent overwrites its list. */
static int try_agent_keys(struct login *l, struct key_agent *agent, struct err *e)
{
    struct buf keys[32];
    size_t count = 0, used = 0, rsa = 0;
    int rc = 0;

    for (; count < 32; count++) {
        buf_init(&keys[count]);
        if (!key_agent_next(agent, &keys[count]))
            break;
    }
    for (size_t i = 0; i < count && rc == 0; i++) {
        char kind[64];

        key_kind_text(keys[i].data, keys[i].len, kind, sizeof(kind));
        if (strcmp(kind, "ssh-rsa") == 0 && !libssh2_version(RSA_SHA2_SINCE)) {
            rsa++;
            continue;
        }
        used++;
        rc = try_identity(l, agent, &keys[i], e);
    }
    note_tried(l, "agent with %zu keys", used);
    if (rsa)
        note_tried(l, "%zu RSA keys of the agent skipped", rsa);
    for (size_t i = 0; i < count; i++)
        buf_release(&keys[i]);
    return rc;
}

static int try_agent(struct login *l, struct err *e)
{
    struct key_agent agent;
    int64_t agent_ms = clock_mono_ms() + AGENT_MS;
    struct err why = {0};
    int rc;

    if (key_agent_open(&agent, agent_ms < l->deadline_ms ? agent_ms : l->deadline_ms, &why) < 0) {
        note_tried(l, "%s", why.text);
        return 0;
    }
    rc = agent.fd < 0 ? 0 : try_agent_keys(l, &agent, e);
    key_agent_close(&agent);
    return rc;
}

/* One key file: as try_identity. */
static int try_file(struct login *l, const struct key_file *f, struct err *e)
{
    int rc, more;

    if (f->kind == KEY_NONE)
        return 0;
    if (f->encrypted) {
        note_tried(l, "%s skipped: it has a passphrase (use ssh-add)", f->path);
        return 0;
    }
    if (f->kind == KEY_RSA && !libssh2_version(RSA_SHA2_SINCE)) {
        note_tried(l, "%s skipped: %s cannot use RSA keys", f->path, ssh_libssh2_version());
        return 0;
    }
    note_tried(l, "%s", f->path);
    do
        rc = libssh2_userauth_publickey_fromfile_ex(
            l->session->lib, l->target->user, (unsigned)strlen(l->target->user), NULL, f->path, "");
    while ((more = lib_again(l->session, rc, l->deadline_ms, "login", e)) > 0);
    if (more < 0)
        return -1;
    return rc == 0;
}

int lib_log_in(struct lib_session *s, const struct ssh_target *t, int64_t deadline_ms,
               enum ssh_refusal *why, struct err *e)
{
    struct login l = {.session = s, .target = t, .deadline_ms = deadline_ms};
    struct key_file files[KEY_FILES];
    char home[SSH_PATH_BYTES - 32];
    int rc = try_agent(&l, e);

    ssh_home(t, home, sizeof(home));
    key_files(home, files);
    for (size_t i = 0; i < KEY_FILES && rc == 0; i++)
        rc = try_file(&l, &files[i], e);
    if (rc > 0)
        return 0;
    if (rc < 0)
        return -1;
    *why = SSH_REFUSAL_LOGIN;
    return err_set(e, ERR_SSH,
                   "host %s: no key of ours is accepted for user %s (%s); add a public key to its "
                   "authorized_keys",
                   t->host, t->user, l.tried[0] ? l.tried : "there is no agent and no key file");
}
