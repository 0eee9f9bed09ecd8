#!/usr/bin/env bash
# A manager that is killed, or stands still for longer than its locks live, before and behind every
# step of a failover; another one is started, and the group must end with one writable master, all
# others on it, no row lost, no lock held. The steps are those of a failover that was left alone.
# Usage: t/resume.t [SERVER [MODE]], or SERVER, MODE, LAB, B in the environment.
# Functions are called by name, through that and within.
# shellcheck disable=SC2317
set -eu

cd "$(dirname "$0")/.."
# shellcheck source=t/lib.sh
. t/lib.sh
lab_begin resume "$@"
row=0 poll_s=0.05
stopper=$B/t/resume/stop_at.so

# --- The group -------------------------------------------------------------------------------------
raise() {
    local more=()
    if [[ $server/$mode == mysql9/position ]]; then
        more=(--set gtid_mode=OFF --set enforce_gtid_consistency=OFF)
    fi
    lab_raise "$server" "$mode" "${more[@]}"
    conf=$PWD/$conf
    hook master_ip 0
    hook shutdown 10
    sed -i "/^\\[server default\\]/a journal_dir=/var/tmp/app1/journal\\nlock_lease=1\\nping_misses=2\\n\
master_ip_failover_script=$PWD/$dir/master_ip\\nshutdown_script=$PWD/$dir/shutdown" "$conf"
    sql db1 'CREATE TABLE app.rounds (n INT PRIMARY KEY)'
    dead=db1 next=db2 other=db3
}

# hook NAME EXIT: a script that tells of its calls. 10 of shutdown: mysqld is killed, the host is up.
hook() {
    cat >"$dir/$1" <<-SH
	#!/bin/sh
	echo "\$*" >>$PWD/$dir/$1.calls
	case "\$*" in
	*--command=stop*) exit $2 ;;
	esac
	exit 0
	SH
    chmod 755 "$dir/$1"
}

follows() {
    ctl status | grep -q "^$1 .*replicates=$2:Yes/Yes"
}

has_row() {
    [[ $(sql "$1" "SELECT COUNT(*) FROM app.rounds WHERE n <= $row") == "$row" ]]
}

# One more acknowledged row, which both replicas have received.
add_row() {
    sql "$1" "INSERT INTO app.rounds VALUES ($((row + 1)))" || return 1
    row=$((row + 1))
}

# Where the new master opened: all before that the dead one has.
opened_at() {
    sed -n 's/.*"rec":"end".*"word":"read-position".*"result":"ok".*"text":"\([^"]*\)".*/\1/p' "$(journal)/journal.jsonl" | tail -n 1
}

# attach HOST MASTER: a server that came back becomes a replica.
attach() {
    local words='MASTER MASTER SLAVE' what word thread at how password=${LAB_REPL_PASSWORD//\\/\\\\}
    if [[ $server == mysql9 ]]; then
        words='REPLICATION_SOURCE SOURCE REPLICA'
    fi
    read -r what word thread <<<"$words"
    case $server-$mode in
    mariadb*-gtid)
        how=MASTER_USE_GTID=slave_pos
        sql "$1" 'SET GLOBAL gtid_slave_pos = @@GLOBAL.gtid_binlog_pos'
        ;;
    mysql*-gtid) how=${word}_AUTO_POSITION=1 ;;
    *)
        at=$(opened_at)
        how="${word}_LOG_FILE='${at%:*}', ${word}_LOG_POS=${at#*:}"
        ;;
    esac
    [[ $server != mysql9 ]] || how+=", GET_SOURCE_PUBLIC_KEY=1"
    sql "$1" "SET GLOBAL read_only = 1; CHANGE ${what/_/ } TO ${word}_HOST='$2', ${word}_PORT=3306, \
        ${word}_USER='$LAB_REPL_USER', ${word}_PASSWORD='${password//\'/\'\'}', $how; START $thread"
}

# The guard on the host of a dead master ends, its server starts, and follows the new one.
bring_back() {
    # shellcheck disable=SC2016
    t/lab/exec "$1" --lab "$lab" sh -c 'for p in /proc/[0-9]*; do
        tr "\0" " " <$p/cmdline 2>/dev/null | grep -q "kagemusha-node [g]uard" && kill ${p#/proc/}
        done; rm -rf /run/kagemusha/* /var/lib/kagemusha/*' || true
    ctl start "$1" >>"$out" 2>&1 || { sleep 1; ctl start "$1" >>"$out" 2>&1; }
    attach "$1" "$2"
    rm -f "$work"/*.failover.*
    within 60 follows "$1" "$2"
}

# Who died, who is the master by the configuration's order, who is left.
roles() {
    local h
    dead=$1 next='' other=''
    for h in db1 db2 db3; do
        [[ $h != "$dead" ]] || continue
        if [[ -z $next ]]; then next=$h; else other=$h; fi
    done
}

# --- The managers ----------------------------------------------------------------------------------
manager_of() {
    t/lab/exec manager --lab "$lab" "$@"
}

# doomed "before WORD HOST" SIGNAL: a failover that does not come to its end by itself.
doomed() {
    : >"$out"
    t/lab/exec manager --lab "$lab" env LD_PRELOAD="$stopper" \
        ASAN_OPTIONS=verify_asan_link_order=0 STOP_AT="$1" STOP_SIGNAL="$2" \
        STOP_MARK=/var/tmp/stopped \
        masterha_master_switch --conf="$conf" --master_state=dead --dead_master_host="$dead" \
        --interactive=0 >>"$out" 2>&1
}

stopped() {
    [[ -e $dir/hosts/manager/fs/var-tmp/stopped ]]
}

# What the supervisor does: the manager again, until it ends by itself.
restarted() {
    local rc=0
    timeout 90 t/lab/exec manager --lab "$lab" masterha_manager --conf="$conf" \
        --wait_on_failover_error=0 >>"$out" 2>&1 || rc=$?
    is "$rc" 0
}

journal() {
    find "$work/journal" -mindepth 1 -maxdepth 1 -type d | sort | tail -n 1
}

journal_is_closed() {
    grep -q '"rec":"close"' "$(journal)/journal.jsonl" || { echo "#   the journal is open" && return 1; }
}

no_note() {
    ! find "$dir"/hosts/db*/fs/var-tmp -name 'journal-app1.json' | grep -q . || {
        echo "#   a note is left"
        return 1
    }
}

# Whoever ended it can tell what was lost.
report_says_none() {
    grep -q '"state": *"none"' "$(journal)/report.json" || {
        echo "#   $(grep -o '"text": *"[^"]*lo[^"]*"' "$(journal)/report.json")"
        return 1
    }
}

one_master() {
    is "$(sql "$next" 'SELECT @@GLOBAL.read_only')" 0 && is "$(sql "$other" 'SELECT @@GLOBAL.read_only')" 1 &&
        is "$(sql "$dead" 'SELECT 1' || echo down)" down
}

unlocked() {
    local h
    for h; do
        is "$(sql "$h" "SELECT IFNULL(IS_USED_LOCK('MHA_Master_High_Availability_Failover'), 'free')")" free ||
            return 1
    done
}

# All that a DBA would look at; the last line is the first thing that is wrong.
group_is_well() {
    one_master && within 30 follows "$other" "$next" && has_row "$next" && add_row "$next" &&
        within 30 has_row "$other" && is "$(ctl vip-where)" "$next" && within 5 unlocked "$next" "$other" &&
        journal_is_closed && no_note && report_says_none
}

# --- The steps of a failover -----------------------------------------------------------------------
# As "word role": who is dead, next and other changes from round to round.
learn_steps() {
    ctl kill db1
    that "a failover that is left alone: exit code 0" doomed "before nothing nowhere" KILL
    that "... the group is well" group_is_well
    mapfile -t steps < <(sed -n 's/.*"rec":"begin".*"word":"\([a-z-]*\)","host":"\(db[0-9]\)(.*/\1 \2/p' \
        "$(journal)/journal.jsonl" | sed 's/ db1$/ dead/; s/ db2$/ next/; s/ db3$/ other/')
    that "it has all the steps that there are" test "${#steps[@]}" -ge 17
    printf '# steps: %s\n' "${steps[*]}"
    bring_back db1 db2
}

actual() { # role
    case $1 in
    dead) echo "$dead" ;;
    next) echo "$next" ;;
    *) echo "$other" ;;
    esac
}

master=db2

killed() { # SIDE "WORD ROLE"
    roles "$master"
    add_row "$dead"
    within 30 has_row "$next" && within 30 has_row "$other"
    ctl kill "$dead"
    rm -f "$dir/hosts/manager/fs/var-tmp/stopped"
    doomed "$1 ${2% *} $(actual "${2#* }")" KILL || true
    that "killed $1 $2: it was" stopped
    that "killed $1 $2: the next one ends it" restarted
    that "killed $1 $2: the group is well" group_is_well
    bring_back "$dead" "$next"
    master=$next
}

# --- Standing still ---------------------------------------------------------------------------------
awake() {
    manager_of kill -CONT "$(cat "$dir/hosts/manager/fs/var-tmp/stopped")"
}

# Before a step that needs locks the first of them may not be there yet.
lease_is_over() {
    sleep 2
    within 20 unlocked "$next" "$other"
}

# The one that stood still looks again, and ends it.
ends_it_itself() {
    awake && wait "$first"
}

hook_calls() {
    cat "$dir/master_ip.calls" "$dir/shutdown.calls" 2>/dev/null | wc -l
}

# What the journal's lines from number $1 on say that was done. A step beside the stopped one may be
# noted as begun, and the end of one that was begun before may be noted; but the stopped step, and
# all that begin now, must fail, and nothing is undone or gone on with.
done_since() { # LINE "WORD ROLE"
    local line key rec late
    late=" ${2% *} $(actual "${2#* }") "
    while read -r line; do
        [[ $line =~ \"rec\":\"([a-z]+)\" ]] || continue
        rec=${BASH_REMATCH[1]} key=''
        if [[ $line =~ \"word\":\"([a-z-]+)\",\"host\":\"(db[0-9])\( ]]; then
            key="${BASH_REMATCH[1]} ${BASH_REMATCH[2]}"
        fi
        case $rec in
        begin) late+="| $key " ;;
        undo | resume) echo "$rec $key" ;;
        end) [[ $late != *" $key "* || $line == *'"result":"failed"'* ]] || echo "$rec $key" ;;
        esac
    done < <(tail -n "+$1" "$(journal)/journal.jsonl")
}

# It finds that another one has ended it, and touches nothing.
leaves_it_alone() { # "WORD ROLE"
    local lines calls
    lines=$(wc -l <"$(journal)/journal.jsonl")
    calls=$(hook_calls)
    awake
    wait "$first" && return 1
    is "$(done_since $((lines + 1)) "$1")" '' && is "$(hook_calls)" "$calls" && one_master
}

stood_still() { # "WORD ROLE" alone|taken over
    roles "$master"
    add_row "$dead"
    within 30 has_row "$next" && within 30 has_row "$other"
    ctl kill "$dead"
    rm -f "$dir/hosts/manager/fs/var-tmp/stopped"
    doomed "before ${1% *} $(actual "${1#* }")" STOP &
    first=$!
    that "stopped before $1: it was" within 60 stopped
    that "stopped before $1: its locks end" lease_is_over
    if [[ $2 == alone ]]; then
        that "stopped before $1: it ends it itself" ends_it_itself
    else
        that "stopped before $1: another one ends it" restarted
        that "stopped before $1: awake, it leaves that alone" leaves_it_alone "$1"
    fi
    that "stopped before $1: the group is well" group_is_well
    bring_back "$dead" "$next"
    master=$next
}

# A session that ends is no reason to end a failover.
lock_holder() {
    ctl sql "$1" "SELECT IS_USED_LOCK('MHA_Master_High_Availability_Failover')"
}

session_lost() {
    roles "$master"
    add_row "$dead"
    within 30 has_row "$next" && within 30 has_row "$other"
    ctl kill "$dead"
    rm -f "$dir/hosts/manager/fs/var-tmp/stopped"
    doomed "before stop-io $other" STOP &
    first=$!
    that "a session is lost before a step: it has stopped" within 60 stopped
    ctl sql "$other" "KILL $(lock_holder "$other")" >/dev/null
    that "a session is lost before a step: the failover goes on" ends_it_itself
    that "a session is lost before a step: it says so" says "session-lost: $other"
    that "a session is lost before a step: the group is well" group_is_well
    bring_back "$dead" "$next"
    master=$next
}

raise
learn_steps
session_lost
for s in "${steps[@]}"; do
    [[ -z ${ONLY_STEP:-} || $s == "$ONLY_STEP" ]] || continue
    [[ -n ${NO_KILL:-} ]] || killed before "$s"
    [[ -n ${NO_KILL:-} ]] || killed after "$s"
done
turn=alone
for s in "${steps[@]}"; do
    [[ -z ${ONLY_STEP:-} || $s == "$ONLY_STEP" ]] || continue
    stood_still "$s" "$turn"
    if [[ $turn == alone ]]; then turn="taken over"; else turn=alone; fi
done
echo "# $SECONDS s"
tests_done
