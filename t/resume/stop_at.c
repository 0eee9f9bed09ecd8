/* Preloaded into a manager under test: ends or stops the whole process, by a real signal, exactly
 * before or behind one step, which it knows by the journal's lines. The product knows nothing of
 * it. STOP_AT="before|after WORD HOST"  HOST is a host's name; before: the line that begins the
 * step is written, the step has not begun; after: its work is done, and no line says so
 *   STOP_SIGNAL=KILL|STOP             KILL by default
 *   STOP_MARK=FILE                    gets the process's number just before the signal */
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

ssize_t write(int fd, const void *bytes, size_t size);

static int is_journal(int fd)
{
    char link[64], path[4096];
    ssize_t n;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof(path) - 1);
    if (n <= 0)
        return 0;
    path[n] = '\0';
    return strlen(path) > 14 && strcmp(path + strlen(path) - 14, "/journal.jsonl") == 0;
}

/* 1 when the line is about the step that is waited for. */
static int is_line(const char *line, size_t size, const char *rec, const char *word,
                   const char *host)
{
    char text[4096], want[128];

    if (size >= sizeof(text))
        return 0;
    memcpy(text, line, size);
    text[size] = '\0';
    snprintf(want, sizeof(want), "\"rec\":\"%s\"", rec);
    if (!strstr(text, want))
        return 0;
    snprintf(want, sizeof(want), "\"word\":\"%s\"", word);
    if (!strstr(text, want))
        return 0;
    snprintf(want, sizeof(want), "\"host\":\"%s(", host);
    return strstr(text, want) != NULL;
}

/* To this very thread: a signal to the process is taken by any of its threads, and this one would
 * go on with its step for a while. */
static void stop_now(void)
{
    const char *sig = getenv("STOP_SIGNAL"), *mark = getenv("STOP_MARK");
    int fd = mark ? open(mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;

    if (fd >= 0) {
        dprintf(fd, "%d\n", (int)getpid());
        close(fd);
    }
    unsetenv("STOP_AT");
    raise(sig && strcmp(sig, "STOP") == 0 ? SIGSTOP : SIGKILL);
}

ssize_t write(int fd, const void *bytes, size_t size)
{
    static ssize_t (*real)(int, const void *, size_t);
    const char *at = getenv("STOP_AT");
    char side[16], word[32], host[64];

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "write");
    if (!at || sscanf(at, "%15s %31s %63s", side, word, host) != 3 || !is_journal(fd))
        return real(fd, bytes, size);
    if (strcmp(side, "after") == 0) {
        if (is_line(bytes, size, "end", word, host))
            stop_now();
        return real(fd, bytes, size);
    }
    ssize_t n = real(fd, bytes, size);
    if (is_line(bytes, size, "begin", word, host))
        stop_now();
    return n;
}
