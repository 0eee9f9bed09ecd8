# shellcheck shell=bash
# For tests of programs on real servers of loopback, by exit status and words. Sourced at the top of the tree.

# shellcheck source=t/lib.sh
. t/lib.sh

# tool_begin NAME [SERVER]: $server, its programs in $bin, a directory $dir of the test's own, $out in it.
tool_begin() {
    B=$(readlink -f "${B:-build}")
    server=${2:-${SERVER:-mariadb}}
    bin=build/servers/$server/bin
    dir=$(mktemp -d "${TMPDIR:-/var/tmp}/$1.XXXXXX")
    out=$dir/out
    # shellcheck source=t/binlog/servers.sh
    . t/binlog/servers.sh
    trap 'servers_end; rm -rf "$dir"' EXIT
    trap 'exit 1' INT TERM HUP
    if [[ ! -x $bin/mysqld ]] && ! t/servers/get "$server" >"$dir/get" 2>&1; then
        echo "1..0 # SKIP $(tail -n 1 "$dir/get")"
        exit 0
    fi
}

# that NAME STATUS WORD COMMAND...: ends so, and says so.
that() {
    local name=$1 status=$2 word=$3 rc=0
    shift 3
    "$@" >"$out" 2>&1 || rc=$?
    if ((rc == status)) && { [[ -z $word ]] || grep -qF -- "$word" "$out"; }; then
        ok 0 "$name"
    else
        ok 1 "$name"
        echo "# status $rc, not $status, or without: $word"
        sed 's/^/# /' "$out" | head -n 8
    fi
}
