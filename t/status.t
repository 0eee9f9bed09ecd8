#!/usr/bin/env bash
# masterha_check_status and masterha_stop on status files written by hand, with real processes
# behind them: every status code's line and exit code, and what stopping does to whom.
# Usage: t/status.t; B=build directory.
set -eu

cd "$(dirname "$0")/.."
# shellcheck source=t/lib.sh
. t/lib.sh
B=$(readlink -f "${B:-build}")
dir=$(mktemp -d "${TMPDIR:-/tmp}/status.XXXXXX")
pids=()

# Called by the trap.
# shellcheck disable=SC2317
clean() {
    local pid
    for pid in "${pids[@]}"; do
        kill -KILL "$pid" 2>/dev/null || true
    done
    rm -rf "$dir"
}
trap clean EXIT
trap 'exit 1' INT TERM HUP

# sleeper [COMMAND...]: a process in a group of its own; sets pid.
sleeper() {
    setsid "${@:-sleep 300}" >/dev/null 2>&1 &
    pid=$!
    pids+=("$pid")
    within 10 leads_its_group "$pid" || exit 1
}

# shellcheck disable=SC2317
leads_its_group() {
    [[ $(sed 's/.*) //' "/proc/$1/stat" | cut -d ' ' -f 3) == "$1" ]]
}

# within SECONDS COMMAND...
within() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        ((SECONDS <= end)) || return 1
        sleep 0.01
    done
}

# shellcheck disable=SC2317
gone() {
    ! kill -0 "$1" 2>/dev/null
}

# file CODE:WORD [MASTER]: the status file of app1, as MHA writes it.
file() {
    printf '%s\t%s' "$pid" "$1" >"$dir/app1.master_status.health"
    if [[ -n ${2-} ]]; then
        printf '\tmaster:%s' "$2" >>"$dir/app1.master_status.health"
    fi
}

# run PROGRAM OPTION...: sets out (both streams) and rc.
run() {
    local program=$1
    shift
    rc=0
    out=$("$B/$program" "$@" 2>&1) || rc=$?
}

status() {
    run masterha_check_status --app=app1 --status_dir="$dir" "$@"
}

stop() {
    run masterha_stop --app=app1 --status_dir="$dir" "$@"
}

for program in masterha_check_status masterha_stop; do
    run "$program" --version
    that "$program --version" is "$rc $out" "0 $program version 0.58."
    run "$program" --help
    that "$program --help" is "$rc ${out%%$'\n'*}" "0 Usage: $program [options]"
    run "$program"
    that "$program without --conf and --app" is "$rc" 1
done

status
that "no file" is "$rc $out" "2 app1 is stopped(2:NOT_RUNNING)."

sleeper sleep 300
file 0:PING_OK db1
status
that "PING_OK" is "$rc $out" "0 app1 (pid:$pid) is running(0:PING_OK), master:db1"
status --manager_log=/x/app1.log
that "PING_OK names no log" is "$rc $out" "0 app1 (pid:$pid) is running(0:PING_OK), master:db1"
run masterha_check_status -app app1 -work "$dir"
that "one dash, an abbreviation, and an alias" is "$rc" 0
status --nonsense=1
that "an unknown option is ignored" is "$rc" 0

later=$'\nCheck /x/app1.log for details.'
while IFS='|' read -r code word text; do
    file "$code:$word" db1
    status --manager_log=/x/app1.log
    that "$word" is "$rc $out" "$code app1 $text"
done <<EOF_CODES
10|INITIALIZING_MONITOR|is now on initialization phase(10:INITIALIZING_MONITOR). Wait for a while and try checking again.
EOF_CODES
while IFS='|' read -r code word text; do
    file "$code:$word" db1
    status --manager_log=/x/app1.log
    that "$word" is "$rc $out" "$code app1 $text$later"
done <<EOF_CODES
20|PING_FAILING|master maybe down(20:PING_FAILING). master:db1
21|PING_FAILED|master maybe down(21:PING_FAILED). master:db1
30|RETRYING_MONITOR|master maybe down, monitoring is tried again(30:RETRYING_MONITOR). master:db1
31|CONFIG_ERROR|servers are not correctly configured(31:CONFIG_ERROR).
50|FAILOVER_RUNNING|master is down and failover is running(50:FAILOVER_RUNNING). master:db1
51|FAILOVER_ERROR|master is down and failover was not successful(51:FAILOVER_ERROR). master:db1
EOF_CODES

file 0:PING_OK db1
touch -d '-1 minute' "$dir/app1.master_status.health"
status
that "an old PING_OK is TIMESTAMP_OLD" is "$rc" 32
that "with the code" grep -q '(32:TIMESTAMP_OLD)' <<<"$out"
that "and how old it is" grep -Eq "^$dir/app1.master_status.health behinds [0-9]+ seconds!" <<<"$out"
status --ping_limit=3600
that "ping_limit is the limit" is "$rc" 0
file 10:INITIALIZING_MONITOR
touch -d '-1 minute' "$dir/app1.master_status.health"
status
that "only PING_OK grows old" is "$rc" 10

printf 'nonsense' >"$dir/app1.master_status.health"
status
that "a file that is none: 1" is "$rc" 1

# The leader is gone, a member of its group is not.
# shellcheck disable=SC2016
sleeper bash -c 'sleep 300 & echo $! >"$0"; wait' "$dir/child"
until [[ -s $dir/child ]]; do sleep 0.01; done
file 0:PING_OK db1
kill -KILL "$pid"
wait "$pid" 2>/dev/null || true
status
that "children without their manager: PARTIALLY_RUNNING" is "$rc" 3
stop
that "they are stopped" is "$rc $out" "0 Stopped app1 successfully."
status
that "and gone" is "$rc" 2

sleeper sleep 300
file 50:FAILOVER_RUNNING db1
stop
that "no stop during a failover" is "$rc $out" "1 Currently Failover is running on app1. Should not stop."
that "the manager lives" kill -0 "$pid"
stop --abort
that "--abort stops it" is "$rc $out" "0 Stopped app1 successfully."

# shellcheck disable=SC2016
sleeper bash -c 'trap "" TERM; : >"$0"; while :; do sleep 1; done' "$dir/deaf"
until [[ -e $dir/deaf ]]; do sleep 0.01; done
file 0:PING_OK db1
stop --abort_timeout=1
that "a manager that does not end" is "$rc ${out##*$'\n'}" "1 Failed to stop app1."
stop --abort --abort_timeout=1
that "--abort ends it" is "$rc ${out##*$'\n'}" "0 Forced stopped app1."
wait "$pid" 2>/dev/null || true
that "by force" gone "$pid"
rm -f "$dir/app1.master_status.health"
stop
that "nothing to stop" is "$rc $out" "0 MHA Manager is not running on app1(2:NOT_RUNNING)."

# A configuration file names the application, its directory and its log.
printf '[server default]\nmanager_workdir=%s\nmanager_log=%s/m.log\n[server1]\nhostname=127.0.0.1\n' \
    "$dir" "$dir" >"$dir/app1.cnf"
run masterha_check_status --conf="$dir/app1.cnf" --global_conf=/nonexistent
that "--conf" is "$rc $out" "2 app1 is stopped(2:NOT_RUNNING)."
sleeper sleep 300
file 31:CONFIG_ERROR
run masterha_check_status --conf="$dir/app1.cnf" --global_conf=/nonexistent
that "the log of --conf" is "$rc ${out##*$'\n'}" "31 Check $dir/m.log for details."
run masterha_check_status --conf="$dir/none.cnf"
that "a file that is not there" is "$rc" 1

tests_done
