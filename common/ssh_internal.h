/* What the two transports of ssh.h share; included by common/ssh*.c only. */
#ifndef KAGEMUSHA_SSH_INTERNAL_H
#define KAGEMUSHA_SSH_INTERNAL_H

#include "common/buf.h"
#include "common/err.h"
#include "common/ssh.h"

#include <stddef.h>
#include <stdint.h>

#define SSH_STDERR_MAX  65536
#define SSH_CLOSE_MS    200 /* what ssh_close may take */
#define SSH_SILENCE_S   10  /* a host that answers nothing for so long has lost its session */
#define SSH_NAME_BYTES  256
#define SSH_PATH_BYTES  512
#define SSH_HOSTS_FILES 3

/* One transport. Each session and channel begins with the structs below. */
struct ssh_ops {
    void (*close)(struct ssh *s);
    int (*start)(struct ssh *s, const char *command, struct ssh_channel **out, int64_t deadline_ms,
                 struct err *e);
    long (*read)(struct ssh_channel *c, void *bytes, size_t size, int64_t deadline_ms,
                 struct err *e);
    int (*write)(struct ssh_channel *c, const void *bytes, size_t len, int64_t deadline_ms,
                 struct err *e);
    int (*send_eof)(struct ssh_channel *c, int64_t deadline_ms, struct err *e);
    /* Waits for the end; does not free. */
    int (*finish)(struct ssh_channel *c, int *status, int64_t deadline_ms, struct err *e);
    void (*free_channel)(struct ssh_channel *c);
    int (*pollfd)(const struct ssh_channel *c);
};

struct ssh {
    const struct ssh_ops *ops;
    char host[SSH_NAME_BYTES];
    char backend[SSH_NAME_BYTES];
};

struct ssh_channel {
    const struct ssh_ops *ops;
    struct buf errors; /* standard error so far */
};

/* Why libssh2 gave up, for the choice of the transport. */
enum ssh_refusal {
    SSH_REFUSAL_OTHER,
    SSH_REFUSAL_KEX,      /* no common algorithm: an RSA-only host, or one too new */
    SSH_REFUSAL_HOST_KEY, /* the host is known by a kind of key that this libssh2 cannot check */
    SSH_REFUSAL_LOGIN     /* no key was accepted: ssh(1) may know more of them */
};

/* As ssh_open, by one transport; why is filled on failure. */
int ssh_libssh2_open(struct ssh **out, const struct ssh_target *t, int64_t deadline_ms,
                     enum ssh_refusal *why, struct err *e);
int ssh_openssh_open(struct ssh **out, const struct ssh_target *t, int64_t deadline_ms,
                     struct err *e);
/* "libssh2 1.10.0" */
const char *ssh_libssh2_version(void);

/* Waits for events on fd: 0, or -1 with ERR_TIMEOUT "what: ..." at the deadline. */
int ssh_wait(int fd, short events, int64_t deadline_ms, const char *what, struct err *e);
/* Appends to the kept standard error of a channel, up to its cap. */
void ssh_keep_errors(struct ssh_channel *c, const char *bytes, size_t len);
/* The home directory of t; "" when there is none. */
void ssh_home(const struct ssh_target *t, char *out, size_t size);

/* Connects to the port of t, by each of its addresses: the descriptor, which does not block, or -1.
 */
int ssh_connect(const struct ssh_target *t, int64_t deadline_ms, struct err *e);

/* --- known hosts (ssh_known.c) --- */

enum known_verdict {
    KNOWN_UNKNOWN, /* nothing about this host anywhere */
    KNOWN_MATCH,
    KNOWN_CHANGED, /* the host is there with another key of this kind, or only with other kinds */
    KNOWN_REVOKED
};

struct known_hosts {
    char file[SSH_HOSTS_FILES][SSH_PATH_BYTES]; /* ours, ~/.ssh, /etc/ssh; "" is left out */
    char name[2][SSH_NAME_BYTES]; /* the host as known_hosts writes it: by name, by address */
};

struct known_answer {
    enum known_verdict verdict;
    int matched_name;          /* index into known_hosts.name, for MATCH and CHANGED */
    char file[SSH_PATH_BYTES]; /* where the entry stands that decided; "" for UNKNOWN */
    int line;
    char print[160]; /* the fingerprint of the key that was asked for */
};

/* Names the files to look into, and the host. */
void known_init(struct known_hosts *k, const struct ssh_target *t);
/* key: the blob of SSH's wire format, which begins with its kind. */
void known_check(const struct known_hosts *k, const void *key, size_t key_len,
                 struct known_answer *out);
/* The kinds of key held for the host, comma-separated ("ssh-ed25519,ssh-rsa"); "" for none. */
void known_kinds(const struct known_hosts *k, char *out, size_t size);
/* The name under which the host is known (index), 0 when it is not. */
int known_name(const struct known_hosts *k);
/* Adds a line to our own file (0600, under a lock, in one write). No file: nothing. */
int known_record(const struct known_hosts *k, const void *key, size_t key_len, struct err *e);
/* Creates our own file, so that ssh(1) does not do it with another mode. */
int known_touch(const struct known_hosts *k, struct err *e);
/* Sets the sentence for a key that is not accepted, with the fix. Returns -1. */
int known_refuse(const struct ssh_target *t, const struct known_hosts *k,
                 const struct known_answer *a, struct err *e);

/* --- command lines of ssh(1) (ssh_words.c) --- */

#define SSH_WORDS_MAX 112

struct ssh_words {
    char *word[SSH_WORDS_MAX + 1]; /* NULL behind the last */
    size_t count;
    int overflow;
};

/* The master that logs in and listens on the socket; its own command is a cat. */
void ssh_words_master(struct ssh_words *w, const char *socket, const struct ssh_target *t,
                      const struct known_hosts *k, int64_t deadline_ms);
/* A command by the master of the socket. Everything but the socket is idle: if the master is gone,
 * ProxyCommand keeps this ssh(1) from opening a connection of its own. */
void ssh_words_channel(struct ssh_words *w, const char *socket, const char *host,
                       const char *command);
void ssh_words_release(struct ssh_words *w);

/* --- private key files and the agent (ssh_keys.c) --- */

enum key_kind { KEY_NONE, KEY_RSA, KEY_OTHER };

struct key_file {
    char path[SSH_PATH_BYTES];
    enum key_kind kind; /* KEY_NONE: there is no such file */
    int encrypted;
};

#define KEY_FILES 3
/* Looks at ~/.ssh/id_ed25519, id_ecdsa, id_rsa. */
void key_files(const char *home, struct key_file out[KEY_FILES]);

/* A connection to the agent of SSH_AUTH_SOCK. All its calls keep the deadline: an agent may wait
 * for a person. */
struct key_agent {
    int fd; /* -1: none */
    int64_t deadline_ms;
    struct buf answer; /* the last one */
    size_t next;       /* offset of the next identity in it */
    unsigned left;     /* identities not yet taken */
};

/* Connects and asks for the identities; without an agent a->fd is -1. ERR_SSH, ERR_TIMEOUT. */
int key_agent_open(struct key_agent *a, int64_t deadline_ms, struct err *e);
/* Appends the next public key (wire format) to blob: 1, or 0 at the end. */
int key_agent_next(struct key_agent *a, struct buf *blob);
/* Signs; sig gets the bare signature. Overwrites a->answer, so take all keys before. */
int key_agent_sign(struct key_agent *a, const struct buf *blob, const void *data, size_t len,
                   struct buf *sig);
void key_agent_close(struct key_agent *a);

/* The kind at the beginning of a blob in wire format, at most size - 1 bytes; "" when broken. */
void key_kind_text(const void *blob, size_t len, char *out, size_t size);

#endif
