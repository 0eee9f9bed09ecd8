#!/usr/bin/env bash
# The agent of a database host against a real server in network namespaces of this test's own: its
# life seen, fence, guard, release, the writer's address on two hosts, notes, bad input.
# Usage: t/node.t [PART...]; B=build directory, SERVER=name as t/servers/get knows it (mariadb).
# shellcheck disable=SC2317 # functions are called by name
set -eu

cd "$(dirname "$0")/.."
# shellcheck source=t/lib.sh
. t/lib.sh
B=${B:-build}
[[ -x $B/kagemusha-node ]] || { echo "Bail out! $B/kagemusha-node is not built"; exit 1; }
node=$(readlink -f "$B/kagemusha-node")
SERVER=${SERVER:-mariadb}
server=build/servers/$SERVER poll_s=0.01 line=''

show() {
    echo "  last line: ${line:0:600}"
}

((EUID == 0)) || skip_all "network namespaces need root"
t/servers/get "$SERVER" >/dev/null 2>&1 || skip_all "$SERVER cannot be had"
server=$(readlink -f "$server")
dir=$(mktemp -d "${TMPDIR:-/tmp}/node.XXXXXX")
ns_a=kn$$a
ns_b=kn$$b

# Only what carries this test's directory in its command line or environment is ended.
clean() {
    local pid
    [[ -z ${KEEP:-} ]] || cp "$dir"/*.out "$dir"/*.err "$dir/error.log" "$KEEP" || true
    exec 7>&- 8>&- || true
    grep -lsazF "$dir" /proc/[0-9]*/cmdline | sed 's|/proc/||; s|/cmdline||' | while read -r pid; do
        [[ $pid == "$$" ]] || kill -9 "$pid" 2>/dev/null || true
    done
    ip netns del "$ns_a" 2>/dev/null || true
    ip netns del "$ns_b" 2>/dev/null || true
    rm -rf "$dir"
}
trap clean EXIT
trap 'exit 1' INT TERM HUP

in_a() {
    nsenter --net="/run/netns/$ns_a" "$@"
}

in_b() {
    nsenter --net="/run/netns/$ns_b" "$@"
}

# agent NAME FD NAMESPACE [OPTION...]: starts one; requests go to FD, its lines to $dir/NAME.out.
agent() {
    local name=$1 fd=$2 ns=$3
    shift 3
    rm -f "$dir/$name.in"
    mkfifo "$dir/$name.in"
    : >"$dir/$name.out"
    nsenter --net="/run/netns/$ns" "$node" agent "$@" <"$dir/$name.in" >"$dir/$name.out" 2>"$dir/$name.err" \
        7>&- 8>&- &
    agent_pid=$!
    eval "exec $fd>\"\$dir/\$name.in\""
    within 5 grep -q ^KAGEMUSHA-NODE "$dir/$name.out"
}

# found FILE FROM PATTERN: sets line to the first one from line FROM on that matches.
found() {
    line=$(tail -n "+$2" "$1" | grep -m 1 -e "$3") && [[ -n $line ]]
}

id=0
# ask NAME FIELDS: sends a request and waits for its reply, which is left in line.
ask() {
    local fd=7
    [[ $1 == a ]] || fd=8
    id=$((id + 1))
    printf '{"id":%d,%s}\n' "$id" "$2" >&"$fd"
    line='no reply'
    within "${3:-10}" found "$dir/$1.out" 1 "\"id\":$id,"
}

has() {
    [[ $line == *"$1"* ]]
}

# field NAME: a number or a bare word of line.
field() {
    local rest=${line#*\""$1"\":}
    [[ $rest != "$line" ]] || return 1
    rest=${rest%%[,\}]*}
    echo "${rest//\"/}"
}

mark() {
    from=$(($(wc -l <"$dir/a.out") + 1))
}

event() {
    line='no event'
    within "${2:-10}" found "$dir/a.out" "$from" "$1"
}

mode_of() {
    [[ $(stat -c %a "$1") == "$2" ]]
}

gone() {
    ! kill -0 "$1" 2>/dev/null
}

options() {
    cat >"$dir/my.cnf" <<-CNF
	[mysqld]
	datadir=$dir/data
	socket=$dir/s
	pid_file=$dir/pid
	log_error=$dir/error.log
	port=3306
	bind_address=10.99.0.1
	log_bin=$dir/data/mysql-bin
	innodb_buffer_pool_size=8M
	loose_innodb_use_native_aio=0
	performance_schema=OFF
	server_id=1
	loose_mysqlx=OFF
	CNF
    case $SERVER in
    mysql9) echo innodb_redo_log_capacity=32M >>"$dir/my.cnf" ;;
    mariadb*) echo innodb_log_file_size=32M >>"$dir/my.cnf" ;;
    esac
}

accepts() {
    in_a "$server/bin/mysql" --no-defaults -uroot -S "$dir/s" -e 'SELECT 1' >/dev/null 2>&1
}

start_server() {
    in_a setsid "$server/bin/mysqld" --defaults-file="$dir/my.cnf" --user=root \
        >/dev/null 2>&1 7>&- 8>&- &
    within 30 accepts
    server_pid=$(<"$dir/pid")
}

listens() {
    [[ -n $(in_a ss -Hltn "sport = :3306") ]]
}

nobody_listens() {
    ! listens
}

mac_of_a() {
    in_a ip -o link show eth0 | sed 's/.*ether \([0-9a-f:]*\).*/\1/'
}

neighbour_is_a() {
    in_b ip neigh show 10.99.0.100 | grep -q "$(mac_of_a)"
}

vip_is_on_a() {
    in_a ip addr show dev eth0 | grep -q 10.99.0.100/24
}

hosts() {
    ip netns add "$ns_a"
    ip netns add "$ns_b"
    ip link add "kn$$" netns "$ns_a" type veth peer name "kn$$" netns "$ns_b"
    in_a ip link set "kn$$" name eth0 up
    in_b ip link set "kn$$" name eth0 up
    in_a ip link set lo up
    in_b ip link set lo up
    in_a ip addr add 10.99.0.1/24 dev eth0
    in_b ip addr add 10.99.0.2/24 dev eth0
    in_a ip addr add fd99::1/64 dev eth0 nodad
    in_b ip addr add fd99::2/64 dev eth0 nodad
}

here='"port":3306,"ip":"10.99.0.1"'
dirs="\"state_dir\":\"$dir/run\",\"keep_dir\":\"$dir/keep\""

test_lines() {
    that "the greeting is the first line" grep -q '^KAGEMUSHA-NODE 1 .* caps=.*kill.*net.* uid=0$' \
        <(head -n 1 "$dir/a.out")
    ask a '"op":"ping"'
    that "ping tells the clocks" has '"mono_us":'
    mark
    echo 'this is no JSON' >&7
    that "garbage is answered" event '"code":"format"'
    mark
    head -c 70000 /dev/zero | tr '\0' x >&7
    echo >&7
    that "a line too long is answered" event 'a line of .* bytes'
    ask a '"op":"nothing"'
    that "an unknown operation is refused" has "there is no operation 'nothing'"
    ask a '"op":"locate","port":70000'
    that "a wrong port is refused" has '"ok":false'
    ask a '"op":"ping"'
    that "and it goes on" has '"ok":true'
    mark
    id=$((id + 2))
    # Nobody answers 10.99.0.77: the probe takes its 400 ms, the ping behind it does not wait.
    printf '{"id":%d,"op":"probe","host_ip":"10.99.0.77","port":3306,"timeout_ms":400}\n{"id":%d,"op":"ping"}\n' \
        $((id - 1)) "$id" >&7
    event "\"id\":$id," && event "\"id\":$((id - 1)),"
    that "a silent address" has '"result":"silent"'
    that "replies come out of order" test "$(tail -n "+$from" "$dir/a.out" | grep -o '"id":[0-9]*' | head -n 1)" = "\"id\":$id"
    ask a '"op":"probe","host_ip":"10.99.0.77","port":3306,"timeout_ms":3000,"deadline_ms":100'
    that "a deadline is kept" has '"code":"timeout"'
}

test_notes() {
    ask a "\"op\":\"note_put\",\"dir\":\"$dir\",\"name\":\"op-1\",\"text\":\"line\\n\\\"two\\\"\""
    that "a note is put" has '"ok":true'
    that "its directory is private" mode_of "$dir/kagemusha-0" 700
    that "and so is the file" mode_of "$dir/kagemusha-0/op-1" 600
    ask a "\"op\":\"note_get\",\"dir\":\"$dir\",\"name\":\"op-1\""
    that "it comes back as it went" has '"text":"line\n\"two\""'
    ask a "\"op\":\"note_list\",\"dir\":\"$dir\""
    that "it is listed" has '"names":["op-1"]'
    ask a "\"op\":\"note_put\",\"dir\":\"$dir\",\"name\":\"../x\",\"text\":\"\""
    that "a name with a slash is refused" has '"ok":false'
    ask a "\"op\":\"note_del\",\"dir\":\"$dir\",\"name\":\"op-1\""
    ask a "\"op\":\"note_list\",\"dir\":\"$dir\""
    that "and it can be removed" has '"names":[]'
    mkdir "$dir/foreign"
    ln -s /tmp "$dir/foreign/kagemusha-0"
    ask a "\"op\":\"note_put\",\"dir\":\"$dir/foreign\",\"name\":\"x\",\"text\":\"\""
    that "a link in its place is refused" has '"code":"denied"'
}

test_watch() {
    start_server
    ask a "\"op\":\"locate\",$here"
    that "the server is found by its socket" test "$(field pid)" = "$server_pid"
    that "with its data directory" has "\"datadir\":\"$dir/data\""
    that "and its address" has '"listening":["10.99.0.1"]'
    ask a "\"op\":\"locate\",\"port\":3306,\"ip\":\"10.99.0.2\",\"pid_file\":\"$dir/pid\""
    that "or by its pid file" test "$(field pid)" = "$server_pid"
    ask a "\"op\":\"locate\",\"port\":3307"
    that "nobody is there on another port" test "$(field pid)" = 0
    ask a "\"op\":\"probe\",\"host_ip\":\"10.99.0.1\",\"port\":3306"
    that "a greeting" has '"result":"greeting"'
    ask b "\"op\":\"probe\",\"host_ip\":\"10.99.0.1\",\"port\":3306"
    that "refused as a host without account, with the number" has '"greeting_errno":1130'
    ask b "\"op\":\"probe\",\"host_ip\":\"10.99.0.1\",\"port\":3307"
    that "refused as a port" has '"result":"refused"'
    ask a "\"op\":\"watch\",$here,\"binlog_index\":\"$dir/data/mysql-bin.index\""
    that "it is watched" test "$(field pid)" = "$server_pid"
    mark
    kill -STOP "$server_pid"
    that "a stop is seen" event '"state":"stopped"'
    ask b "\"op\":\"probe\",\"host_ip\":\"10.99.0.1\",\"port\":3306,\"timeout_ms\":200"
    that "and accepts without a greeting" has '"result":"accepted"'
    kill -CONT "$server_pid"
    that "and its end" event '"state":"running"'
    mark
    kill -9 "$server_pid"
    that "dying is seen" event '"state":"dying"'
    that "gone is seen" event '"state":"gone"'
    that "as a crash, by the last binlog" has '"clean":false'
    mark
    start_server
    that "the start is seen" event '"state":"started"'
    that "with the new pid" test "$(field pid)" = "$server_pid"
    mark
    kill -TERM "$server_pid"
    that "a clean stop is told from a crash" event '"clean":true.*"state":"gone"'
}

test_storage() {
    mark
    ask a "\"op\":\"storage\",\"dir\":\"$dir/data\""
    that "the disk is probed" event '"state":"ok".*"event":"storage"'
    ask a "\"op\":\"storage_state\""
    that "and its state told" has '"state":"ok"'
    ask a "\"op\":\"disk\",\"dir\":\"$dir\""
    that "free space" test "$(field free_bytes)" -gt 0
    mkdir "$dir/logs"
    touch "$dir/logs/mysql-bin.999999" "$dir/logs/mysql-bin.1000000" "$dir/logs/mysql-bin.index"
    ask a "\"op\":\"read_test\",\"dirs\":[\"/nonexistent\",\"$dir/logs\"],\"prefix\":\"mysql-bin\""
    that "the last binlog is found in a list of directories" has '"last_file":"mysql-bin.1000000"'
    that "and readable" has '"readable":true'
    mkdir "$dir/small"
    mount -t tmpfs -o size=64k none "$dir/small"
    head -c 65536 /dev/zero >"$dir/small/fill" 2>/dev/null || true
    mark
    ask a "\"op\":\"storage\",\"dir\":\"$dir/small\""
    that "a full disk is seen" event '"state":"full"'
    rm "$dir/small/fill"
    mark
    that "and that it is not full any more" event '"state":"ok"'
    umount "$dir/small" || true
}

test_fence_plain() {
    start_server
    ask a "\"op\":\"watch\",$here"
    ask a "\"op\":\"fence\",$here,$dirs"
    that "a plain server is fenced with a proof" has '"proved":true'
    that "the right process was killed" test "$(field killed_pid)" = "$server_pid"
    that "it is gone" gone "$server_pid"
    that "nobody listens" nobody_listens
    guard=$(field guard_pid)
    that "a guard runs" kill -0 "$guard"
    in_a "$server/bin/mysqld" --defaults-file="$dir/my.cnf" --user=root >/dev/null 2>&1 7>&- 8>&- &
    restarted=$!
    that "a server started again is killed or gives up" within 20 gone "$restarted"
    that "and never listened" nobody_listens
    ask a "\"op\":\"fence\",$here,$dirs,\"datadir\":\"$dir/data\""
    that "a second fence is proved too" has '"proved":true'
    that "with the same guard" test "$(field guard_pid)" = "$guard"
    ask a "\"op\":\"status\",$dirs"
    that "status tells" has "\"proved\":true"
    that "and names the guard" test "$(field guard_pid)" = "$guard"
    that "the record is private" mode_of "$dir/run/fenced-10.99.0.1-3306" 600
    that "and kept for good" within 5 test -s "$dir/keep/fenced-10.99.0.1-3306"
}

test_guard_outlives() {
    exec 7>&-
    that "the agent ends with its input" within 5 gone "$agent_a"
    that "its guard does not" kill -0 "$guard"
    agent a 7 "$ns_a" --silence-ms 600000
    agent_a=$agent_pid
    ask a "\"op\":\"status\",$dirs"
    that "the next agent knows of it" test "$(field guard_pid)" = "$guard"
    ask a "\"op\":\"release\",$here,$dirs,\"start\":true,\"wait_ms\":20000" 30
    that "released, the server runs again" has '"listening":true'
    that "the guard has ended" within 5 gone "$guard"
    that "it takes statements" within 20 accepts
    ask a "\"op\":\"status\",$dirs"
    that "nothing is fenced any more" has '"retired":[]'
    server_pid=$(<"$dir/pid")
    kill -TERM "$server_pid"
    within 30 gone "$server_pid"
}

# A supervisor as mysqld_safe is one: starts the server again whenever it ends.
start_supervised() {
    cat >"$dir/$1" <<-SH
	#!/bin/sh
	while :; do
	    "$server/bin/mysqld" --defaults-file="$dir/my.cnf" --user=root >/dev/null 2>&1
	done
	SH
    chmod 755 "$dir/$1"
    in_a setsid "$dir/$1" >/dev/null 2>&1 7>&- 8>&- &
    within 30 accepts
    server_pid=$(<"$dir/pid")
    supervisor_pid=$(ps -o ppid= -p "$server_pid" | tr -d ' ')
}

test_fence_safe() {
    start_supervised mysqld_safe
    ask a "\"op\":\"watch\",$here"
    ask a "\"op\":\"locate\",$here"
    that "mysqld_safe is recognised" has '"kind":"mysqld_safe"'
    kill -9 "$server_pid"
    within 5 gone "$server_pid"
    # The supervisor starts it again at this moment: the fence must catch whatever it has started.
    ask a "\"op\":\"fence\",$here,$dirs"
    that "fenced while it is being started again" has '"proved":true'
    that "the supervisor is gone" within 5 gone "$supervisor_pid"
    sleep 0.5
    that "nobody listens" nobody_listens
    ask a "\"op\":\"release\",$here,$dirs,\"start\":true,\"wait_ms\":20000" 30
    that "given back, it listens again" has '"listening":true'
    ask a "\"op\":\"locate\",$here"
    that "under its mysqld_safe" has '"kind":"mysqld_safe"'
    ask a "\"op\":\"fence\",$here,$dirs"
    that "and can be fenced again" has '"proved":true'
    ask a "\"op\":\"release\",$here,$dirs"
    that "released without a start" has '"guard_ended":true'
}

test_fence_other() {
    start_supervised restarter
    ask a "\"op\":\"locate\",$here"
    that "an unknown supervisor is told" has '"kind":"other"'
    ask a "\"op\":\"fence\",$here,$dirs"
    that "the guard holds port and data files against it" has '"proved":true'
    line_of_fence=$line
    that "the supervisor itself was let live" kill -0 "$supervisor_pid"
    sleep 1
    line=$line_of_fence
    that "its server does not come back" nobody_listens
    kill -9 "$supervisor_pid"
    ask a "\"op\":\"release\",$here,$dirs"
    ask a "\"op\":\"fence\",\"port\":3399,$dirs,\"budget_ms\":300"
    that "an instance of which nothing is known is not proved" has '"proved":false'
    that "and says why" has 'the data directory is not known'
    ask a "\"op\":\"release\",\"port\":3399,$dirs"
}

test_vip() {
    local vip='"addr":"10.99.0.100","len":24'
    in_b ping -c 1 -W 1 10.99.0.1 >/dev/null 2>&1 || true
    ask b "\"op\":\"vip_probe\",\"addr\":\"10.99.0.100\",\"timeout_ms\":200"
    that "nobody has the address" has '"answered":false'
    ask a "\"op\":\"vip_add\",$vip"
    that "it is added" has '"was_there":false'
    that "on the interface of its subnet" has '"dev":"eth0"'
    that "and announced" has '"announced":true'
    that "the kernel has it" vip_is_on_a
    ask a "\"op\":\"vip_add\",$vip"
    that "adding it twice is no error" has '"was_there":true'
    ask b "\"op\":\"vip_probe\",\"addr\":\"10.99.0.100\",\"timeout_ms\":500"
    that "the other host sees who has it" has "\"mac\":\"$(mac_of_a)\""
    ask a "\"op\":\"vip_check\",$vip"
    that "it is here" has '"present":true'
    # The neighbour's cache follows the announcement, not a time limit.
    in_b ip neigh replace 10.99.0.100 lladdr 02:00:00:00:00:99 dev eth0 nud stale
    ask a "\"op\":\"vip_announce\",$vip"
    that "an announcement moves the neighbour's cache" within 3 neighbour_is_a
    ask a "\"op\":\"vip_del\",$vip"
    that "it is removed" has '"was_there":true'
    ask a "\"op\":\"vip_del\",$vip"
    that "removing it twice is no error" has '"was_there":false'
    ask b "\"op\":\"vip_probe\",\"addr\":\"10.99.0.100\",\"timeout_ms\":200"
    that "nobody answers any more" has '"answered":false'
    ask a '"op":"vip_add","addr":"192.0.2.1","len":24'
    that "an address of another subnet needs an interface" has '"code":"config"'
    ask a '"op":"vip_add","addr":"fd99::100","len":64'
    that "IPv6 is added" has '"announced":true'
    ask b '"op":"vip_probe","addr":"fd99::100","timeout_ms":500'
    that "and seen from the other host" has "\"mac\":\"$(mac_of_a)\""
    ask a '"op":"vip_del","addr":"fd99::100","len":64'
    ask b '"op":"vip_probe","addr":"fd99::100","timeout_ms":200'
    that "and removed" has '"answered":false'
}

test_silence() {
    exec 8>&-
    agent b 8 "$ns_b" --silence-ms 400
    ask b '"op":"ping"'
    that "an agent without a manager ends" within 5 gone "$agent_pid"
    that "and says so" grep -q 'nothing came' "$dir/b.err"
}

cp -a "$server/template" "$dir/data"
options
hosts
agent b 8 "$ns_b" --silence-ms 600000
agent a 7 "$ns_a" --silence-ms 600000
agent_a=$agent_pid
parts=(lines notes watch storage fence_plain guard_outlives fence_safe fence_other vip silence)
if (($# > 0)); then
    parts=("$@")
fi
for part in "${parts[@]}"; do
    "test_$part"
done
tests_done
