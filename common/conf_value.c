/* Values of configuration keys; see conf_value.h. */
#include "common/conf_value.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int conf_true(const char *text)
{
    return text[0] && strcmp(text, "0") != 0;
}

char *conf_unquote(char *text)
{
    size_t len = strlen(text);

    if (len == 0 || (text[len - 1] != '\'' && text[len - 1] != '"'))
        return text;
    text[len - 1] = '\0';
    return text[0] == '\'' || text[0] == '"' ? text + 1 : text;
}

/* Digits only, at most nine of them beside leading zeros. */
static int read_int(const char *text, int *out)
{
    char *end;
    long n;

    if (text[0] < '0' || text[0] > '9')
        return -1;
    errno = 0;
    n = strtol(text, &end, 10);
    if (*end || errno || n > INT_MAX)
        return -1;
    *out = (int)n;
    return 0;
}

/* The length of the word at the start of a list "a|b|c". */
static size_t word_length(const char *words)
{
    return strcspn(words, "|");
}

/* The word in the list that is text, in any case, or NULL. */
static const char *find_word(const char *words, const char *text)
{
    size_t len = strlen(text);

    for (;;) {
        size_t here = word_length(words);

        if (here == len && strncasecmp(words, text, len) == 0)
            return words;
        if (!words[here])
            return NULL;
        words += here + 1;
    }
}

/* "addr/len[@device]" */
static int check_vip(const char *text)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    char addr[INET6_ADDRSTRLEN], length[4];
    const char *slash = strchr(text, '/'), *at = slash ? strchr(slash, '@') : NULL;
    size_t addr_len = slash ? (size_t)(slash - text) : 0, digits;
    int n, max;

    if (!slash || addr_len >= sizeof(addr))
        return -1;
    memcpy(addr, text, addr_len);
    addr[addr_len] = '\0';
    max = inet_pton(AF_INET, addr, bytes) == 1 ? 32 : 128;
    if (max == 128 && inet_pton(AF_INET6, addr, bytes) != 1)
        return -1;
    digits = at ? (size_t)(at - slash - 1) : strlen(slash + 1);
    if (digits >= sizeof(length))
        return -1;
    memcpy(length, slash + 1, digits);
    length[digits] = '\0';
    if (read_int(length, &n) < 0 || n < 1 || n > max)
        return -1;
    return at && (strlen(at) < 2 || strlen(at) > 16 || strpbrk(at, " \t/")) ? -1 : 0;
}

static int bad_value(const struct conf_key *key, const struct conf_value *v, const char *what,
                     struct err *e)
{
    return err_set(e, ERR_CONFIG, "%s line %d: %s = \"%.60s\": %s", v->file, v->line, key->name,
                   key->secret ? "***" : v->text, what);
}

static int check_int(const struct conf_key *key, const struct conf_value *v, struct err *e)
{
    char what[80];
    int n;

    /* A port that is given as nothing is the usual one, as it was for MHA's client. */
    if (!v->text[0] && key->empty_is_default && key->max == 65535)
        return 0;
    if (read_int(v->text, &n) == 0 && n >= key->min && n <= key->max)
        return 0;
    snprintf(what, sizeof(what), "write a whole number from %d to %d", key->min, key->max);
    return bad_value(key, v, what, e);
}

/* "CONNECT|SELECT|INSERT" -> "write CONNECT, SELECT or INSERT" */
static void list_words(const char *words, char *out, size_t size)
{
    size_t used = (size_t)snprintf(out, size, "write ");

    for (;;) {
        size_t len = word_length(words);
        const char *next = words + len + (words[len] != '\0');
        const char *join = !words[len] ? "" : strchr(next, '|') ? ", " : " or ";

        used += (size_t)snprintf(out + used, size - used, "%.*s%s", (int)len, words, join);
        if (!words[len] || used >= size)
            return;
        words = next;
    }
}

int conf_check(const struct conf_key *key, const struct conf_value *v, struct err *e)
{
    char what[120];

    if (key->type == CONF_INT)
        return check_int(key, v, e);
    if (key->words && (v->text[0] || key->fallback[0]) && !find_word(key->words, v->text)) {
        list_words(key->words, what, sizeof(what));
        return bad_value(key, v, what, e);
    }
    if (strcmp(key->name, "writer_vip") == 0 && v->text[0] && check_vip(v->text) < 0)
        return bad_value(key, v,
                         "write address/length or address/length@device, as in "
                         "10.0.0.100/24@eth0",
                         e);
    return 0;
}

int conf_number(const struct conf_key *key, const char *text)
{
    int n = 0;

    if (key->type == CONF_BOOL)
        return conf_true(text);
    if (read_int(text, &n) < 0)
        read_int(key->fallback, &n);
    return n;
}

void conf_canonical(const struct conf_key *key, char *text)
{
    const char *word = key->words ? find_word(key->words, text) : NULL;

    if (word)
        memcpy(text, word, strlen(text));
}

/* The bytes of an address of either family, IPv4 as IPv6 sees it: 0, or -1 for other text. */
static int ip_bytes(const char *text, unsigned char out[16])
{
    static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

    memcpy(out, mapped, sizeof(mapped));
    if (inet_pton(AF_INET, text, out + 12) == 1 || inet_pton(AF_INET6, text, out) == 1)
        return 0;
    return -1;
}

int conf_same_ip(const char *a, const char *b)
{
    unsigned char left[16], right[16];

    return ip_bytes(a, left) == 0 && ip_bytes(b, right) == 0 &&
           memcmp(left, right, sizeof(left)) == 0;
}

int conf_resolve(const char *host, char *ip, size_t size, struct err *e)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
    unsigned char bytes[16];
    int rc;

    if (ip_bytes(host, bytes) == 0) {
        snprintf(ip, size, "%s", host);
        return 0;
    }
    rc = getaddrinfo(host, NULL, &hints, &list);
    if (rc == 0)
        rc = getnameinfo(list->ai_addr, list->ai_addrlen, ip, (socklen_t)size, NULL, 0,
                         NI_NUMERICHOST);
    if (list)
        freeaddrinfo(list);
    if (rc != 0)
        return err_set(e, ERR_CONFIG, "host \"%.100s\" does not resolve: %s", host,
                       rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc));
    return 0;
}
