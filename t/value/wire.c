/* JSON access, and the lines between manager and agent. */
#include "common/wire.h"
#include "common/json.h"
#include "t/tap.h"

#include <stdlib.h>

static void test_json_numbers(void)
{
    static const char text[] =
        "{\"a\":18446744073709551614,\"b\":-5,\"c\":9223372036854775807,\"s\":\"x\",\"t\":true}";
    struct json_object *o;
    struct buf out = BUF_INIT;
    struct err e = {0};

    tap_ok(json_parse(text, strlen(text), &o, &e) == 0, "an object parses");
    tap_ok(json_get_u64(o, "a", 0) == 18446744073709551614ULL, "64 unsigned bits are exact");
    tap_ok(json_get_int(o, "a", 7) == 7, "a number over the signed range gives the fallback");
    tap_ok(json_get_u64(o, "b", 7) == 7, "a negative number is no unsigned one");
    tap_ok(json_get_int(o, "b", 0) == -5 && json_get_int(o, "c", 0) == INT64_MAX, "signed range");
    tap_ok(json_get_int(o, "s", 3) == 3 && json_get_int(o, "none", 4) == 4, "fallbacks");
    tap_ok(json_get_bool(o, "t", 0) == 1 && json_get_bool(o, "b", 0) == 0, "booleans");
    tap_is(json_get_str(o, "s", "-"), "x", "a string");
    tap_is(json_get_str(o, "b", "-"), "-", "a number is no string");
    tap_is(json_get_str(NULL, "b", "-"), "-", "no object, the fallback");
    json_print(o, &out);
    tap_is(out.data, text, "printed as it came");
    json_object_put(o);
    buf_release(&out);
}

static void test_json_put(void)
{
    struct json_object *o = json_object_new_object();
    struct buf out = BUF_INIT;

    json_put_str(o, "path", "/a/b\n\"q\"");
    json_put_str(o, "none", NULL);
    json_put_int(o, "i", -1);
    json_put_u64(o, "u", UINT64_MAX);
    json_put_bool(o, "b", 0);
    json_print(o, &out);
    tap_is(out.data,
           "{\"path\":\"/a/b\\n\\\"q\\\"\",\"none\":null,\"i\":-1,\"u\":18446744073709551615,"
           "\"b\":false}",
           "members are written");
    json_object_put(o);
    buf_release(&out);
}

static void test_json_bad(void)
{
    static const struct {
        const char *text;
        int good;
    } rows[] = {
        {"",              0},
        {"   ",           0},
        {"{",             0},
        {"{\"a\":1",      0},
        {"{\"a\":1}}",    0},
        {"{\"a\":1} x",   0},
        {"{} {}",         0},
        {"{a:1}",         0},
        {"[1,2]",         1},
        {" {\"a\":1} \n", 1},
        {"12",            1},
        {"\"s\"",         1},
        {"true",          1},
        {"tru",           0},
    };
    struct json_object *o;
    struct err e;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int rc = json_parse(rows[i].text, strlen(rows[i].text), &o, &e);

        tap_ok((rc == 0) == rows[i].good && (rc == 0 || e.code == ERR_FORMAT), "parse <%s>",
               rows[i].good ? "good" : rows[i].text);
        json_object_put(o);
    }
    tap_ok(json_parse("{}\0{}", 5, &o, &e) == -1, "a NUL inside is refused");
    tap_ok(json_parse("{\"a\":1}zzz", 7, &o, &e) == 0, "only len bytes are read");
    json_object_put(o);
}

static int find(const char *text, struct buf *in, struct wire_greeting *g, struct err *e)
{
    buf_clear(in);
    buf_adds(in, text);
    return wire_greeting_find(in, g, e);
}

static void test_greeting(void)
{
    struct wire_greeting g = {WIRE_PROTOCOL, "0.1.0", "read,link,kill", 7}, got;
    struct buf in = BUF_INIT, text = BUF_INIT;
    struct err e;

    wire_greeting_print(&g, &text);
    tap_is(text.data, "KAGEMUSHA-NODE 1 0.1.0 caps=read,link,kill uid=7\n", "greeting");
    tap_ok(find("Welcome\nKAGEMUSHA-NODE 1 0.1.0 caps=read,kill uid=7\r\nrest", &in, &got, &e) == 1,
           "found behind a banner");
    tap_is(in.data, "rest", "what follows is kept");
    tap_ok(got.uid == 7 && got.protocol == 1, "uid and protocol");
    tap_is(got.version, "0.1.0", "version");
    tap_ok(wire_has_cap(&got, "read") && wire_has_cap(&got, "kill"), "caps that are there");
    tap_ok(!wire_has_cap(&got, "kil") && !wire_has_cap(&got, "killer"), "no part of a word");
    tap_ok(find("KAGEMUSHA-NODE 1 0.1.0 caps= uid=7\n", &in, &got, &e) == 1 && !got.caps[0],
           "no caps at all");
    tap_ok(find("> KAGEMUSHA-NODE 1 0.1.0 caps=x uid=7\n", &in, &got, &e) == 1,
           "noise without a newline before it");
    tap_ok(find("KAGEMUSHA-NODE 1 0.1.0 caps=x ui", &in, &got, &e) == 0, "half of it: not yet");
    tap_ok(find("KAGEMUSHA-NODE wants you\nKAGEMUSHA-NODE 1 2 caps=x uid=1\n", &in, &got, &e) == 1,
           "noise that looks alike");
    tap_ok(find("KAGEMUSHA-NODE 2 9.9 new=1\n", &in, &got, &e) == -1 && strstr(e.text, "9.9") &&
               strstr(e.text, KAGEMUSHA_VERSION),
           "another protocol names both versions");
    buf_release(&in);
    buf_release(&text);
}

static void test_noise_cap(void)
{
    struct wire_greeting got;
    struct buf in = BUF_INIT;
    struct err e;

    for (size_t i = 0; i < WIRE_LINE_MAX / 64 - 1; i++)
        buf_addf(&in, "%063d\n", 0);
    tap_ok(wire_greeting_find(&in, &got, &e) == 0, "noise under the cap");
    buf_adds(&in, "KAGEMUSHA-NODE 1 1 caps=x uid=1\n");
    tap_ok(wire_greeting_find(&in, &got, &e) == 1, "and the greeting behind it");
    for (size_t i = 0; i < WIRE_LINE_MAX / 64 + 1; i++)
        buf_addf(&in, "%063d\n", 0);
    tap_ok(wire_greeting_find(&in, &got, &e) == -1 && e.code == ERR_FORMAT, "noise over the cap");
    buf_release(&in);
}

static void test_lines(void)
{
    struct json_object *o;
    struct buf in = BUF_INIT;
    struct err e;

    buf_adds(&in, "\n{\"id\":1}\n  \nnot json\n[1]\n{\"id\":2}\n{\"id\"");
    tap_ok(wire_take(&in, &o, &e) == 1 && json_get_int(o, "id", 0) == 1, "first line");
    json_object_put(o);
    tap_ok(wire_take(&in, &o, &e) == -1 && e.code == ERR_FORMAT && !o, "garbage");
    tap_ok(wire_take(&in, &o, &e) == -1 && e.code == ERR_FORMAT && !o, "not an object");
    tap_ok(wire_take(&in, &o, &e) == 1 && json_get_int(o, "id", 0) == 2, "the line behind them");
    json_object_put(o);
    tap_ok(wire_take(&in, &o, &e) == 0 && !o, "half a line");
    buf_adds(&in, ":3}\n");
    tap_ok(wire_take(&in, &o, &e) == 1 && json_get_int(o, "id", 0) == 3, "its other half");
    json_object_put(o);
    tap_ok(in.len == 0, "nothing is left");
    buf_release(&in);
}

/* Adds a line of len bytes without its newline. */
static void add_long(struct buf *in, size_t len)
{
    buf_adds(in, "{\"x\":\"");
    for (size_t i = 8; i < len; i++)
        buf_addc(in, 'x');
    buf_adds(in, "\"}");
}

static void test_long_lines(void)
{
    struct json_object *o;
    struct buf in = BUF_INIT, out = BUF_INIT;
    struct err e;

    add_long(&in, WIRE_LINE_MAX);
    buf_addc(&in, '\n');
    tap_ok(wire_take(&in, &o, &e) == 1, "a line of the full length");
    tap_ok(wire_put(&out, o, &e) == 0 && out.len == WIRE_LINE_MAX + 1, "and it can be sent");
    json_put_int(o, "y", 1);
    tap_ok(wire_put(&out, o, &e) == -1 && out.len == WIRE_LINE_MAX + 1, "one longer cannot");
    json_object_put(o);
    add_long(&in, WIRE_LINE_MAX + 1);
    buf_adds(&in, "\n{\"id\":4}\n");
    tap_ok(wire_take(&in, &o, &e) == -1, "one byte more is refused");
    tap_ok(wire_take(&in, &o, &e) == 1 && json_get_int(o, "id", 0) == 4, "the next one is read");
    json_object_put(o);
    add_long(&in, WIRE_LINE_MAX + 100);
    tap_ok(wire_take(&in, &o, &e) == -1, "too long, and its end not there");
    add_long(&in, WIRE_LINE_MAX + 100);
    tap_ok(wire_take(&in, &o, &e) == 0 && in.len < 10,
           "the rest is dropped without a second error");
    buf_adds(&in, "tail\n{\"id\":5}\n");
    tap_ok(wire_take(&in, &o, &e) == 1 && json_get_int(o, "id", 0) == 5, "and then goes on");
    json_object_put(o);
    buf_release(&in);
    buf_release(&out);
}

int main(void)
{
    test_json_numbers();
    test_json_put();
    test_json_bad();
    test_greeting();
    test_noise_cap();
    test_lines();
    test_long_lines();
    return tap_done();
}
