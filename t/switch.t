#!/usr/bin/env bash
# Online switches on real servers under a writer: refusals, failures that lead back, the switch itself with
# the old master as a replica, questions, and a manager that is killed in the pause.
# Usage: t/switch.t [SERVER [MODE]], or SERVER, MODE, LAB, B in the environment.
# Functions are called by name, through that and within.
# shellcheck disable=SC2317
set -eu

cd "$(dirname "$0")/.."
# shellcheck source=t/lib.sh
. t/lib.sh
lab_begin switch "$@"
background=()

raise() {
    local more=()
    # The MySQL 5.6 package lacks the plugin.
    [[ $mode == position || $server == mysql56 ]] || more=(--semisync)
    lab_raise "$server" "$mode" "${more[@]}"
    sed -i '/^\[server default\]/a journal_dir=/var/tmp/app1/journal\nhook_timeout=10' "$conf"
    cp "$conf" "$dir/plain.cnf"
}

label() {
    echo "$1($LAB_PREFIX.1${1#db}:3306)"
}

# hook STOP START BACK: the script; pieces of shell for stop, for start toward anybody but db1, and toward
# db1.
hook() {
    cat >"$dir/hook" <<-SH
	#!/bin/sh
	echo "\$*" >>$PWD/$dir/hook.calls
	case "\$*" in
	*--command=stop*) $1 ;;
	*--command=start*--new_master_host=db1*) $3 ;;
	*--command=start*) $2 ;;
	esac
	exit 0
	SH
    chmod 755 "$dir/hook"
    : >"$dir/hook.calls"
    sed "/^\\[server default\\]/a master_ip_online_change_script=$PWD/$dir/hook" "$dir/plain.cnf" >"$conf"
}

no_hook() {
    cp "$dir/plain.cnf" "$conf"
}

calls() {
    sed -n 's/.*--command=\([a-z]*\).*--new_master_host=\([a-z0-9]*\).*/\1:\2/p' "$dir/hook.calls" | tr '\n' ' '
}

# switch [OPTION...]: standard input is passed; the exit code is in $code, the output in $out.
switch() {
    code=0
    t/lab/exec manager --lab "$lab" masterha_master_switch --conf="$PWD/$conf" --master_state=alive "$@" \
        >"$out" 2>&1 || code=$?
}

quietly() {
    switch --interactive=0 "$@" </dev/null
}

writable() {
    is "$(sql "$1" 'SELECT @@GLOBAL.read_only')" 0
}

read_only() {
    is "$(sql "$1" 'SELECT @@GLOBAL.read_only')" 1
}

replicates() {
    ctl status | grep -q "^$1 .*replicates=$2:Yes/Yes"
}

unlocked() {
    local h l
    for h in db1 db2 db3; do
        for l in Failover Monitor; do
            is "$(sql "$h" "SELECT IFNULL(IS_USED_LOCK('MHA_Master_High_Availability_$l'), 'free')")" free || return 1
        done
    done
}

# db1 is the master, nothing is held, nothing is closed.
as_it_was() {
    writable db1 && read_only db2 && read_only db3 && replicates db2 db1 && replicates db3 db1 && unlocked &&
        is "$(ctl vip-where)" db1 && is "$(waits_for_replica db2)" "$semisync"
}

# The side of semi-synchronous replication that waits: ON, OFF, or nothing.
waits_for_replica() {
    sql "$1" "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('rpl_semi_sync_master_enabled', 'rpl_semi_sync_source_enabled')" |
        cut -f 2
}

# Milliseconds of the last pause, cut.
pause() {
    sed -n 's/.*Writes were paused for \([0-9]*\)\.[0-9] ms\..*/\1/p' "$out" | tail -n 1
}

paused_less_than() {
    local ms
    ms=$(pause)
    [[ -n $ms ]] && ((ms < $1))
}

acked() {
    cat "$dir"/ledger/*.ledger 2>/dev/null | wc -l
}

acked_more_than() {
    (($(acked) > $1))
}

writes_go_on() {
    within 30 acked_more_than $(($(acked) + 20))
}

# Milliseconds of the longest time without an acknowledged write so far.
gap() {
    awk '{if (last && $3 - last > max) max = $3 - last; last = $3} END {printf "%d\n", max / 1000}' "$dir/ledger/1.ledger"
}

gap_less_than() {
    local ms
    ms=$(gap)
    ((ms < $1)) || { echo "#   $ms ms"; return 1; }
}

nothing_is_lost() {
    t/lab/compare --lab "$lab" >"$dir/compare" 2>&1 && grep -qx 'lost 0' "$dir/compare" &&
        grep -qx 'checksums_equal yes' "$dir/compare" && grep -qx 'two_writable_samples 0' "$dir/compare" && return
    sed 's/^/# /' "$dir/compare"
    return 1
}

start_writer() {
    t/lab/ctl --lab "$lab" writer --pause-ms 4 >"$dir/writer.out" 2>&1 &
    writer=$!
    within 30 acked_more_than $(($(acked) + 50))
}

stop_writer() {
    kill -TERM "$writer" 2>/dev/null || true
    wait "$writer" 2>/dev/null || true
}

in_background() {
    t/lab/ctl --lab "$lab" sql "$@" >/dev/null 2>&1 &
    background+=("$!")
}

# end_background HOST: whatever sleeps there in a statement.
end_background() {
    local p
    for p in $(sql "$1" 'SHOW PROCESSLIST' | awk -F '\t' '/SLEEP/ && !/PROCESSLIST/ {print $1}'); do
        sql "$1" "KILL $p" || true
    done
    for p in "${background[@]}"; do
        wait "$p" 2>/dev/null || true
    done
    background=()
}

journal() {
    find "$work/journal" -mindepth 1 -maxdepth 1 -type d | sort | tail -n 1
}

# --- Before anything is touched --------------------------------------------------------------------
refusals() {
    quietly --check_only
    that "--check_only: exit code 0" is "$code" 0
    that "... nothing changed, no journal" not test -e "$work/journal"
    quietly --no_such_option
    that "an unknown option: MHA's sentence and exit code" says "Unknown options:"
    that "... exit code 1" is "$code" 1
    quietly --new_master_host=db1
    that "the master itself is refused" says "$(label db1) is the master already"
    quietly --new_master_host=db9
    that "an unknown new master is refused" says "db9:3306 is not in the configuration"
    in_background db1 "BEGIN; INSERT INTO app.ledger VALUES (90, 1, 1, ''); SELECT SLEEP(120); ROLLBACK"
    # MySQL 5.6 rolls it back with its session.
    [[ $server == mysql56 ]] || in_background db1 "XA START 'kage'; INSERT INTO app.ledger VALUES (91, 1, 1, ''); XA END 'kage'; XA PREPARE 'kage'"
    sleep 2.5
    if [[ $server != mysql56 ]]; then
        quietly
        that "a prepared XA transaction: refused" says "XA transaction(s) are prepared on $(label db1): kage"
        sql db1 "XA ROLLBACK 'kage'"
    fi
    quietly
    that "an open transaction with changes: refused" says "transaction(s) with changes are open on $(label db1)"
    that "... exit code 1" is "$code" 1
    that "... nothing was begun" not test -e "$work/journal"
    that "... writes went on" gap_less_than 2000
    end_background db1
}

watched() {
    t/lab/exec manager --lab "$lab" masterha_manager --conf="$PWD/$conf" >"$dir/manager.out" 2>&1 &
    local manager=$!
    within 30 grep -qF "until MySQL doesn't respond" "$dir/manager.out"
    quietly
    that "a group that is watched: refused" says "stop MHA Manager/Monitor and try again"
    t/lab/exec manager --lab "$lab" masterha_stop --conf="$PWD/$conf" >"$out" 2>&1 || true
    wait "$manager" 2>/dev/null || true
    that "... nothing stays changed" within 20 as_it_was
}

# --- Failures before the point of no return --------------------------------------------------------
leads_back() {
    that "$1: exit code 1" is "$code" 1
    that "... the old master takes writes" writes_go_on
    that "... nothing stays changed" within 20 as_it_was
    that "... the pause is printed, and was short" paused_less_than 2500
}

failures() {
    hook 'exit 1' 'exit 0' 'exit 0'
    quietly
    leads_back "the stop hook fails"
    that "... it was asked to start writes on the old master" is "$(calls)" "stop:db2 start:db1 "
    hook 'exit 0' 'exit 1' 'exit 0'
    quietly
    leads_back "the start hook fails"
    that "... with its own way back" is "$(calls)" "stop:db2 start:db2 start:db1 "
    no_hook
    in_background db2 "LOCK TABLES app.ledger WRITE; SELECT SLEEP(120)"
    sleep 1
    quietly --seconds_behind_master=0
    that "the heir falls behind: nothing is stopped" is "$code" 1
    end_background db2
    that "... writes went on" gap_less_than 2500
    that "... nothing stays changed" within 30 as_it_was
}

# What the server says of its lag is as old as the event that it applied last.
close_behind() {
    local words='SHOW SLAVE STATUS'
    [[ $server != mysql9 ]] || words='SHOW REPLICA STATUS'
    ctl exec "$1" "$LAB_SERVER_DIR/bin/mysql" --defaults-file="$PWD/$dir/admin.cnf" -E -e "$words" 2>/dev/null |
        grep -qE '^ *Seconds_Behind_(Master|Source): [0-5]$'
}

# The heir stops applying when writes have stopped already: the stop hook is the moment.
late_heir() {
    # What the test before held up is applied first, or the heir is refused before anything stops.
    ctl wait-repl 60 >/dev/null
    within 60 close_behind db2
    hook "touch $PWD/$dir/stopping; sleep 1" 'exit 0' 'exit 0'
    {
        within 30 test -e "$dir/stopping"
        sql db2 "$1"
    } &
    quietly
    wait $! || true
    that "the heir stops applying in the pause: exit code 1" is "$code" 1
    that "... the old master takes writes" writes_go_on
    that "... the pause is printed, and was short" paused_less_than 3500
    sql db2 "$2"
    that "... nothing stays changed" within 20 as_it_was
    no_hook
}

# --- The switch -------------------------------------------------------------------------------------
main_job() {
    [[ $server != mysql9 ]] || sed -i '/^\[server default\]/a repl_ssl=0\nrepl_get_public_key=1' "$conf"
    quietly --orig_master_is_new_slave
    that "under a writer, the old master as a replica: exit code 0" is "$code" 0
    that "MHA's last sentence" says "Switching master to $(label db2) completed successfully."
    that "MHA's phases" says "* Phase 2: Rejecting updates Phase.."
    that "the pause is printed" paused_less_than 2000
    that "writes go on" writes_go_on
    that "db2 is writable" writable db2
    that "db1 is read-only" read_only db1
    that "db1 follows db2" within 20 replicates db1 db2
    that "db3 follows db2" within 20 replicates db3 db2
    that "db2 has no master" is "$(ctl status | grep -c '^db2 .*replicates=-')" 1
    that "the VIP is on db2" is "$(ctl vip-where)" db2
    that "locks are free" unlocked
    that "commits of db2 wait for replicas as before" is "$(waits_for_replica db2)" "$semisync"
    that "the report says where readers of the binlog go on" says " of $(label db1) is "
    that "the journal is closed" grep -q '"rec":"close","exit":0\|"exit":0' "$(journal)/journal.jsonl"
    that "no password in log and journal" not grep -rqF -e "$LAB_ADMIN_PASSWORD" -e "$LAB_REPL_PASSWORD" "$out" "$(journal)"
    [[ $server != mysql9 ]] || that "replication is without TLS where that is configured" \
        is "$(sql db1 'SELECT SSL_ALLOWED FROM performance_schema.replication_connection_configuration')" NO
    no_hook
    [[ $mode == position ]] || that "GTIDs are used as before" is "$gtid_was: $(uses_gtid db3) $(uses_gtid db1)" "${gtid_was:?}: $gtid_was $gtid_was"
}

# How a replica uses GTIDs: Auto_Position or Using_Gtid of its status.
uses_gtid() {
    local show='SHOW SLAVE STATUS'
    [[ $server != mysql9 ]] || show='SHOW REPLICA STATUS'
    ctl exec "$1" "$LAB_SERVER_DIR/bin/mysql" --defaults-file="$PWD/$dir/admin.cnf" -E -e "$show" 2>/dev/null |
        sed -n 's/^ *\(Auto_Position\|Using_Gtid\): //p'
}

# Back again, with questions: no, then yes to all.
questions() {
    switch --orig_master_is_new_slave --new_master_host=db1 <<<$'no\nno\nno'
    that "no is an answer: exit code 1" is "$code" 1
    that "... the question about the tables" says "Is it ok to execute on $(label db2)? (YES/no): "
    that "... the question about the switch" says "Starting master switch from $(label db2) to $(label db1)? (yes/NO): "
    that "... nothing was begun" writable db2
    switch --orig_master_is_new_slave --new_master_host=db1 <<<$'\nyes\nyes'
    that "yes is one: exit code 0" is "$code" 0
    that "... the question about the script" says "Is it ok to proceed? (yes/NO): "
    that "db1 is the master again" writable db1
    that "writes go on" writes_go_on
    that "db2 follows it" within 20 replicates db2 db1
    that "db3 follows it" within 20 replicates db3 db1
}

# --- The manager is killed in the pause -----------------------------------------------------------
killed() {
    hook 'exit 0' 'sleep 60' 'exit 0'
    t/lab/exec manager --lab "$lab" masterha_master_switch --conf="$PWD/$conf" --master_state=alive \
        --interactive=0 --orig_master_is_new_slave </dev/null >"$out" 2>&1 &
    local manager=$!
    within 30 grep -q -- '--command=start' "$dir/hook.calls"
    pkill -KILL -f "masterha_master_switch --conf=$PWD/$conf" || true
    wait "$manager" 2>/dev/null || true
    that "the manager is killed in the pause: nobody takes writes" read_only db1
    no_hook
    quietly --orig_master_is_new_slave
    that "the next run goes on: exit code 0" is "$code" 0
    that "db2 is writable" writable db2
    that "db1 follows it" within 20 replicates db1 db2
    that "writes go on" writes_go_on
}

raise
semisync=$(waits_for_replica db2)
gtid_was=$(uses_gtid db3)
start_writer
refusals
watched
failures
case $server in
mysql9) late_heir 'STOP REPLICA SQL_THREAD' 'START REPLICA SQL_THREAD' ;;
*) late_heir 'STOP SLAVE SQL_THREAD' 'START SLAVE SQL_THREAD' ;;
esac
main_job
questions
killed
stop_writer
that "no acknowledged row is lost, all servers are equal" within 30 nothing_is_lost
tests_done
