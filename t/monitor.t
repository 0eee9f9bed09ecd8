#!/usr/bin/env bash
# The watch loop on real servers: what it sees in each trouble, that it acts on a dead master only,
# and that it stops when told to.
# Usage: t/monitor.t [SERVER [MODE]]; B=build directory.
# Functions are called by name, through that, within and the trap.
# shellcheck disable=SC2317
set -eu

cd "$(dirname "$0")/.."
# shellcheck source=t/lib.sh
. t/lib.sh
lab_begin monitor "$@"
mark=0

show() {
    tail -n 12 "$log" 2>/dev/null
}

raise() {
    lab_raise "$server" "$mode"
    cnf=$PWD/$conf log=$work/manager.log mark=0
}

# Starts a manager; sets manager.
manage() {
    on_manager masterha_manager --conf="$cnf" --manager_log=/var/tmp/app1/manager.log --debug &
    manager=$!
}

# Everything logged from here on is what logged looks at.
now() {
    mark=$(wc -l <"$log" 2>/dev/null || echo 0)
}

has() {
    tail -n "+$((mark + 1))" "$log" 2>/dev/null | grep -Eq -- "$1"
}

# logged PATTERN [SECONDS]
logged() {
    within "${2:-30}" has "$1"
}

state() {
    on_manager masterha_check_status --conf="$cnf" 2>/dev/null || true
}

is_state() {
    [[ $(state) == *"$1"* ]]
}

no_failover() {
    ! has 'failover-begin|Master is down!'
}

not_dead() {
    ! has 'verdict: (host silent|silent|hung|crashed)'
}

no_misses() {
    ! has 'Connection failed 2 time'
}

read_only() {
    [[ $(ctl sql "$1" 'SELECT @@global.read_only') == "$2" ]]
}

ended() {
    ! kill -0 "$1" 2>/dev/null
}

# finish SECONDS: sets rc to the manager's exit code.
finish() {
    rc=0
    within "$1" ended "$manager" || return 1
    wait "$manager" || rc=$?
}

raise
manage
that "the first ping is good" logged 'Ping\(SELECT\) succeeded'
that "the state is PING_OK" within 5 is_state '(0:PING_OK), master:db1'
health=$work/app1.master_status.health
pid=$(cut -f 1 "$health")
that "the bytes of the status file" \
    is "$(od -An -c "$health" | tr -d ' \n')" "$(printf '%s\t0:PING_OK\tmaster:db1' "$pid" | od -An -c | tr -d ' \n')"
before=$(stat -c %Y "$health")
touched() {
    [[ $(stat -c %Y "$health") != "$before" ]]
}
that "a good ping touches it" within 5 touched
# shellcheck disable=SC2016
hwm=$(on_manager awk '/VmHWM/{print $2}' "/proc/$pid/status")
# Sanitizers take memory of their own.
if grep -q __asan_init "$B/kagemusha" || grep -q __tsan_init "$B/kagemusha"; then
    hwm=0
fi
that "memory stays under 16 MB ($hwm kB)" test "$hwm" -lt 16384

# A second manager, in the same work directory.
bytes=$(<"$health")
rc=0
said=$(on_manager timeout 20 masterha_manager --conf="$cnf" 2>&1) || rc=$?
that "a second manager ends with 1" is "$rc" 1
that "and says that the lock is held" grep -q 'already held' <<<"$said"
that "the first one's status file is as it was" is "$(<"$health")" "$bytes"

# The manager cannot reach the master; its replicas can.
now
ctl cutlink manager db1
that "cut off from the master: seen as such" logged 'cut off from us only'
that "no failover after the misses" logged 'Connection failed 4 time'
that "PING_FAILING meanwhile" is_state '(20:PING_FAILING)'
ctl heallink manager db1
that "healed" within 30 is_state '(0:PING_OK)'
that "nothing was done" no_failover

# The manager reaches nobody.
now
ctl cut manager
that "cut off from all: nobody answers" logged 'everything silent at once|nobody answers'
that "nothing is done after the misses" logged 'Connection failed 4 time'
ctl heal manager
that "healed again" within 60 is_state '(0:PING_OK)'
that "nothing was done, once more" no_failover
that "... and nothing looked like a death when it came back" not_dead

# The account's password is changed, and all sessions end. One session changes it back.
now
# shellcheck source=/dev/null
admin=$(. "build/lab/$lab/env" && echo "$LAB_ADMIN_USER")
# shellcheck source=/dev/null
password=$(. "build/lab/$lab/env" && echo "$LAB_ADMIN_PASSWORD")
# shellcheck source=/dev/null
prefix=$(. "build/lab/$lab/env" && echo "$LAB_PREFIX")
accounts=$(ctl sql db1 "SELECT CONCAT(QUOTE(user), '@', QUOTE(host)) FROM mysql.user WHERE user = '$admin'")
sessions=$(ctl sql db1 "SELECT id FROM information_schema.processlist WHERE host LIKE '$prefix.20:%'")
statements=''
for account in $accounts; do
    statements+="SET PASSWORD FOR $account = PASSWORD('other');"
done
for id in $sessions; do
    statements+="KILL $id;"
done
statements+="DO SLEEP(6);"
for account in $accounts; do
    statements+="SET PASSWORD FOR $account = PASSWORD('${password//\'/\'\'}');"
done
ctl sql db1 "$statements" >/dev/null &
rotation=$!
that "access denied proves life" logged 'The server is alive'
wait "$rotation" || true
that "the old password again" within 30 is_state '(0:PING_OK)'
that "a rotated password is no reason" no_failover

# A lost agent comes back.
now
# shellcheck disable=SC2016
ctl exec db3 sh -c 'kill $(pidof kagemusha-node)'
that "a lost agent is opened again" logged 'agent on db3 is back'

# A planned restart.
now
ctl stop db1
that "a clean stop is seen" logged 'stopped cleanly'
ctl start db1
that "its return ends the matter" within 30 is_state '(0:PING_OK)'
that "a restart is no reason" no_failover

said=$(on_manager masterha_stop --conf="$cnf")
that "masterha_stop" is "$said" "Stopped app1 successfully."
finish 10
that "the stopped manager's exit code" is "$rc" 1
that "its status file is gone" test ! -e "$health"

# A hang: only the misses tell, and the agent says that the process is there.
manage
that "another manager, another good ping" logged 'Ping\(SELECT\) succeeded'
now
ctl pause db1
that "SIGSTOP is a hang" logged 'verdict: hung'
that "after three misses" has 'Connection failed 3 time'
finish 60
that "the failover is a success" is "$rc" 0
that "db2 is writable" read_only db2 0
that "the status file is gone after a failover" test ! -e "$health"

raise
manage
that "a fresh group" logged 'Ping\(SELECT\) succeeded'
now
ctl kill db1
that "kill -9 is a crash" logged 'verdict: crashed'
that "for which no misses are needed" no_misses
us=$(grep -o 'verdict [0-9]* us after the first sign' "$log" | cut -d ' ' -f 2)
echo "# verdict $((us / 1000)) ms after the first sign"
that "the verdict comes at once" test "$us" -lt 1000000
finish 60
that "the failover is a success again" is "$rc" 0

# The replaced master comes back by hand, and takes writes.
now
manage
that "the new master is watched, without the old one" logged 'Ping\(SELECT\) succeeded'
ctl start db1
that "a replaced master that takes writes is closed" logged 'retired-closed: db1' 60
that "it is read-only" read_only db1 1
that "the new master is not" read_only db2 0
on_manager masterha_stop --conf="$cnf" >/dev/null
finish 10

# It takes writes already when a manager begins: the check warns, and the group is watched.
ctl sql db1 'SET GLOBAL read_only=0' >/dev/null
now
run on_manager masterha_check_repl --conf="$cnf"
that "by MHA's rule these are two masters" says 'are both masters'
sed -i '/^\[server default\]/a fence_required=proof' "$conf"
heard "the check passes" on_manager masterha_check_repl --conf="$cnf"
that "and warns of the replaced master" says 'it was replaced as the master, is back and takes writes'
manage
that "the group is watched" logged 'Ping\(SELECT\) succeeded'
that "a replaced master that takes writes is closed again" logged 'retired-closed: db1' 60
that "... and is read-only again" read_only db1 1
on_manager masterha_stop --conf="$cnf" >/dev/null
finish 10

# The cable of the master's host: nothing answers there, its agent neither.
raise
manage
that "one more group" logged 'Ping\(SELECT\) succeeded'
now
ctl cut db1
that "a silent host is silent, not hung" logged 'verdict: host silent'
that "and its SSH is known to be gone" logged 'SSH is NOT reachable'
finish 90
that "fence_required=mha goes on without a proof" is "$rc" 0
that "and says so" has 'NO PROOF'

tests_done
