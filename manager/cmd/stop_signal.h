/* How a command is told to end early: by a signal, which it looks at where it can still turn back.
 * Knows nothing of what the command does. */
#ifndef KAGEMUSHA_STOP_SIGNAL_H
#define KAGEMUSHA_STOP_SIGNAL_H

extern volatile int stop_signal; /* the last one that came, 0 none */

/* SIGINT, SIGHUP, SIGQUIT and SIGTERM are noted from here on, and end a read that waits. Nobody who
 * closed our pipe ends us. */
void stop_signal_catch(void);

#endif
