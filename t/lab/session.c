/* The parent's half keeps time, the child's half talks to the server; shared memory lies between.
 */
#include "t/lab/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define POLL_NS 2000000L

uint64_t session_now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000U + (uint64_t)t.tv_nsec / 1000U;
}

void session_sleep_us(uint64_t us)
{
    struct timespec t = {(time_t)(us / 1000000U), (long)(us % 1000000U) * 1000L};

    while (nanosleep(&t, &t) != 0 && errno == EINTR)
        ;
}

static int read_line(FILE *f, char *out, size_t size)
{
    if (fgets(out, (int)size, f) == NULL)
        return -1;
    out[strcspn(out, "\n")] = '\0';
    return 0;
}

int session_init(struct session *s, const char *login_path)
{
    FILE *f = fopen(login_path, "re");
    int rc = -1;

    if (f == NULL) {
        fprintf(stderr, "%s: %s\n", login_path, strerror(errno));
        return -1;
    }
    if (read_line(f, s->user, sizeof s->user) != 0 ||
        read_line(f, s->password, sizeof s->password) != 0) {
        fprintf(stderr, "%s: a user and a password were expected, one a line\n", login_path);
        goto out;
    }
    s->shared =
        mmap(NULL, sizeof *s->shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (s->shared == MAP_FAILED) {
        s->shared = NULL;
        fprintf(stderr, "shared memory: %s\n", strerror(errno));
        goto out;
    }
    rc = 0;
out:
    fclose(f);
    return rc;
}

int session_target(struct session *s, char *text)
{
    char *colon = strchr(text, ':');
    char *end;
    unsigned long port = 3306;

    if (colon != NULL) {
        *colon = '\0';
        port = strtoul(colon + 1, &end, 10);
        if (*end != '\0' || port == 0 || port > 65535) {
            fprintf(stderr, "not a port: %s\n", colon + 1);
            return -1;
        }
    }
    s->host = text;
    s->port = (unsigned)port;
    return 0;
}

static void enter_state(struct session *s, enum session_state state)
{
    atomic_store(&s->shared->since_us, session_now_us());
    atomic_store(&s->shared->state, (int)state);
}

/* Plain TCP: a TLS handshake would be measured along, and labs are not on a wire. */
static void plain(MYSQL *m)
{
#ifdef MARIADB_BASE_VERSION
    my_bool off = 0;

    mysql_options(m, MYSQL_OPT_SSL_ENFORCE, &off);
    mysql_options(m, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &off);
#else
    unsigned mode = SSL_MODE_DISABLED;
    bool on = true;

    mysql_options(m, MYSQL_OPT_SSL_MODE, &mode);
    mysql_options(m, MYSQL_OPT_GET_SERVER_PUBLIC_KEY, &on);
#endif
}

static uint64_t ask_server_id(MYSQL *m)
{
    uint64_t id = 0;
    MYSQL_RES *res;
    MYSQL_ROW row;

    if (mysql_query(m, "SELECT @@server_id") != 0)
        return 0;
    res = mysql_store_result(m);
    if (res == NULL)
        return 0;
    row = mysql_fetch_row(res);
    if (row != NULL && row[0] != NULL)
        id = strtoull(row[0], NULL, 10);
    mysql_free_result(res);
    return id;
}

MYSQL *session_connect(struct session *s, uint64_t *server_id)
{
    unsigned timeout_s = 10;
    MYSQL *m = mysql_init(NULL);

    if (m == NULL)
        return NULL;
    mysql_options(m, MYSQL_OPT_CONNECT_TIMEOUT, &timeout_s);
    plain(m);
    enter_state(s, SESSION_CONNECTING);
    if (mysql_real_connect(m, s->host, s->user, s->password, "app", s->port, NULL, 0) != NULL)
        *server_id = ask_server_id(m);
    else
        *server_id = 0;
    enter_state(s, SESSION_IDLE);
    if (*server_id == 0) {
        mysql_close(m);
        return NULL;
    }
    atomic_fetch_add(&s->shared->connects, 1);
    return m;
}

unsigned session_ask(struct session *s, MYSQL *m, const char *text, size_t length)
{
    unsigned rc = 0;

    enter_state(s, SESSION_ASKING);
    if (mysql_real_query(m, text, (unsigned long)length) != 0)
        rc = mysql_errno(m);
    enter_state(s, SESSION_IDLE);
    return rc;
}

static void spawn(struct session *s, const sigset_t *old)
{
    pid_t parent = getpid();

    enter_state(s, SESSION_IDLE);
    s->child = fork();
    if (s->child < 0) {
        /* Tried again at the next turn: a full process table must not end a measurement. */
        fprintf(stderr, "fork: %s\n", strerror(errno));
        return;
    }
    if (s->child > 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    sigprocmask(SIG_SETMASK, old, NULL);
    s->run(s);
    _exit(1);
}

static void end_child(struct session *s)
{
    if (s->child <= 0)
        return;
    kill(s->child, SIGKILL);
    while (waitpid(s->child, NULL, 0) < 0 && errno == EINTR)
        ;
    s->child = 0;
}

static void check(struct session *s, const sigset_t *old)
{
    /* The state first: the child writes them the other way round, so the time is never older. */
    int state = atomic_load(&s->shared->state);
    uint64_t since = atomic_load(&s->shared->since_us);
    uint64_t limit = state == SESSION_CONNECTING ? s->connect_us : s->stall_us;

    if (s->child > 0 && waitpid(s->child, NULL, WNOHANG) == s->child)
        s->child = 0;
    if (s->child > 0 && state != SESSION_IDLE && session_now_us() > since + limit) {
        end_child(s);
        s->kills++;
        if (s->late != NULL)
            s->late(s);
    }
    if (s->child <= 0)
        spawn(s, old);
}

void session_supervise(struct session *list, size_t count)
{
    const struct timespec poll = {0, POLL_NS};
    sigset_t set, old;
    bool ended = false;
    size_t i;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, &old);
    while (!ended) {
        for (i = 0; i < count; i++)
            check(&list[i], &old);
        ended = sigtimedwait(&set, NULL, &poll) > 0;
    }
    for (i = 0; i < count; i++)
        end_child(&list[i]);
}
