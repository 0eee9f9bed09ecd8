# shellcheck shell=bash
# What a lab is on disk, and the proof that a process belongs to it. Sourced by the lab's commands.
# A lab owns a process if the pid and start time are recorded in its directory and the process
# carries the lab's token in its environment; nothing else is ever signalled or entered.

LAB_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
LAB_ROOT=$LAB_TOP/build/lab
LAB_TOOLS=$LAB_ROOT
LAB=${LAB:-lab}

die() {
    echo "lab $LAB: $*" >&2
    exit 1
}

# Sets LAB and what depends on it only.
lab_choose() {
    [[ $1 =~ ^[a-z][a-z0-9_-]{0,30}$ ]] || die "a lab's name is made of a-z, 0-9, _ and -"
    case $1 in enter | reaper | writer | sampler) die "this name is taken by a program" ;; esac
    LAB=$1
    LAB_DIR=$LAB_ROOT/$1
}

# Reads the state of a lab that is up.
lab_load() {
    lab_choose "$1"
    [[ -r $LAB_DIR/env ]] || die "is not up (t/lab/up SERVER MODE --lab $LAB)"
    # shellcheck source=/dev/null
    . "$LAB_DIR/env"
    LAB_TOKEN=$(<"$LAB_DIR/token")
}

need_root() {
    ((EUID == 0)) || die "namespaces need root"
}

need() {
    local word what=$1
    shift
    for word; do
        command -v "$word" >/dev/null || die "$word is missing: install the package $what"
    done
}

# lab_lock FILE: holds an exclusive lock on descriptor 9 until the shell ends.
lab_lock() {
    mkdir -p "$LAB_ROOT"
    exec 9>"$LAB_ROOT/$1"
    flock -w 120 9 || die "another command holds $LAB_ROOT/$1"
}

# Every process that carries this lab's token, one pid a line. Empty if there is no token.
lab_pids() {
    [[ -n ${LAB_TOKEN:-} ]] || return 0
    # Processes end while they are being looked at.
    grep -lsazx "LAB_TOKEN=$LAB_TOKEN" /proc/[0-9]*/environ | sed 's|/proc/||; s|/environ||' || true
}

start_time() {
    local stat
    read -r stat 2>/dev/null <"/proc/$1/stat" || return 1
    # The name in brackets may hold blanks; 20 fields follow it up to the start time.
    # shellcheck disable=SC2086
    set -- ${stat##*) }
    echo "${20}"
}

# ended PID...: none of them runs any more. The first process of a pid namespace becomes a zombie only
# when all others of that namespace are gone.
ended() {
    local pid stat
    for pid; do
        read -r stat 2>/dev/null <"/proc/$pid/stat" || continue
        stat=${stat##*) }
        [[ ${stat:0:1} == [ZX] ]] || return 1
    done
}

# recorded_pid FILE: prints the pid if that very process still lives and is this lab's.
recorded_pid() {
    local pid start
    [[ -r $1 ]] || return 1
    read -r pid start <"$1" || return 1
    [[ $(start_time "$pid") == "$start" ]] || return 1
    grep -qszx "LAB_TOKEN=$LAB_TOKEN" "/proc/$pid/environ" || return 1
    echo "$pid"
}

host_known() {
    [[ -d $LAB_DIR/hosts/$1 ]] || die "there is no host $1 (hosts: $LAB_HOSTS)"
}

# host_pid HOST: pid 1 of the host as the machine sees it; fails if the host is off.
host_pid() {
    host_known "$1"
    recorded_pid "$LAB_DIR/hosts/$1/pid" || die "host $1 is off"
}

host_is_on() {
    recorded_pid "$LAB_DIR/hosts/$1/pid" >/dev/null
}

# on HOST COMMAND...: runs it inside the host.
on() {
    local pid
    pid=$(host_pid "$1") || return 1
    shift
    HOME=/root USER=root LOGNAME=root PATH=$LAB_PATH "$LAB_TOOLS/enter" "$pid" "$@"
}

# in_bridge COMMAND...: runs it in the network namespace that holds the bridge.
in_bridge() {
    local pid
    pid=$(recorded_pid "$LAB_DIR/bridge.pid") || die "the bridge is gone"
    nsenter --net="/proc/$pid/ns/net" "$@"
}

# until_true SECONDS COMMAND...: polls it every 10 ms, after half a second every 50 ms.
until_true() {
    local end=$((SECONDS + $1)) nap=0.01 turns=0
    shift
    until "$@"; do
        ((SECONDS <= end)) || return 1
        ((++turns < 50)) || nap=0.05
        sleep "$nap"
    done
}
