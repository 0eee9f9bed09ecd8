/* kagemusha: one program under many names. */
#include "common/core.h"
#include "manager/cmd/cmd.h"

#include <malloc.h>
#include <unistd.h>

/* Threads are many and short-lived: one arena for all keeps the memory small. A thread may still
 * hang in a connection at the end, so the libraries' own clean-up must not run under it. */
int main(int argc, char **argv)
{
    int code;

    core_forbid();
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_MMAP_THRESHOLD, 128 * 1024); /* snapshots go back to the system at once */
    code = cmd_main(argc, argv);
    fflush(NULL);
    _exit(code);
}
