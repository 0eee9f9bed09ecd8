#!/usr/bin/env bash
# An old master comes back on real servers: after a failover it is started read-only and follows; with
# transactions of its own it is refused, and they are saved; after an online switch.
# Usage: t/rejoin.t [SERVER [MODE]], or SERVER, MODE, LAB, B in the environment.
# Functions are called by name, through that and within.
# shellcheck disable=SC2317
set -eu

cd "$(dirname "$0")/.."
# shellcheck source=t/lib.sh
. t/lib.sh
lab_begin rejoin "$@"

rejoin() {
    run on_manager kagemusha rejoin "$1" --conf="$PWD/$conf"
}

replicates() {
    ctl status | grep -q "^$1 .*read_only=1 replicates=$2:Yes/Yes"
}

acked_more_than() {
    (($(cat "$dir"/ledger/*.ledger 2>/dev/null | wc -l) > $1))
}

nothing_is_lost() {
    t/lab/compare --lab "$lab" >"$dir/compare" 2>&1 && grep -qx 'lost 0' "$dir/compare" &&
        grep -qx 'checksums_equal yes' "$dir/compare" && return
    sed 's/^/# /' "$dir/compare"
    return 1
}

start_writer() {
    t/lab/ctl --lab "$lab" writer --pause-ms 4 >"$dir/writer.out" 2>&1 &
    writer=$!
    within 30 acked_more_than 100
}

stop_writer() {
    kill -TERM "$writer" 2>/dev/null || true
    wait "$writer" 2>/dev/null || true
}

raise() {
    lab_raise "$server" "$mode"
    sed -i '/^\[server default\]/a journal_dir=/var/tmp/app1/journal\nfence_required=proof' "$conf"
}

# The manager watches, so that the agent knows how the server ran.
fail_over() {
    t/lab/exec manager --lab "$lab" masterha_manager --conf="$PWD/$conf" >"$out" 2>&1 &
    local manager=$!
    within 30 says "until MySQL doesn't respond"
    sleep 2
    ctl kill db1
    code=0
    wait "$manager" || code=$?
    that "the master is killed and replaced" is "$code" 0
}

saved() {
    find "$work/journal" -name 'errant-*.binlog' | sort | tail -n 1
}

forget_master() {
    case $server in
    mysql9) sql "$1" 'STOP REPLICA; RESET REPLICA ALL' ;;
    *) sql "$1" 'STOP SLAVE; RESET SLAVE ALL' ;;
    esac
}

after_failover() {
    rejoin db1
    that "it comes back: exit code 0" is "$code" 0
    that "... it was started by its agent" says "was started, read-only"
    that "... it follows the new master, read-only" within 20 replicates db1 db2
    that "... its fence has ended" is "$(find "$dir"/hosts/db1/fs -name 'fenced-*' | wc -l)" 0
    rejoin db1
    that "a second time: already so" is "$code" 0
    stop_writer
    that "no acknowledged row is lost, all servers are equal" within 60 nothing_is_lost
}

# What only the old master has: it must neither be lost nor spread.
errant() {
    forget_master db1
    [[ $server != mysql9 ]] || sql db1 'SET GLOBAL super_read_only=0'
    sql db1 "INSERT INTO app.ledger VALUES (77, 1, 1, 'only here')"
    rejoin db1
    that "with a transaction of its own: exit code 1" is "$code" 1
    that "... it says what the group has not" says "has transactions that the group has not: "
    that "... they are saved" test -s "$(saved)"
    "$B/kagemusha-node" binlog --summary "$(saved)" >"$dir/summary" 2>&1 || true
    # By position all that came behind the failover counts: a replica that has forgotten its master
    # cannot be told from a master that went on.
    [[ $mode == position ]] && which='[1-9]' || which='1\b'
    that "... readable, and no more than that by GTID" grep -q "\"transactions\":$which" "$dir/summary"
    that "... closed to others" is "$(stat -c %a "$(saved)")" 600
    that "... the server stays read-only, without a master" \
        is "$(ctl status | grep -c '^db1 .*read_only=1 replicates=-')" 1

}

after_switch() {
    run on_manager masterha_master_switch --conf="$PWD/$conf" --master_state=alive --interactive=0
    that "an online switch without --orig_master_is_new_slave" is "$code" 0
    rejoin db1
    that "its old master comes back: exit code 0" is "$code" 0
    that "... it follows" within 20 replicates db1 db2
    rejoin db2
    that "the master itself is refused" is "$code" 1
}

raise
start_writer
after_switch
stop_writer
t/lab/down --lab "$lab" >/dev/null 2>&1
raise
start_writer
fail_over
after_failover
errant
tests_done
