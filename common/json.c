/* JSON over json-c; see json.h. */
#include "common/json.h"

#include <ctype.h>
#include <stdlib.h>

/* A bare number at the end of the text is complete only when the tokener has seen something behind
 * it, hence the second call with the terminating NUL. */
int json_parse(const char *text, size_t len, struct json_object **out, struct err *e)
{
    struct json_tokener *tok;
    struct json_object *o;
    enum json_tokener_error why;
    size_t end;

    *out = NULL;
    while (len && isspace((unsigned char)text[len - 1]))
        len--;
    if (len == 0)
        return err_set(e, ERR_FORMAT, "no JSON value");
    if (len > INT32_MAX)
        return err_set(e, ERR_FORMAT, "JSON text of %zu bytes", len);
    tok = json_tokener_new();
    if (!tok)
        abort();
    json_tokener_set_flags(tok, JSON_TOKENER_STRICT);
    o = json_tokener_parse_ex(tok, text, (int)len);
    end = json_tokener_get_parse_end(tok);
    why = json_tokener_get_error(tok);
    if (why == json_tokener_continue && end == len) {
        o = json_tokener_parse_ex(tok, "", 1);
        why = json_tokener_get_error(tok);
    }
    json_tokener_free(tok);
    if (why != json_tokener_success || end != len) {
        json_object_put(o);
        return err_set(e, ERR_FORMAT, "not JSON at byte %zu: %s", end,
                       why == json_tokener_success ? "unexpected text"
                                                   : json_tokener_error_desc(why));
    }
    *out = o;
    return 0;
}

void json_print(struct json_object *o, struct buf *out)
{
    size_t len;
    const char *text = json_object_to_json_string_length(
        o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);

    buf_add(out, text, len);
}

static struct json_object *member(struct json_object *o, const char *key, json_type type)
{
    struct json_object *m;

    if (!json_object_is_type(o, json_type_object) || !json_object_object_get_ex(o, key, &m) ||
        !json_object_is_type(m, type))
        return NULL;
    return m;
}

const char *json_get_str(struct json_object *o, const char *key, const char *fallback)
{
    struct json_object *m = member(o, key, json_type_string);

    return m ? json_object_get_string(m) : fallback;
}

/* json-c clamps at the limits of the type asked for; a number that does not fit is no number of
 * that type. */
int64_t json_get_int(struct json_object *o, const char *key, int64_t fallback)
{
    struct json_object *m = member(o, key, json_type_int);

    if (!m || json_object_get_uint64(m) > INT64_MAX)
        return fallback;
    return json_object_get_int64(m);
}

uint64_t json_get_u64(struct json_object *o, const char *key, uint64_t fallback)
{
    struct json_object *m = member(o, key, json_type_int);

    if (!m || json_object_get_int64(m) < 0)
        return fallback;
    return json_object_get_uint64(m);
}

int json_get_bool(struct json_object *o, const char *key, int fallback)
{
    struct json_object *m = member(o, key, json_type_boolean);

    return m ? json_object_get_boolean(m) : fallback;
}

void json_put_str(struct json_object *o, const char *key, const char *value)
{
    json_object_object_add(o, key, value ? json_object_new_string(value) : NULL);
}

void json_put_int(struct json_object *o, const char *key, int64_t value)
{
    json_object_object_add(o, key, json_object_new_int64(value));
}

void json_put_u64(struct json_object *o, const char *key, uint64_t value)
{
    json_object_object_add(o, key, json_object_new_uint64(value));
}

void json_put_bool(struct json_object *o, const char *key, int value)
{
    json_object_object_add(o, key, json_object_new_boolean(value));
}
