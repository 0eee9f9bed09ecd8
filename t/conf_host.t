#!/usr/bin/env bash
# masterha_conf_host: what it writes, what it refuses, and that every other byte stays.
set -eu

cd "$(dirname "$0")/.."
# shellcheck source=t/lib.sh
. t/lib.sh
B=$(readlink -f "${B:-build}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
conf=$work/app.cnf code=0

show() {
    echo "$out"
}

run() {
    code=0
    out=$("$B/masterha_conf_host" "$@" 2>&1) || code=$?
}

# shellcheck disable=SC2317
ends() {
    [[ $code == "$1" && $out == *"$2"* ]]
}

# shellcheck disable=SC2317
refused() {
    [[ $code != 0 && $out == *"$1"* ]] && cmp -s "$conf" "$work/before"
}

# A blank line before a new section stays behind.
# shellcheck disable=SC2317
file_is() {
    [[ $(<"$conf") == "$(<"$1")" ]]
}

fresh() {
    printf '%s\n' '# our servers' '[server default]' 'user = kage   ; the account' '' \
        '[server2]' 'hostname=b' '# the old one' '' '[server1]' 'hostname=a' >"$conf"
    cp "$conf" "$work/before"
}

fresh
run --command=add --conf="$conf" --hostname=db9
that "add: MHA's line" ends 0 "Wrote server_db9 entry to $conf ."
that "add: what was there stays" grep -q '^# the old one$' "$conf"
that "add: order stays" test "$(grep -n '^\[server2\]' "$conf" | cut -d: -f1)" = 5
that "add: the section" grep -q '^hostname *= *db9$' "$conf"
run -com delete --conf="$conf" --hostname db9
that "delete: MHA's line" ends 0 "Deleted server_db9 entry from $conf ."
that "add and delete leave the file as it was" file_is "$work/before"

run --command=add --conf="$conf" --block=100 --hostname=db9 --params='candidate_master=1;port=3307'
that "a block's name begins with server" ends 0 "Wrote server100 entry to $conf ."
that "params: one line each" grep -q '^candidate_master *= *1$' "$conf"
that "params: the second" grep -q '^port *= *3307$' "$conf"
run --command=remove --conf="$conf" --block=server100
that "remove is delete" ends 0 "Deleted server100 entry from $conf ."
that "... and the file is as it was" file_is "$work/before"

run --command=delete --conf="$conf" --block=server77
that "a section that is not there is no error" ends 0 "server77"
that "... nothing is written" file_is "$work/before"
cp "$conf" "$work/before"
run --command=add --conf="$conf" --block=server1 --hostname=x
that "a section that is there is refused" refused "server1"
run --command=add --conf="$conf" --hostname=x --params='candidate_mater=1'
that "an unknown key is refused" refused "candidate_mater"
run --command=add --conf="$conf"
that "add without a host is refused" refused "--hostname"
run --command=add --conf="$work/none.cnf" --hostname=x
that "a file that is not there is refused" refused "none.cnf"
run --command=add --hostname=x
that "no file named: refused" refused "--conf"
run --command=change --conf="$conf" --hostname=x
that "another command: usage, exit code 1" ends 1 "Usage:"
run --command=add --conf="$conf" --hostname=db9 --unheard=of
that "an unknown option is warned about" ends 0 "unheard"
that "... and the work is done" grep -q '^\[server_db9\]' "$conf"
run --version
that "--version" ends 0 "masterha_conf_host version 0.58."
run --help
that "--help" ends 0 "--params"
tests_done
