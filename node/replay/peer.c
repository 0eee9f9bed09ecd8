/* Whose socket the other end of a loopback connection is, by the kernel's table (decision 16); see
 * replay.h. */
#include "node/replay/replay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* One line of /proc/net/tcp: 1 and its uid when it is the socket of the pair. Addresses stand there
 * as the words of memory are. */
static int line_is(const char *line, const struct sockaddr_in *theirs,
                   const struct sockaddr_in *ours, unsigned *uid)
{
    unsigned local, remote, local_port, remote_port, state;

    if (sscanf(line, "%*u: %8X:%4X %8X:%4X %2X %*s %*s %*s %u", &local, &local_port, &remote,
               &remote_port, &state, uid) != 6)
        return 0;
    return local == theirs->sin_addr.s_addr && local_port == ntohs(theirs->sin_port) &&
           remote == ours->sin_addr.s_addr && remote_port == ntohs(ours->sin_port);
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
