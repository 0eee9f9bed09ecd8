/* Small files that a manager leaves on this host: the head of its journal (decision 13). */
#include "node/ops.h"

#include "common/file.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOTE_MAX_BYTES 60000
#define NOTES_MAX      256

static int name_ok(const char *name)
{
    if (!*name || *name == '.' || strlen(name) > 128)
        return 0;
    for (; *name; name++)
        if (!isalnum((unsigned char)*name) && !strchr("._-", *name))
            return 0;
    return 1;
}

/* The directory is below one where everybody may write: one that somebody else made, or a link, is
 * refused. */
static int own_dir(struct json_object *req, int create, char *out, size_t size, struct err *e)
{
    const char *dir = json_get_str(req, "dir", "");
    struct stat st;

    if (dir[0] != '/')
        return err_set(e, ERR_FORMAT, "dir must be an absolute path");
    if (snprintf(out, size, "%s/kagemusha-%u", dir, (unsigned)geteuid()) >= (int)size)
        return err_set(e, ERR_FORMAT, "dir is too long");
    if (create && file_mkdirs(dir, 0755, e))
        return -1;
    if (create && mkdir(out, 0700) && errno != EEXIST)
        return err_errno(e, ERR_IO, "cannot make %s", out);
    if (lstat(out, &st))
        return errno == ENOENT && !create ? 1 : err_errno(e, ERR_IO, "cannot look at %s", out);
    if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077))
        return err_set(e, ERR_DENIED, "%s is not a directory of ours with mode 0700", out);
    return 0;
}

static int note_path(struct json_object *req, int create, char *out, size_t size, struct err *e)
{
    const char *name = json_get_str(req, "name", "");
    char dir[PATH_MAX];
    int rc;

    if (!name_ok(name))
        return err_set(e, ERR_FORMAT, "a note's name is made of A-Z a-z 0-9 . _ -");
    rc = own_dir(req, create, dir, sizeof(dir), e);
    if (rc < 0)
        return -1;
    if (snprintf(out, size, "%s/%s", dir, name) >= (int)size)
        return err_set(e, ERR_FORMAT, "dir is too long");
    return 0;
}

int node_note_put_work(struct json_object *req, struct json_object *reply, struct err *e)
{
    const char *text = json_get_str(req, "text", NULL);
    char path[PATH_MAX];

    if (!text || strlen(text) > NOTE_MAX_BYTES)
        return err_set(e, ERR_FORMAT, "a note needs a text of at most %d bytes", NOTE_MAX_BYTES);
    if (note_path(req, 1, path, sizeof(path), e) ||
        file_write_atomic(path, text, strlen(text), 0600, e))
        return -1;
    json_put_str(reply, "path", path);
    return 0;
}

int node_note_get_work(struct json_object *req, struct json_object *reply, struct err *e)
{
    char path[PATH_MAX];
    struct buf text = BUF_INIT;
    int rc = -1;

    if (note_path(req, 0, path, sizeof(path), e) == 0)
        rc = file_read(path, &text, NOTE_MAX_BYTES, e);
    if (rc == 0)
        json_put_str(reply, "text", text.data);
    buf_release(&text);
    return rc;
}

int node_note_list_work(struct json_object *req, struct json_object *reply, struct err *e)
{
    struct json_object *list = json_object_new_array();
    char path[PATH_MAX];
    struct dirent *entry;
    size_t n = 0;
    DIR *d;
    int rc;

    json_object_object_add(reply, "names", list);
    rc = own_dir(req, 0, path, sizeof(path), e);
    if (rc)
        return rc < 0 ? -1 : 0;
    d = opendir(path);
    if (!d)
        return err_errno(e, ERR_IO, "cannot read %s", path);
    while ((entry = readdir(d)) && n < NOTES_MAX)
        if (name_ok(entry->d_name)) {
            json_object_array_add(list, json_object_new_string(entry->d_name));
            n++;
        }
    closedir(d);
    return 0;
}

int node_note_del_work(struct json_object *req, struct json_object *reply, struct err *e)
{
    char path[PATH_MAX];

    if (note_path(req, 0, path, sizeof(path), e))
        return -1;
    if (unlink(path) && errno != ENOENT)
        return err_errno(e, ERR_IO, "cannot remove %s", path);
    json_put_bool(reply, "gone", 1);
    return 0;
}
