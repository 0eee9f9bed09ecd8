/* Command lines of ssh(1); see ssh_internal.h. */
#include "common/buf.h"
#include "common/clock.h"
#include "common/ssh_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void __attribute__((format(printf, 2, 3))) add(struct ssh_words *w, const char *fmt, ...)
{
    char text[2048];
    va_list ap;

    va_start(ap, fmt);
    if (vsnprintf(text, sizeof(text), fmt, ap) >= (int)sizeof(text) || w->count == SSH_WORDS_MAX)
        w->overflow = 1;
    else
        w->word[w->count++] = mem_strdup(text);
    va_end(ap);
}

void ssh_words_release(struct ssh_words *w)
{
    while (w->count > 0)
        free(w->word[--w->count]);
}

/* "-o", "key=value" */
static void add_options(struct ssh_words *w, const char *const *options, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        add(w, "-o");
        add(w, "%s", options[i]);
    }
}

/* The words of ssh_options: blanks part them, quotes keep them together and go away. */
static void add_user_options(struct ssh_words *w, const char *text)
{
    while (*(text += strspn(text, " \t"))) {
        struct buf word = BUF_INIT;
        char quote = '\0';

        for (; *text && (quote || (*text != ' ' && *text != '\t')); text++) {
            if (quote && *text == quote)
                quote = '\0';
            else if (!quote && (*text == '"' || *text == '\''))
                quote = *text;
            else
                buf_addc(&word, *text);
        }
        add(w, "%s", word.data);
        buf_release(&word);
    }
}

/* A file name as a value of ssh_config: quoted, with %% for %. */
static void add_file_name(struct buf *out, const char *path)
{
    buf_adds(out, " \"");
    for (; *path; path++) {
        if (*path == '%' || *path == '"' || *path == '\\')
            buf_addc(out, *path == '%' ? '%' : '\\');
        buf_addc(out, *path);
    }
    buf_adds(out, "\"");
}

/* Host keys: our file first, since ssh(1) writes new ones to the first. A host that is known is
 * only accepted with a kind of key by which it is known. */
static void add_host_key_options(struct ssh_words *w, const struct ssh_target *t,
                                 const struct known_hosts *k)
{
    static const char *const kinds[][2] = {
        {"ssh-ed25519",         "ssh-ed25519"              },
        {"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256"      },
        {"ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384"      },
        {"ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521"      },
        {"ssh-rsa",             "rsa-sha2-512,rsa-sha2-256"},
    };
    char known[SSH_NAME_BYTES];
    struct buf files = BUF_INIT, algs = BUF_INIT;

    add_file_name(&files, k->file[0][0] ? k->file[0] : "/dev/null");
    if (k->file[1][0])
        add_file_name(&files, k->file[1]);
    add(w, "-oUserKnownHostsFile=%s", files.data + 1);
    add(w, "-oHostKeyAlias=%s", k->name[known_name(k)]);
    add(w, "-oStrictHostKeyChecking=%s", t->host_key == SSH_STRICT ? "yes" : "accept-new");
    known_kinds(k, known, sizeof(known));
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strstr(known, kinds[i][0]))
            buf_addf(&algs, "%s%s", algs.len ? "," : "", kinds[i][1]);
    }
    if (algs.len)
        add(w, "-oHostKeyAlgorithms=%s", algs.data);
    buf_release(&files);
    buf_release(&algs);
}

/* Only another home directory than ssh(1) would look into has to be told. */
static void add_home_keys(struct ssh_words *w, const struct ssh_target *t)
{
    struct key_file files[KEY_FILES];

    if (!t->home)
        return;
    key_files(t->home, files);
    for (size_t i = 0; i < KEY_FILES; i++) {
        if (files[i].kind != KEY_NONE)
            add(w, "-oIdentityFile=%s", files[i].path);
    }
}

void ssh_words_master(struct ssh_words *w, const char *socket, const struct ssh_target *t,
                      const struct known_hosts *k, int64_t deadline_ms)
{
    static const char *const fixed[] = {
        "BatchMode=yes",     "PasswordAuthentication=no", "KbdInteractiveAuthentication=no",
        "ControlMaster=yes", "ControlPersist=no",         "ForkAfterAuthentication=no",
        "StdinNull=no",      "RemoteCommand=none",        "SessionType=default",
        "RequestTTY=no",     "PermitLocalCommand=no",     "ClearAllForwardings=yes",
        "UpdateHostKeys=no", "HashKnownHosts=no",         "CheckHostIP=no",
        "LogLevel=INFO",     "ServerAliveInterval=1",
    };

    add(w, "ssh");
    add_options(w, fixed, sizeof(fixed) / sizeof(fixed[0]));
    add(w, "-oServerAliveCountMax=%d", SSH_SILENCE_S);
    add(w, "-oConnectTimeout=%d", clock_left_ms(deadline_ms) / 1000 + 1);
    add(w, "-oControlPath=%s", socket);
    if (t->ip)
        add(w, "-oHostName=%s", t->ip);
    add_host_key_options(w, t, k);
    if (t->options)
        add_user_options(w, t->options);
    add_home_keys(w, t);
    add(w, "-p%d", t->port);
    add(w, "-l%s", t->user);
    add(w, "--");
    add(w, "%s", t->host);
    add(w, "exec cat");
}

void ssh_words_channel(struct ssh_words *w, const char *socket, const char *host,
                       const char *command)
{
    static const char *const fixed[] = {
        "BatchMode=yes",
        "ControlMaster=no",
        "ProxyCommand=exit 255",
        "ForkAfterAuthentication=no",
        "StdinNull=no",
        "RemoteCommand=none",
        "SessionType=default",
        "RequestTTY=no",
        "ClearAllForwardings=yes",
        "LogLevel=ERROR",
    };

    add(w, "ssh");
    add_options(w, fixed, sizeof(fixed) / sizeof(fixed[0]));
    add(w, "-oControlPath=%s", socket);
    add(w, "--");
    add(w, "%s", host);
    if (w->count < SSH_WORDS_MAX)
        w->word[w->count++] = mem_strdup(command);
}
