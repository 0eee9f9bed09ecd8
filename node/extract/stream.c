/* Extracts as streams; see stream.h. */
#include "node/extract/stream.h"

#include "node/binlog/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC        "KGXTRCT1"
#define MAGIC_BYTES  8u
#define RECORD_BYTES 9u
#define PIECE_FIXED  33u
#define COPY_BYTES   (256u * 1024)

/* Where the bytes of a stream go: to the callback and into the digest. */
struct output {
    stream_sink *sink;
    void *ctx;
    EVP_MD_CTX *digest;
    unsigned char *copy;
};

static int put(struct output *o, const void *bytes, size_t len, struct err *e)
{
    if (len == 0)
        return 0;
    if (EVP_DigestUpdate(o->digest, bytes, len) != 1)
        return err_set(e, ERR_BUG, "SHA-256 failed");
    return o->sink(o->ctx, bytes, len, e);
}

static int put_record(struct output *o, char kind, uint64_t len, struct err *e)
{
    unsigned char head[RECORD_BYTES];

    head[0] = (unsigned char)kind;
    bytes_put64(head + 1, len);
    return put(o, head, sizeof(head), e);
}

static int put_piece_head(struct output *o, const struct extract_piece *piece, struct err *e)
{
    unsigned char fixed[PIECE_FIXED];
    size_t name_len = strlen(piece->start.file);

    bytes_put64(fixed, piece->start.pos);
    bytes_put64(fixed + 8, piece->end_pos);
    bytes_put64(fixed + 16, piece->events);
    bytes_put64(fixed + 24, piece->transactions);
    fixed[32] = (unsigned char)piece->jump;
    if (put_record(o, 'P', sizeof(fixed) + name_len, e) || put(o, fixed, sizeof(fixed), e))
        return -1;
    return put(o, piece->start.file, name_len, e);
}

static int put_data(struct output *o, const struct extract_piece *piece, struct err *e)
{
    uint64_t done = 0;

    if (put_record(o, 'D', piece->length, e))
        return -1;
    while (done < piece->length) {
        uint64_t left = piece->length - done;
        ssize_t n = pread(piece->fd, o->copy, left < COPY_BYTES ? (size_t)left : COPY_BYTES,
                          (off_t)(piece->offset + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(e, ERR_IO, "cannot read %s", piece->path);
        if (n == 0)
            return err_set(e, ERR_IO, "%s has become shorter", piece->path);
        if (put(o, o->copy, (size_t)n, e))
            return -1;
        done += (uint64_t)n;
    }
    return 0;
}

static int put_pieces(struct output *o, struct extract *x, struct err *e)
{
    unsigned char format[BINLOG_FORMAT_MAX];
    struct extract_piece piece;
    uint32_t format_len = 0;
    int rc;

    while ((rc = extract_next(x, &piece, e)) > 0) {
        if (piece.format_event_len != format_len ||
            memcmp(piece.format_event, format, format_len) != 0) {
            format_len = piece.format_event_len;
            memcpy(format, piece.format_event, format_len);
            if (put_record(o, 'F', format_len, e) || put(o, format, format_len, e))
                return -1;
        }
        if (put_piece_head(o, &piece, e) || put_data(o, &piece, e))
            return -1;
    }
    return rc;
}

int stream_write(struct extract *x, stream_sink *sink, void *ctx, unsigned char *digest,
                 struct err *e)
{
    struct output o = {sink, ctx, EVP_MD_CTX_new(), mem_alloc(COPY_BYTES)};
    unsigned char end[RECORD_BYTES] = {'E', STREAM_DIGEST_BYTES};
    int rc = -1;

    if (!o.digest || EVP_DigestInit_ex(o.digest, EVP_sha256(), NULL) != 1) {
        err_set(e, ERR_BUG, "SHA-256 failed");
        goto out;
    }
    if (put(&o, MAGIC, MAGIC_BYTES, e) || put_pieces(&o, x, e))
        goto out;
    if (EVP_DigestFinal_ex(o.digest, digest, NULL) != 1) {
        err_set(e, ERR_BUG, "SHA-256 failed");
        goto out;
    }
    if (sink(ctx, end, sizeof(end), e) || sink(ctx, digest, STREAM_DIGEST_BYTES, e))
        goto out;
    rc = 0;
out:
    EVP_MD_CTX_free(o.digest);
    free(o.copy);
    return rc;
}

struct stream {
    int fd;
    char path[PATH_MAX];
    uint64_t size, next;
    struct binlog_format format;
    uint32_t format_len;
    unsigned char format_event[BINLOG_FORMAT_MAX];
};

static int get(struct stream *s, uint64_t offset, void *out, size_t len, struct err *e)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = pread(s->fd, (char *)out + done, len - done, (off_t)(offset + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(e, ERR_IO, "cannot read %s", s->path);
        if (n == 0)
            return err_set(e, ERR_FORMAT, "%s: the stream is not whole", s->path);
        done += (size_t)n;
    }
    return 0;
}

static int add_digest(struct stream *s, EVP_MD_CTX *md, uint64_t end, unsigned char *copy,
                      struct err *e)
{
    for (uint64_t at = 0; at < end;) {
        size_t n = end - at < COPY_BYTES ? (size_t)(end - at) : COPY_BYTES;

        if (get(s, at, copy, n, e))
            return -1;
        if (EVP_DigestUpdate(md, copy, n) != 1)
            return err_set(e, ERR_BUG, "SHA-256 failed");
        at += n;
    }
    return 0;
}

/* The last record is the digest of what stands before it. */
static int check_digest(struct stream *s, struct err *e)
{
    unsigned char tail[RECORD_BYTES + STREAM_DIGEST_BYTES], digest[EVP_MAX_MD_SIZE];
    unsigned char *copy = mem_alloc(COPY_BYTES);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    int rc = -1;

    if (s->size < MAGIC_BYTES + sizeof(tail)) {
        err_set(e, ERR_FORMAT, "%s: the stream is not whole", s->path);
        goto out;
    }
    if (!md || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1 ||
        get(s, s->size - sizeof(tail), tail, sizeof(tail), e) ||
        add_digest(s, md, s->size - sizeof(tail), copy, e) ||
        EVP_DigestFinal_ex(md, digest, NULL) != 1)
        goto out;
    if (tail[0] != 'E' || bytes_le64(tail + 1) != STREAM_DIGEST_BYTES ||
        memcmp(tail + RECORD_BYTES, digest, STREAM_DIGEST_BYTES) != 0) {
        err_set(e, ERR_FORMAT, "%s: the stream is not whole, or not what was sent", s->path);
        goto out;
    }
    s->size -= sizeof(tail);
    rc = 0;
out:
    EVP_MD_CTX_free(md);
    free(copy);
    return rc;
}

static int read_format(struct stream *s, uint64_t len, struct err *e)
{
    struct binlog_event ev = {0};

    if (len < BINLOG_HEADER_BYTES || len > BINLOG_FORMAT_MAX)
        return err_set(e, ERR_FORMAT, "%s: no format event", s->path);
    if (get(s, s->next, s->format_event, (size_t)len, e))
        return -1;
    s->format_len = (uint32_t)len;
    binlog_header(s->format_event, &ev);
    ev.body = s->format_event + BINLOG_HEADER_BYTES;
    ev.body_seen = ev.body_length = s->format_len - BINLOG_HEADER_BYTES;
    if (ev.length != s->format_len)
        return err_set(e, ERR_FORMAT, "%s: no format event", s->path);
    return binlog_read_format(&ev, &s->format, e);
}

static int read_piece(struct stream *s, uint64_t len, struct extract_piece *piece, struct err *e)
{
    unsigned char fixed[PIECE_FIXED];
    size_t name_len = (size_t)len - PIECE_FIXED;

    memset(piece, 0, sizeof(*piece));
    if (len <= PIECE_FIXED || name_len >= sizeof(piece->start.file) || s->format_len == 0)
        return err_set(e, ERR_FORMAT, "%s: no piece", s->path);
    if (get(s, s->next, fixed, sizeof(fixed), e) ||
        get(s, s->next + PIECE_FIXED, piece->start.file, name_len, e))
        return -1;
    piece->start.pos = bytes_le64(fixed);
    piece->end_pos = bytes_le64(fixed + 8);
    piece->events = bytes_le64(fixed + 16);
    piece->transactions = bytes_le64(fixed + 24);
    piece->jump = fixed[32];
    return 0;
}

static void finish_piece(struct stream *s, uint64_t len, struct extract_piece *piece)
{
    piece->fd = s->fd;
    piece->path = s->path;
    piece->offset = s->next;
    piece->length = len;
    piece->checksum = s->format.checksum;
    piece->format_event = s->format_event;
    piece->format_event_len = s->format_len;
    piece->format = &s->format;
}

int stream_next(struct stream *s, struct extract_piece *piece, struct err *e)
{
    int has_head = 0;

    while (s->next < s->size) {
        unsigned char head[RECORD_BYTES];
        uint64_t len;
        int rc = 0;

        if (s->size - s->next < sizeof(head))
            return err_set(e, ERR_FORMAT, "%s: a record is not whole", s->path);
        if (get(s, s->next, head, sizeof(head), e))
            return -1;
        s->next += sizeof(head);
        len = bytes_le64(head + 1);
        if (len > s->size - s->next || has_head != (head[0] == 'D'))
            return err_set(e, ERR_FORMAT, "%s: a record is not whole", s->path);
        if (head[0] == 'F')
            rc = read_format(s, len, e);
        else if (head[0] == 'P')
            rc = read_piece(s, len, piece, e);
        else if (head[0] == 'D')
            finish_piece(s, len, piece);
        else
            rc = err_set(e, ERR_FORMAT, "%s: a record of an unknown kind", s->path);
        if (rc)
            return -1;
        has_head = head[0] == 'P';
        s->next += len;
        if (head[0] == 'D')
            return 1;
    }
    return 0;
}

static int check_records(struct stream *s, struct err *e)
{
    struct extract_piece piece;
    char magic[MAGIC_BYTES];
    int rc;

    if (get(s, 0, magic, sizeof(magic), e))
        return -1;
    if (memcmp(magic, MAGIC, sizeof(magic)) != 0)
        return err_set(e, ERR_FORMAT, "%s is no stream of events", s->path);
    stream_rewind(s);
    while ((rc = stream_next(s, &piece, e)) > 0)
        ;
    stream_rewind(s);
    return rc;
}

struct stream *stream_open(const char *path, struct err *e)
{
    struct stream *s = mem_zalloc(sizeof(*s));
    struct stat st;

    snprintf(s->path, sizeof(s->path), "%s", path);
    s->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (s->fd < 0 || fstat(s->fd, &st)) {
        err_errno(e, ERR_IO, "cannot read %s", path);
        stream_close(s);
        return NULL;
    }
    s->size = (uint64_t)st.st_size;
    if (check_digest(s, e) || check_records(s, e)) {
        stream_close(s);
        return NULL;
    }
    return s;
}

void stream_rewind(struct stream *s)
{
    s->next = MAGIC_BYTES;
    s->format_len = 0;
}

void stream_close(struct stream *s)
{
    if (!s)
        return;
    if (s->fd >= 0)
        close(s->fd);
    free(s);
}
