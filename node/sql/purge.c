/* purge_relay_logs, for cron on replicas: where relay_log_purge is 0 so that relay
 * logs can serve others, it lets the server drop those that its SQL thread has left behind. What is
 * not applied is never dropped: the server itself decides. The files are held open meanwhile, so
 * that under the server's locks only names are removed, and their blocks freed one file at a time
 * behind it. */
#include "common/clock.h"
#include "common/sql_catchup.h"
#include "common/sql_repl.h"
#include "node/extract/files.h"
#include "node/sql/sql_tools.h"
#include "node/tools/tools.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOCK_MS    200000
#define CONNECT_MS 10000
#define SETTLE_MS  3000 /* MHA's own pause for the SQL thread */

struct purge {
    const char *workdir, *relay_log_info, *user, *password, *host, *socket, *defaults_file;
    int port, disable_relay_log_purge, use_hardlink;
    struct sql sql;
    struct extract_files logs;
    struct buf fds;   /* int after int */
    struct buf links; /* paths of hard links, each with its NUL */
    char secret[256]; /* the password, which is taken from the command line */
};

static void say_time(const char *text)
{
    time_t now = time(NULL);
    struct tm tm;
    char stamp[32] = "";

    if (localtime_r(&now, &tm))
        strftime(stamp, sizeof(stamp), "%Y-%m-%d %H:%M:%S", &tm);
    printf("%s: %s\n", stamp, text);
    fflush(stdout);
}

static int connect_server(struct purge *p, struct err *e)
{
    struct db_target t = {.host = p->socket ? p->socket : p->host,
                          .port = p->port,
                          .user = p->user,
                          .password = p->password,
                          .option_file = p->defaults_file};

    if (!is_this_host(t.host))
        return err_set(e, ERR_CONFIG, "%s is not this host: relay logs are files of their host",
                       t.host);
    return sql_open(&p->sql, &t, clock_mono_ms() + CONNECT_MS, e);
}

/* 1: go on; 0: nothing to do. */
static int check_server(struct purge *p, struct err *e)
{
    struct sql_channels *all = mem_zalloc(sizeof(*all));
    struct sql_server *v = mem_zalloc(sizeof(*v));
    int rc = sql_read_channels(&p->sql, all, clock_mono_ms() + SQL_TOOL_MS, e);

    if (rc == 0 && (all->count == 0 || !all->item[0].master_host[0]))
        rc = err_set(e, ERR_WORLD, "the server at %s is not a replica", p->host);
    if (rc == 0)
        rc = sql_read_server(&p->sql, v, clock_mono_ms() + SQL_TOOL_MS, e);
    if (rc == 0 && v->relay_log_purge && !p->disable_relay_log_purge) {
        puts(" relay_log_purge is enabled. Exit.");
    } else if (rc == 0) {
        if (v->relay_log_purge) {
            puts(" relay_log_purge is enabled. Disabling..");
            rc = sql_set_relay_log_purge(&p->sql, 0, clock_mono_ms() + SQL_TOOL_MS, e);
        }
        rc = rc == 0 ? 1 : rc;
    }
    sql_channels_release(all);
    free(all);
    free(v);
    return rc;
}

static int find_logs(struct purge *p, struct err *e)
{
    char base[4096];
    char *slash;

    if (p->relay_log_info) {
        if (tool_relay_logs_of_info(p->relay_log_info, ".", &p->logs, e))
            return -1;
        printf(" Found relay_log.info: %s\n", p->relay_log_info);
        return 0;
    }
    if (sql_read_relay_base(&p->sql, base, sizeof(base), clock_mono_ms() + SQL_TOOL_MS, e))
        return -1;
    slash = strrchr(base, '/');
    if (!slash)
        return err_set(e, ERR_WORLD,
                       "the server does not tell where its relay logs are: say "
                       "--relay_log_info");
    *slash = '\0';
    return extract_files_of_dir(&p->logs, base, slash + 1, e);
}

static int link_log(struct purge *p, int fd, const char *name, struct err *e)
{
    char from[64], to[4096];

    snprintf(from, sizeof(from), "/proc/self/fd/%d", fd);
    snprintf(to, sizeof(to), "%s/purge-%d-%s", p->workdir, (int)getpid(), name);
    if (linkat(AT_FDCWD, from, AT_FDCWD, to, AT_SYMLINK_FOLLOW))
        return err_errno(e, ERR_IO,
                         "cannot make a hard link in %s (--workdir must be on the file "
                         "system of the relay logs)",
                         p->workdir);
    printf(" Linked %s ..\n", to);
    buf_add(&p->links, to, strlen(to) + 1);
    return 0;
}

static int hold_logs(struct purge *p, struct err *e)
{
    for (size_t i = 0; i < extract_files_count(&p->logs); i++) {
        const char *path = extract_files_path(&p->logs, i);
        int fd = open(path, O_RDONLY | O_CLOEXEC);

        if (fd < 0)
            return err_errno(e, errno == EACCES ? ERR_DENIED : ERR_IO,
                             "cannot open %s (run as a user that may read the data directory)",
                             path);
        printf(" Opening %s ..\n", path);
        buf_add(&p->fds, &fd, sizeof(fd));
        if (p->use_hardlink && link_log(p, fd, extract_files_name(&p->logs, i), e))
            return -1;
    }
    return 0;
}

/* A failover holds the same lock: relay logs are wanted then. */
static int take_lock(struct purge *p, struct err *e)
{
    int64_t until = clock_mono_ms() + LOCK_MS;

    while (sql_lock(&p->sql, SQL_LOCK_FAILOVER, clock_mono_ms() + SQL_TOOL_MS, e)) {
        if (e->code != ERR_WORLD || clock_mono_ms() > until)
            return err_wrap(e, "getting the failover advisory lock");
        memset(e, 0, sizeof(*e));
        clock_sleep_ms(500);
    }
    return 0;
}

static size_t left(const struct purge *p)
{
    size_t count = 0;

    for (size_t i = 0; i < extract_files_count(&p->logs); i++)
        count += access(extract_files_path(&p->logs, i), F_OK) == 0;
    return count;
}

/* The SQL thread drops what it has left behind when it goes on to the new file. */
static void await_purge(const struct purge *p)
{
    int64_t until = clock_mono_ms() + SETTLE_MS;

    while (left(p) > 0 && clock_mono_ms() < until)
        clock_sleep_ms(100);
}

static int purge(struct purge *p, struct err *e)
{
    struct err back = {0};
    int rc;

    printf(
        " Executing SET GLOBAL relay_log_purge=1; FLUSH LOGS; sleeping a few seconds so that SQL "
        "thread can delete older relay log files (if it keeps up); SET GLOBAL "
        "relay_log_purge=0; ..");
    fflush(stdout);
    rc = sql_set_relay_log_purge(&p->sql, 1, clock_mono_ms() + SQL_TOOL_MS, e);
    if (rc == 0)
        rc = db_query(p->sql.db, "FLUSH NO_WRITE_TO_BINLOG RELAY LOGS",
                      clock_mono_ms() + SQL_TOOL_MS, NULL, e);
    if (rc == 0)
        await_purge(p);
    if (sql_set_relay_log_purge(&p->sql, 0, clock_mono_ms() + SQL_TOOL_MS, &back)) {
        if (rc == 0)
            *e = back;
        rc = -1;
    }
    puts(rc ? " failed." : " ok.");
    return rc;
}

/* One at a time: freeing the blocks of a large file keeps its file system busy. */
static void let_go(struct purge *p)
{
    const int *fd = (const int *)(const void *)p->fds.data;

    for (size_t at = 0; at < p->links.len; at += strlen(p->links.data + at) + 1)
        unlink(p->links.data + at);
    for (size_t i = 0; i < p->fds.len / sizeof(*fd); i++)
        close(fd[i]);
    buf_release(&p->fds);
    buf_release(&p->links);
    extract_files_release(&p->logs);
}

static int run(struct purge *p, struct err *e)
{
    int rc = connect_server(p, e);

    if (rc == 0)
        rc = check_server(p, e);
    if (rc <= 0)
        return rc;
    if (find_logs(p, e) || hold_logs(p, e) || take_lock(p, e))
        return -1;
    rc = purge(p, e);
    sql_unlock(&p->sql, SQL_LOCK_FAILOVER, clock_mono_ms() + SQL_TOOL_MS, NULL);
    if (rc == 0)
        say_time("All relay log purging operations succeeded.");
    return rc;
}

int purge_relay_logs_main(int argc, char **argv)
{
    struct purge p = {.workdir = "/var/tmp",
                      .host = "127.0.0.1",
                      .port = 3306,
                      .logs = EXTRACT_FILES_INIT,
                      .fds = BUF_INIT,
                      .links = BUF_INIT};
    const struct args_option table[] = {
        {"workdir",                 ARGS_TEXT, &p.workdir,                 "DIR",  "for hard links (/var/tmp)"             },
        {"relay_log_info",          ARGS_TEXT, &p.relay_log_info,          "FILE", "where the relay logs are named"        },
        {"user",                    ARGS_TEXT, &p.user,                    "NAME", "account (root)"                        },
        {"password",                ARGS_TEXT, &p.password,                "TEXT", "its password; better in an option file"},
        {"host",                    ARGS_TEXT, &p.host,                    "ADDR", "of this host (127.0.0.1)"              },
        {"port",                    ARGS_INT,  &p.port,                    "N",    "(3306)"                                },
        {"socket",                  ARGS_TEXT, &p.socket,                  "PATH", "in place of host and port"             },
        {"defaults_file",           ARGS_TEXT, &p.defaults_file,           "FILE",
         "option file with user and password"                                                                              },
        {"disable_relay_log_purge", ARGS_FLAG, &p.disable_relay_log_purge, NULL,
         "set relay_log_purge to 0 where it is 1"                                                                          },
        {"use_hardlink",            ARGS_INT,  &p.use_hardlink,            "0|1",  "hold by hard links too (0)"            },
        {NULL,                      ARGS_FLAG, NULL,                       NULL,   NULL                                    },
    };
    int status, rc;
    struct err e = {0};

    if (!tool_args("purge_relay_logs", &argc, argv, table, &status))
        return status;
    if (p.password)
        tool_take_secret(&p.password, argv[0], p.secret, sizeof(p.secret));
    if (!p.user && !p.defaults_file)
        p.user = "root";
    say_time("purge_relay_logs script started.");
    rc = run(&p, &e);
    if (rc < 0)
        fprintf(stderr, "purge_relay_logs: %s\n", e.text);
    sql_close(&p.sql);
    let_go(&p);
    explicit_bzero(p.secret, sizeof(p.secret));
    return rc < 0 ? TOOL_FAILED : TOOL_OK;
}
