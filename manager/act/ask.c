/* Answers from standard input; see ask.h. */
#include "manager/act/ask.h"

#include <stdio.h>
#include <string.h>

void ask_line(char *out, size_t size)
{
    out[0] = '\0';
    fflush(stdout);
    if (!fgets(out, (int)size, stdin))
        return;
    out[strcspn(out, "\r\n")] = '\0';
}

int ask_yes(void)
{
    char line[64];
    ask_line(line, sizeof line);
    return line[0] == 'y' || line[0] == 'Y';
}
