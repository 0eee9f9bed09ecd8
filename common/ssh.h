/* Hosts by SSH: one interface, two transports (libssh2, and the system's ssh(1)). Sessions stay
 * open; host keys are checked (decision 29); every call has a deadline. Knows nothing of what is
 * run. A session is used by one thread. */
#ifndef KAGEMUSHA_SSH_H
#define KAGEMUSHA_SSH_H

#include "common/buf.h"
#include "common/err.h"

#include <stddef.h>
#include <stdint.h>

enum ssh_backend { SSH_AUTO, SSH_LIBSSH2, SSH_OPENSSH };
enum ssh_host_key { SSH_ACCEPT_NEW, SSH_STRICT };

struct ssh_target {
    const char *host; /* for messages and known_hosts */
    const char *ip;   /* connected to */
    int port;
    const char *user;
    const char *options; /* MHA's ssh_options: flags of ssh(1); non-empty forces that transport */
    enum ssh_backend backend;
    enum ssh_host_key host_key;
    const char *known_hosts; /* our own file, written with SSH_ACCEPT_NEW; ~/.ssh and /etc/ssh are
                                only read */
    const char *home;        /* where .ssh/id_* are; NULL: $HOME, then the password database */
};

struct ssh;
struct ssh_channel;

/* Connects, checks the host key, logs in by agent and keys (never a password, never a prompt).
 * ERR_SSH with host, fact and fix; ERR_TIMEOUT. SSH_AUTO takes libssh2 unless options are set or it
 * cannot serve (RSA keys or RSA-only hosts with 1.10). */
int ssh_open(struct ssh **out, const struct ssh_target *t, int64_t deadline_ms, struct err *e);
void ssh_close(struct ssh **s); /* never blocks longer than 200 ms; kills what it started locally */
/* "libssh2" or "openssh", with the reason it was taken: for --debug and check_ssh. */
const char *ssh_backend_text(const struct ssh *s);

/* Starts a command; several channels may be open in one session. */
int ssh_start(struct ssh *s, const char *command, struct ssh_channel **out, int64_t deadline_ms,
              struct err *e);
/* Reads what is there: >0 bytes, 0 at end of file, -1 with ERR_TIMEOUT when nothing came before the
 * deadline, or ERR_SSH. */
long ssh_read(struct ssh_channel *c, void *bytes, size_t size, int64_t deadline_ms, struct err *e);
int ssh_write(struct ssh_channel *c, const void *bytes, size_t len, int64_t deadline_ms,
              struct err *e);
int ssh_send_eof(struct ssh_channel *c, int64_t deadline_ms, struct err *e);
/* What came on standard error so far, at most 64 KiB. Borrowed. */
const char *ssh_stderr(const struct ssh_channel *c);
/* Waits for end of file and close, then reads the exit status (read too early it is wrong); frees
 * the channel in any case. *status: exit code, or 128 + signal; ssh(1) does not tell the signal,
 * there it is 255. */
int ssh_finish(struct ssh_channel **c, int *status, int64_t deadline_ms, struct err *e);
/* Gives the channel up at once. */
void ssh_abandon(struct ssh_channel **c);

/* A descriptor that polls readable when ssh_read may have something for c; a library may also have
 * bytes buffered, so call ssh_read with a deadline of now first. */
int ssh_pollfd(const struct ssh_channel *c);

/* The whole thing for short commands: start, input, output, status. */
int ssh_exec(struct ssh *s, const char *command, struct buf *output, int *status,
             int64_t deadline_ms, struct err *e);

#endif
