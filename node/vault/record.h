/* The list of a vault as a file, so that another agent takes it over and a program beside the agent
 * reads what it holds: an entry is found by the descriptor of the process that holds it
 * (/proc/PID/fd/N), by its hard link, or by its name, whichever still is the same file. */
#ifndef KAGEMUSHA_NODE_VAULT_RECORD_H
#define KAGEMUSHA_NODE_VAULT_RECORD_H

#include "node/extract/files.h"
#include "node/vault/store.h"

/* Writes it when it differs from what stands there; a failure becomes the store's trouble. */
void vault_record_write(struct vault_store *s);
/* Fills an empty store with what an earlier agent held and can still be had. */
void vault_record_take_over(struct vault_store *s);

/* The path of the record of an instance below a directory for notes (made, 0700, if it is not
 * there): ERR_DENIED when it is not ours. */
int vault_record_path(const char *notes, const char *ip, int port, char *out, size_t size,
                      struct err *e);

/* Which of the files somebody wants. */
struct vault_want {
    uint32_t source_id;         /* of this master, 0: of the one that it came from last */
    int lost;                   /* 1: only what is not applied, and of that, */
    const char *reading;        /* with lost: not what its server has before it: this relay log and
                                   those behind it; "" it has none */
    const struct binpos *after; /* NULL, or not those that end at or before it */
};
/* The files of a record, in order. */
struct vault_files {
    struct extract_files *files;   /* appended to */
    struct buf fds;                /* int after int: their descriptors, which the caller closes */
    char first[BINPOS_FILE_BYTES]; /* the first of them, and what is known of its coordinates */
    struct vault_hint hint;
};
/* ERR_WORLD when there is no vault, or nothing in it. */
int vault_record_files(const char *path, const struct vault_want *want, struct vault_files *out,
                       struct err *e);

#endif
