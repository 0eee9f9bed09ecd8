/* save_binary_logs: tests whether the binlogs of this host can be read, or saves
 * all events from a coordinate on into a file. Events stay as they are in the log: they are never
 * turned into text (decision 17). */
#include "node/tools/save.h"
#include "node/tools/tools.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct options {
    const char *command, *start_file, *binlog_prefix, *binlog_dir, *output_file;
    const char *relay_log_info, *datadir, *oldest_version;
    struct tool_caller caller;
    const char *start_pos;
    uint64_t from; /* it, as a number */
    int skip_filter;
};

static int fail(const struct err *e)
{
    fprintf(stderr, "Failed to save binary log: %s\n", e->text);
    return TOOL_FAILED;
}

/* The first of the directories that has files of that name. */
static int find_dir(const char *dirs, const char *prefix, struct extract_files *all, struct err *e)
{
    char dir[1024];

    err_set(e, ERR_WORLD, "Binlog not found from %s: no %s.* there", dirs, prefix);
    while (*dirs) {
        size_t len = strcspn(dirs, ",");

        snprintf(dir, sizeof(dir), "%.*s", (int)len, dirs + strspn(dirs, " "));
        dir[strcspn(dir, ", ")] = '\0';
        if (*dir && extract_files_of_dir(all, dir, prefix, e) == 0)
            return 0;
        dirs += len + (dirs[len] == ',');
    }
    return -1;
}

static int find_logs(const struct options *o, struct extract_files *all, struct err *e)
{
    const char *dirs = o->binlog_dir;
    struct tool_relay_place place;
    char prefix[256];

    snprintf(prefix, sizeof(prefix), "%s", o->start_file ? o->start_file : o->binlog_prefix);
    if (o->start_file && strrchr(prefix, '.'))
        *strrchr(prefix, '.') = '\0';
    if (o->relay_log_info) {
        if (tool_relay_log_info(o->relay_log_info, o->datadir ? o->datadir : ".", &place, e))
            return -1;
        dirs = place.dir;
    }
    return find_dir(dirs, prefix, all, e);
}

/* From start_file on; a number that is missing is an error. */
static int choose(const struct options *o, const struct extract_files *all,
                  struct extract_files *chosen, struct err *e)
{
    size_t count = extract_files_count(all), i = 0;

    while (i < count && strcmp(extract_files_name(all, i), o->start_file) != 0)
        i++;
    if (i == count)
        return err_set(e, ERR_WORLD, "%s is not found beside %s", o->start_file,
                       extract_files_path(all, count - 1));
    for (size_t first = i; i < count; i++) {
        if (i > first && binpos_number(extract_files_name(all, i)) !=
                             binpos_number(extract_files_name(all, i - 1)) + 1)
            return err_set(e, ERR_WORLD, "between %s and %s a log file is missing",
                           extract_files_name(all, i - 1), extract_files_name(all, i));
        if (extract_files_add(chosen, extract_files_path(all, i), -1, e))
            return -1;
    }
    return 0;
}

static int test(const struct options *o, const struct extract_files *all, struct err *e)
{
    const char *last = extract_files_path(all, extract_files_count(all) - 1);
    int fd = tool_create(o->output_file, e);

    if (fd < 0)
        return -1;
    close(fd);
    unlink(o->output_file);
    printf("  Creating %s if not exists.. ok.\n", o->output_file);
    fd = open(last, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(e, ERR_IO, "cannot read %s", last);
    close(fd);
    printf("  Binlog found at %.*s, up to %s\n", (int)(strrchr(last, '/') - last), last,
           strrchr(last, '/') + 1);
    return 0;
}

static int save(const struct options *o, const struct extract_files *all, int *status,
                struct err *e)
{
    struct extract_files chosen = EXTRACT_FILES_INIT;
    struct save_result result;
    int fd = -1, rc = choose(o, all, &chosen, e);

    if (rc == 0)
        rc = (fd = tool_create(o->output_file, e)) < 0 ? -1 : 0;
    printf(" Concat binary/relay logs from %s pos %llu to %s EOF into %s ..\n", o->start_file,
           (unsigned long long)o->from, extract_files_name(all, extract_files_count(all) - 1),
           o->output_file);
    if (rc == 0)
        rc = save_events(&chosen, o->from, NULL, fd, &result, e);
    if (fd >= 0 && close(fd) && rc == 0)
        rc = err_errno(e, ERR_IO, "cannot write %s", o->output_file);
    extract_files_release(&chosen);
    if (rc)
        return -1;
    if (result.torn_bytes)
        fprintf(stderr, "%llu bytes at the end are no whole event, and are left out.\n",
                (unsigned long long)result.torn_bytes);
    if (result.events == 0) {
        unlink(o->output_file);
        puts("Event not exists.");
        *status = TOOL_NOTHING;
    } else {
        printf(" Concat succeeded: %llu events, %llu bytes.\n", (unsigned long long)result.events,
               (unsigned long long)result.bytes);
    }
    return 0;
}

static int check(struct options *o, int is_test, struct err *e)
{
    if (!o->output_file || !*o->output_file)
        return err_set(e, ERR_CONFIG, "--output_file must be set");
    if (!o->start_pos)
        return err_set(e, ERR_CONFIG, "--start_pos must be set");
    if (tool_position(o->start_pos, "start_pos", &o->from, e) < 0)
        return -1;
    if (!o->start_file && !(is_test && o->binlog_prefix))
        return err_set(e, ERR_CONFIG, "--start_file must be set");
    if (o->caller.handle_raw_binlog == 0)
        fputs("--handle_raw_binlog=0 is without effect: events are saved as they are.\n", stderr);
    return tool_check_manager(o->caller.manager_version, e);
}

static int run(struct options *o, int *status, struct err *e)
{
    struct extract_files all = EXTRACT_FILES_INIT;
    int is_test = o->command && strcmp(o->command, "test") == 0, rc;

    if (!is_test && (!o->command || strcmp(o->command, "save") != 0))
        return err_set(e, ERR_CONFIG, "--command must be test or save");
    rc = check(o, is_test, e);
    if (rc == 0)
        rc = find_logs(o, &all, e);
    if (rc == 0)
        rc = is_test ? test(o, &all, e) : save(o, &all, status, e);
    extract_files_release(&all);
    return rc;
}

int save_binary_logs_main(int argc, char **argv)
{
    struct options o = {.binlog_dir = "/var/lib/mysql", .caller = {.handle_raw_binlog = 1}};
    const struct args_option table[] = {
        {"command",        ARGS_TEXT, &o.command,        "test|save", "what to do"                     },
        {"start_file",     ARGS_TEXT, &o.start_file,     "FILE",      "the first log file"             },
        {"start_pos",      ARGS_TEXT, &o.start_pos,      "POS",       "where to begin in it"           },
        {"binlog_prefix",  ARGS_TEXT, &o.binlog_prefix,  "NAME",      "test: in place of start_file"   },
        {"binlog_dir",     ARGS_TEXT, &o.binlog_dir,     "DIR,..",    "where the logs are"             },
        {"output_file",    ARGS_TEXT, &o.output_file,    "FILE",      "where to save"                  },
        {"relay_log_info", ARGS_TEXT, &o.relay_log_info, "FILE",      "names a directory of relay logs"},
        {"datadir",        ARGS_TEXT, &o.datadir,        "DIR",       "for relative names in it"       },
        {"oldest_version", ARGS_TEXT, &o.oldest_version, "V",         "without effect"                 },
        {"skip_filter",    ARGS_INT,  &o.skip_filter,    "0|1",       "without effect"                 },
        TOOL_CALLER_ROWS(o.caller),
        {NULL,             ARGS_FLAG, NULL,              NULL,        NULL                             },
    };
    struct err e = {0};
    int status;

    if (!tool_args("save_binary_logs", &argc, argv, table, &status))
        return status;
    return run(&o, &status, &e) ? fail(&e) : status;
}
