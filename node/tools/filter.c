/* filter_mysqlbinlog: takes out of mysqlbinlog's text what belongs to the file and
 * not to the events: the statements for a format event, and the ROLLBACK behind the last event. */
#include "node/tools/tools.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#define HEAD_EVENTS 10 /* format events are looked for among so many */

struct filter {
    unsigned events;
    int in_format; /* the lines of a format event */
    int in_binlog; /* its BINLOG statement */
    int at_place;  /* the line before was "# at N" */
    int delimiter; /* the line before was "DELIMITER ;" */
    int is_at_end;
};

static int begins(const char *line, const char *with)
{
    return strncmp(line, with, strlen(with)) == 0;
}

/* "#260301 14:23:59 server id 1  end_log_pos 256 CRC32 0x.. Start: binlog v 4, server v ..." */
static int is_format(const char *line)
{
    return line[0] == '#' && strstr(line, "Start: binlog v ") != NULL;
}

/* 1: the line goes on. */
static int passes(struct filter *f, const char *line)
{
    int is_place = begins(line, "# at "), was_place = f->at_place, was_delimiter = f->delimiter;

    f->at_place = is_place;
    f->delimiter = begins(line, "DELIMITER ;");
    if (f->in_binlog) {
        f->in_binlog = line[0] != '\'';
        return 0;
    }
    if (is_place) {
        f->events++;
        f->in_format = 0;
    } else if (was_place) {
        f->in_format = f->events <= HEAD_EVENTS && is_format(line);
    }
    if (was_delimiter && begins(line, "# End of log file"))
        f->is_at_end = 1;
    if (f->in_format && begins(line, "BINLOG '")) {
        f->in_binlog = 1;
        return 0;
    }
    return !((f->in_format || f->is_at_end) && begins(line, "ROLLBACK"));
}

int filter_mysqlbinlog_main(int argc, char **argv)
{
    const struct args_option table[] = {
        {NULL, ARGS_FLAG, NULL, NULL, NULL},
    };
    struct filter f = {0};
    char *line = NULL;
    size_t size = 0;
    ssize_t n;
    int status;

    if (!tool_args("filter_mysqlbinlog", &argc, argv, table, &status))
        return status;
    while ((n = getline(&line, &size, stdin)) >= 0)
        if (passes(&f, line))
            fwrite(line, 1, (size_t)n, stdout);
    free(line);
    if (ferror(stdin) || fflush(stdout) || ferror(stdout)) {
        perror("filter_mysqlbinlog");
        return TOOL_FAILED;
    }
    return TOOL_OK;
}
