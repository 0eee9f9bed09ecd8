/* Runs one command inside the namespaces of a process, as a caller that cannot be told from the
 * command: signals go down, the exit status comes up. It knows nothing of labs or servers. */
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_SETUP 125

static const int forwarded[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM, SIGUSR1,
                                SIGUSR2, SIGCONT, SIGALRM, SIGWINCH};
#define FORWARDED_COUNT (sizeof forwarded / sizeof forwarded[0])

static int join_namespaces(const char *pid_text)
{
    char cwd[PATH_MAX];
    char *end;
    long pid;
    int fd;

    pid = strtol(pid_text, &end, 10);
    if (pid <= 1 || *end != '\0') {
        fprintf(stderr, "enter: not a pid: %s\n", pid_text);
        return -1;
    }
    fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
    if (fd < 0) {
        fprintf(stderr, "enter: process %ld: %s\n", pid, strerror(errno));
        return -1;
    }
    if (getcwd(cwd, sizeof cwd) == NULL)
        cwd[0] = '\0';
    if (setns(fd, CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC |
                      CLONE_NEWCGROUP) != 0) {
        fprintf(stderr, "enter: namespaces of process %ld: %s\n", pid, strerror(errno));
        close(fd);
        return -1;
    }
    close(fd);
    if (cwd[0] == '\0' || chdir(cwd) != 0) {
        if (chdir("/") != 0)
            return -1;
    }
    return 0;
}

/* A signal typed at a terminal reaches the child by itself: only those sent by a process are
 * handed down. */
static void relay(pid_t child, const sigset_t *set)
{
    siginfo_t info;
    int status;

    for (;;) {
        if (sigwaitinfo(set, &info) < 0)
            continue;
        if (info.si_signo != SIGCHLD) {
            if (info.si_code <= 0)
                kill(child, info.si_signo);
            continue;
        }
        if (waitpid(child, &status, WNOHANG) != child)
            continue;
        if (WIFEXITED(status))
            exit(WEXITSTATUS(status));
        signal(WTERMSIG(status), SIG_DFL);
        sigprocmask(SIG_UNBLOCK, set, NULL);
        kill(getpid(), WTERMSIG(status));
        exit(128 + WTERMSIG(status));
    }
}

int main(int argc, char **argv)
{
    const struct rlimit no_core = {0, 0};
    sigset_t set, old;
    pid_t child;
    size_t i;

    if (argc < 3) {
        fprintf(stderr, "usage: enter PID COMMAND [ARGUMENT...]\n");
        return EXIT_SETUP;
    }
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    for (i = 0; i < FORWARDED_COUNT; i++)
        sigaddset(&set, forwarded[i]);
    sigprocmask(SIG_BLOCK, &set, &old);
    if (join_namespaces(argv[1]) != 0)
        return EXIT_SETUP;
    child = fork();
    if (child < 0) {
        fprintf(stderr, "enter: fork: %s\n", strerror(errno));
        return EXIT_SETUP;
    }
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        sigprocmask(SIG_SETMASK, &old, NULL);
        execvp(argv[2], argv + 2);
        fprintf(stderr, "enter: %s: %s\n", argv[2], strerror(errno));
        _exit(errno == ENOENT ? 127 : 126);
    }
    setrlimit(RLIMIT_CORE, &no_core);
    relay(child, &set);
    return EXIT_SETUP;
}
