#!/usr/bin/env bash
# clang-tidy with the checks of .clang-tidy. A file that passed is looked at again only when it, a
# header or .clang-tidy has changed since.
set -eu
. t/check/lib.sh
need clang-tidy pkg-config

stamps=build/tidy
mkdir -p "$stamps"
exec 9>"$stamps/.lock"
flock 9
{
    printf '%s\n' -std=c11 -D_GNU_SOURCE '-DKAGEMUSHA_VERSION="0"' "-I$PWD"
    pkg-config --cflags json-c libssh2 libcrypto libsystemd libmicrohttpd mysqlclient |
        tr ' ' '\n' | sed -n 's/^-I/-isystem/p'
} >"$stamps/compile_flags.txt"

stale() {
    local file newest
    newest=$({ c_sources | grep '\.h$' && echo .clang-tidy; } | xargs ls -t | head -n 1)
    c_sources | grep '\.c$' | while read -r file; do
        [[ $stamps/$file.ok -nt $file && $stamps/$file.ok -nt $newest ]] || echo "$file"
    done
}

# One file a run: version 14 carries what it thinks of a va_list from one file to the next.
stale | xargs -r -P "$(nproc)" -n 1 t/check/tidy-one "$stamps" | sed "s|$PWD/||" | sort -u |
    rule "clang-tidy finds nothing"
rules_done
