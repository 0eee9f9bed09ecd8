/* masterha_master_switch --master_state=alive: options of its own. */
#ifndef KAGEMUSHA_SWITCH_ALIVE_H
#define KAGEMUSHA_SWITCH_ALIVE_H

/* 1 when the command line asks for it. argv is not changed. */
int switch_alive_is_meant(int argc, char **argv);
/* The exit code. command: for the journal; stop: set by the caller's signal handler. */
int switch_alive(const char *command, int argc, char **argv, volatile int *stop);
/* Its options, behind those for a dead master. */
void switch_alive_help(void);

#endif
