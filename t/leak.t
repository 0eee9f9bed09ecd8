#!/usr/bin/env bash
# valgrind on the manager through one failover: no leak, no access that is not its own.
# Usage: t/leak.t, or SERVER, MODE, LAB, B in the environment.
set -eu

cd "$(dirname "$0")/.."
B=$(readlink -f "${B:-build}")
server=${SERVER:-mariadb} mode=${MODE:-gtid} lab=${LAB:-leak-t}
dir=build/lab/$lab
manager=''

skip() {
    echo "1..0 # SKIP $*"
    exit 0
}

((EUID == 0)) || skip "the lab needs root"
command -v valgrind >/dev/null || skip "valgrind is missing"
! grep -q __asan_init "$B/kagemusha" || skip "built with sanitizers, which look for the same"

# shellcheck disable=SC2317  # reached by the trap
clean() {
    [[ -z $manager ]] || kill -TERM "$manager" 2>/dev/null || true
    t/lab/down --lab "$lab" >/dev/null 2>&1 || true
}
trap clean EXIT
trap 'exit 1' INT TERM HUP

rc=0
t/lab/up "$server" "$mode" --lab "$lab" --path "$B" >&2 || rc=$?
((rc != 77)) || skip "$server cannot be had"
((rc == 0)) || exit 1

# Instructions take some fifty times as long under valgrind: what waits for us must wait longer.
t/lab/exec manager --lab "$lab" valgrind --quiet --leak-check=full --show-leak-kinds=definite,possible \
    --errors-for-leak-kinds=definite --error-exitcode=99 --log-file="$PWD/$dir/valgrind.log" \
    "$B/masterha_manager" --conf="$PWD/$dir/app1.cnf" >"$dir/manager.log" 2>&1 &
manager=$!
for ((i = 0; i < 1200; i++)); do
    ! grep -q "until MySQL doesn't respond" "$dir/manager.log" || break
    sleep 0.1
done
sleep 2
t/lab/ctl --lab "$lab" kill db1
rc=0
wait "$manager" || rc=$?
manager=''
if grep -q 'completed successfully' "$dir/manager.log"; then
    echo "ok 1 - a failover under valgrind"
else
    echo "not ok 1 - a failover under valgrind"
    tail -n 20 "$dir/manager.log" | sed 's/^/# /'
fi
if ((rc == 0)); then
    echo "ok 2 - no leak, no wrong access"
else
    echo "not ok 2 - no leak, no wrong access: exit code $rc"
    sed 's/^/# /' "$dir/valgrind.log"
fi
echo 1..2
