#!/usr/bin/env bash
# Failovers on real servers, by masterha_master_switch and by masterha_manager: what must be true
# afterwards, and that a failure before the point of no return leaves the group as it was.
# Usage: t/failover.t [SERVER [MODE]], or SERVER, MODE, LAB, B in the environment.
# Functions are called by name, through that and within.
# shellcheck disable=SC2317
set -eu

cd "$(dirname "$0")/.."
# shellcheck source=t/lib.sh
. t/lib.sh
lab_begin failover "$@"

raise() {
    lab_raise "$server" "$mode"
    db2="db2($LAB_PREFIX.12:3306)" db3="db3($LAB_PREFIX.13:3306)"
    sed -i '/^\[server default\]/a journal_dir=/var/tmp/app1/journal\nhook_timeout=2' "$conf"
    cp "$conf" "$dir/plain.cnf"
}

# set_conf 'sed script': the configuration of the lab, changed.
set_conf() {
    sed "$1" "$dir/plain.cnf" >"$conf"
}

# hook STOP START SHUTDOWN: a script below the configuration; each a piece of shell.
hook() {
    cat >"$dir/hook" <<-SH
	#!/bin/sh
	echo "\$*" >>$PWD/$dir/hook.calls
	case "\$*" in
	*--command=stop*) $1 ;;
	*--command=start*) $2 ;;
	esac
	exit 0
	SH
    chmod 755 "$dir/hook"
    : >"$dir/hook.calls"
    set_conf "/^\\[server default\\]/a master_ip_failover_script=$PWD/$dir/hook"
}

# switch [OPTION...]: the exit code is in $code, the output in $out.
switch() {
    code=0
    t/lab/exec manager --lab "$lab" masterha_master_switch --conf="$PWD/$conf" \
        --master_state=dead --dead_master_host=db1 --interactive=0 "$@" >"$out" 2>&1 || code=$?
}

# What it is instead is said.
replicates() {
    local line
    line=$(ctl status | grep "^$1 ")
    [[ $line == *"replicates=$2:Yes/Yes"* ]] || { echo "# $line"; return 1; }
}

attached() {
    ctl status | grep -q "^$1 .*replicates=db1:"
}

writable() {
    is "$(sql "$1" 'SELECT @@GLOBAL.read_only')" 0
}

read_only() {
    is "$(sql "$1" 'SELECT @@GLOBAL.read_only')" 1
}

unlocked() {
    local h
    for h in "$@"; do
        is "$(sql "$h" "SELECT IFNULL(IS_USED_LOCK('MHA_Master_High_Availability_Failover'), 'free')")" free ||
            return 1
    done
}

# The replicas have applied what they had received, and their number of rows does not move.
drained() {
    local a b
    a="$(rows db2) $(rows db3)"
    sleep 0.3
    b="$(rows db2) $(rows db3)"
    [[ $a == "$b" ]]
}

rows() {
    sql "$1" 'SELECT COUNT(*) FROM app.ledger'
}

most() {
    local a b
    a=$(rows db2) b=$(rows db3)
    echo $((a > b ? a : b))
}

acked() {
    cat "$dir"/ledger/*.ledger 2>/dev/null | wc -l
}

acked_more_than() {
    (($(acked) > $1))
}

start_writer() {
    t/lab/ctl --lab "$lab" writer >"$dir/writer.out" 2>&1 &
    writer=$!
    within 20 acked_more_than $(($(acked) + 50))
}

stop_writer() {
    kill -TERM "$writer" 2>/dev/null || true
    wait "$writer" 2>/dev/null || true
}

journal() {
    find "$work/journal" -mindepth 1 -maxdepth 1 -type d | sort | tail -n 1
}

# The whole line of the last journal that holds all the words.
journal_has() {
    local w line found
    while read -r line; do
        found=1
        for w; do
            [[ $line == *"$w"* ]] || found=0
        done
        ((found == 0)) || return 0
    done <"$(journal)/journal.jsonl"
    return 1
}

journals() {
    find "$work/journal" -mindepth 1 -maxdepth 1 -type d 2>/dev/null | wc -l
}

no_password_in() {
    ! grep -rqF -e "$LAB_ADMIN_PASSWORD" -e "$LAB_REPL_PASSWORD" "$@"
}

# The group as it was: nobody opened, both replicas on db1, no lock.
as_it_was() {
    read_only db2 && read_only db3 && attached db2 && attached db3 && unlocked db2 db3
}

# --- Refusals: nothing is done, no journal, no flag ------------------------------------------------
refused() {
    is "$code" 1 && [[ ! -e $work/app1.failover.error ]] && is "$(journals)" 0 && as_it_was
}

refusals() {
    switch
    that "a master that lives is not replaced" refused
    that "... and the sentence says so" says "answers"
    switch --dead_master_host=db9
    that "a host that is not in the file is refused" says "db9:3306 is not a server of"
    ctl kill db1
    set_conf '/^hostname=db3/a password=wrong'
    switch
    that "a wrong password for a replica: refused" refused
    that "... naming the host" says "db3("
    set_conf ''
    ctl stop db3
    switch
    that "a replica is down without ignore_fail: refused" is "$code" 1
    that "... naming host and fix" says "ignore_fail=1"
    that "... nobody opened" read_only db2
    ctl start db3
    touch "$work/app1.failover.error"
    switch
    that "after a failover that failed: refused" says "app1.failover.error"
    rm "$work/app1.failover.error"
    touch "$work/app1.failover.complete"
    switch
    that "after a fresh failover: refused" says "--ignore_last_failover"
    rm "$work/app1.failover.complete"
    switch --new_master_host=db7
    that "a new master that is not there: refused" says "db7:3306 is not in the configuration"
    ctl start db1
    within 20 replicates db2 db1
    # MySQL 9.7, started while its master was dead: once in some runs its IO thread stands then, for what it says.
    if ! within 20 replicates db3 db1; then
        ctl sql db3 'SELECT LAST_ERROR_NUMBER, LAST_ERROR_MESSAGE FROM performance_schema.replication_connection_status' |
            sed 's/^/# /'
        ctl sql db3 'START REPLICA' >/dev/null
        within 20 replicates db3 db1
    fi
}

# --- Failures before the point of no return --------------------------------------------------------
# The master hangs, so that its agent finds the process, kills it, and can start it again.
before_return() {
    local what
    for what in 'exit 1' 'sleep 30'; do
        hook "$what" 'exit 0'
        ctl pause db1
        switch
        that "stop hook '$what': exit code 1" is "$code" 1
        that "... nothing stays changed" within 30 as_it_was
        that "... the old master takes writes again" within 30 writable db1
        that "... the replicas follow it" within 30 replicates db2 db1
        that "... all of them" within 30 replicates db3 db1
        that "... the error flag is set" test -e "$work/app1.failover.error"
        that "... the journal has the undo" journal_has '"rec":"undo"' '"word":"fence-agent"' '"result":"undone"'
        that "... and an end" journal_has '"rec":"close"' '"exit":1'
        rm -f "$work/app1.failover.error"
    done
    set_conf ''
    hook 'exit 0' 'exit 0'
    : >"$dir/refuse"
    set_conf "s|^journal_dir=.*|journal_dir=$PWD/$dir/refuse/below|"
    ctl pause db1
    switch
    that "no journal: nothing begins" says "no journal, so nothing is begun"
    that "... nothing changed" as_it_was
    ctl cont db1
    set_conf ''
    within 30 replicates db2 db1
    within 30 replicates db3 db1
}

# --- The failover itself ---------------------------------------------------------------------------
main_job() {
    local received
    hook 'exit 0' 'exit 10'
    # Under a writer any of the two may have received more when the master dies.
    sed -i '/^hostname=db2/a candidate_master=1' "$conf"
    start_writer
    ctl kill db1
    within 20 drained
    received=$(most)
    switch --debug
    that "kill -9 under a writer: exit code 0" is "$code" 0
    within 20 acked_more_than $(($(acked) + 20)) || true
    stop_writer
    that "MHA's last sentence" says "Master failover to $db2 completed successfully."
    that "MHA's phases" says "* Phase 2: Dead Master Shutdown Phase.."
    that "db2 is writable" writable db2
    that "db3 is read-only" read_only db3
    that "db3 follows db2" within 20 replicates db3 db2
    that "db2 has no master" is "$(ctl status | grep -c '^db2 .*replicates=-')" 1
    that "the VIP is on db2" is "$(ctl vip-where)" db2
    that "what the replicas had received is there" test "$(rows db2)" -ge "$received"
    that "the writer goes on by itself" test "$(rows db2)" -gt "$received"
    that "locks are free" unlocked db2 db3
    that "the flag is set" test -e "$work/app1.failover.complete"
    that "no error flag" not test -e "$work/app1.failover.error"
    that "no status file is left" not test -e "$work/app1.master_status.health"
    that "the fence is proved" says "fence proof   agent-killed"
    journal_checks
    switch
    that "a second one right afterwards is refused" is "$code" 1
    that "a master that we replaced cannot be replaced again" unlocked db2 db3
}

journal_checks() {
    local d
    cp "$out" "$dir/switch.out"
    d=$(journal)
    that "journal: snapshots, plans, report" test -s "$d/snapshot.topo" -a -s "$d/snapshot-b.topo" \
        -a -s "$d/plan-a.txt" -a -s "$d/plan-b.txt" -a -s "$d/report.txt" -a -s "$d/report.json"
    that "journal: its directory is closed to others" is "$(stat -c %a "$d")" 700
    that "journal: header with values before" journal_has '"rec":"open"' '"read_only":1' '"master_host"'
    that "journal: a line before a step" journal_has '"rec":"begin"' '"word":"open"' 'read_only=1'
    that "journal: a line after a step" journal_has '"rec":"end"' '"word":"open"' '"result":"ok"' '"us":'
    that "journal: the hook's process" journal_has '"rec":"hook"' '"pgid":'
    that "journal: closed" journal_has '"rec":"close"' '"exit":0'
    that "no password in log and journal" no_password_in "$dir/switch.out" "$d"
    that "the copy on the agents is gone" not find_note
    t/lab/exec manager --lab "$lab" kagemusha plan \
        --snapshot="/var/tmp/app1/journal/${d##*/}/snapshot.topo" >"$out" 2>&1 || true
    that "a saved snapshot is a plan's input" says "---- point of no return: db2 becomes the master ----"
    that "stop hook, then start hook" is "$(sed -n 's/.*--command=\([a-z]*\).*/\1/p' "$dir/hook.calls" | tr '\n' ' ')" \
        "stopssh start "
}

find_note() {
    find "$dir"/hosts/db*/fs/var-tmp -name 'journal-app1.json' | grep -q .
}

# --- A replica that is down, and said to be dispensable; by the manager itself ----------------------
with_manager() {
    raise
    set_conf '/^hostname=db3/a ignore_fail=1'
    t/lab/exec manager --lab "$lab" masterha_manager --conf="$PWD/$conf" --wait_on_failover_error=0 \
        >"$out" 2>&1 &
    manager=$!
    that "masterha_manager watches" within 20 says "until MySQL doesn't respond"
    ctl stop db3
    ctl kill db1
    code=0
    wait "$manager" || code=$?
    that "a replica is down with ignore_fail: exit code 10" is "$code" 10
    that "MHA's sentence for it" says "done, but recovery on slave partially failed."
    that "the report names it" says "$db3: ERROR, left out"
    that "db2 is writable" writable db2
    that "locks are free" unlocked db2
}

# --- The candidate has received less than another --------------------------------------------------
stop_io() {
    case $server in
    mysql9) sql "$1" 'STOP REPLICA IO_THREAD' ;;
    *) sql "$1" 'STOP SLAVE IO_THREAD' ;;
    esac
}

# Whoever becomes the master, nothing that a replica had received is given up.
levelled() {
    local all new
    raise
    set_conf '/^hostname=db2/a candidate_master=1'
    start_writer
    stop_io db2
    within 20 acked_more_than $(($(acked) + 50))
    stop_writer
    ctl kill db1
    within 20 drained
    all=$(rows db3)
    that "db2 is behind db3" test "$(rows db2)" -lt "$all"
    switch
    if ((code == 1)) && [[ $mode == position ]]; then
        that "position mode, refused: with the gap in bytes" says "it lacks "
        that "... nothing done" is "$(journals)" 0
        return
    fi
    new=$(ctl vip-where)
    that "the new master has what the best replica had" test "$(rows "$new")" -ge "$all"
    that "it is writable" writable "$new"
    that "locks are free" unlocked db2 db3
    [[ $mode == gtid ]] || return 0
    that "exit code 0" is "$code" 0
    that "the candidate became master" is "$new" db2
    that "... by following the other first" says "[info] follow-base: "
    that "db3 follows db2" within 20 replicates db3 db2
    that "they are level" within 20 level
}

level() {
    [[ $(rows db2) == "$(rows db3)" ]]
}

# --- Failures behind the point of no return ---------------------------------------------------------
behind_return() {
    local what
    raise
    ctl kill db1
    for what in 'exit 1' 'sleep 30'; do
        hook 'exit 0' "$what"
        switch
        that "start hook '$what': exit code 1" is "$code" 1
        that "... and it is said that there is no master" says "NO MASTER"
        that "... replicas are not repointed" attached db3
        that "... nothing was undone" not journal_has '"rec":"undo"'
        that "... locks are free" unlocked db2 db3
        that "... the error flag is set" test -e "$work/app1.failover.error"
        rm -f "$work/app1.failover.error"
    done
    hook 'exit 0' 'exit 0'
    switch
    that "with the hook repaired it is finished by the next run" is "$code" 0
    that "db2 is writable" writable db2
    that "db3 follows db2" within 20 replicates db3 db2
}

raise
refusals
before_return
main_job
with_manager
levelled
behind_return
tests_done
