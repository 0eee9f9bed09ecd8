/* Core dumps: a process that knows passwords leaves none. */
#ifndef KAGEMUSHA_CORE_H
#define KAGEMUSHA_CORE_H

/* For this process and what it starts. Also where a program takes the dumps: core(5). */
void core_forbid(void);

#endif
