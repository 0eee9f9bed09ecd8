#!/usr/bin/env bash
# MHA's command lines without any server: help, version, what is missing, abbreviations, unknown
# options, exit codes and the lines that scripts look for.
# Functions are called by name, through that.
# shellcheck disable=SC2317,SC2016
set -eu

cd "$(dirname "$0")/.."
# shellcheck source=t/lib.sh
. t/lib.sh
B=$(readlink -f "${B:-build}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
code=0 err=''

show() {
    printf '%s\n' "exit code $code" "$out" "$err"
}

# run NAME ARGUMENT...: its two streams apart.
run() {
    local name=$1
    shift
    code=0
    out=$(timeout 20 "$B/masterha_$name" "$@" 2>"$work/err" </dev/null) || code=$?
    err=$(<"$work/err")
}

prints() {
    [[ $out == *"$1"* ]]
}

complains() {
    [[ $err == *"$1"* ]]
}

all=(manager master_monitor master_switch check_repl check_ssh check_status stop conf_host secondary_check)
for name in "${all[@]}"; do
    run "$name" --help
    that "$name --help: exit code 0" ends 0
    that "$name --help: usage on stdout" prints Usage
    run "$name" --version
    that "$name --version: exit code 0" ends 0
    that "$name --version: MHA's line" prints "masterha_$name version 0.58."
    run "$name" -VERSION
    that "$name: one dash, any case" prints "masterha_$name version 0.58."
    run "$name" --vers
    that "$name: an abbreviation" prints "masterha_$name version 0.58."
done

for name in manager master_monitor check_repl check_ssh; do
    run "$name"
    that "$name without --conf: exit code 1" ends 1
    that "$name without --conf: says so" complains "--conf"
    run "$name" --conf="$work/none.cnf"
    that "$name, no such file: exit code 1" ends 1
    run "$name" --unheard_of --conf="$work/none.cnf"
    that "$name ignores an unknown option" ends 1
    that "... without a word" eval '[[ $err != *unheard_of* ]]'
done
run check_repl --conf="$work/none.cnf"
that "check_repl: MHA's last line" eval '[[ $out == *$'"'\\n'"'"MySQL Replication Health is NOT OK!" ]]'

run master_switch --conf="$work/none.cnf"
that "master_switch without --master_state: exit code 1" ends 1
run master_switch --conf="$work/none.cnf" --master_state=sleeping
that "master_switch, another state: exit code 1" ends 1
run master_switch --conf="$work/none.cnf" --master_state=dead
that "master_switch dead without a host: exit code 1" ends 1
that "... says so" complains "--dead_master_host"
run master_switch --master_state=alive
that "master_switch alive without --conf: exit code 1" ends 1
run master_switch --master_state=alive --conf="$work/none.cnf" --unheard_of=1
that "master_switch alive, an unknown option: exit code 1" ends 1
that "... MHA's words" eval '[[ $out$err == *"Unknown option"*unheard_of* ]]'

# Configurations that MHA refuses, each by name.
conf() {
    printf '%s\n' '[server default]' "manager_workdir=$work/wd" "$@" >"$work/app.cnf"
}

refused() {
    local what=$1 word=$2
    shift 2
    conf "$@"
    run check_repl --conf="$work/app.cnf" --global_conf="$work/none"
    that "$what: exit code 1" ends 1
    that "... named" complains "$word"
}

refused "no server" "server"
refused "a server without hostname" "hostname" '[server1]' 'port=3306'
refused "two servers of one address and port" "127.0.0.1" '[server1]' 'hostname=127.0.0.1' '[server2]' 'hostname=127.0.0.1'
refused "a host that does not resolve" "no-such.invalid" '[server1]' 'hostname=no-such.invalid'
refused "an unknown key" "candidate_mater" 'candidate_mater=1' '[server1]' 'hostname=127.0.0.1'
refused "an unknown ping_type" "PING" 'ping_type=PING' '[server1]' 'hostname=127.0.0.1'
refused "ping_interval=0" "ping_interval" 'ping_interval=0' '[server1]' 'hostname=127.0.0.1'
refused "ssh_connection_timeout=0" "ssh_connection_timeout" 'ssh_connection_timeout=0' '[server1]' 'hostname=127.0.0.1'
refused "a bare [server]" "server" '[server]' 'hostname=127.0.0.1'
refused "another section" "mysqld" '[server1]' 'hostname=127.0.0.1' '[mysqld]' 'port=1'
refused "a line that is none" "line" '[server1]' 'hostname=127.0.0.1' 'what is this'

# The checker and the stopper need no server either.
conf '[server1]' 'hostname=127.0.0.1' 'port=1'
run check_status --conf="$work/app.cnf"
that "check_status, nobody runs: exit code 2" ends 2
that "... MHA's line" prints "app is stopped(2:NOT_RUNNING)."
run stop --conf="$work/app.cnf"
that "stop, nobody runs: exit code 0" ends 0
that "... MHA's line" prints "MHA Manager is not running on app(2:NOT_RUNNING)."
mkdir -p "$work/wd"
printf '%s\t0:PING_OK\tmaster:db7' "$$" >"$work/wd/app.master_status.health"
run check_status --conf="$work/app.cnf"
that "check_status of a manager that runs: exit code 0" ends 0
that "... MHA's line" prints "app (pid:$$) is running(0:PING_OK), master:db7"
run check_status --app=app --status_dir="$work/wd"
that "check_status --app --status_dir needs no file" ends 0
touch -d '1 hour ago' "$work/wd/app.master_status.health"
run check_status --conf="$work/app.cnf"
that "an old time stamp: exit code 32" ends 32
that "... MHA's word" prints "(32:TIMESTAMP_OLD)"
for state in 10:INITIALIZING_MONITOR 20:PING_FAILING 21:PING_FAILED 30:RETRYING_MONITOR 31:CONFIG_ERROR \
    50:FAILOVER_RUNNING 51:FAILOVER_ERROR; do
    printf '%s\t%s\tmaster:db7' "$$" "$state" >"$work/wd/app.master_status.health"
    run check_status --conf="$work/app.cnf"
    that "check_status $state: its exit code" ends "${state%%:*}"
    that "... its word" prints "($state)"
done
printf '%s\t50:FAILOVER_RUNNING\tmaster:db7' "$$" >"$work/wd/app.master_status.health"
run stop --conf="$work/app.cnf"
that "stop during a failover: exit code 1" ends 1
that "... MHA's line" prints "Currently Failover is running on app. Should not stop."
run secondary_check
that "secondary_check without a master: exit code 1" ends 1
run secondary_check --unheard_of
that "secondary_check warns of an unknown option" complains "unheard_of"
tests_done
