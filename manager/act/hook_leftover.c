/* Scripts that outlive the manager which called them (decision 3); see hooks.h. */
#include "common/clock.h"
#include "manager/act/hooks.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MS 5

/* Field 22 of /proc/PID/stat. A zombie has ended. */
long long hook_born(pid_t pid)
{
    char path[64], line[1024];
    long long ticks = -1;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "re");
    if (!f)
        return -1;
    const char *p = fgets(line, sizeof line, f) ? strrchr(line, ')') : NULL;
    if (p && p[1] == ' ' && p[2] == 'Z')
        p = NULL;
    for (int i = 2; p && i < 22; i++)
        p = strchr(p + 1, ' ');
    if (p)
        ticks = strtoll(p, NULL, 10);
    fclose(f);
    return ticks;
}

/* The group's number is free for others only when no process is left in it; its leader may have
 * ended before its children. */
int hook_end_leftover(pid_t pgid, long long born, int64_t deadline_ms)
{
    if (pgid <= 1 || born < 0 || hook_born(pgid) != born)
        return 0;
    while (kill(-pgid, SIGKILL) == 0 || errno != ESRCH) {
        if (hook_born(pgid) != born)
            break;
        if (clock_left_ms(deadline_ms) == 0)
            return -1;
        clock_sleep_ms(LOOK_MS);
    }
    return 1;
}
