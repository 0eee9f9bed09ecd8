/* Is a name that of this host; see sql_tools.h. */
#include "node/sql/sql_tools.h"

#include <ifaddrs.h>
#include <netdb.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

static int is_interface(const char *host)
{
    struct ifaddrs *all, *i;
    char text[NI_MAXHOST];
    int found = 0;

    if (getifaddrs(&all))
        return 0;
    for (i = all; i && !found; i = i->ifa_next) {
        socklen_t len;

        if (!i->ifa_addr)
            continue;
        len = i->ifa_addr->sa_family == AF_INET    ? sizeof(struct sockaddr_in)
              : i->ifa_addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                                   : 0;
        if (len && getnameinfo(i->ifa_addr, len, text, sizeof(text), NULL, 0, NI_NUMERICHOST) == 0)
            found = strcasecmp(text, host) == 0;
    }
    freeifaddrs(all);
    return found;
}

int is_this_host(const char *host)
{
    char name[256] = "";

    if (strcmp(host, "127.0.0.1") == 0 || strcmp(host, "::1") == 0 || strstr(host, "localhost") ||
        host[0] == '/')
        return 1;
    if (gethostname(name, sizeof(name) - 1) == 0 && strcasecmp(name, host) == 0)
        return 1;
    return is_interface(host);
}
