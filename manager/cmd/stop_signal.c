/* Ending early by a signal; see stop_signal.h. */
#include "manager/cmd/stop_signal.h"

#include <signal.h>
#include <stddef.h>

volatile int stop_signal;

static void on_signal(int sig)
{
    stop_signal = sig;
}

void stop_signal_catch(void)
{
    static const int ending[] = {SIGINT, SIGHUP, SIGQUIT, SIGTERM};
    struct sigaction a = {.sa_handler = on_signal};

    for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++)
        sigaction(ending[i], &a, NULL);
    a.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &a, NULL);
}
