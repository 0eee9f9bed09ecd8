#!/usr/bin/env bash
# valgrind on the manager through one failover: no leak, no access that is not its own.
# Usage: t/leak.t, or SERVER, MODE, LAB, B in the environment.
set -eu

cd "$(dirname "$0")/.."
# shellcheck source=t/lib.sh
. t/lib.sh
lab_begin leak
said=$dir/manager.log

show() {
    tail -n 40 "$said"
}

command -v valgrind >/dev/null || skip_all "valgrind is missing"
! sanitized || skip_all "built with sanitizers, which look for the same"

lab_raise "$server" "$mode"

# Instructions take some fifty times as long under valgrind: what waits for us must wait longer.
t/lab/exec manager --lab "$lab" valgrind --quiet --leak-check=full --show-leak-kinds=definite,possible \
    --errors-for-leak-kinds=definite --error-exitcode=99 --log-file="$PWD/$dir/valgrind.log" \
    "$B/masterha_manager" --conf="$PWD/$dir/app1.cnf" >"$said" 2>&1 &
manager=$!
for ((i = 0; i < 1200; i++)); do
    ! grep -q "until MySQL doesn't respond" "$said" || break
    sleep 0.1
done
sleep 2
t/lab/ctl --lab "$lab" kill db1
rc=0
wait "$manager" || rc=$?
that "a failover under valgrind" grep -q 'completed successfully' "$said"
said=$dir/valgrind.log
that "no leak, no wrong access" is "$rc" 0
tests_done
