#!/usr/bin/env bash
# kagemusha manage as a service on real servers: several groups, signals, notify socket, metrics, pauses,
# two failovers in a row under one process.
# SERVER and MODE say which server; B is the build directory.
# Functions are called by name, through that, within and the trap.
# shellcheck disable=SC2317
set -eu

cd "$(dirname "$0")/.."
# shellcheck source=t/lib.sh
. t/lib.sh
lab_begin service
mark=0

show() {
    tail -n 25 "$log" 2>/dev/null
}

now() {
    mark=$(wc -l <"$log")
}

has() {
    tail -n "+$((mark + 1))" "$log" 2>/dev/null | grep -Eq -- "$1"
}

# logged PATTERN [SECONDS]
logged() {
    within "${2:-60}" has "$1"
}

told() {
    grep -Eq -- "$1" "$messages" 2>/dev/null
}

is_state() {
    [[ $(on_manager kagemusha status --conf="$1" 2>/dev/null) == *"$2"* ]]
}

pid_of() {
    cut -f 1 "$work/app1.master_status.health"
}

hangup() {
    on_manager kill -HUP "$(pid_of)"
}

read_only() {
    [[ $(ctl sql "$1" 'SELECT @@global.read_only' 2>/dev/null) == "$2" ]]
}

scrape() {
    on_manager curl -sf --max-time 5 "$@"
}

measured() {
    scrape http://127.0.0.1:9846/metrics | grep -qxF -- "$1"
}

ended() {
    ! kill -0 "$1" 2>/dev/null
}

lab_raise "$server" "$mode"
home=$PWD/$dir
groups=$home/groups messages=$home/notify.log
log=$work/manager.log
mkdir -p "$groups"
sed 's/^\[server default\]/&\nmetrics_listen=9846\nreplica_check_interval=2\nplanned_stop_wait=60/' "$home/app1.cnf" >"$groups/app1.cnf"
# A group whose hosts take no packet: nothing answers, and nothing refuses.
# shellcheck source=/dev/null
prefix=$(. "$home/env" && echo "$LAB_PREFIX")
sed -n '/^\[server default\]/,/^\[server1\]/p' "$home/app1.cnf" |
    sed 's/^\[server1\]//; s|^manager_workdir=.*|manager_workdir=/var/tmp/dead|; /^writer_vip/d' >"$groups/dead.cnf"
printf '[server%d]\nhostname=%s.%d\n' 1 "$prefix" 201 2 "$prefix" 202 >>"$groups/dead.cnf"

"$PWD/t/notify" "$home/notify" "$messages" &
that "the supervisor's socket" within 10 test -S "$home/notify"
t/lab/exec manager --lab "$lab" env NOTIFY_SOCKET="$home/notify" WATCHDOG_USEC=3000000 \
    kagemusha manage --conf="$groups" --manager_log=/var/tmp/app1/manager.log &
manager=$!
that "two groups, one of them dead: the other is watched" within 60 is_state "$home/app1.cnf" '(0:PING_OK), master:db1'
that "the dead one is not" within 60 is_state "$groups/dead.cnf" '(30:RETRYING_MONITOR)'
that "lines bear the group's name" logged '\[info\]\[app1\] ping-ok: '
that "it leaves no core, nor gives one to a program" \
    grep -q '^Max core file size *1 *1 ' <(on_manager cat "/proc/$(pid_of)/limits")
that "readiness is told" within 10 told '^READY=1'
that "the watchdog is fed" within 20 told '^WATCHDOG=1'
that "the state is told" within 20 told '^STATUS=2 groups: 1 well, 1 not'

# What it tells.
that "/healthz" scrape -o /dev/null http://127.0.0.1:9846/healthz
that "a failover would find a way" within 30 measured 'kagemusha_failover_possible{app="app1"} 1'
that "its state is measured" measured 'kagemusha_state{app="app1",state="PING_OK"} 1'
that "and the lag of replicas" measured 'kagemusha_replica_lag_seconds{app="app1",host="db3",port="3306"} 0'
that "OpenMetrics end as they must" \
    test "$(scrape -H 'Accept: application/openmetrics-text' http://127.0.0.1:9846/metrics | tail -n 1)" = '# EOF'
if command -v promtool >/dev/null; then
    scrape http://127.0.0.1:9846/metrics >"$home/metrics"
    said=$(promtool check metrics <"$home/metrics" 2>&1) && rc=0 || rc=$?
    ok "$rc" "promtool has nothing to say"
    [[ -z $said ]] || printf '# %s\n' "$said"
else
    skip "promtool has nothing to say" "promtool is missing (package prometheus)"
fi
page=$(on_manager kagemusha explain --conf="$groups/app1.cnf") && rc=0 || rc=$?
ok "$rc" "explain: a crash would lead to a failover"
that "explain: what the agents see" grep -q 'db2(.*its agent at the master.s port gets the greeting' <<<"$page"
that "explain: who holds the monitor lock" grep -q 'monitor lock on db1.*: connection [0-9]' <<<"$page"
that "explain: a silent host has no fence" grep -q 'host falls silent: NO FAILOVER: fence impossible' <<<"$page"

# A second manager waits.
t/lab/exec manager --lab "$lab" kagemusha manage --conf="$home/app1.cnf" --manager_workdir=/var/tmp/second \
    --manager_log=/var/tmp/app1/second.log &
second=$!
that "a second manager is kept out" within 60 grep -qs 'already held' "$work/second.log"
that "and goes on waiting" within 20 grep -qs 'still: ' "$work/second.log"
kill -TERM "$second"
wait "$second" && rc=0 || rc=$?
ok "$rc" "it ends when it is told to"

# The configuration is read anew.
now
cp "$groups/app1.cnf" "$home/good.cnf"
echo 'nonsense=1' >>"$groups/app1.cnf"
hangup
that "a broken file is refused" logged 'reload-refused: .*nonsense'
that "the old one stays in force" is_state "$home/app1.cnf" '(0:PING_OK)'
now
sed 's/^ping_interval=.*/ping_interval=2/' "$home/good.cnf" >"$groups/app1.cnf"
rm "$groups/dead.cnf"
hangup
that "a good one is taken" logged 'reloaded: '
that "a group whose file is gone ends" within 60 told '^STATUS=app1: '
that "reloading is told" told '^RELOADING=1'
that "the group is watched on" logged 'ping-ok: Ping\(SELECT\) succeeded'

# Replicas.
now
ctl sql db3 'STOP SLAVE SQL_THREAD' >/dev/null
that "a stopped SQL thread is an event" logged 'replica-sql: db3'
ctl sql db3 'START SLAVE SQL_THREAD' >/dev/null
that "and so is its return" logged 'replica-sql-ok: db3'

# A pause, and the first failover when it is over.
now
on_manager kagemusha pause --conf="$groups/app1.cnf" --for=15s --reason='new switch' >/dev/null
that "the manager knows of the pause" logged 'paused: watched only, .*new switch'
that "it is measured" measured 'kagemusha_paused{app="app1"} 1'
ctl kill db1
that "a death in a pause is told of" logged 'held-back: '
that "nothing is done" read_only db2 1
that "status says why" within 20 is_state "$home/app1.cnf" 'PAUSED until'
that "the pause ends by itself" logged 'resumed: ' 40
that "and then there is a failover" logged 'failover-end: Master failover to db2'
that "the new master is watched" within 60 is_state "$home/app1.cnf" '(0:PING_OK), master:db2'
that "the failover is measured" within 20 measured 'kagemusha_failovers_total{app="app1",result="ok"} 1'

# The new master's my.cnf is that of a replica: after a planned restart it is read-only, and nobody would say so to the
# clients.
now
ctl stop db2
ctl start db2
that "a restart of the new master is no failover" logged 'ping-ok|verdict: alive'
that "it is opened again" logged 'reopened: db2'
that "... and takes writes" read_only db2 0
now
ctl sql db2 'SET GLOBAL read_only=1' >/dev/null
that "set read-only by hand it is told of" logged 'verdict: read-only'
that "... and left so" read_only db2 1
ctl sql db2 'SET GLOBAL read_only=0' >/dev/null
that "writable again" logged 'verdict: alive'

# The second one, while the first dead master is still in the file.
now
hold_applier db3
ctl sql db2 "$(printf "INSERT INTO app.ledger VALUES (7, %d, 1, 'x');" {1..40})" >/dev/null
ctl kill db2
that "status says how far a long step is" within 25 is_state "$home/app1.cnf" 'doing: wait'
that "... in transactions" within 25 is_state "$home/app1.cnf" ' transactions left'
release_applier db3
that "a second failover" logged 'failover-end: Master failover to db3'
that "db3 is writable" within 20 read_only db3 0
that "the process goes on" kill -0 "$manager"

on_manager kill -TERM "$(on_manager pidof -s kagemusha)"
that "it ends when it is told to" within 60 ended "$manager"
wait "$manager" && rc=0 || rc=$?
ok "$rc" "an order is no failure"
that "its end is told" told '^STOPPING=1'

if command -v systemd-analyze >/dev/null; then
    sed "s|/usr/local/bin/kagemusha|$B/kagemusha|" conf/systemd/kagemusha@.service >"$home/kagemusha@app1.service"
    said=$(systemd-analyze verify --man=no "$home/kagemusha@app1.service" 2>&1 | grep -F kagemusha@) || true
    that "systemd-analyze verify has nothing to say" test -z "$said"
    [[ -z $said ]] || printf '# %s\n' "$said"
else
    skip "systemd-analyze verify has nothing to say" "systemd-analyze is missing (package systemd)"
fi

tests_done
