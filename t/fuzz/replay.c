/* Fuzz target: any bytes as what a replica sends to the replay server. The first byte says as what:
 * a login, a statement, a dump command, or commands after a login. Memory of exactly their size. */
#include "node/replay/replay.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t len);

enum { AS_LOGIN, AS_STATEMENT, AS_DUMP, AS_PACKETS, AS_COUNT };

static int memory_file(const unsigned char *bytes, size_t len)
{
    int fd = memfd_create("in", MFD_CLOEXEC);

    if (fd < 0 || pwrite(fd, bytes, len, 0) != (ssize_t)len)
        abort();
    return fd;
}

static void login(struct replay_session *s)
{
    struct err e = {0};

    if (replay_login(s, &e) > 0)
        abort(); /* nobody guesses the password */
}

static void statement(struct replay_session *s, const unsigned char *bytes, size_t len)
{
    char *text = malloc(len + 1);

    memcpy(text, bytes, len);
    text[len] = '\0';
    replay_answer(s, text, NULL);
    free(text);
}

static void dump(const unsigned char *bytes, size_t len)
{
    unsigned char *copy = malloc(len ? len : 1);
    struct replay_dump d;

    memcpy(copy, bytes, len);
    replay_dump_read(copy, len, &d, NULL);
    gtid_release(&d.have);
    free(copy);
}

static void packets(struct replay_session *s)
{
    struct err e = {0};

    while (packet_read(&s->conn, &e) > 0)
        if (s->conn.in.len > 0 && s->conn.in.data[0] == 3)
            replay_answer(s, s->conn.in.data + 1, NULL);
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t len)
{
    static struct replay r = {
        .ask = {.server_id = 71,
                .uuid = "0a8bc528-e921-11f1-86a2-02fc00000001",
                .gtid_mode = "ON",
                .replica_server_id = 72},
        .password = "it is not sent at all",
        .server_version = "9.7.4"
    };
    struct replay_session s = {.r = &r};
    int in, out;

    if (len < 1)
        return 0;
    r.ask.use_sha2 = bytes[0] / AS_COUNT % 2;
    in = memory_file(bytes + 1, len - 1);
    out = open("/dev/null", O_WRONLY | O_CLOEXEC);
    packet_init(&s.conn, in, out);
    switch (bytes[0] % AS_COUNT) {
    case AS_LOGIN:
        login(&s);
        break;
    case AS_STATEMENT:
        statement(&s, bytes + 1, len - 1);
        break;
    case AS_DUMP:
        dump(bytes + 1, len - 1);
        break;
    default:
        packets(&s);
    }
    packet_release(&s.conn);
    gtid_release(&s.state);
    close(in);
    close(out);
    return 0;
}
