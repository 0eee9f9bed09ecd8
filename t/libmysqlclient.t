#!/usr/bin/env bash
# The SQL layer built with Oracle's libmysqlclient, of Debian's sid, instead of Connector/C, and run
# against the same real servers as t/sql.t. Unpacked under build/servers/libmysqlclient; its
# programs run with the libc that it was built for.
set -eu

cd "$(dirname "$0")/.."
B=${B:-build}
name=libmysqlclient
root=$PWD/build/servers
out=$B/libmysqlclient

cannot() {
    echo "1..0 # SKIP libmysqlclient cannot be had: $*"
    exit 0
}

# shellcheck source=t/servers/packages.sh
. t/servers/packages.sh

if [[ ! -e $root/$name/.ready ]]; then
    ((EUID == 0)) || cannot "needs root"
    mkdir -p "$root"
    new=$root/$name.new
    rm -rf "$new" "${root:?}/$name"
    mkdir -p "$new"
    # mysql_native_password is a plugin of the client since 9, in another package.
    unpack_sid libmysqlclient-dev mysql-client-core
    touch "$new/.ready"
    mv "$new" "$root/$name"
fi
usr=$root/$name/prefix/usr
libs=$usr/lib/x86_64-linux-gnu

# Of the unpacked headers only those of MySQL: libc's own are this machine's.
mkdir -p "$out/include"
ln -sfn "$usr/include/mysql" "$out/include/mysql"

# Its libraries need a newer libc than the one that links here.
if ! make -s B="$out" MYSQL_CFLAGS="-isystem $out/include -isystem $out/include/mysql" \
    MYSQL_LIBS="-Wl,--as-needed -Wl,--allow-shlib-undefined $libs/libmysqlclient.so" \
    "$out/t/sql/driver" >"$out.log" 2>&1; then
    sed 's/^/# /' "$out.log"
    echo "not ok 1 - the SQL layer builds with libmysqlclient"
    echo "1..1"
    exit 1
fi
cat >"$out/driver" <<EOF
#!/bin/sh
export LIBMYSQL_PLUGIN_DIR="$usr/lib/mysql/plugin"
exec "$libs/ld-linux-x86-64.so.2" --library-path "$libs:$usr/lib:/usr/lib/x86_64-linux-gnu" "$PWD/$out/t/sql/driver"
EOF
chmod 755 "$out/driver"
SQL_DRIVER=$out/driver exec t/sql.t "$@"
