/* Core dumps; see core.h. */
#include "common/core.h"

#include <sys/resource.h>

/* One byte is too little for a file; and where cores go to a program, 0 would still be dumped, and
 * 1 never is (the kernel's do_coredump). */
void core_forbid(void)
{
    struct rlimit one = {1, 1};

    setrlimit(RLIMIT_CORE, &one);
}
