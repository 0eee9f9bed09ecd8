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

int ask_other_master(struct topo *t, struct err *e)
{
    char name[TOPO_TEXT];
    int host;

    printf("Continue? (yes/NO): ");
    if (!ask_yes())
        return err_set(e, ERR_WORLD, "stopped at the question for another new master");
    printf("Enter new master host name: ");
    ask_line(name, sizeof name);
    host = topo_find(t, name, 3306);
    if (host == NO_HOST || t->host[host].reach != REACH_UP)
        return err_set(e, ERR_WORLD, "%s is not a server of the group that answers", name);
    printf("Master switch to %s. OK? (yes/NO): ", name);
    if (!ask_yes())
        return err_set(e, ERR_WORLD, "stopped at the question for %s", name);
    t->forced = host;
    return 0;
}
