/* One value of a configuration key: its place, quotes and checks. Private to conf; knows nothing of
 * files and layers. */
#ifndef KAGEMUSHA_CONF_VALUE_H
#define KAGEMUSHA_CONF_VALUE_H

#include "common/conf.h"

#define CONF_KEYS_MAX 96

struct conf_value {
    const char *text; /* NULL: not defined */
    const char *file; /* NULL: built in */
    int line;
};

/* Row of conf_keys with that name, or -1. */
int conf_key_index(const char *name);
/* The key that somebody who wrote name may have meant, or NULL. */
const char *conf_key_like(const char *name);

/* Perl's truth: neither empty nor "0". */
int conf_true(const char *text);
/* MHA's rule for one layer: a last character ' or " goes, and then a first one too. Works in
 * place; returns where the value begins. */
char *conf_unquote(char *text);
/* Is the value legal for the key? ERR_CONFIG names file, line, key and what to write. A secret's
 * text is not shown. */
int conf_check(const struct conf_key *key, const struct conf_value *v, struct err *e);
/* What is legal, as it is stored: the number of an integer or flag (empty: the default). */
int conf_number(const struct conf_key *key, const char *text);
/* The word of key->words in the table's spelling, text itself where there are no words. */
void conf_canonical(const struct conf_key *key, char *text);

/* 1 when a and b are IP addresses, and the same one. */
int conf_same_ip(const char *a, const char *b);
/* The address of a host name as text; an address is taken as it is. ERR_CONFIG. */
int conf_resolve(const char *host, char *ip, size_t size, struct err *e);

#endif
