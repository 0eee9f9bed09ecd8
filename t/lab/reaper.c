/* Pid 1 of a lab host: collects dead children and lives until it is killed, which is the host's
 * power switch. It knows nothing of what runs on the host. */
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

int main(void)
{
    sigset_t set;
    int sig;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) {
        perror("reaper: sigprocmask");
        return 1;
    }
    for (;;) {
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
        if (sigwait(&set, &sig) != 0)
            return 1;
    }
}
