#!/usr/bin/env bash
# The agent of a database host against a real server in network namespaces of this test's own: its
# life seen, fence, guard, release, the writer's address on two hosts, notes, bad input.
# Usage: t/node.t [PART...]; B=build directory, SERVER=name as t/servers/get knows it (mariadb).
# shellcheck disable=SC2317 # functions are called by name
set -eu

cd "$(dirname "$0")/.."
B=${B:-build}
[[ -x $B/kagemusha-node ]] || { echo "Bail out! $B/kagemusha-node is not built"; exit 1; }
node=$(readlink -f "$B/kagemusha-node")
SERVER=${SERVER:-mariadb}
server=build/servers/$SERVER
count=0
failed=0

skip_all() {
    echo "1..0 # SKIP $1"
    exit 0
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

ok() {
    local name=$1
    shift
    count=$((count + 1))
    if "$@"; then
        echo "ok $count - $name"
    else
        failed=$((failed + 1))
        echo "not ok $count - $name"
        echo "#   last line: ${line:0:600}"
    fi
}

# until_true SECONDS COMMAND...: polls it every 10 ms.
until_true() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        ((SECONDS <= end)) || return 1
        sleep 0.01
    done
}

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
    until_true 5 grep -q ^KAGEMUSHA-NODE "$dir/$name.out"
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
    until_true "${3:-10}" found "$dir/$1.out" 1 "\"id\":$id,"
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
    until_true "${2:-10}" found "$dir/a.out" "$from" "$1"
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
    until_true 30 accepts
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
    ok "the greeting is the first line" grep -q '^KAGEMUSHA-NODE 1 .* caps=.*kill.*net.* uid=0$' \
        <(head -n 1 "$dir/a.out")
    ask a '"op":"ping"'
    ok "ping tells the clocks" has '"mono_us":'
    mark
    echo 'this is no JSON' >&7
    ok "garbage is answered" event '"code":"format"'
    mark
    head -c 70000 /dev/zero | tr '\0' x >&7
    echo >&7
    ok "a line too long is answered" event 'a line of .* bytes'
    ask a '"op":"nothing"'
    ok "an unknown operation is refused" has "there is no operation 'nothing'"
    ask a '"op":"locate","port":70000'
    ok "a wrong port is refused" has '"ok":false'
    ask a '"op":"ping"'
    ok "and it goes on" has '"ok":true'
    mark
    id=$((id + 2))
    # Nobody answers 10.99.0.77: the probe takes its 400 ms, the ping behind it does not wait.
    printf '{"id":%d,"op":"probe","host_ip":"10.99.0.77","port":3306,"timeout_ms":400}\n{"id":%d,"op":"ping"}\n' \
        $((id - 1)) "$id" >&7
    event "\"id\":$id," && event "\"id\":$((id - 1)),"
    ok "a silent address" has '"result":"silent"'
    ok "replies come out of order" test "$(tail -n "+$from" "$dir/a.out" | grep -o '"id":[0-9]*' | head -n 1)" = "\"id\":$id"
    ask a '"op":"probe","host_ip":"10.99.0.77","port":3306,"timeout_ms":3000,"deadline_ms":100'
    ok "a deadline is kept" has '"code":"timeout"'
}

test_notes() {
    ask a "\"op\":\"note_put\",\"dir\":\"$dir\",\"name\":\"op-1\",\"text\":\"line\\n\\\"two\\\"\""
    ok "a note is put" has '"ok":true'
    ok "its directory is private" mode_of "$dir/kagemusha-0" 700
    ok "and so is the file" mode_of "$dir/kagemusha-0/op-1" 600
    ask a "\"op\":\"note_get\",\"dir\":\"$dir\",\"name\":\"op-1\""
    ok "it comes back as it went" has '"text":"line\n\"two\""'
    ask a "\"op\":\"note_list\",\"dir\":\"$dir\""
    ok "it is listed" has '"names":["op-1"]'
    ask a "\"op\":\"note_put\",\"dir\":\"$dir\",\"name\":\"../x\",\"text\":\"\""
    ok "a name with a slash is refused" has '"ok":false'
    ask a "\"op\":\"note_del\",\"dir\":\"$dir\",\"name\":\"op-1\""
    ask a "\"op\":\"note_list\",\"dir\":\"$dir\""
    ok "and it can be removed" has '"names":[]'
    mkdir "$dir/foreign"
    ln -s /tmp "$dir/foreign/kagemusha-0"
    ask a "\"op\":\"note_put\",\"dir\":\"$dir/foreign\",\"name\":\"x\",\"text\":\"\""
    ok "a link in its place is refused" has '"code":"denied"'
}

test_watch() {
    start_server
    ask a "\"op\":\"locate\",$here"
    ok "the server is found by its socket" test "$(field pid)" = "$server_pid"
    ok "with its data directory" has "\"datadir\":\"$dir/data\""
    ok "and its address" has '"listening":["10.99.0.1"]'
    ask a "\"op\":\"locate\",\"port\":3306,\"ip\":\"10.99.0.2\",\"pid_file\":\"$dir/pid\""
    ok "or by its pid file" test "$(field pid)" = "$server_pid"
    ask a "\"op\":\"locate\",\"port\":3307"
    ok "nobody is there on another port" test "$(field pid)" = 0
    ask a "\"op\":\"probe\",\"host_ip\":\"10.99.0.1\",\"port\":3306"
    ok "a greeting" has '"result":"greeting"'
    ask b "\"op\":\"probe\",\"host_ip\":\"10.99.0.1\",\"port\":3306"
    ok "refused as a host without account, with the number" has '"greeting_errno":1130'
    ask b "\"op\":\"probe\",\"host_ip\":\"10.99.0.1\",\"port\":3307"
    ok "refused as a port" has '"result":"refused"'
    ask a "\"op\":\"watch\",$here,\"binlog_index\":\"$dir/data/mysql-bin.index\""
    ok "it is watched" test "$(field pid)" = "$server_pid"
    mark
    kill -STOP "$server_pid"
    ok "a stop is seen" event '"state":"stopped"'
    ask b "\"op\":\"probe\",\"host_ip\":\"10.99.0.1\",\"port\":3306,\"timeout_ms\":200"
    ok "and accepts without a greeting" has '"result":"accepted"'
    kill -CONT "$server_pid"
    ok "and its end" event '"state":"running"'
    mark
    kill -9 "$server_pid"
    ok "dying is seen" event '"state":"dying"'
    ok "gone is seen" event '"state":"gone"'
    ok "as a crash, by the last binlog" has '"clean":false'
    mark
    start_server
    ok "the start is seen" event '"state":"started"'
    ok "with the new pid" test "$(field pid)" = "$server_pid"
    mark
    kill -TERM "$server_pid"
    ok "a clean stop is told from a crash" event '"clean":true.*"state":"gone"'
}

test_storage() {
    mark
    ask a "\"op\":\"storage\",\"dir\":\"$dir/data\""
    ok "the disk is probed" event '"state":"ok".*"event":"storage"'
    ask a "\"op\":\"storage_state\""
    ok "and its state told" has '"state":"ok"'
    ask a "\"op\":\"disk\",\"dir\":\"$dir\""
    ok "free space" test "$(field free_bytes)" -gt 0
    mkdir "$dir/logs"
    touch "$dir/logs/mysql-bin.999999" "$dir/logs/mysql-bin.1000000" "$dir/logs/mysql-bin.index"
    ask a "\"op\":\"read_test\",\"dirs\":[\"/nonexistent\",\"$dir/logs\"],\"prefix\":\"mysql-bin\""
    ok "the last binlog is found in a list of directories" has '"last_file":"mysql-bin.1000000"'
    ok "and readable" has '"readable":true'
    mkdir "$dir/small"
    mount -t tmpfs -o size=64k none "$dir/small"
    head -c 65536 /dev/zero >"$dir/small/fill" 2>/dev/null || true
    mark
    ask a "\"op\":\"storage\",\"dir\":\"$dir/small\""
    ok "a full disk is seen" event '"state":"full"'
    rm "$dir/small/fill"
    mark
    ok "and that it is not full any more" event '"state":"ok"'
    umount "$dir/small" || true
}

test_fence_plain() {
    start_server
    ask a "\"op\":\"watch\",$here"
    ask a "\"op\":\"fence\",$here,$dirs"
    ok "a plain server is fenced with a proof" has '"proved":true'
    ok "the right process was killed" test "$(field killed_pid)" = "$server_pid"
    ok "it is gone" gone "$server_pid"
    ok "nobody listens" nobody_listens
    guard=$(field guard_pid)
    ok "a guard runs" kill -0 "$guard"
    in_a "$server/bin/mysqld" --defaults-file="$dir/my.cnf" --user=root >/dev/null 2>&1 7>&- 8>&- &
    restarted=$!
    ok "a server started again is killed or gives up" until_true 20 gone "$restarted"
    ok "and never listened" nobody_listens
    ask a "\"op\":\"fence\",$here,$dirs,\"datadir\":\"$dir/data\""
    ok "a second fence is proved too" has '"proved":true'
    ok "with the same guard" test "$(field guard_pid)" = "$guard"
    ask a "\"op\":\"status\",$dirs"
    ok "status tells" has "\"proved\":true"
    ok "and names the guard" test "$(field guard_pid)" = "$guard"
    ok "the record is private" mode_of "$dir/run/fenced-10.99.0.1-3306" 600
    ok "and kept for good" until_true 5 test -s "$dir/keep/fenced-10.99.0.1-3306"
}

test_guard_outlives() {
    exec 7>&-
    ok "the agent ends with its input" until_true 5 gone "$agent_a"
    ok "its guard does not" kill -0 "$guard"
    agent a 7 "$ns_a" --silence-ms 600000
    agent_a=$agent_pid
    ask a "\"op\":\"status\",$dirs"
    ok "the next agent knows of it" test "$(field guard_pid)" = "$guard"
    ask a "\"op\":\"release\",$here,$dirs,\"start\":true,\"wait_ms\":20000" 30
    ok "released, the server runs again" has '"listening":true'
    ok "the guard has ended" until_true 5 gone "$guard"
    ok "it takes statements" until_true 20 accepts
    ask a "\"op\":\"status\",$dirs"
    ok "nothing is fenced any more" has '"retired":[]'
    server_pid=$(<"$dir/pid")
    kill -TERM "$server_pid"
    until_true 30 gone "$server_pid"
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
    until_true 30 accepts
    server_pid=$(<"$dir/pid")
    supervisor_pid=$(ps -o ppid= -p "$server_pid" | tr -d ' ')
}

test_fence_safe() {
    start_supervised mysqld_safe
    ask a "\"op\":\"watch\",$here"
    ask a "\"op\":\"locate\",$here"
    ok "mysqld_safe is recognised" has '"kind":"mysqld_safe"'
    kill -9 "$server_pid"
    until_true 5 gone "$server_pid"
    # The supervisor starts it again at this moment: the fence must catch whatever it has started.
    ask a "\"op\":\"fence\",$here,$dirs"
    ok "fenced while it is being started again" has '"proved":true'
    ok "the supervisor is gone" until_true 5 gone "$supervisor_pid"
    sleep 0.5
    ok "nobody listens" nobody_listens
    ask a "\"op\":\"release\",$here,$dirs,\"start\":true,\"wait_ms\":20000" 30
    ok "given back, it listens again" has '"listening":true'
    ask a "\"op\":\"locate\",$here"
    ok "under its mysqld_safe" has '"kind":"mysqld_safe"'
    ask a "\"op\":\"fence\",$here,$dirs"
    ok "and can be fenced again" has '"proved":true'
    ask a "\"op\":\"release\",$here,$dirs"
    ok "released without a start" has '"guard_ended":true'
}

test_fence_other() {
    start_supervised restarter
    ask a "\"op\":\"locate\",$here"
    ok "an unknown supervisor is told" has '"kind":"other"'
    ask a "\"op\":\"fence\",$here,$dirs"
    ok "the guard holds port and data files against it" has '"proved":true'
    line_of_fence=$line
    ok "the supervisor itself was let live" kill -0 "$supervisor_pid"
    sleep 1
    line=$line_of_fence
    ok "its server does not come back" nobody_listens
    kill -9 "$supervisor_pid"
    ask a "\"op\":\"release\",$here,$dirs"
    ask a "\"op\":\"fence\",\"port\":3399,$dirs,\"budget_ms\":300"
    ok "an instance of which nothing is known is not proved" has '"proved":false'
    ok "and says why" has 'the data directory is not known'
    ask a "\"op\":\"release\",\"port\":3399,$dirs"
}

test_vip() {
    local vip='"addr":"10.99.0.100","len":24'
    in_b ping -c 1 -W 1 10.99.0.1 >/dev/null 2>&1 || true
    ask b "\"op\":\"vip_probe\",\"addr\":\"10.99.0.100\",\"timeout_ms\":200"
    ok "nobody has the address" has '"answered":false'
    ask a "\"op\":\"vip_add\",$vip"
    ok "it is added" has '"was_there":false'
    ok "on the interface of its subnet" has '"dev":"eth0"'
    ok "and announced" has '"announced":true'
    ok "the kernel has it" vip_is_on_a
    ask a "\"op\":\"vip_add\",$vip"
    ok "adding it twice is no error" has '"was_there":true'
    ask b "\"op\":\"vip_probe\",\"addr\":\"10.99.0.100\",\"timeout_ms\":500"
    ok "the other host sees who has it" has "\"mac\":\"$(mac_of_a)\""
    ask a "\"op\":\"vip_check\",$vip"
    ok "it is here" has '"present":true'
    # The neighbour's cache follows the announcement, not a time limit.
    in_b ip neigh replace 10.99.0.100 lladdr 02:00:00:00:00:99 dev eth0 nud stale
    ask a "\"op\":\"vip_announce\",$vip"
    ok "an announcement moves the neighbour's cache" until_true 3 neighbour_is_a
    ask a "\"op\":\"vip_del\",$vip"
    ok "it is removed" has '"was_there":true'
    ask a "\"op\":\"vip_del\",$vip"
    ok "removing it twice is no error" has '"was_there":false'
    ask b "\"op\":\"vip_probe\",\"addr\":\"10.99.0.100\",\"timeout_ms\":200"
    ok "nobody answers any more" has '"answered":false'
    ask a '"op":"vip_add","addr":"192.0.2.1","len":24'
    ok "an address of another subnet needs an interface" has '"code":"config"'
    ask a '"op":"vip_add","addr":"fd99::100","len":64'
    ok "IPv6 is added" has '"announced":true'
    ask b '"op":"vip_probe","addr":"fd99::100","timeout_ms":500'
    ok "and seen from the other host" has "\"mac\":\"$(mac_of_a)\""
    ask a '"op":"vip_del","addr":"fd99::100","len":64'
    ask b '"op":"vip_probe","addr":"fd99::100","timeout_ms":200'
    ok "and removed" has '"answered":false'
}

test_silence() {
    exec 8>&-
    agent b 8 "$ns_b" --silence-ms 400
    ask b '"op":"ping"'
    ok "an agent without a manager ends" until_true 5 gone "$agent_pid"
    ok "and says so" grep -q 'nothing came' "$dir/b.err"
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
echo "1..$count"
exit "$((failed > 0))"
