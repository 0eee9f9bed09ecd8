/* Starting a server again; see launch.h. */
#include "node/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct start {
    const char *exe, *cwd;
    char **argv, **env;
    uid_t uid;
    gid_t gid;
    int stderr_fd, change_user;
};

static char **string_list(struct json_object *o, const char *key)
{
    struct json_object *list = NULL;
    size_t n;
    char **out;

    json_object_object_get_ex(o, key, &list);
    n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    out = mem_zalloc((n + 1) * sizeof(*out));
    for (size_t i = 0; i < n; i++)
        out[i] = mem_strdup(json_object_get_string(json_object_array_get_idx(list, i)));
    return out;
}

static void free_list(char **list)
{
    for (size_t i = 0; list && list[i]; i++)
        free(list[i]);
    free(list);
}

/* A server told to change its user does so by itself, and was root when it opened its files. */
static int names_user(char *const *argv)
{
    for (; *argv; argv++)
        if (strncmp(*argv, "--user=", 7) == 0 || strncmp(*argv, "-u", 2) == 0)
            return 1;
    return 0;
}

/* In the child: only what is safe between fork and exec in a program with threads. Forks again, so
 * that the server is nobody's child, as one that a person started. */
static void become(const struct start *s, int report)
{
    int null_fd, error;

    setsid();
    if (_Fork() != 0)
        _exit(0);
    null_fd = open("/dev/null", O_RDWR);
    dup2(null_fd, 0);
    dup2(null_fd, 1);
    dup2(s->stderr_fd >= 0 ? s->stderr_fd : null_fd, 2);
    for (int sig = 1; sig < 32; sig++)
        signal(sig, SIG_DFL);
    if ((chdir(s->cwd) == 0 || chdir("/") == 0) &&
        (!s->change_user ||
         (setgroups(0, NULL) == 0 && setgid(s->gid) == 0 && setuid(s->uid) == 0)))
        execve(s->exe, s->argv, s->env);
    error = errno;
    if (write(report, &error, sizeof(error)) < 0)
        _exit(126);
    _exit(127);
}

/* The pipe closes when the program has been loaded, or tells why it could not be. */
static int start(const struct start *s, struct err *e)
{
    int report[2], error = 0;
    ssize_t n;
    pid_t pid;

    if (pipe2(report, O_CLOEXEC))
        return err_errno(e, ERR_IO, "cannot make a pipe");
    pid = fork();
    if (pid == 0)
        become(s, report[1]);
    close(report[1]);
    if (pid < 0) {
        close(report[0]);
        return err_errno(e, ERR_IO, "cannot fork");
    }
    n = read(report[0], &error, sizeof(error));
    close(report[0]);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    if (n > 0)
        return err_set(e, ERR_IO, "cannot start %s: %s", s->exe, strerror(error));
    return 0;
}

int node_launch(struct json_object *launch, struct err *e)
{
    struct start s = {.exe = json_get_str(launch, "exe", ""),
                      .cwd = json_get_str(launch, "cwd", "/"),
                      .stderr_fd = -1};
    int rc;

    s.argv = string_list(launch, "argv");
    s.env = string_list(launch, "env");
    s.uid = (uid_t)json_get_int(launch, "uid", 0);
    s.gid = (gid_t)json_get_int(launch, "gid", 0);
    s.change_user = geteuid() == 0 && s.uid != 0 && !names_user(s.argv);
    s.stderr_fd = open(json_get_str(launch, "stderr", "/dev/null"),
                       O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY);
    if (!s.argv[0])
        rc = err_set(e, ERR_WORLD, "it is not known how the server was started");
    else
        rc = start(&s, e);
    if (s.stderr_fd >= 0)
        close(s.stderr_fd);
    free_list(s.argv);
    free_list(s.env);
    return rc;
}

int node_launch_command(const char *command, struct err *e)
{
    char shell[] = "/bin/sh", flag[] = "-c", *line = mem_strdup(command);
    char *argv[] = {shell, flag, line, NULL};
    struct start s = {.exe = shell, .cwd = "/", .argv = argv, .env = environ, .stderr_fd = -1};
    int rc = start(&s, e);

    free(line);
    return rc;
}
