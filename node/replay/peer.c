/* Whose socket the other end of a loopback connection is, by the kernel's table (decision 16); see
 * replay.h. */
#include "node/replay/replay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* "0100007F:0CEA": the address as the word of memory is, and the port. */
static int is_address(const char *text, const struct sockaddr_in *a)
{
    char *colon, *end;
    unsigned long addr = strtoul(text, &colon, 16), port;

    if (*colon != ':')
        return 0;
    port = strtoul(colon + 1, &end, 16);
    return !*end && end != colon + 1 && addr == a->sin_addr.s_addr && port == ntohs(a->sin_port);
}

/* One line of /proc/net/tcp, which is cut up: 1 and its uid when it is the socket of the pair. */
static int line_is(char *line, const struct sockaddr_in *theirs, const struct sockaddr_in *ours,
                   unsigned *uid)
{
    char *field[8], *word, *end;
    size_t n = 0;

    while (n < 8 && (word = strsep(&line, " \n")))
        if (*word)
            field[n++] = word;
    if (n < 8 || !is_address(field[1], theirs) || !is_address(field[2], ours))
        return 0;
    *uid = (unsigned)strtoul(field[7], &end, 10);
    return end != field[7] && !*end;
}

int replay_peer_is(int fd, unsigned uid, struct err *e)
{
    struct sockaddr_in theirs = {0}, ours = {0};
    socklen_t a = sizeof(theirs), b = sizeof(ours);
    char line[512];
    unsigned owner = 0;
    int found = 0;
    FILE *f;

    if (getpeername(fd, (struct sockaddr *)&theirs, &a) ||
        getsockname(fd, (struct sockaddr *)&ours, &b))
        return err_errno(e, ERR_IO, "whose connection it is");
    if (theirs.sin_family != AF_INET || (ntohl(theirs.sin_addr.s_addr) >> 24) != 127)
        return 0;
    f = fopen("/proc/net/tcp", "re");
    if (!f)
        return err_errno(e, ERR_IO, "cannot read /proc/net/tcp");
    while (!found && fgets(line, sizeof(line), f))
        found = line_is(line, &theirs, &ours, &owner);
    fclose(f);
    return found && owner == uid;
}
