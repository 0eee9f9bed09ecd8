/* The relay logs of one server that are held: in order of their appearance, each by an open
 * descriptor and, where a directory for them is given, by a hard link. A file leaves when all of it
 * is applied; with a link it stays beyond that, up to the cap, as a source for other replicas. What
 * is not applied never leaves. For one thread. */
#ifndef KAGEMUSHA_NODE_VAULT_STORE_H
#define KAGEMUSHA_NODE_VAULT_STORE_H

#include "common/json.h"
#include "node/vault/facts.h"

#include <limits.h>
#include <sys/types.h>

#define VAULT_CAP_BYTES (2ull << 30) /* decision 19 */

/* Where things lie. */
struct vault_place {
    char dir[PATH_MAX]; /* of the relay logs */
    char prefix[BINPOS_FILE_BYTES];
    char links[PATH_MAX];  /* directory for hard links, "" none */
    char record[PATH_MAX]; /* the list, for who comes after this agent or reads beside it */
    uint64_t cap_bytes;
};

struct vault_entry {
    uint64_t number; /* of appearance */
    dev_t dev;
    ino_t ino;
    char name[BINPOS_FILE_BYTES]; /* in the server's directory */
    int fd;                       /* -1 when a link or the server holds it */
    int is_live, is_applied, has_link;
    uint64_t bytes;
    struct vault_hint hint;
    struct vault_facts facts;
};

struct vault_store {
    struct vault_place place;
    struct buf entries; /* struct vault_entry after another */
    uint64_t last_number;
    int has_baseline;   /* what was applied before we came is known */
    struct buf written; /* the record as it stands in its file */
    struct err trouble; /* the first thing that cannot be done; code ERR_NONE: all is well */
};

/* What a store amounts to. */
struct vault_status {
    int files, unapplied;
    uint64_t bytes; /* that the server has given up and the vault keeps */
    uint64_t cap_bytes;
    int is_over_cap;    /* although everything applied has left */
    struct err trouble; /* ERR_NONE: all is held as it should be */
};

/* Takes over what an earlier agent held, by its record and by links. */
void vault_store_open(struct vault_store *s, const struct vault_place *place);
void vault_store_close(struct vault_store *s); /* descriptors only: links and record stay */
/* Looks at the directory: new files are held, vanished ones noted. */
void vault_store_scan(struct vault_store *s);
/* Judges what is applied. */
void vault_store_judge(struct vault_store *s, const struct vault_told *told);
/* Lets go of all that the server does not list any more. */
void vault_store_forget(struct vault_store *s);
/* Lets go of what may go, keeps the cap, writes the record when it differs. */
void vault_store_settle(struct vault_store *s, struct vault_status *out);

/* For store*.c and record.c. */
struct vault_entry *vault_store_at(const struct vault_store *s, size_t i);
size_t vault_store_count(const struct vault_store *s);
struct vault_entry *vault_store_find(const struct vault_store *s, dev_t dev, ino_t ino);
/* Appends an entry; takes fd over. NULL is never returned. */
struct vault_entry *vault_store_add(struct vault_store *s, const char *name, int fd, dev_t dev,
                                    ino_t ino);
/* The path of an entry's link. */
void vault_link_path(const struct vault_store *s, const struct vault_entry *v, char *out,
                     size_t size);
void vault_trouble(struct vault_store *s, const struct err *e);

#endif
