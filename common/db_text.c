/* What needs no connection: quoting, and what an error number means; see db.h. */
#include "common/db.h"

#include <stdlib.h>
#include <string.h>

int db_errno_means_alive(int server_errno)
{
    /* MHA's list, then: no password given, password expired (twice), TLS demanded, account locked
     * (MySQL, MariaDB), and the client's own refusals of the server's greeting. */
    static const int alive[] = {1040, 1042, 1043, 1044, 1045, 1129, 1130, 1203, 1226, 1251,
                                1275, 1698, 1820, 1862, 3118, 3159, 4151, 2059, 2061};
    size_t i;

    for (i = 0; i < sizeof(alive) / sizeof(alive[0]); i++)
        if (alive[i] == server_errno)
            return 1;
    return 0;
}

int db_errno_told(int library_errno, const char *text)
{
    static const char before[] = "authenticity of the following error cannot be verified: ";
    const char *at = strstr(text, before);
    long told = at ? strtol(at + sizeof(before) - 1, NULL, 10) : 0;

    return told > 0 && told <= 65535 ? (int)told : library_errno;
}

/* A backslash is the one byte whose meaning hangs on sql_mode; bytes outside ASCII hang on the
 * character set. A text with either goes as hex with its character set named. */
void db_quote(struct buf *out, const char *text)
{
    const unsigned char *p;
    int plain = 1;

    for (p = (const unsigned char *)text; *p; p++)
        plain = plain && *p >= 0x20 && *p < 0x7f && *p != '\\';
    if (!plain) {
        buf_adds(out, "_utf8mb4 x'");
        for (p = (const unsigned char *)text; *p; p++)
            buf_addf(out, "%02x", *p);
        buf_addc(out, '\'');
        return;
    }
    buf_addc(out, '\'');
    for (; *text; text++) {
        if (*text == '\'')
            buf_addc(out, '\'');
        buf_addc(out, *text);
    }
    buf_addc(out, '\'');
}

void db_quote_name(struct buf *out, const char *name)
{
    buf_addc(out, '`');
    for (; *name; name++) {
        if (*name == '`')
            buf_addc(out, '`');
        buf_addc(out, *name);
    }
    buf_addc(out, '`');
}
