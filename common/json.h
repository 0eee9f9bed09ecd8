/* The few things we do with JSON, over json-c. Objects are json-c's own; 64-bit numbers stay exact.
 */
#ifndef KAGEMUSHA_JSON_H
#define KAGEMUSHA_JSON_H

#include "common/buf.h"
#include "common/err.h"

#include <json.h>
#include <stdint.h>

/* Parses exactly one value; trailing bytes other than white space are an error. The caller frees
 * with json_object_put. */
int json_parse(const char *text, size_t len, struct json_object **out, struct err *e);
/* Appends compact text. */
void json_print(struct json_object *o, struct buf *out);

/* Members of an object; a missing one or one of another type gives the fallback. Borrowed strings
 * live as long as the object. */
const char *json_get_str(struct json_object *o, const char *key, const char *fallback);
int64_t json_get_int(struct json_object *o, const char *key, int64_t fallback);
uint64_t json_get_u64(struct json_object *o, const char *key, uint64_t fallback);
int json_get_bool(struct json_object *o, const char *key, int fallback);

/* Set a member, in place of one of that name; value NULL becomes null. Texts are copied. */
void json_put_str(struct json_object *o, const char *key, const char *value);
void json_put_int(struct json_object *o, const char *key, int64_t value);
void json_put_u64(struct json_object *o, const char *key, uint64_t value);
void json_put_bool(struct json_object *o, const char *key, int value);

#endif
