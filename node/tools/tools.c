/* What MHA's programs have in common; see tools.h. */
#include "node/tools/tools.h"

#include "common/file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MHA_VERSION    "0.58"
#define INFO_MAX_BYTES 65536u

static int has_word(int argc, char **argv, const char *word)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], word) == 0 || (argv[i][0] == '-' && strcmp(argv[i] + 1, word) == 0))
            return 1;
    return 0;
}

static void usage(const char *name, const struct args_option *table)
{
    printf("Usage: %s [options]\n", name);
    args_help(table);
}

int tool_args(const char *name, int *argc, char **argv, const struct args_option *table,
              int *status)
{
    struct err e = {0};

    *status = TOOL_OK;
    if (has_word(*argc, argv, "--help")) {
        usage(name, table);
        return 0;
    }
    if (has_word(*argc, argv, "--version")) {
        printf("%s version " MHA_VERSION ".\n", name);
        return 0;
    }
    if (args_parse(argc, argv, table, ARGS_UNKNOWN_ERROR, &e) == 0 && *argc == 1)
        return 1;
    fprintf(stderr, "%s: %s\n", name, e.code ? e.text : "wrong arguments");
    usage(name, table);
    *status = TOOL_FAILED;
    return 0;
}

int tool_check_manager(const char *version, struct err *e)
{
    if (!version || !*version || strtod(version, NULL) >= 0.54 ||
        strcmp(version, KAGEMUSHA_VERSION) == 0)
        return 0;
    return err_set(e, ERR_CONFIG, "a manager of version %s is not served: 0.54 is the oldest",
                   version);
}

int tool_position(const char *text, const char *option, uint64_t *out, struct err *e)
{
    char *end;

    errno = 0;
    *out = strtoull(text ? text : "", &end, 10);
    if (!text || !isdigit((unsigned char)*text) || *end || errno)
        return err_set(e, ERR_CONFIG, "--%s must be a position", option);
    return 0;
}

int tool_create(const char *path, struct err *e)
{
    char dir[4096];
    char *slash;
    int fd;

    snprintf(dir, sizeof(dir), "%s", path);
    slash = strrchr(dir, '/');
    if (slash && slash != dir) {
        *slash = '\0';
        if (file_mkdirs(dir, 0700, e))
            return -1;
    }
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    return fd < 0 ? err_errno(e, ERR_IO, "cannot create %s", path) : fd;
}

static void chomp(char *line)
{
    line[strcspn(line, "\r\n")] = '\0';
}

int tool_relay_log_info(const char *path, const char *datadir, struct tool_relay_place *out,
                        struct err *e)
{
    struct buf text = BUF_INIT;
    char *line, *slash;
    int rc = file_read(path, &text, INFO_MAX_BYTES, e), n;

    line = text.data;
    if (rc == 0 && isdigit((unsigned char)*line) && line[strspn(line, "0123456789")] == '\n')
        line = strchr(line, '\n') + 1;
    if (rc == 0 && (!*line || *line == '\n'))
        rc = err_set(e, ERR_FORMAT, "%s names no relay log", path);
    if (rc == 0) {
        chomp(line);
        n = *line == '/' ? snprintf(out->dir, sizeof(out->dir), "%s", line)
                         : snprintf(out->dir, sizeof(out->dir), "%s/%s", datadir, line);
        slash = strrchr(out->dir, '/');
        if (n < 0 || (size_t)n >= sizeof(out->dir) || !slash || slash == out->dir)
            rc = err_set(e, ERR_FORMAT, "%s names no relay log that can be found", path);
        else {
            snprintf(out->name, sizeof(out->name), "%.*s", (int)sizeof(out->name) - 1, slash + 1);
            *slash = '\0';
        }
    }
    buf_release(&text);
    return rc;
}

int tool_relay_logs_of_info(const char *path, const char *datadir, struct extract_files *out,
                            struct err *e)
{
    struct tool_relay_place place;

    if (tool_relay_log_info(path, datadir, &place, e))
        return -1;
    if (strrchr(place.name, '.'))
        *strrchr(place.name, '.') = '\0';
    return extract_files_of_dir(out, place.dir, place.name, e);
}
